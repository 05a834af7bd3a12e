// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "worker/net/connection.h"

namespace gserve::net {

/// All connections, pooled. I/O thread only.
///
/// Events name a connection by a token of index and generation, so that a stale event (of the same epoll
/// batch, or of a descriptor that somebody has duplicated) finds nothing.
class ConnectionTable {
 public:
  explicit ConnectionTable(Context& context) : context_(context) {}

  /// Tokens below this are not connections'.
  static constexpr std::uint64_t kFirstToken = std::uint64_t{1} << 32;

  Connection& add();
  static std::uint64_t token(const Connection& connection) {
    return std::uint64_t{connection.generation} << 32 | connection.index;
  }
  /// The open connection that `token` means, or nullptr.
  Connection* find(std::uint64_t token);
  /// Counts `connection` as closed; its memory is used again after bury().
  void remove(Connection& connection);
  /// Only between epoll batches.
  void bury();
  std::size_t size() const { return open_; }

  template <typename Do>
  void for_each_open(Do act) {
    for (const auto& connection : all_) {
      if (connection->fd) act(*connection);
    }
  }

 private:
  Context& context_;
  std::vector<std::unique_ptr<Connection>> all_;
  std::vector<Connection*> free_;
  std::vector<Connection*> closed_;
  std::size_t open_ = 0;
};

}  // namespace gserve::net
