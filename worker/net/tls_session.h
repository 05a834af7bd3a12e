// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "worker/net/fork_guard.h"

struct ssl_st;

namespace gserve::tls {
class Context;
}

namespace gserve::net {

/// The server's side of TLS on one connection. I/O thread only: executors queue what they send, the thread
/// encrypts it.
///
/// The handshake is part of receive(): until it is complete, there is nothing to read. It waits for nothing,
/// and takes no time of the application. Every call holds the fork guard's lock while OpenSSL works: a child
/// that the application forks meanwhile would else find OpenSSL's own locks taken for good.
///
/// A session that has failed is of no more use; its connection's bytes are not to be understood.
class TlsSession {
 public:
  /// `context` and the non-blocking `socket` are borrowed. Throws std::bad_alloc.
  TlsSession(ForkGuard& guard, const tls::Context& context, int socket);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  /// As recv(2), of decrypted bytes. 0: the client sends nothing more (close_notify, or a FIN). -1 with
  /// errno: EAGAIN, what the socket said, or EPROTO when the session has failed: see failure().
  ssize_t receive(char* into, std::size_t size);
  /// Whether bytes wait, here or in the socket, of which no event will tell again.
  bool holds_more() const;
  /// Whether receive() has to be called when the socket can be written to: the handshake waits for that.
  bool wants_to_write() const { return wants_to_write_; }

  /// Encrypts and sends some of `bytes`: how many; 0 when the socket takes nothing now, then `bytes` must
  /// come again, or more that begin with them; -1 with errno.
  ssize_t send(std::string_view bytes);
  /// Says that nothing more follows (close_notify), if the socket takes it.
  void shut_down();

  bool established() const;
  /// Why the session has failed, in a few words.
  const std::string& failure() const { return failure_; }
  /// Whether what came first was no TLS but a letter: the start of a plain HTTP request.
  bool met_plain_http() const;
  /// What an environ tells of the client's certificate, by mod_ssl's names: SSL_CLIENT_VERIFY (SUCCESS or
  /// NONE), SSL_CLIENT_CERT (PEM), SSL_CLIENT_S_DN, SSL_CLIENT_I_DN (RFC 2253), SSL_CLIENT_M_SERIAL. Empty
  /// when clients are not asked for one. Does not change once something was received.
  std::span<const std::pair<const char*, std::string>> client_facts() const { return client_facts_; }

 private:
  struct Wire;

  ssize_t stopped(int result);
  ssize_t fail();
  void note_client();

  ForkGuard& guard_;
  const std::unique_ptr<Wire> wire_;
  ssl_st* const ssl_;
  const bool asks_for_certificate_;
  bool wants_to_write_ = false;
  bool unsent_ = false;  // a record is encrypted and only partly sent
  std::string failure_;
  std::vector<std::pair<const char*, std::string>> client_facts_;
};

}  // namespace gserve::net
