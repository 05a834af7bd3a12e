// SPDX-License-Identifier: MIT
// What Driver does with bytes that arrive.
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "worker/net/driver.h"

namespace gserve::net {

using http::ConnectionPhase;
using Action = http::ConnectionState::Action;

namespace {

constexpr std::size_t kReadTurn = std::size_t{512} * 1024;
/// Bounds the memory of a head where the configured limits do not.
constexpr std::size_t kMostHead = std::size_t{16} << 20;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

void Driver::read(Connection& c, Nanos now) {
  if (c.proxy_expected && !read_proxy_header(c, now)) return;
  if (context_.tls && !c.tls && c.state.phase() == ConnectionPhase::fresh) start_tls(c);
  switch (c.state.phase()) {
    case ConnectionPhase::fresh:
    case ConnectionPhase::idle:
    case ConnectionPhase::head:
      return read_head(c, now);
    case ConnectionPhase::body:
      return read_body(c, now);
    case ConnectionPhase::running:
      if (c.body_pending && !c.body.paused()) return read_body(c, now);
      [[fallthrough]];
    case ConnectionPhase::flushing:
      // Left in the kernel until the exchange ends; give_back() looks at this after it has posted its letter.
      return c.input_waiting.store(true, std::memory_order_seq_cst);
    case ConnectionPhase::lingering:
      return discard(c, now);
    case ConnectionPhase::closed:
      return;
  }
}

std::size_t Driver::receive(Connection& c, char* room, std::size_t size, Nanos now) {
  if (c.tls) return receive_encrypted(c, room, size, now);
  ssize_t n = 0;
  do {
    n = ::recv(c.fd.get(), room, size, 0);
  } while (n < 0 && errno == EINTR);
  if (n > 0) {
    // Fewer than asked for: the socket is empty (epoll(7)), but for an end that was reported already.
    const bool more = static_cast<std::size_t>(n) == size || c.input_ended;
    c.input_waiting.store(more, std::memory_order_relaxed);
    return static_cast<std::size_t>(n);
  }
  c.input_waiting.store(false, std::memory_order_relaxed);
  if (n == 0) {
    end_of_input(c, now);
  } else if (errno != EAGAIN) {
    lost(c, now);
  }
  return 0;
}

void Driver::end_of_input(Connection& c, Nanos now) {
  if (c.state.phase() == ConnectionPhase::running) {
    c.body_pending = false;
    c.body.break_off();
  }
  act(c, c.state.end_of_input(), now);
}

void Driver::read_head(Connection& c, Nanos now) {
  do {
    std::size_t size = 0;
    char* room = c.input.room(&size);
    const std::size_t n = receive(c, room, size, now);
    if (n == 0) return;
    c.input.received(n);
    parse(c, now);
    if (c.state.phase() == ConnectionPhase::body) return read_body(c, now);
  } while (c.state.phase() == ConnectionPhase::head && c.input_waiting.load(std::memory_order_relaxed));
}

/// Looks at the input of a connection that has some.
void Driver::parse(Connection& c, Nanos now) {
  c.state.bytes_received();
  switch (c.parser.parse(c.input.view())) {
    case http::RequestParser::Status::need_more:
      if (c.input.size() > kMostHead) return refuse(c, {431, "the head is too large"}, now);
      return set_timer(c, now);
    case http::RequestParser::Status::refused:
      return refuse(c, c.parser.refusal(), now);
    case http::RequestParser::Status::complete:
      return head_complete(c, now);
  }
}

void Driver::head_complete(Connection& c, Nanos now) {
  const http::RequestHead& head = c.parser.head();
  c.consumed = c.parser.head_size();
  if (!head.has_body()) return to_executors(c, Place::last, now);
  c.decoder = http::BodyDecoder(head, context_.config.limits.request_body);
  c.body_pending = true;
  c.state.body_expected();
  set_timer(c, now);
  c.consumed += decode(c, c.input.view().substr(c.consumed), now);
  const ConnectionPhase phase = c.state.phase();
  if (phase != ConnectionPhase::body && phase != ConnectionPhase::running) return;
  if (!c.body_pending) return body_complete(c, now);
  if (head.expect_continue && c.body.empty()) {
    const std::array<std::string_view, 1> parts{kContinue};
    c.output.write(c.fd.get(), parts, {});
  }
}

std::size_t Driver::decode(Connection& c, std::string_view bytes, Nanos now) {
  std::size_t used = 0;
  for (;;) {
    const http::BodyDecoder::Step step = c.decoder.decode(bytes.substr(used));
    used += step.consumed;
    if (!step.data.empty() && !keep_body(c, step.data, now)) return used;
    if (step.status == http::BodyDecoder::Status::complete) {
      c.body_pending = false;
      return used;
    }
    if (step.status == http::BodyDecoder::Status::refused) {
      if (c.state.phase() == ConnectionPhase::running) {
        refuse_body(c, c.decoder.refusal());
      } else {
        c.body_pending = false;
        refuse(c, c.decoder.refusal(), now);
      }
      return used;
    }
    if (step.consumed == 0) return used;
  }
}

/// False when the body cannot be held; the connection is dealt with.
bool Driver::keep_body(Connection& c, std::string_view data, Nanos now) {
  if (c.body.streaming()) {
    if (c.body.append_streaming(data)) return true;
    c.body.break_off();
    c.body_pending = false;
  } else {
    if (c.body.append(data)) {
      if (!c.body.full()) return true;
      c.body.stream();
      to_executors(c, Place::last, now);
      return c.state.phase() == ConnectionPhase::running;
    }
    c.body_pending = false;
  }
  log_.line(LogLevel::error,
            "cannot spool a request body in " + context_.spool.dir + ": " + error_text(errno));
  if (c.state.phase() == ConnectionPhase::body) refuse(c, {503, "the request body cannot be stored"}, now);
  return false;
}

void Driver::read_body(Connection& c, Nanos now) {
  std::size_t budget = kReadTurn;
  for (;;) {
    const std::size_t n = receive(c, scratch_.get(), kScratch, now);
    if (n == 0) return;
    const std::string_view bytes(scratch_.get(), n);
    const std::size_t used = decode(c, bytes, now);
    const ConnectionPhase phase = c.state.phase();
    if (phase != ConnectionPhase::body && phase != ConnectionPhase::running) return;
    if (!c.body_pending) {
      c.pending.assign(bytes.substr(used));
      return body_complete(c, now);
    }
    timers_.arm(c.read_timer, TimerKind::body, now);
    if (c.body.paused()) {
      timers_.disarm(c.read_timer);
      return c.input_waiting.store(true, std::memory_order_relaxed);
    }
    if (!c.input_waiting.load(std::memory_order_relaxed)) return;
    budget -= std::min(budget, n);
    if (budget == 0) return keep_running(c);
  }
}

void Driver::body_complete(Connection& c, Nanos now) {
  if (c.state.phase() == ConnectionPhase::body) return to_executors(c, Place::last, now);
  timers_.disarm(c.read_timer);
  c.body.complete();
}

void Driver::body_wanted(Connection& c, Nanos now) {
  if (c.state.phase() != ConnectionPhase::running || !c.body_pending) return;
  timers_.arm(c.read_timer, TimerKind::body, now);
  read_body(c, now);
}

/// Reads and throws away, so that our close is no reset; bounded by the linger timer.
void Driver::discard(Connection& c, Nanos now) {
  std::size_t budget = kReadTurn;
  while (budget > 0) {
    const std::size_t n = receive(c, scratch_.get(), kScratch, now);
    if (n == 0) return;
    budget -= std::min(budget, n);
  }
  c.input_waiting.store(true, std::memory_order_relaxed);
  keep_running(c);
}

}  // namespace gserve::net
