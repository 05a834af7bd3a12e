// SPDX-License-Identifier: MIT
// What Driver does with the PROXY header.
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "worker/net/driver.h"

namespace gserve::net {

using http::ProxyOutcome;

namespace {

/// recv(2) that a signal does not end.
ssize_t receive_from(int socket, char* room, std::size_t size, int flags) {
  ssize_t n = 0;
  do {
    n = ::recv(socket, room, size, flags);
  } while (n < 0 && errno == EINTR);
  return n;
}

}  // namespace

/// Looks before it takes, so that what follows the header stays in the socket for whoever reads it next.
bool Driver::read_proxy_header(Connection& c, Nanos now) {
  static_assert(http::kMaxProxyHeader <= kScratch);
  const ServerConfig& config = context_.config;
  const ssize_t n = receive_from(c.fd.get(), scratch_.get(), http::kMaxProxyHeader, MSG_PEEK);
  if (n < 0 && errno == EAGAIN) return false;
  if (n < 0) return lost(c, now), false;
  if (n == 0) return end_of_input(c, now), false;
  const bool allowed = c.peer.address.empty() || config.proxy_allow_ips.contains(c.peer.address);
  ProxyOutcome outcome =
      http::read_proxy_header({scratch_.get(), static_cast<std::size_t>(n)}, config.proxy_protocol, allowed);
  switch (outcome.status) {
    case ProxyOutcome::Status::need_more:
      if (c.input_ended) end_of_input(c, now);
      return false;
    case ProxyOutcome::Status::absent:
      break;
    case ProxyOutcome::Status::complete:
      receive_from(c.fd.get(), scratch_.get(), outcome.size, 0);
      c.take_proxy_header(std::move(outcome.header));
      break;
    case ProxyOutcome::Status::refused:
      c.proxy_expected = false;
      c.state.bytes_received();
      refuse(c, outcome.refusal, now);
      return false;
  }
  c.proxy_expected = false;
  return true;
}

}  // namespace gserve::net
