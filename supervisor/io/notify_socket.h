// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/unique_fd.h"
#include "supervisor/core/types.h"
#include "supervisor/io/message_fields.h"
#include "supervisor/io/service_state.h"

/// Where workers say READY=1 and the like (NOTIFY_SOCKET of sd_notify(3)); see common/launch_contract.h.
namespace gserve::io {

/// One datagram. Who sent it is what the kernel says; which launch it speaks for is what it claims: the
/// receiver believes only what fits together.
struct WorkerMessage {
  core::Pid sender = 0;
  core::LaunchId launch = 0;
  MessageFields fields;

  bool says(std::string_view name) const {
    const auto field = fields.find(name);
    return field != fields.end() && field->second == "1";
  }
};

/// Parses the text of a datagram; nothing when it names no launch.
std::optional<WorkerMessage> parse_worker_message(std::string_view text);

/// Directories to try for sockets, best first: $RUNTIME_DIRECTORY, /run/gserve (root), $XDG_RUNTIME_DIR, the
/// temporary directory.
std::vector<std::string> runtime_directories(const std::map<std::string, std::string>& environment,
                                             bool root);

/// A datagram socket in a directory of its own (0711, socket 0666: workers may run under another uid, the
/// sender is checked by credentials). Both are removed at the end; those that a killed supervisor left in the
/// same place are removed at the start.
class NotifySocket {
 public:
  /// Tries `bases` in order. Throws std::runtime_error with one line when none will do.
  explicit NotifySocket(const std::vector<std::string>& bases);
  /// The one that another program in this process had, with what is unread in it.
  explicit NotifySocket(const NotifyState& state);
  NotifyState state() const { return {fd_.get(), made_base_, directory_, path_}; }
  ~NotifySocket();
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;

  int fd() const { return fd_.get(); }
  const std::string& path() const { return path_; }

  /// All messages that wait, oldest first; what is malformed, too long or without credentials is dropped and
  /// counted. Never blocks.
  std::vector<WorkerMessage> receive();
  std::uint64_t dropped() const { return dropped_; }

 private:
  std::string try_open(const std::string& base);
  std::string bind_in(const std::string& directory);
  void remove();
  bool receive_one(std::vector<WorkerMessage>& messages);

  UniqueFd fd_;
  std::string made_base_;  // empty: it was there before
  std::string directory_;
  std::string path_;
  std::vector<char> buffer_;
  std::uint64_t dropped_ = 0;
};

}  // namespace gserve::io
