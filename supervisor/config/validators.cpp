// SPDX-License-Identifier: MIT
#include "supervisor/config/validators.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <limits>
#include <sstream>

#include "common/address_set.h"
#include "common/statsd.h"
#include "common/syslog.h"
#include "supervisor/config/address.h"
#include "supervisor/config/sni_certificate.h"

namespace gserve::config::validators {
namespace {

constexpr std::int64_t kMaxInteger = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t kMaxWorkers = 10000;  // above this a slip of the finger, not a service
constexpr std::int64_t kMaxHeaders = 32768;
constexpr std::int64_t kDefaultFieldSize = 8190;
constexpr std::int64_t kMaxFileMode = 0777;
constexpr double kMaxSeconds = 1e9;

std::string in_range(const Value& value, std::int64_t low, std::int64_t high) {
  const std::int64_t number = std::get<std::int64_t>(value);
  if (number >= low && number <= high) return {};
  return "must be from " + std::to_string(low) + " to " + std::to_string(high);
}

std::string& in_lower_case(Value& value) {
  auto& text = std::get<std::string>(value);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string quoted(std::string_view text) {
  return "'" + std::string(text) + "'";
}

}  // namespace

std::string accept(Value&) {
  return {};
}

std::string not_empty(Value& value) {
  return std::get<std::string>(value).empty() ? "must not be empty" : std::string();
}

std::string at_least_zero(Value& value) {
  return in_range(value, 0, kMaxInteger);
}

std::string at_least_one(Value& value) {
  return in_range(value, 1, kMaxWorkers);
}

std::string header_count(Value& value) {
  if (std::string wrong = at_least_zero(value); !wrong.empty()) return wrong;
  auto& number = std::get<std::int64_t>(value);
  if (number == 0 || number > kMaxHeaders) number = kMaxHeaders;
  return {};
}

std::string field_size(Value& value) {
  if (std::string wrong = at_least_zero(value); !wrong.empty()) return wrong;
  auto& bytes = std::get<std::int64_t>(value);
  if (bytes == 0) bytes = kDefaultFieldSize;
  return {};
}

std::string duration(Value& value) {
  const double seconds = std::get<double>(value);
  return seconds >= 0 && seconds <= kMaxSeconds ? std::string() : "must be from 0 to 1000000000 seconds";
}

std::string patience(Value& value) {
  return std::get<double>(value) > 0 ? duration(value) : "must be above 0 seconds";
}

std::string memory_limit(Value& value) {
  constexpr std::int64_t kLeast = std::int64_t{1} << 20;
  const std::int64_t bytes = std::get<std::int64_t>(value);
  return bytes == 0 || bytes >= kLeast ? std::string() : "must be 0 or at least 1M";
}

std::string size(Value& value) {
  return std::get<std::int64_t>(value) >= 0 ? std::string() : "must not be negative";
}

std::string header_map(Value& value) {
  const std::string& mode = in_lower_case(value);
  if (mode == "drop" || mode == "refuse" || mode == "dangerous") return {};
  return "must be drop, refuse or dangerous";
}

std::string lifetime(Value& value) {
  const double seconds = std::get<double>(value);
  if (seconds > 0 && seconds < 1) return "must be 0 or at least 1 second";
  return duration(value);
}

std::string health_check(Value& value) {
  constexpr std::string_view kScheme = "http://";
  std::string_view rest = std::get<std::string>(value);
  if (rest.starts_with(kScheme)) {
    rest.remove_prefix(kScheme.size());
    const std::size_t slash = rest.find('/');
    if (slash == 0) return "must name a host between http:// and the path";
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash);
  }
  const auto printable = [](char c) { return c > ' ' && c < '\x7f' && c != '#'; };
  const bool path = rest.starts_with('/') && std::all_of(rest.begin(), rest.end(), printable);
  return path ? std::string() : "must be a path such as /health, or http://HOST/PATH";
}

std::string socket_path(Value& value) {
  return parse_address("unix:" + std::get<std::string>(value)).wrong;
}

std::string file_mode(Value& value) {
  const std::int64_t mode = std::get<std::int64_t>(value);
  return mode >= 0 && mode <= kMaxFileMode ? std::string()
                                           : "must be an octal mode from 0 to 0777, such as 0600";
}

std::string log_level(Value& value) {
  constexpr std::array<std::string_view, 5> kLevels = {"debug", "info", "warning", "error", "critical"};
  const std::string& level = in_lower_case(value);
  if (std::find(kLevels.begin(), kLevels.end(), level) != kLevels.end()) return {};
  return "must be debug, info, warning, error or critical";
}

std::string log_format(Value& value) {
  const auto& format = std::get<std::string>(value);
  return format == "text" || format == "json" ? std::string() : "must be text or json";
}

std::string syslog_address(Value& value) {
  return syslog::parse_target(std::get<std::string>(value)).wrong;
}

std::string syslog_facility(Value& value) {
  return syslog::facility(std::get<std::string>(value)) ? std::string() : "unknown facility name";
}

std::string statsd_address(Value& value) {
  return statsd::parse_target(std::get<std::string>(value)).wrong;
}

std::string worker_class(Value& value) {
  constexpr std::array<std::string_view, 5> kClasses = {"sync", "gthread", "gevent", "gevent_wsgi",
                                                        "gevent_pywsgi"};
  constexpr std::array<std::string_view, 3> kOthers = {"tornado", "asgi", "eventlet"};  // gunicorn has them
  const auto& name = std::get<std::string>(value);
  if (std::find(kClasses.begin(), kClasses.end(), name) != kClasses.end()) return {};
  const bool known = std::find(kOthers.begin(), kOthers.end(), name) != kOthers.end();
  return std::string(known ? "" : "no such worker class; ") +
         "this version supports sync, gthread and gevent";
}

std::string reload_engine(Value& value) {
  const auto& name = std::get<std::string>(value);
  return name == "auto" || name == "inotify" || name == "poll" ? "" : "must be auto, inotify or poll";
}

std::string addresses(Value& value) {
  const auto& items = std::get<std::vector<std::string>>(value);
  if (items.empty()) return "'': at least one address is needed";
  for (const std::string& item : items) {
    if (std::string wrong = parse_address(item).wrong; !wrong.empty()) return quoted(item) + ": " + wrong;
  }
  return {};
}

std::string local_address(Value& value) {
  const ParsedAddress parsed = parse_address(std::get<std::string>(value));
  if (!parsed.wrong.empty()) return parsed.wrong;
  if (std::holds_alternative<UnixAddress>(parsed.address)) return {};
  AddressSet loopback;
  loopback.add("127.0.0.0/8");
  loopback.add("::1");
  const auto* tcp = std::get_if<TcpAddress>(&parsed.address);
  if (tcp != nullptr && (tcp->host == "localhost" || loopback.contains(tcp->host))) return {};
  return "must be 127.0.0.1:PORT, [::1]:PORT, localhost:PORT or unix:PATH, for it shows requests to "
         "everybody "
         "who reaches it; let others in through a proxy that asks who they are";
}

std::string trusted_peers(Value& value) {
  AddressSet set;
  std::istringstream items(std::get<std::string>(value));
  for (std::string item; std::getline(items, item, ',');) {
    item.erase(0, item.find_first_not_of(' '));
    item.erase(item.find_last_not_of(' ') + 1);
    if (std::string wrong = item.empty() ? "" : set.add(item); !wrong.empty()) return wrong;
  }
  return {};
}

std::string proxy_protocol(Value& value) {
  constexpr std::array<std::string_view, 4> kOff = {"off", "false", "0", "none"};
  constexpr std::array<std::string_view, 3> kAuto = {"auto", "true", "1"};
  std::string& mode = in_lower_case(value);
  if (std::find(kOff.begin(), kOff.end(), mode) != kOff.end()) mode = "off";
  if (std::find(kAuto.begin(), kAuto.end(), mode) != kAuto.end()) mode = "auto";
  const bool known = mode == "off" || mode == "auto" || mode == "v1" || mode == "v2";
  return known ? std::string() : "must be off, v1, v2 or auto";
}

std::string certificate_demand(Value& value) {
  const std::int64_t demand = std::get<std::int64_t>(value);
  return demand >= 0 && demand <= 2 ? std::string() : "must be 0 (none), 1 (optional) or 2 (required)";
}

std::string ssl_version(Value& value) {
  constexpr std::array<std::string_view, 8> kModern = {"TLS",     "SSLv23", "TLS_SERVER", "TLSv1_2",
                                                       "TLSv1_3", "2",      "5",          "17"};
  std::string_view name = std::get<std::string>(value);
  if (name.starts_with("PROTOCOL_")) name.remove_prefix(std::string_view("PROTOCOL_").size());
  if (std::find(kModern.begin(), kModern.end(), name) != kModern.end()) return {};
  return "TLS 1.2 and 1.3 are spoken and nothing older; leave it out";
}

std::string sni_certificates(Value& value) {
  std::vector<std::string> hosts;
  for (const std::string& item : std::get<std::vector<std::string>>(value)) {
    SniCertificate parsed = parse_sni_certificate(item);
    if (!parsed.wrong.empty()) return quoted(item) + ": " + parsed.wrong;
    if (std::find(hosts.begin(), hosts.end(), parsed.host) != hosts.end())
      return quoted(item) + ": " + parsed.host + " has a certificate already";
    hosts.push_back(std::move(parsed.host));
  }
  return {};
}

std::string environment_settings(Value& value) {
  for (const std::string& item : std::get<std::vector<std::string>>(value)) {
    if (item.find('=') == std::string::npos || item.starts_with('='))
      return quoted(item) + ": must be NAME=VALUE";
  }
  return {};
}

}  // namespace gserve::config::validators
