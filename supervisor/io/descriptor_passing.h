// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/unique_fd.h"

/// Messages with descriptors over SOCK_SEQPACKET sockets (SCM_RIGHTS of unix(7)). None blocks.
namespace gserve::io {

/// Two such sockets, connected to each other, non-blocking and close-on-exec. `what` they are for stands in
/// the std::system_error that it throws.
std::pair<UniqueFd, UniqueFd> packet_pair(const char* what);

/// Sends `text` with `fds` (borrowed, at most 253). 0, or the error number.
int send_with_descriptors(int socket, std::string_view text, std::span<const int> fds);

struct DescriptorMessage {
  std::string text;
  std::vector<UniqueFd> fds;  // close-on-exec
};

/// The next message of at most `limit` bytes; nothing when none waits. `*ended` becomes true at the end of
/// file or when the socket is broken. A message that was cut off comes as an empty one.
std::optional<DescriptorMessage> receive_with_descriptors(int socket, std::size_t limit, bool* ended);

}  // namespace gserve::io
