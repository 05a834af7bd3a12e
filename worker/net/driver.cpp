// SPDX-License-Identifier: MIT
#include "worker/net/driver.h"

#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace gserve::net {

using http::ConnectionPhase;
using http::ConnectionTimer;
using http::Ending;
using Action = http::ConnectionState::Action;

namespace {

constexpr std::size_t kSendTurn = std::size_t{1} << 20;
constexpr Nanos kLinger = kSecond;
constexpr Nanos kMostGrace = kSecond;
constexpr Nanos kLeastGrace = 100 * kMillisecond;
constexpr http::Refusal kTooLate{408, "the request did not arrive in time"};

TimerKind to_kind(ConnectionTimer timer, bool draining) {
  switch (timer) {
    case ConnectionTimer::header:
      return TimerKind::header;
    case ConnectionTimer::body:
      return TimerKind::body;
    case ConnectionTimer::keep_alive:
      return draining ? TimerKind::grace : TimerKind::keep_alive;
    case ConnectionTimer::write:
      return TimerKind::write;
    case ConnectionTimer::linger:
      return TimerKind::linger;
    case ConnectionTimer::none:
      break;
  }
  return TimerKind::count;
}

}  // namespace

Driver::Driver(Context& context, Poller& poller, Timers& timers, Log& log, AccessLog& access_log)
    : context_(context),
      poller_(poller),
      timers_(timers),
      log_(log),
      access_log_(access_log),
      table_(context),
      scratch_(new char[kScratch]) {
  const ServerConfig& config = context.config;
  timers_.set_duration(TimerKind::header, to_nanos(config.header_timeout));
  timers_.set_duration(TimerKind::body, to_nanos(config.body_timeout));
  timers_.set_duration(TimerKind::keep_alive, to_nanos(config.keep_alive));
  timers_.set_duration(TimerKind::write, to_nanos(config.write_timeout));
  timers_.set_duration(TimerKind::linger, kLinger);
  timers_.set_duration(TimerKind::grace, std::clamp(to_nanos(config.keep_alive), kLeastGrace, kMostGrace));
}

void Driver::open(Acceptor::Accepted accepted, Nanos now) {
  Connection& c = table_.add();
  c.open(std::move(accepted.socket), std::move(accepted.peer), accepted.local);
  c.proxy_expected = context_.config.proxy_protocol != http::ProxyMode::off;
  if (context_.scoreboard) context_.scoreboard->count_connection();
  const int error = poller_.watch_connection(c.fd.get(), ConnectionTable::token(c));
  if (error != 0) {
    log_.line(LogLevel::error, "cannot watch a connection: " + error_text(error));
    return close(c);
  }
  set_timer(c, now);
}

void Driver::handle(const Poller::Event& event, Nanos now) {
  Connection* c = table_.find(event.token);
  if (c == nullptr) return;
  // Data may precede a reset or an end; but what was reset gets no answer.
  if (event.broken && c->state.phase() != ConnectionPhase::lingering) return lost(*c, now);
  if (event.end_of_input) c->input_ended = true;
  if (event.readable || event.end_of_input) read(*c, now);
  if (event.writable && c->tls && c->tls->wants_to_write()) read(*c, now);
  if (event.writable && c->write_timer.armed()) flush(*c, now);
}

void Driver::handle_mail(Nanos now) {
  for (Letterbox* box = context_.mailbox.take(); box != nullptr;) {
    Letterbox* next = box->next;
    auto& c = static_cast<Connection&>(*box);
    const std::uint32_t letters = Mailbox::open(c);
    if ((letters & HttpExchange::done) != 0) {
      done(c, now);
    } else if (c.fd) {
      if ((letters & HttpExchange::output) != 0) flush(c, now);
      if ((letters & HttpExchange::body_wanted) != 0) body_wanted(c, now);
    }
    box = next;
  }
}

void Driver::keep_running(Connection& c) {
  if (c.runnable) return;
  c.runnable = true;
  runnable_.push_back(&c);
}

void Driver::resume(Nanos now) {
  resumed_.swap(runnable_);
  for (Connection* c : resumed_) {
    c->runnable = false;
    if (c->fd && c->more_output) flush(*c, now);
    if (c->fd && c->input_waiting.load(std::memory_order_relaxed)) read(*c, now);
  }
  resumed_.clear();
}

void Driver::expire(Nanos now) {
  while (Timer* timer = timers_.expired(now)) {
    Connection& c = timer->owner;
    const bool running = c.state.phase() == ConnectionPhase::running;
    if (timer == &c.write_timer && running) {
      c.output.abandon();
    } else if (running) {
      refuse_body(c, kTooLate);
    } else {
      act(c, c.state.timed_out(), now);
    }
  }
}

void Driver::start_draining(Nanos now) {
  draining_ = true;
  const Nanos grace_end = now + timers_.duration(TimerKind::grace);
  table_.for_each_open([&](Connection& c) {
    const ConnectionPhase phase = c.state.phase();
    const bool idle = phase == ConnectionPhase::fresh || phase == ConnectionPhase::idle;
    if (idle && c.read_timer.deadline > grace_end) timers_.arm(c.read_timer, TimerKind::grace, now);
  });
}

void Driver::stop_draining(Nanos now) {
  draining_ = false;
  table_.for_each_open([&](Connection& c) {
    if (c.read_timer.kind == TimerKind::grace) set_timer(c, now);
  });
}

void Driver::stop(const std::deque<ExecutorQueue::Entry>& never_run, Nanos now) {
  for (const ExecutorQueue::Entry& entry : never_run) {
    Connection& c = static_cast<HttpExchange&>(*entry.exchange).connection();
    --out_;
    context_.in_flight.fetch_sub(1, std::memory_order_relaxed);
    c.state.answered(Ending::close);
    act(c, c.state.flushed(), now);
  }
  table_.for_each_open([&](Connection& c) { act(c, c.state.abandoned(), now); });
}

bool Driver::owes_answers() {
  bool owes = out_ > 0;
  table_.for_each_open([&](Connection& c) { owes = owes || c.state.phase() == ConnectionPhase::flushing; });
  return owes;
}

void Driver::to_executors(Connection& c, Place place, Nanos now) {
  if (context_.stop.load(std::memory_order_acquire) == StopState::stopping) return close(c);
  c.state.request_handed();
  const bool more_input = c.consumed < c.input.size() || !c.pending.empty();
  c.exchange.begin(more_input);
  if (!c.body_pending) timers_.disarm(c.read_timer);
  ++out_;
  context_.in_flight.fetch_add(1, std::memory_order_seq_cst);
  const bool movable = context_.handover.there() && http::may_move(move_facts(c));
  const ExecutorQueue::Entry entry{&c.exchange, now, movable};
  place == Place::first ? context_.queue.push_first(entry) : context_.queue.push(entry);
}

/// The executor gave the exchange back.
void Driver::done(Connection& c, Nanos now) {
  --out_;
  ++answered_;
  if (c.exchange.refusal().status != 0) log_refusal(c, c.exchange.refusal());
  access_log_.add(c);
  timers_.disarm(c.read_timer);
  Ending ending = c.exchange.ending();
  const bool unread = c.consumed < c.input.size() || !c.pending.empty() || !c.body.whole() ||
                      c.input_waiting.load(std::memory_order_relaxed);
  if (ending == Ending::close && (unread || draining_)) ending = Ending::linger;
  c.state.answered(ending);
  flush(c, now);
}

void Driver::next_request(Connection& c, Nanos now) {
  c.parser.reset();
  c.body.reset();
  c.output.reset();
  if (c.pending.empty()) {
    c.input.take_front(c.consumed);
  } else {
    c.input.assign(c.pending);
    c.pending.clear();
  }
  c.consumed = 0;
  set_timer(c, now);
  if (c.input.size() > 0) parse(c, now);
  const ConnectionPhase phase = c.state.phase();
  if (phase == ConnectionPhase::running || phase == ConnectionPhase::closed) return;
  if (c.input_waiting.load(std::memory_order_relaxed)) read(c, now);
}

void Driver::flush(Connection& c, Nanos now) {
  c.more_output = false;
  switch (c.output.flush(c.fd.get(), kSendTurn)) {
    case OutputQueue::Flush::drained:
      timers_.disarm(c.write_timer);
      return flushed(c, now);
    case OutputQueue::Flush::more:
      c.more_output = true;
      keep_running(c);
      [[fallthrough]];
    case OutputQueue::Flush::blocked:
      return timers_.arm(c.write_timer, TimerKind::write, now);
    case OutputQueue::Flush::gone:
      // Also when an executor has given the exchange back before it could know that its response was dropped: an
      // orderly end would make a part of it look like the whole.
      return c.state.phase() == ConnectionPhase::running ? lost(c, now) : close_with_reset(c);
    case OutputQueue::Flush::failed:
      log_.line(LogLevel::error, "cannot send a response: " + error_text(errno));
      c.output.abandon();
      return c.state.phase() == ConnectionPhase::running ? void() : close_with_reset(c);
  }
}

void Driver::flushed(Connection& c, Nanos now) {
  act(c, c.state.flushed(), now);
}

/// The client is gone, or will not read.
void Driver::lost(Connection& c, Nanos now) {
  timers_.disarm(c.write_timer);
  // Whatever is unsent stays so: a close_notify would make a whole answer of it. While the exchange is out its
  // executor looks at the session.
  if (c.state.phase() != ConnectionPhase::running) end_tls(c, false);
  act(c, c.state.reset(), now);
}

void Driver::log_refusal(const Connection& c, const http::Refusal& refusal) {
  if (!log_.logs(LogLevel::info)) return;
  log_.info("refused a request from " + (c.peer.address.empty() ? "a Unix socket" : c.peer.address) + ": " +
            std::to_string(refusal.status) + ", " + std::string(refusal.reason));
}

void Driver::refuse_body(Connection& c, const http::Refusal& refusal) {
  c.body_pending = false;
  log_refusal(c, refusal);
  c.body.break_off(refusal);
}

void Driver::refuse(Connection& c, const http::Refusal& refusal, Nanos now) {
  log_refusal(c, refusal);
  c.state.refused();
  const std::string answer =
      http::error_response(refusal.status, refusal.reason, date_.text(::time(nullptr)));
  const std::array<std::string_view, 1> parts{answer};
  c.output.write(c.fd.get(), parts, {});
  timers_.disarm(c.read_timer);
  flush(c, now);
}

void Driver::act(Connection& c, Action action, Nanos now) {
  switch (action) {
    case Action::none:
      return;
    case Action::next_request:
      return next_request(c, now);
    case Action::answer_timeout:
      return refuse(c, kTooLate, now);
    case Action::mark_gone:
      c.output.abandon();
      return c.body.break_off();
    case Action::shut_down:
      end_tls(c, true);
      ::shutdown(c.fd.get(), SHUT_WR);
      set_timer(c, now);
      return discard(c, now);
    case Action::close:
      return close(c);
    case Action::reset:
      return close_with_reset(c);
  }
}

void Driver::close(Connection& c) {
  if (!c.fd) return;
  timers_.disarm(c.read_timer);
  timers_.disarm(c.write_timer);
  c.state.closed();
  end_tls(c, true);
  c.fd.reset();
  table_.remove(c);
}

void Driver::close_with_reset(Connection& c) {
  end_tls(c, false);
  const linger at_once{1, 0};
  ::setsockopt(c.fd.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close(c);
}

/// Arms the timer of the phase; one that runs already for the same reason goes on.
void Driver::set_timer(Connection& c, Nanos now) {
  TimerKind kind = to_kind(c.state.timer(), draining_);
  if (draining_ && c.state.phase() == ConnectionPhase::fresh) kind = TimerKind::grace;
  if (kind == c.read_timer.kind || kind == TimerKind::write) return;
  if (kind == TimerKind::count) return timers_.disarm(c.read_timer);
  timers_.arm(c.read_timer, kind, now);
}

}  // namespace gserve::net
