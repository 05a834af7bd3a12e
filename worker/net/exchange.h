// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "worker/http/proxy_header.h"
#include "worker/http/request.h"

/// The wall between the HTTP core and what runs applications.
///
/// Ownership: an Exchange belongs to the I/O thread until ExecutorQueue::take() hands it to an executor,
/// which then owns it until it calls finish(); after that call it must not be touched. While an executor owns
/// it, the I/O thread may only mark it (client gone), never free it nor close its descriptor. All views from
/// head() stay valid until finish().
///
/// Threads: every function here is called by the owning executor thread, without the GIL where it says "may
/// block".
///
/// Event loops (ServerConfig::event_loop): on the thread that calls Server::take_ready() nothing blocks. What
/// would have to wait does nothing and says so (kMustWait, Sent::must_wait); take_ready() tells, by `resumed`,
/// when to call again. On other threads calls block there, too.
namespace gserve::net {

/// One end of a connection, as text ready for an environ.
struct Endpoint {
  std::string address;  // "127.0.0.1", "::1"; empty for Unix sockets
  std::string port;     // "8000"; empty for Unix sockets
  std::string path;     // a Unix listener's path, else empty
};

enum class Sent {
  ok,
  must_wait,    // nothing was done: the client has to read first (only in an event loop, see Exchange)
  client_gone,  // reset or closed for writing: the rest of the response is of no use
  failed,       // a local error (errno set); the connection will be closed
};

class Exchange {
 public:
  virtual ~Exchange() = default;

  virtual const http::RequestHead& head() const = 0;
  virtual const Endpoint& peer() const = 0;  // the client
  /// Who is connected: the client, or the proxy that has announced it.
  virtual const Endpoint& connected() const = 0;
  /// With which header; nullptr if there was none.
  virtual const http::ProxyHeader* proxy_header() const = 0;
  virtual const Endpoint& local() const = 0;  // the listener's address
  virtual bool secure() const = 0;            // TLS
  /// As TlsSession::client_facts().
  virtual std::span<const std::pair<const char*, std::string>> client_facts() const = 0;
  /// The connection's socket, for `gunicorn.socket`. Owned by the connection.
  virtual int socket() const = 0;

  /// When the application got it, CLOCK_MONOTONIC in nanoseconds, less the time it waited for the client.
  virtual std::int64_t started() const = 0;
  /// The executor's own: nobody else reads or writes it. Null at first.
  void* tag = nullptr;

  /// What read_body() returns in place of blocking.
  static constexpr ssize_t kMustWait = -2;
  /// Reads up to `into.size()` bytes of the decoded request body. Blocks until at least one byte is there.
  /// Returns 0 at the end, -1 if the body broke (client gone, malformed or larger than allowed). Sends `100 Continue` when the
  /// client asked for it and nothing was read yet.
  virtual ssize_t read_body(std::span<char> into) = 0;

  /// Sends `103 Early Hints` at once (HTTP/1.1 only, before the head is sent; otherwise it does nothing).
  /// Returns nullptr, or what is wrong with the fields.
  virtual const char* early_hints(std::span<const http::Field> fields) = 0;

  /// Status and fields, as http::ResponseWriter::start: nullptr, or what is wrong with them. Sends nothing
  /// yet.
  virtual const char* start(std::string_view status, std::span<const http::Field> fields) = 0;
  /// Whether the head is on its way, so that start() cannot change it any more.
  virtual bool head_sent() const = 0;
  /// Bytes of the response's body so far.
  virtual std::uint64_t body_sent() const = 0;

  /// Sends body bytes; the head goes out with the first of them. `last`: the body is complete with this (lets
  /// a missing Content-Length be filled in). Copies what it cannot send at once. May block: back-pressure.
  virtual Sent send(std::string_view data, bool last) = 0;
  /// Sends `size` bytes of the regular file `fd` from `offset` (sendfile(2)). The descriptor is duplicated if
  /// it is needed beyond the call. May block.
  virtual Sent send_file(int fd, off_t offset, std::uint64_t size) = 0;

  /// Names of the environ's variables that the access log shows; each may be given to log_variable(), by its
  /// place here, before finish() or fail().
  virtual const std::vector<std::string>& logged_variables() const = 0;
  virtual void log_variable(std::size_t place, std::string_view value) = 0;

  /// The response is complete: sends what ends it and gives the Exchange back to the I/O thread.
  /// If start() was never called, answers 500.
  virtual void finish() = 0;
  /// The application failed: 500 if the head was not sent, else the connection is cut so that the client sees
  /// that the response is not whole. Gives the Exchange back.
  /// If the body broke through the client's fault, that is what is answered instead of 500.
  virtual void fail() = 0;
  /// The request may not run, by the client's fault: answers with the refusal's status, has it logged and
  /// gives the Exchange back. Before start().
  virtual void refuse(const http::Refusal& refusal) = 0;
};

}  // namespace gserve::net
