// SPDX-License-Identifier: MIT
#include "worker/net/io_thread.h"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "worker/net/lifeline.h"

namespace gserve::net {
namespace {

// Tokens: below kWakeup listeners by their index, then the thread's own, then connections.
constexpr std::uint64_t kWakeup = ConnectionTable::kFirstToken - 1;
constexpr std::uint64_t kSignals = ConnectionTable::kFirstToken - 2;
constexpr std::uint64_t kLifeline = ConnectionTable::kFirstToken - 3;
constexpr std::uint64_t kHandover = ConnectionTable::kFirstToken - 4;

constexpr Nanos kBusyLimit = kMillisecond;
constexpr Nanos kGatherMost = kMillisecond / 2;
constexpr Nanos kAcceptQuiet = 20 * kMillisecond;
constexpr Nanos kAcceptMost = 250 * kMillisecond;
constexpr Nanos kLogDelay = 100 * kMillisecond;  // of a line when nothing else happens
constexpr Nanos kLogRetry = 100 * kMillisecond;
constexpr Nanos kNoticeRetry = 100 * kMillisecond;
constexpr Nanos kAbortPatience = 500 * kMillisecond;
constexpr int kExitOverdue = 1;

/// Loggers of the application's process may have files of their own. Without a handler the signal would end
/// the process.
void tell_python_of_reopened_logs() {
  struct sigaction action {};
  if (::sigaction(SIGUSR1, nullptr, &action) == 0 && action.sa_handler != SIG_DFL)
    ::kill(::getpid(), SIGUSR1);
}

}  // namespace

IoThread::IoThread(Context& context)
    : context_(context),
      log_(context.guard, context.config),
      access_log_(context, log_),
      poller_(context.guard),
      acceptor_(context, poller_, log_),
      driver_(context, poller_, timers_, log_, access_log_),
      handover_(context, poller_, driver_, log_),
      now_(monotonic_now()) {
  poller_.watch_wakeups(context.mailbox.fd(), kWakeup);
  if (context.config.signal_wakeup >= 0) poller_.watch_input(context.config.signal_wakeup, kSignals);
  if (context.config.lifeline >= 0) poller_.watch_input(context.config.lifeline, kLifeline);
  acceptor_.watch();
  handover_.watch(kHandover);
  if (context.scoreboard) context.scoreboard->set_state(scoreboard::WorkerState::serving);
}

void IoThread::run() {
  while (!finished()) turn();
  acceptor_.unwatch();
  handover_.unwatch();
  access_log_.finish(now_);
}

void IoThread::turn() {
  gather();
  Nanos timeout = sleep_time();
  const bool slept = timeout != 0 && context_.mailbox.begin_sleep();
  if (!slept) timeout = 0;
  const std::span<const Poller::Event> events = poller_.wait(timeout);
  if (slept) context_.mailbox.end_sleep();
  now_ = monotonic_now();
  driver_.handle_mail(now_);
  update_stop();
  handover_.serve_asking(may_take(), now_);
  for (const Poller::Event& event : events) dispatch(event);
  driver_.resume(now_);
  driver_.handle_mail(now_);
  driver_.expire(now_);
  update_stop();
  update_end();
  handover_.send_waiting(now_);
  if (context_.queue.end_turn()) handover_.told_loop(now_);
  update_listeners();
  access_log_.flush(now_);
  driver_.table().bury();
  check_hard_end();
  check_abort();
}

void IoThread::gather() {
  if (!context_.backlogged() || context_.queue.asked() || driver_.has_runnable()) return;
  if (std::exchange(gathered_, driver_.answered()) == driver_.answered()) return;
  context_.mailbox.begin_gathering();
  if (context_.backlogged() && !context_.queue.asked()) return context_.mailbox.gather(kGatherMost);
  context_.mailbox.end_gathering();
}

void IoThread::dispatch(const Poller::Event& event) {
  if (event.token >= ConnectionTable::kFirstToken) return driver_.handle(event, now_);
  if (event.token == kSignals) return read_signals();
  if (event.token == kLifeline) return read_lifeline();
  if (event.token == kHandover) return handover_.readable(now_);
  if (event.token != kWakeup) accept(event.token);
}

void IoThread::accept(std::size_t listener) {
  auto accepted = acceptor_.accept(listener, now_);
  if (!accepted) return;
  last_accept_ = now_;
  driver_.open(std::move(*accepted), now_);
  // What comes over TLS cannot move, and its handshake takes a while: the loop must not turn out to be stuck only then.
  if (context_.tls) context_.queue.ask_to_look();
}

/// Python's wakeup descriptor: a byte for each signal, its number.
void IoThread::read_signals() {
  std::array<unsigned char, 64> numbers;
  const ssize_t n = ::read(context_.config.signal_wakeup, numbers.data(), numbers.size());
  if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
    return poller_.forget(context_.config.signal_wakeup);
  for (ssize_t i = 0; i < n; ++i) {
    const int number = numbers[static_cast<std::size_t>(i)];
    if (number == SIGTERM) context_.advance_stop(StopState::draining);
    if (number == SIGABRT && context_.config.aborts_in_python && !abort_at_)
      abort_at_ = now_ + kAbortPatience;
    if (number == SIGINT || number == SIGQUIT) context_.advance_stop(StopState::stopping);
  }
  if (n > 0) context_.queue.interrupt();
}

void IoThread::read_lifeline() {
  LifelineMessage message = read_lifeline_message(context_);
  switch (message.kind) {
    case LifelineMessage::Kind::none:
      return;
    case LifelineMessage::Kind::logs:
      access_log_.reopened();
      tell_python_of_reopened_logs();
      return log_.info("log files reopened");
    case LifelineMessage::Kind::rest:
      return rest();
    case LifelineMessage::Kind::serve:
      return serve();
    case LifelineMessage::Kind::promotion:
      return promote(std::move(message.control));
    case LifelineMessage::Kind::end:
      return lose_supervisor();
  }
}

void IoThread::rest() {
  if (context_.closes_connections()) return;
  context_.resting.store(true, std::memory_order_seq_cst);
  driver_.start_draining(now_);
}

void IoThread::serve() {
  if (context_.stopping() || !context_.resting.load(std::memory_order_relaxed)) return;
  context_.resting.store(false, std::memory_order_release);
  driver_.stop_draining(now_);
}

void IoThread::promote(TrackedFd control) {
  if (context_.stopping()) return;
  context_.promotion = std::move(control);
  context_.advance_stop(StopState::draining);
}

void IoThread::lose_supervisor() {
  poller_.forget(context_.config.lifeline);
  log_.warning("the supervisor is gone: draining");
  hard_end_ = now_ + to_nanos(context_.config.graceful_timeout);
  context_.advance_stop(StopState::draining);
}

Nanos IoThread::sleep_time() const {
  if (driver_.has_runnable()) return 0;
  const Nanos deadline = next_deadline();
  if (deadline < 0) return -1;
  return std::max<Nanos>(deadline - now_, 0);
}

/// How late the end of an exchange may be noticed.
Nanos IoThread::longest_unseen() const {
  const Nanos keep_alive = std::max<Nanos>(to_nanos(context_.config.keep_alive), kMillisecond);
  return context_.accounts_requests() ? std::min(keep_alive, kLogDelay) : keep_alive;
}

/// -1: none.
Nanos IoThread::next_deadline() const {
  Nanos next = -1;
  const auto sooner = [&next](Nanos deadline) { next = next < 0 ? deadline : std::min(next, deadline); };
  if (const auto timer = timers_.next_deadline()) sooner(*timer);
  // Executors wake us only for what cannot wait; an idle timer can, as long as it is armed within its own
  // time.
  if (driver_.out() > 0) sooner(now_ + longest_unseen());
  if (busy_since_ && (acceptor_.watching() || handover_.watching())) sooner(*busy_since_ + kBusyLimit);
  if (const auto waiting = handover_.deadline(now_)) sooner(*waiting);
  if (!acceptor_.watching() && acceptor_.paused_until() > now_) sooner(acceptor_.paused_until());
  if (accept_window_) sooner(std::min(last_accept_ + kAcceptQuiet, drain_start_ + kAcceptMost));
  if (access_log_.blocked()) sooner(now_ + kLogRetry);
  if (notice_retry_) sooner(*notice_retry_);
  if (seen_ == StopState::draining && !ended_ && driver_.connections() == 0) sooner(leave_time());
  if (hard_end_) sooner(*hard_end_);
  if (abort_at_) sooner(*abort_at_);
  if (quit_end_) sooner(*quit_end_);
  return next;
}

void IoThread::update_recycling() {
  const ServerConfig& config = context_.config;
  if (config.max_requests == 0 || recycling_ || driver_.answered() < config.max_requests) return;
  if (config.notify >= 0 && !send_recycle_notice()) return;
  if (config.notify < 0) context_.advance_stop(StopState::draining);
  recycling_ = true;
}

/// False while it has to be tried again: the supervisor's socket holds only a few datagrams. If the
/// supervisor is gone, the lifeline tells.
bool IoThread::send_recycle_notice() {
  if (notice_retry_ && now_ < *notice_retry_) return false;
  const std::string& notice = context_.config.recycle_notice;
  const ssize_t sent =
      ::send(context_.config.notify, notice.data(), notice.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  notice_retry_.reset();
  const bool again = sent < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS);
  if (again) notice_retry_ = now_ + kNoticeRetry;
  return !again;
}

void IoThread::update_stop() {
  update_recycling();
  if (context_.quit.load(std::memory_order_acquire) && !quit_end_) {
    context_.advance_stop(StopState::stopping);
    quit_end_ = now_ + to_nanos(context_.config.graceful_timeout);
  }
  const StopState wanted = context_.stop.load(std::memory_order_acquire);
  if (wanted >= StopState::draining && seen_ < StopState::draining) start_draining();
  if (wanted == StopState::stopping && seen_ < StopState::stopping) start_stopping();
}

/// Decided only after the turn's events were handled: one of them may be a connection to accept.
void IoThread::update_end() {
  if (accept_window_ && (now_ - last_accept_ >= kAcceptQuiet || now_ - drain_start_ >= kAcceptMost))
    accept_window_ = false;
  if (seen_ == StopState::draining && !accept_window_ && !ended_ && driver_.connections() == 0 &&
      leaves_nothing()) {
    ended_ = true;
    context_.queue.end();
  }
}

void IoThread::start_draining() {
  seen_ = StopState::draining;
  accept_window_ = !context_.resting.load(std::memory_order_relaxed);
  drain_start_ = last_accept_ = now_;
  if (context_.scoreboard) context_.scoreboard->set_state(scoreboard::WorkerState::draining);
  driver_.start_draining(now_);
}

void IoThread::start_stopping() {
  seen_ = StopState::stopping;
  accept_window_ = false;
  ended_ = true;
  driver_.stop(context_.queue.end(), now_);
}

/// Connections that siblings have handed over are not left behind, unless that would end in a kill.
bool IoThread::leaves_nothing() const {
  return context_.resting.load(std::memory_order_relaxed) || now_ >= leave_time() ||
         !context_.handover.waiting();
}

Nanos IoThread::leave_time() const {
  return drain_start_ + to_nanos(context_.config.graceful_timeout) / 2;
}

/// A worker watches the listeners only while it can serve, and the hand-over queue only while an executor is
/// free: what is in there has waited already. To stop watching costs a system call, so a worker does so only
/// after its limit, or when it was given something.
void IoThread::update_listeners() {
  if (poller_.more()) return;  // what we were woken for may be among the rest
  if (!may_watch()) acceptor_.unwatch();
  if (!may_take()) handover_.unwatch();
  const bool given = handover_.was_readable();
  const bool busy = saturated();
  bool free = context_.executor_free();
  if (busy || (given && !free)) {
    if (watch_less(busy)) return;
    free = true;
  }
  if (may_watch()) acceptor_.watch();
  if (may_take() && free) handover_.watch(kHandover);
  if (free) context_.watches_less.store(false, std::memory_order_relaxed);
}

/// Leaves the hand-over queue, and the listeners too. False if an executor has become free just now. Also where neither is
/// watched for another reason, which may pass while executors are busy: then only they can say when to watch again.
bool IoThread::watch_less(bool listeners) {
  const bool watching = handover_.watching() || (listeners && acceptor_.watching());
  if (!watching && context_.watches_less.load(std::memory_order_relaxed)) return true;
  // Announced before the last look: an executor that becomes free either sees the announcement or is seen.
  context_.watches_less.store(true, std::memory_order_seq_cst);
  handover_.look(now_);
  if (context_.executor_free() && !handover_.overdue(now_)) return false;
  handover_.unwatch();
  if (listeners) acceptor_.unwatch();
  return true;
}

bool IoThread::can_open() const {
  return acceptor_.paused_until() <= now_ && driver_.connections() < context_.config.max_connections;
}

bool IoThread::may_watch() const {
  const bool leaves = seen_ != StopState::running || context_.resting.load(std::memory_order_relaxed);
  if (leaves && !accept_window_) return false;
  return can_open();
}

bool IoThread::may_take() const {
  return context_.takes_handovers() && !ended_ && can_open();
}

/// Whether no executor has been free for longer than the limit, or a request waits for longer. A draining
/// worker accepts all the same: what the queue holds would otherwise be reset.
bool IoThread::saturated() {
  const std::uint32_t times_free = context_.times_free.load(std::memory_order_relaxed);
  if (context_.executor_free() || accept_window_) {
    busy_since_.reset();
  } else if (!busy_since_ || times_free != seen_times_free_) {
    busy_since_ = now_;
  }
  seen_times_free_ = times_free;
  if (accept_window_) return false;
  return (busy_since_ && now_ - *busy_since_ >= kBusyLimit) || handover_.overdue(now_);
}

bool IoThread::finished() {
  return quit_end_ && (now_ >= *quit_end_ || !driver_.owes_answers());
}

/// Python's handler has not come to run: the one that needs no interpreter has its turn. This thread takes
/// SIGABRT (Server::start).
void IoThread::check_abort() {
  if (!abort_at_ || now_ < *abort_at_) return;
  abort_at_.reset();
  ::sigaction(SIGABRT, &context_.abort_action, nullptr);
  ::raise(SIGABRT);
}

void IoThread::check_hard_end() {
  if (!hard_end_ || now_ < *hard_end_) return;
  log_.line(LogLevel::error, "not drained within graceful_timeout after the supervisor's end: ending now");
  ::_exit(kExitOverdue);
}

}  // namespace gserve::net
