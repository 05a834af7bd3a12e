// SPDX-License-Identifier: MIT
#include "worker/net/access_record.h"

#include "worker/net/json_text.h"

namespace gserve::net {
namespace {

void append_text(std::string& out, std::string_view key, std::string_view value) {
  out.append(",\"").append(key).append("\":");
  append_json(out, value);
}

void append_number(std::string& out, std::string_view key, std::uint64_t value) {
  out.append(",\"").append(key).append("\":").append(std::to_string(value));
}

void append_pair(std::string& out, std::string_view name, std::string_view value) {
  if (out.back() != '[') out += ',';
  out += '[';
  append_json(out, name);
  out += ',';
  append_json(out, value);
  out += ']';
}

}  // namespace

void append_access_record(std::string& out, const AccessRecord& record) {
  const http::RequestHead& head = record.head;
  out += "{\"h\":";
  append_json(out, record.peer.address);
  append_text(out, "port", record.peer.port);
  append_text(out, "m", head.method);
  append_text(out, "target", head.target);
  append_text(out, "U", head.path);
  append_text(out, "q", head.query);
  append_text(out, "H", head.version());
  append_number(out, "s", static_cast<std::uint64_t>(record.status));
  append_number(out, "b", record.body_size);
  append_number(out, "D", static_cast<std::uint64_t>(record.microseconds));
  out += ",\"i\":[";
  for (const http::Field& field : head.fields) append_pair(out, field.name, field.value);
  out += "],\"o\":[";
  for (const auto& [name, value] : record.response_fields) append_pair(out, name, value);
  out += "]}\n";
}

}  // namespace gserve::net
