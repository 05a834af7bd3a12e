// SPDX-License-Identifier: MIT
#include "worker/net/connection.h"

#include <utility>

namespace gserve::net {

void Connection::open(TrackedFd socket, Endpoint from, const Endpoint& to) {
  fd = std::move(socket);
  peer = std::move(from);
  local = to;
  state = {};
}

void Connection::take_proxy_header(http::ProxyHeader header) {
  proxy_header = std::move(header);
  if (!announced()) return;
  proxy = std::exchange(peer, {proxy_header->source, proxy_header->source_port, ""});
}

void Connection::recycle() {
  // Generation 0 is for tokens that are no connection's.
  if (++generation == 0) generation = 1;
  proxy_header.reset();
  parser.reset();
  input.release();
  pending = {};
  consumed = 0;
  proxy_expected = body_pending = input_ended = more_output = false;
  input_waiting.store(false, std::memory_order_relaxed);
  body.reset();
  output.reset();
}

}  // namespace gserve::net
