// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "common/unique_fd.h"
#include "tests/component/net/client.h"
#include "tests/component/net/test_server.h"

namespace gserve::test {

/// A hand-over queue, or any pair of connected sockets.
struct Pair {
  Pair();
  UniqueFd out;
  UniqueFd in;
};

bool queue_holds_something(const Pair& queue);
/// Looks again until it holds; false after a bound.
bool wait_until(const std::function<bool()>& holds);

/// The workers of a pool, each with a listener of its own, so that a test chooses who accepts. They answer with
/// their number; /gate first waits at their gate. On a loaded machine an executor may take a millisecond to
/// wake: a worker that others must not help has to be the only one, or all others busy.
class Pool {
 public:
  explicit Pool(int count, const std::function<void(net::ServerConfig&)>& change = {});
  ~Pool() { open_gates(); }

  TestServer& add(const std::function<void(net::ServerConfig&)>& change = {});
  TestServer& worker(std::size_t index) { return *workers_.at(index); }
  /// A connection whose request holds an executor of that worker.
  Client occupy(std::size_t index);
  void open_gate(std::size_t index);
  void open_gates();

  Pair queue;

 private:
  std::vector<std::unique_ptr<Gate>> gates_;
  std::set<std::size_t> opened_;
  std::vector<std::unique_ptr<TestServer>> workers_;
};

}  // namespace gserve::test
