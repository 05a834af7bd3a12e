// SPDX-License-Identifier: MIT
#include "supervisor/config/address.h"

#include <sys/un.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>

namespace gserve::config {
namespace {

constexpr std::uint16_t kDefaultPort = 8000;
constexpr std::size_t kMaxUnixPath = sizeof(sockaddr_un::sun_path) - 1;

template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

ParsedAddress wrong(std::string reason) {
  return {{}, std::move(reason)};
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

ParsedAddress parse_unix(std::string_view path) {
  if (path.empty()) return wrong("a path must follow unix:");
  if (path.size() > kMaxUnixPath) {
    return wrong("the path of a Unix socket has at most " + std::to_string(kMaxUnixPath) + " bytes");
  }
  return {UnixAddress{std::string(path)}, {}};
}

ParsedAddress parse_inherited(std::string_view number) {
  const auto fd = parse_number<int>(number);
  if (!fd || *fd < 0) return wrong("a descriptor number must follow fd://");
  return {InheritedAddress{*fd}, {}};
}

ParsedAddress with_port(std::string_view host, std::optional<std::string_view> port) {
  if (!port) return {TcpAddress{lower_case(host), kDefaultPort}, {}};
  const auto number = parse_number<std::uint16_t>(*port);
  if (!number) return wrong("the port must be a number from 0 to 65535");
  return {TcpAddress{lower_case(host), *number}, {}};
}

ParsedAddress parse_bracketed(std::string_view text) {
  const auto close = text.find(']');
  if (close == std::string_view::npos) return wrong("']' is missing");
  const std::string_view host = text.substr(1, close - 1);
  const std::string_view rest = text.substr(close + 1);
  if (host.empty()) return wrong("an IPv6 address must stand between '[' and ']'");
  if (rest.empty()) return with_port(host, std::nullopt);
  if (rest.front() != ':') return wrong("only :PORT may follow ']'");
  return with_port(host, rest.substr(1));
}

ParsedAddress parse_tcp(std::string_view text) {
  if (text.starts_with('[')) return parse_bracketed(text);
  const auto colon = text.find(':');
  if (colon != text.rfind(':')) return wrong("write an IPv6 address in brackets, as [::1]:8000");
  if (colon != std::string_view::npos) return with_port(text.substr(0, colon), text.substr(colon + 1));
  if (parse_number<std::uint64_t>(text)) return wrong("write a port alone as :" + std::string(text));
  return with_port(text, std::nullopt);
}

}  // namespace

ParsedAddress parse_address(std::string_view text) {
  if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; })) {
    return wrong("control characters are not allowed");
  }
  if (take_prefix(text, "unix://") || take_prefix(text, "unix:")) return parse_unix(text);
  if (take_prefix(text, "fd://")) return parse_inherited(text);
  take_prefix(text, "tcp://");
  return parse_tcp(text);
}

}  // namespace gserve::config
