// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "worker/http/request.h"
#include "worker/net/exchange.h"

namespace gserve::net {

/// What an access log line tells of one answered request.
struct AccessRecord {
  const http::RequestHead& head;
  const Endpoint& peer;
  int status;
  std::uint64_t body_size;  // bytes of body sent, before chunking
  std::int64_t microseconds;
  std::string_view time;  // text: as `%(t)s` shows it, with its brackets; JSON: "2026-11-23T09:15:27", UTC
  int milliseconds;       // of the second that `time` shows
  std::span<const std::pair<std::string, std::string>> response_fields;
  std::span<const std::optional<std::string>>
      variables;  // of the environ, as AccessFormat::variables() names them
};

bool same_name(std::string_view a, std::string_view b);  // ASCII case does not count

/// The first or last field of that name.
std::optional<std::string_view> first_field(const http::RequestHead& head, std::string_view name);
std::optional<std::string_view> last_field(const http::RequestHead& head, std::string_view name);

/// The user name of Basic credentials (RFC 7617), empty if there are none.
std::string basic_user(const http::RequestHead& head);

}  // namespace gserve::net
