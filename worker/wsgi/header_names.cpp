// SPDX-License-Identifier: MIT
#include "worker/wsgi/header_names.h"

#include <algorithm>

namespace gserve::wsgi {
namespace {

constexpr std::size_t kMostNames = 512;

constexpr std::string_view kUsualNames[] = {"Accept",
                                            "Accept-Encoding",
                                            "Accept-Language",
                                            "Authorization",
                                            "Cache-Control",
                                            "Connection",
                                            "Content-Length",
                                            "Content-Type",
                                            "Cookie",
                                            "Host",
                                            "If-Modified-Since",
                                            "If-None-Match",
                                            "Origin",
                                            "Pragma",
                                            "Range",
                                            "Referer",
                                            "Sec-Fetch-Dest",
                                            "Sec-Fetch-Mode",
                                            "Sec-Fetch-Site",
                                            "Sec-Fetch-User",
                                            "Transfer-Encoding",
                                            "Upgrade-Insecure-Requests",
                                            "User-Agent",
                                            "X-Forwarded-For",
                                            "X-Forwarded-Host",
                                            "X-Forwarded-Port",
                                            "X-Forwarded-Proto",
                                            "X-Real-IP",
                                            "X-Request-ID",
                                            "X-Requested-With"};

// Locale-free: field names are tokens, so ASCII (RFC 9110, 5.1).
char to_upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}
char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

template <typename Change>
std::string changed(std::string_view text, Change change) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), change);
  return result;
}

std::string environ_key(const std::string& upper, FieldKind kind) {
  std::string key = kind == FieldKind::http ? "HTTP_" + upper : upper;
  std::replace(key.begin(), key.end(), '-', '_');
  return key;
}

FieldKind kind_of(const std::string& upper) {
  if (upper == "CONTENT-TYPE") return FieldKind::content_type;
  if (upper == "CONTENT-LENGTH") return FieldKind::content_length;
  return FieldKind::http;
}

FieldName copy(const FieldName& name) {
  return {PyRef::borrow(name.key.get()),
          name.kind,
          name.ambiguous,
          name.forwarder,
          name.script_name,
          name.secure_value};
}

}  // namespace

HeaderNames::HeaderNames(const SchemeFields& schemes, const ForwarderFields& forwarders)
    : schemes_(schemes), forwarders_(forwarders) {
  known_.reserve(kMostNames);
  FieldName ignored;
  for (const std::string_view name : kUsualNames) {
    if (!find(name, ignored) || !find(changed(name, to_lower), ignored)) throw std::bad_alloc();
  }
}

bool HeaderNames::find(std::string_view name, FieldName& into) {
  if (const auto known = known_.find(name); known != known_.end()) {
    into = copy(known->second);
    return true;
  }
  if (!make(name, into)) return false;
  if (known_.size() >= kMostNames) return true;
  // Only kept keys are interned: an interned string may live for ever.
  PyObject* key = into.key.release();
  if (key != nullptr) PyUnicode_InternInPlace(&key);
  into.key = PyRef(key);
  known_.emplace(name, copy(into));
  return true;
}

bool HeaderNames::make(std::string_view name, FieldName& into) const {
  const std::string upper = changed(name, to_upper);
  into = FieldName{};
  into.kind = kind_of(upper);
  into.ambiguous = upper.find('_') != std::string::npos;
  into.forwarder = into.ambiguous && (forwarders_.contains("*") || forwarders_.contains(upper));
  into.script_name = upper == "SCRIPT_NAME";
  if (const auto scheme = schemes_.find(upper); scheme != schemes_.end()) into.secure_value = &scheme->second;
  into.key = PyRef(PyUnicode_FromString(environ_key(upper, into.kind).c_str()));
  return static_cast<bool>(into.key);
}

}  // namespace gserve::wsgi
