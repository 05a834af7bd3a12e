// SPDX-License-Identifier: MIT
// What Driver does differently where a connection is encrypted.
#include <cerrno>

#include "worker/net/driver.h"

namespace gserve::net {

/// With the first bytes: a client that says nothing costs nothing. The handshake is bounded by the timer that runs from accept to the end of the first head.
void Driver::start_tls(Connection& c) {
  c.tls = std::make_unique<TlsSession>(context_.guard, *context_.tls, c.fd.get());
  c.output.encrypt_with(c.tls.get());
}

std::size_t Driver::receive_encrypted(Connection& c, char* room, std::size_t size, Nanos now) {
  const ssize_t n = c.tls->receive(room, size);
  const int error = errno;
  const bool more = c.tls->holds_more() || (n > 0 && c.input_ended);
  c.input_waiting.store(more, std::memory_order_relaxed);
  if (n > 0) return static_cast<std::size_t>(n);
  if (n == 0) {
    end_of_input(c, now);
  } else if (error == EAGAIN) {
    if (more) keep_running(c);
  } else if (error == EPROTO && !c.tls->established()) {
    tls_failed(c, now);
  } else {
    lost(c, now);
  }
  return 0;
}

/// The handshake has failed; OpenSSL has told the client why. Plain HTTP is answered in its own words.
void Driver::tls_failed(Connection& c, Nanos now) {
  const bool plain_http = c.tls->met_plain_http();
  const std::string failure = c.tls->failure();
  end_tls(c, false);
  c.state.bytes_received();
  if (plain_http) return refuse(c, {400, "plain HTTP was sent to a TLS port"}, now);
  if (log_.logs(LogLevel::info)) {
    log_.info("TLS handshake with " + (c.peer.address.empty() ? "a Unix socket" : c.peer.address) +
              " failed: " + failure);
  }
  c.state.refused();
  timers_.disarm(c.read_timer);
  flush(c, now);
}

void Driver::end_tls(Connection& c, bool orderly) {
  if (!c.tls) return;
  if (orderly) c.tls->shut_down();
  c.output.encrypt_with(nullptr);
  c.tls.reset();
}

}  // namespace gserve::net
