// SPDX-License-Identifier: MIT
#include "worker/net/server.h"

#include <pthread.h>
#include <signal.h>

#include <cerrno>
#include <system_error>
#include <thread>

#include "worker/net/io_thread.h"

namespace gserve::net {

class Server::Impl {
 public:
  explicit Impl(ServerConfig config) : context(std::move(config)) {}

  Context context;
  std::unique_ptr<IoThread> io;
  std::thread thread;
};

namespace {

/// The server that fork handlers deal with: a process has one at a time.
std::atomic<Server*> g_forking_server{nullptr};

void before_any_fork() {
  if (Server* server = g_forking_server.load()) server->before_fork();
}

void after_any_fork_in_parent() {
  if (Server* server = g_forking_server.load()) server->after_fork_in_parent();
}

void after_any_fork_in_child() {
  if (Server* server = g_forking_server.load()) server->after_fork_in_child();
}

void register_fork_handlers() {
  static std::once_flag once;
  std::call_once(
      once, [] { ::pthread_atfork(before_any_fork, after_any_fork_in_parent, after_any_fork_in_child); });
}

/// Blocks for its lifetime all signals but SIGABRT, on which stacks are dumped, and those that a fault
/// raises. A thread started meanwhile inherits that; the caller's own mask comes back.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t blocked;
    ::sigfillset(&blocked);
    for (const int number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP})
      ::sigdelset(&blocked, number);
    ::pthread_sigmask(SIG_SETMASK, &blocked, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

Server::Server(ServerConfig config) : impl_(std::make_unique<Impl>(std::move(config))) {}

Server::~Server() {
  if (impl_->context.guard.dead()) {
    // A forked child: the thread does not exist here, and what it held is in an unknown state.
    static_cast<void>(impl_.release());
    return;
  }
  join();
  Server* self = this;
  g_forking_server.compare_exchange_strong(self, nullptr);
}

void Server::start() {
  Context& context = impl_->context;
  const ServerConfig& config = context.config;
  for (const int fd : config.listeners) context.guard.lend(fd);
  for (const int fd : {config.handover_out, config.handover_in, config.lifeline, config.access_log,
                       config.access_records, config.signal_wakeup})
    context.guard.lend(fd);
  if (config.aborts_in_python) ::sigaction(SIGABRT, nullptr, &context.abort_action);
  impl_->io = std::make_unique<IoThread>(context);
  g_forking_server.store(this);
  register_fork_handlers();
  const SignalsBlocked blocked;
  impl_->thread = std::thread([io = impl_->io.get()] { io->run(); });
  ::pthread_setname_np(impl_->thread.native_handle(), "gserve-io");
}

Exchange* Server::take(bool* interrupted) {
  if (interrupted != nullptr) *interrupted = false;
  if (impl_->context.guard.dead()) return nullptr;
  Context& context = impl_->context;
  const bool ask = context.queue.backlog() && context.takes_handovers() && context.handover.goes_first();
  Exchange* exchange = context.queue.take(interrupted, ask);
  if (exchange != nullptr) static_cast<HttpExchange*>(exchange)->taken();
  return exchange;
}

Ready Server::take_ready() {
  Context& context = impl_->context;
  if (context.guard.dead()) return {Ready::Kind::ended, nullptr};
  if (context.loop_thread.load(std::memory_order_relaxed) != std::this_thread::get_id())
    context.loop_thread.store(std::this_thread::get_id(), std::memory_order_relaxed);
  const Ready ready = context.queue.take_ready();
  if (ready.kind == Ready::Kind::request) static_cast<HttpExchange*>(ready.exchange)->taken();
  // All is taken: the I/O thread may watch again.
  if (ready.exchange == nullptr && context.watches_less.load(std::memory_order_seq_cst))
    context.mailbox.wake();
  return ready;
}

bool Server::on_loop_thread() const {
  return impl_->context.on_loop_thread();
}

int Server::ready_fd() const {
  return impl_->context.queue.ready_fd();
}

void Server::drain() {
  if (impl_->context.guard.dead()) return;
  impl_->context.advance_stop(StopState::draining);
  impl_->context.mailbox.wake();
}

void Server::stop() {
  if (impl_->context.guard.dead()) return;
  impl_->context.advance_stop(StopState::stopping);
  impl_->context.mailbox.wake();
}

StopState Server::stop_state() const {
  return impl_->context.stop.load(std::memory_order_acquire);
}

void Server::join() {
  if (impl_->context.guard.dead() || !impl_->thread.joinable()) return;
  impl_->context.quit.store(true, std::memory_order_release);
  impl_->context.mailbox.wake();
  impl_->thread.join();
  impl_->io.reset();
}

std::optional<int> Server::take_promotion() {
  std::optional<TrackedFd>& control = impl_->context.promotion;
  if (!control) return std::nullopt;
  const int fd = control->release();
  control.reset();
  return fd;
}

void Server::before_fork() {
  impl_->context.guard.before_fork();
}

void Server::after_fork_in_parent() {
  impl_->context.guard.after_fork_in_parent();
}

void Server::after_fork_in_child() {
  impl_->context.guard.after_fork_in_child(impl_->io ? impl_->io->epoll_fd() : -1);
  if (impl_->io) impl_->io->let_go();
}

}  // namespace gserve::net
