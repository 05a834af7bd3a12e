// SPDX-License-Identifier: MIT
#include "tests/component/net/tls_client.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <atomic>

namespace gserve::test {
namespace {

constexpr long kDay = 24L * 60 * 60;

std::string take(BIO* bio) {
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  std::string result(text, static_cast<std::size_t>(size));
  BIO_free(bio);
  return result;
}

BIO* from(const std::string& pem) {
  return BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
}

X509* read_certificate(const std::string& pem) {
  BIO* bio = from(pem);
  X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  return certificate;
}

EVP_PKEY* read_key(const std::string& pem) {
  BIO* bio = from(pem);
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  return key;
}

void set_name(X509_NAME* into, const std::string& name) {
  X509_NAME_add_entry_by_txt(into, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(name.data()),
                             static_cast<int>(name.size()), -1, 0);
}

void allow_signing(X509* certificate) {
  X509_EXTENSION* authority =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints, "critical,CA:TRUE");
  X509_add_ext(certificate, authority, -1);
  X509_EXTENSION_free(authority);
}

}  // namespace

Identity make_identity(const std::string& name, const Identity* issuer) {
  static std::atomic<long> serial{1};
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -kDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate), kDay);
  X509_set_pubkey(certificate, key);
  set_name(X509_get_subject_name(certificate), name);
  if (issuer == nullptr) {
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    allow_signing(certificate);
    X509_sign(certificate, key, EVP_sha256());
  } else {
    X509* signer = read_certificate(issuer->certificate);
    EVP_PKEY* signing_key = read_key(issuer->key);
    X509_set_issuer_name(certificate, X509_get_subject_name(signer));
    X509_sign(certificate, signing_key, EVP_sha256());
    EVP_PKEY_free(signing_key);
    X509_free(signer);
  }
  BIO* certificate_text = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(certificate_text, certificate);
  BIO* key_text = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(key_text, key, nullptr, nullptr, 0, nullptr, nullptr);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return {take(certificate_text), take(key_text)};
}

tls::Material material_for(const Identity& identity) {
  tls::Material material;
  material.certificates = {{"", identity.certificate, identity.key, "cert.pem", "key.pem"}};
  return material;
}

TlsClient::TlsClient(std::uint16_t port, const TlsOptions& options)
    : Client(port), context_(SSL_CTX_new(TLS_client_method())) {
  SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_OFF);
  if (options.version != 0) {
    if (options.version < TLS1_2_VERSION) SSL_CTX_set_cipher_list(context_, "ALL:@SECLEVEL=0");
    SSL_CTX_set_min_proto_version(context_, options.version);
    SSL_CTX_set_max_proto_version(context_, options.version);
  }
  if (options.identity != nullptr) {
    X509* certificate = read_certificate(options.identity->certificate);
    EVP_PKEY* key = read_key(options.identity->key);
    SSL_CTX_use_certificate(context_, certificate);
    SSL_CTX_use_PrivateKey(context_, key);
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  ssl_ = SSL_new(context_);
  SSL_set_fd(ssl_, fd());
  if (!options.host.empty()) SSL_set_tlsext_host_name(ssl_, options.host.c_str());
  if (!options.protocols.empty()) {
    SSL_set_alpn_protos(ssl_, reinterpret_cast<const unsigned char*>(options.protocols.data()),
                        static_cast<unsigned>(options.protocols.size()));
  }
  if (options.session != nullptr) SSL_set_session(ssl_, options.session);
  Client::send(options.preface);
  ERR_clear_error();
  connected_ = SSL_connect(ssl_) == 1;
  if (!connected_) note_failure();
}

TlsClient::~TlsClient() {
  SSL_free(ssl_);
  SSL_CTX_free(context_);
}

void TlsClient::note_failure() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  if (reason != nullptr) failure_ = reason;
  ERR_clear_error();
}

std::string TlsClient::server_name() const {
  const X509* certificate = SSL_get0_peer_certificate(ssl_);
  char name[256] = "";
  if (certificate != nullptr)
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
  return name;
}

std::string TlsClient::protocol() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_, &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

int TlsClient::version() const {
  return SSL_version(ssl_);
}
bool TlsClient::resumed() const {
  return SSL_session_reused(ssl_) == 1;
}
ssl_session_st* TlsClient::session() const {
  return SSL_get1_session(ssl_);
}
void TlsClient::release_session(ssl_session_st* session) {
  SSL_SESSION_free(session);
}

void TlsClient::send_close_notify() {
  SSL_shutdown(ssl_);
}
bool TlsClient::was_notified() const {
  return (SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN) != 0;
}

void TlsClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const int n = SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
    if (n <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

ssize_t TlsClient::receive(char* into, std::size_t size) {
  ERR_clear_error();
  const int n = SSL_read(ssl_, into, static_cast<int>(size));
  if (n > 0) return n;
  if (SSL_get_error(ssl_, n) == SSL_ERROR_SSL) note_failure();
  return was_notified() ? 0 : -1;
}

bool TlsClient::closed() {
  char byte = 0;
  return receive(&byte, 1) <= 0;
}

}  // namespace gserve::test
