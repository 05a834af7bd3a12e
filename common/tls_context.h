// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

struct ssl_ctx_st;

/// What a TLS server is made of. The supervisor makes a context to find out whether the files of a deployment
/// are good, a worker to serve with it: both must come to the same result, so there is one way to make it.
namespace gserve::tls {

/// Whether clients have to show a certificate; the numbers are those of gunicorn's cert_reqs.
enum class ClientCertificates : int { none, optional, required };

struct Certificate {
  std::string host;        // lower case, perhaps "*.example.com"; empty: for clients that name no other one
  std::string chain;       // PEM: the certificate first, then those that lead to its issuer's root
  std::string key;         // PEM, without a passphrase
  std::string chain_file;  // where they come from, for messages
  std::string key_file;
};

struct Material {
  std::vector<Certificate> certificates;  // the first one is the default: its host is empty
  std::string client_authorities;         // PEM: who may have signed clients' certificates; empty: nobody
  std::string client_authorities_file;
  ClientCertificates client_certificates = ClientCertificates::none;
  std::string ciphers;     // OpenSSL's cipher list for TLS 1.2; empty: kDefaultCiphers
  std::string ticket_key;  // kTicketKeySize random bytes; empty: one of this context's own
};

/// Forward secrecy and authenticated encryption only. The suites of TLS 1.3 are OpenSSL's own.
inline constexpr const char* kDefaultCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
/// Of OpenSSL 3's session tickets: a name, a MAC key and an AES-256 key.
inline constexpr std::size_t kTicketKeySize = 80;

/// Whether a client that asks for `name` (lower case) means `host`; "*.example.com" covers one label.
bool covers(std::string_view host, std::string_view name);

/// A server's configuration for OpenSSL: TLS 1.2 and 1.3, http/1.1 as the only application protocol, the
/// certificate chosen by the name that the client asks for, no renegotiation, no compression, no session
/// cache. Sessions are resumed by tickets, which every context with the same ticket key understands.
class Context {
 public:
  /// The context, or in one line which file or setting is wrong and why.
  static std::variant<Context, std::string> make(const Material& material);

  Context(Context&&) noexcept;
  Context& operator=(Context&&) noexcept;
  ~Context();

  /// For SSL_new(3); valid as long as this object.
  ssl_ctx_st* get() const;
  bool asks_for_certificates() const;

 private:
  struct Parts;
  explicit Context(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace gserve::tls
