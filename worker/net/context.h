// SPDX-License-Identifier: MIT
#pragma once

#include <signal.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <thread>

#include "common/scoreboard.h"
#include "common/tls_context.h"
#include "worker/net/access_format.h"
#include "worker/net/executor_queue.h"
#include "worker/net/fork_guard.h"
#include "worker/net/handover_queue.h"
#include "worker/net/mailbox.h"
#include "worker/net/request_board.h"
#include "worker/net/server.h"
#include "worker/net/spool.h"

namespace gserve::net {

/// What the I/O thread and the executors share. Everything mutable in it is atomic or guards itself.
struct Context {
  explicit Context(ServerConfig settings);

  /// Moves the stop state forward, never back.
  void advance_stop(StopState to);
  bool stopping() const { return stop.load(std::memory_order_acquire) != StopState::running; }
  /// Whether an answer is the last one on its connection.
  bool closes_connections() const { return stopping() || resting.load(std::memory_order_acquire); }
  /// Whether what was answered is told to anybody.
  bool accounts_requests() const {
    return config.access_log >= 0 || config.access_records >= 0 || !config.statsd_address.empty() ||
           (!config.syslog_address.empty() && config.syslog_access);
  }
  bool wants_response_fields() const {
    return config.access_records >= 0 || access_format.wants_response_fields();
  }
  /// Whether connections that siblings have handed over may be served here. A worker that rests is to let go.
  bool takes_handovers() const {
    return stop.load(std::memory_order_acquire) != StopState::stopping &&
           !resting.load(std::memory_order_acquire);
  }
  /// Whether an executor could start a new request at once.
  bool executor_free() const { return in_flight.load(std::memory_order_seq_cst) < config.executors; }
  /// Whether requests wait behind busy executors, or so many share an event loop that they do.
  bool backlogged() const { return in_flight.load(std::memory_order_seq_cst) > backlog_limit; }

  /// Whether the caller is an event loop's executor and must not block.
  bool on_loop_thread() const {
    return config.event_loop && std::this_thread::get_id() == loop_thread.load(std::memory_order_relaxed);
  }

  const ServerConfig config;
  const SpoolSettings spool;
  SharedMemory body_memory;
  const AccessFormat access_format;
  const std::optional<tls::Context> tls;
  static constexpr int kCrowd = 32;
  const int backlog_limit = config.event_loop ? kCrowd : config.executors;
  ForkGuard guard;
  Mailbox mailbox{guard};
  ExecutorQueue queue{mailbox};
  HandoverQueue handover;
  std::optional<scoreboard::Writer> scoreboard;
  std::optional<RequestBoard> board;
  std::atomic<std::thread::id> loop_thread{};  // the one that calls take_ready()
  struct sigaction abort_action {};            // with aborts_in_python: what handled SIGABRT at start()

  std::atomic<StopState> stop{StopState::running};
  std::atomic<bool> resting{false};          // the lifeline said "rest", and not yet "serve"
  std::atomic<bool> quit{false};             // join() was called
  std::atomic<int> in_flight{0};             // requests queued or running
  std::atomic<std::uint32_t> times_free{0};  // how often an executor became free
  std::atomic<bool> watches_less{false};     // the I/O thread wants to hear when an executor is free again

  /// The control socket that "template" on the lifeline brought; none if it could not be received. The I/O
  /// thread's until that has ended.
  std::optional<TrackedFd> promotion;
};

}  // namespace gserve::net
