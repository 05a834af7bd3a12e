// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace gserve::io {

/// A message of newline-separated NAME=VALUE, as sd_notify(3) and the launch contract have them. Lines
/// without a name are left out; the last one of a name counts.
using MessageFields = std::map<std::string, std::string, std::less<>>;
MessageFields parse_fields(std::string_view text);
std::string format_fields(const MessageFields& fields);

/// The field `name` as a number; nothing when it is not there or no number.
std::optional<std::uint64_t> number_field(const MessageFields& fields, std::string_view name);

}  // namespace gserve::io
