// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/tls_context.h"
#include "tests/component/net/client.h"

struct ssl_ctx_st;
struct ssl_session_st;
struct ssl_st;

namespace gserve::test {

/// A certificate and its key, both PEM.
struct Identity {
  std::string certificate;
  std::string key;
};

/// Signed by `issuer`, else by itself. Elliptic curve keys: made in no time.
Identity make_identity(const std::string& name, const Identity* issuer = nullptr);

/// What a server needs that shows `identity` to everybody.
tls::Material material_for(const Identity& identity);

struct TlsOptions {
  std::string host = {};               // server name to ask for
  std::string protocols = {};          // to offer, as RFC 7301 writes them: length, name
  std::string preface = {};            // to send before, as it is
  int version = 0;                     // the only one to speak; 0: any
  const Identity* identity = nullptr;  // to show
  ssl_session_st* session = nullptr;   // to resume
};

/// A Client that speaks TLS; made with the handshake done or failed.
class TlsClient : public Client {
 public:
  explicit TlsClient(std::uint16_t port, const TlsOptions& options = {});
  ~TlsClient() override;

  bool connected() const { return connected_; }
  /// OpenSSL's word on why the handshake or the first answer failed.
  const std::string& failure() const { return failure_; }
  /// Common name in the server's certificate.
  std::string server_name() const;
  std::string protocol() const;  // that was agreed on
  int version() const;
  bool resumed() const;
  /// To be freed with release_session(). With TLS 1.3 it comes with the first answer.
  ssl_session_st* session() const;
  static void release_session(ssl_session_st* session);
  /// Says that nothing more comes, and goes on reading.
  void send_close_notify();
  /// Whether the server has said that nothing more comes.
  bool was_notified() const;

  void send(std::string_view bytes) override;
  bool closed() override;

 protected:
  ssize_t receive(char* into, std::size_t size) override;

 private:
  void note_failure();

  ssl_ctx_st* context_;
  ssl_st* ssl_;
  bool connected_ = false;
  std::string failure_;
};

}  // namespace gserve::test
