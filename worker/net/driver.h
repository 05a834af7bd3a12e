// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <vector>

#include "worker/net/acceptor.h"
#include "worker/net/access_log.h"
#include "worker/net/connection_table.h"
#include "worker/net/log.h"
#include "worker/net/poller.h"
#include "worker/net/timers.h"

namespace gserve::net {

/// Does what connections need: reads, parses, gathers bodies, hands requests to executors, sends what they
/// left, closes. http::ConnectionState decides; this acts. I/O thread only.
class Driver {
 public:
  Driver(Context& context, Poller& poller, Timers& timers, Log& log, AccessLog& access_log);

  void open(Acceptor::Accepted accepted, Nanos now);
  void handle(const Poller::Event& event, Nanos now);
  /// Letters from executors.
  void handle_mail(Nanos now);
  /// Connections that stopped at their share of a turn.
  void resume(Nanos now);
  bool has_runnable() const { return !runnable_.empty(); }
  void expire(Nanos now);

  /// From now on connections end instead of idling; idle ones keep a short grace, so that a request on its
  /// way to them is answered rather than reset.
  void start_draining(Nanos now);
  /// Connections idle again, and those that had a grace have all their time again.
  void stop_draining(Nanos now);
  /// Closes all that owe no answer; `never_run`: exchanges that no executor will take.
  void stop(const std::deque<ExecutorQueue::Entry>& never_run, Nanos now);

  /// Sends the connection of a request that was withdrawn from the executors to the hand-over queue; unless it
  /// is sent, everything is as before. `unsent_output`: it has some, and stays.
  enum class Move { sent, full, failed, unsent_output };
  Move move(const ExecutorQueue::Entry& entry);
  /// Takes over what a sibling has handed over: it goes first.
  void adopt(HandoverQueue::Parcel parcel, Nanos now);

  ConnectionTable& table() { return table_; }
  std::size_t connections() const { return table_.size(); }
  /// Exchanges whose end was not yet seen.
  int out() const { return out_; }
  std::uint64_t answered() const { return answered_; }
  /// Whether some answer is not completely sent.
  bool owes_answers();

 private:
  void read(Connection& c, Nanos now);
  /// Takes the PROXY header off the socket, if there is one. Returns whether to read what follows.
  bool read_proxy_header(Connection& c, Nanos now);
  void read_head(Connection& c, Nanos now);
  void read_body(Connection& c, Nanos now);
  void discard(Connection& c, Nanos now);
  /// Returns what was received; 0 when nothing was, and an end or error has then been dealt with.
  std::size_t receive(Connection& c, char* room, std::size_t size, Nanos now);
  void end_of_input(Connection& c, Nanos now);

  // TLS (driver_tls.cpp).
  void start_tls(Connection& c);
  std::size_t receive_encrypted(Connection& c, char* room, std::size_t size, Nanos now);
  void tls_failed(Connection& c, Nanos now);
  /// From here on the connection's bytes go as they are. `orderly`: the client is told that no more follow.
  void end_tls(Connection& c, bool orderly);

  void parse(Connection& c, Nanos now);
  void head_complete(Connection& c, Nanos now);
  void body_complete(Connection& c, Nanos now);
  /// The executor has read all that a paused body held.
  void body_wanted(Connection& c, Nanos now);
  /// Takes the body's part of `bytes` and returns its size. The connection may be refused or handed over
  /// meanwhile.
  std::size_t decode(Connection& c, std::string_view bytes, Nanos now);
  bool keep_body(Connection& c, std::string_view data, Nanos now);
  enum class Place { last, first };
  void to_executors(Connection& c, Place place, Nanos now);
  http::MoveFacts move_facts(const Connection& c) const;
  void refuse_parcel(Connection& c, const http::Refusal& refusal, Nanos now);

  void done(Connection& c, Nanos now);
  void next_request(Connection& c, Nanos now);
  void flush(Connection& c, Nanos now);
  void flushed(Connection& c, Nanos now);
  void lost(Connection& c, Nanos now);
  void refuse(Connection& c, const http::Refusal& refusal, Nanos now);
  /// The same while an executor reads the body: it is told, and answers.
  void refuse_body(Connection& c, const http::Refusal& refusal);
  void log_refusal(const Connection& c, const http::Refusal& refusal);
  void act(Connection& c, http::ConnectionState::Action action, Nanos now);
  void close(Connection& c);
  void close_with_reset(Connection& c);
  void set_timer(Connection& c, Nanos now);
  void keep_running(Connection& c);

  static constexpr std::size_t kScratch = std::size_t{64} * 1024;

  Context& context_;
  Poller& poller_;
  Timers& timers_;
  Log& log_;
  AccessLog& access_log_;
  ConnectionTable table_;
  std::vector<Connection*> runnable_;
  std::vector<Connection*> resumed_;
  std::unique_ptr<char[]> scratch_;
  std::string message_;  // to the hand-over queue
  HttpDate date_;
  int out_ = 0;
  std::uint64_t answered_ = 0;
  bool draining_ = false;
};

}  // namespace gserve::net
