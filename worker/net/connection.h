// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "worker/http/body_decoder.h"
#include "worker/http/connection_state.h"
#include "worker/http/proxy_header.h"
#include "worker/http/request_parser.h"
#include "worker/net/body_buffer.h"
#include "worker/net/context.h"
#include "worker/net/http_exchange.h"
#include "worker/net/input_buffer.h"
#include "worker/net/mailbox.h"
#include "worker/net/output_queue.h"
#include "worker/net/timers.h"
#include "worker/net/tls_session.h"

namespace gserve::net {

/// One connection. Connections are pooled: they keep their address for the server's life, so that a late look
/// at an atomic of a connection that was closed meanwhile is harmless.
///
/// The I/O thread uses all of it; while the phase is `running` the executor uses `exchange`, `output`,
/// `body`, and reads the parsed head, the endpoints, `fd` and the facts of `tls`, none of which the I/O thread then changes.
struct Connection : Letterbox {
  Connection(Context& context, std::uint32_t index_in_table)
      : index(index_in_table),
        parser(context.config.limits, context.config.leniency),
        body(context.guard, context.spool, context.body_memory, exchange),
        exchange(context, *this),
        output(context.guard, context.spool, exchange) {}

  /// Takes a new socket.
  void open(TrackedFd socket, Endpoint from, const Endpoint& to);
  /// The PROXY header, which comes once and first. The client becomes the one that it announces.
  void take_proxy_header(http::ProxyHeader header);
  const Endpoint& connected() const { return announced() ? proxy : peer; }
  /// Makes it ready for another socket; old tokens no longer mean it.
  void recycle();

  const std::uint32_t index;
  std::uint32_t generation = 1;
  TrackedFd fd;
  std::unique_ptr<TlsSession> tls;  // none: bytes go as they are
  Endpoint peer;                    // the client
  Endpoint local;
  std::optional<http::ProxyHeader> proxy_header;
  Endpoint proxy;  // who is connected, if that is not the client
  http::ConnectionState state;
  http::RequestParser parser;
  http::BodyDecoder decoder;
  InputBuffer input;         // starts with the current request
  std::size_t consumed = 0;  // of input: the current request's part
  std::string pending;       // what arrived after the end of a body that was read past `input`
  Timer read_timer{*this};
  Timer write_timer{*this};
  bool proxy_expected = false;  // a PROXY header may come before all else
  bool body_pending = false;    // the decoder is not at the body's end
  bool input_ended = false;     // a FIN was reported: to be seen by a read after the last byte
  bool runnable = false;        // on the list of those that have work left in this turn
  bool more_output = false;     // flush() stopped at its budget
  /// The socket may hold bytes that nobody has read: no edge will tell again. Executors read it.
  std::atomic<bool> input_waiting{false};

  BodyBuffer body;
  HttpExchange exchange;
  OutputQueue output;

 private:
  bool announced() const { return proxy_header && proxy_header->replaces_peer(); }
};

}  // namespace gserve::net
