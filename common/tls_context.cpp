// SPDX-License-Identifier: MIT
#include "common/tls_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cctype>
#include <utility>

namespace gserve::tls {
namespace {

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using BioPtr = std::unique_ptr<BIO, Deleter<BIO_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using CertificatePtr = std::unique_ptr<X509, Deleter<X509_free>>;
using ContextPtr = std::unique_ptr<SSL_CTX, Deleter<SSL_CTX_free>>;

constexpr unsigned char kSessionContext[] = "gserve";
constexpr std::string_view kHttp11 = "\x08http/1.1";

/// What is wrong, in one line; leaves the making of a context.
struct Wrong {
  std::string reason;
};

/// OpenSSL's word on what just failed.
std::string reason() {
  const char* text = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return text != nullptr ? text : "unknown error";
}

BioPtr reader(const std::string& text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::vector<CertificatePtr> read_certificates(const std::string& pem, const std::string& file) {
  ERR_clear_error();
  const BioPtr bio = reader(pem);
  std::vector<CertificatePtr> found;
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    found.emplace_back(certificate);
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (!at_end) throw Wrong{"cannot read the certificates in " + file + ": " + reason()};
  ERR_clear_error();
  if (found.empty()) throw Wrong{"there is no certificate in " + file + "; it must be in PEM format"};
  return found;
}

/// OpenSSL asks for a passphrase: notes it and gives none.
int refuse_passphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

KeyPtr read_key(const std::string& pem, const std::string& file) {
  ERR_clear_error();
  bool asked = false;
  KeyPtr key(PEM_read_bio_PrivateKey(reader(pem).get(), nullptr, refuse_passphrase, &asked));
  if (asked) {
    throw Wrong{"the key in " + file +
                " is protected by a passphrase, which nobody is there to enter; write it without one: "
                "openssl pkey -in " +
                file + " -out NEWFILE"};
  }
  if (!key) {
    ERR_clear_error();
    throw Wrong{"there is no private key in " + file + " that can be used; it must be in PEM format"};
  }
  return key;
}

void use_certificate(SSL_CTX* context, const Certificate& given) {
  const std::vector<CertificatePtr> chain = read_certificates(given.chain, given.chain_file);
  const KeyPtr key = read_key(given.key, given.key_file);
  if (X509_check_private_key(chain.front().get(), key.get()) != 1) {
    ERR_clear_error();
    throw Wrong{"the key in " + given.key_file + " does not belong to the first certificate in " +
                given.chain_file};
  }
  bool used = SSL_CTX_use_certificate(context, chain.front().get()) == 1 &&
              SSL_CTX_use_PrivateKey(context, key.get()) == 1;
  for (std::size_t index = 1; used && index < chain.size(); ++index) {
    used = SSL_CTX_add1_chain_cert(context, chain[index].get()) == 1;
  }
  if (!used) throw Wrong{"cannot use the certificate in " + given.chain_file + ": " + reason()};
}

void trust_authorities(SSL_CTX* context, const Material& material) {
  if (!material.client_authorities.empty()) {
    for (const CertificatePtr& authority :
         read_certificates(material.client_authorities, material.client_authorities_file)) {
      const bool used = X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority.get()) == 1 &&
                        SSL_CTX_add_client_CA(context, authority.get()) == 1;
      if (!used) throw Wrong{"cannot use " + material.client_authorities_file + ": " + reason()};
    }
  }
  int mode = SSL_VERIFY_NONE;
  if (material.client_certificates != ClientCertificates::none) mode |= SSL_VERIFY_PEER;
  if (material.client_certificates == ClientCertificates::required) mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  SSL_CTX_set_verify(context, mode, nullptr);
}

/// RFC 7301: a client that offers protocols, but not ours, is told so.
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                    unsigned int offered_size, void*) {
  unsigned char* found = nullptr;
  const auto* ours = reinterpret_cast<const unsigned char*>(kHttp11.data());
  const int outcome =
      SSL_select_next_proto(&found, size, ours, static_cast<unsigned>(kHttp11.size()), offered, offered_size);
  if (outcome != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

ContextPtr bare_context(const Material& material) {
  ERR_clear_error();
  ContextPtr context(SSL_CTX_new(TLS_server_method()));
  if (!context) throw Wrong{"cannot set up TLS: " + reason()};
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  // Bodies say their length: an end of the connection without close_notify truncates nothing unnoticed.
  SSL_CTX_set_options(context.get(),
                      SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context.get(), 1);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_session_id_context(context.get(), kSessionContext, sizeof kSessionContext - 1);
  SSL_CTX_set_dh_auto(context.get(), 1);
  SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
  const char* ciphers = material.ciphers.empty() ? kDefaultCiphers : material.ciphers.c_str();
  if (SSL_CTX_set_cipher_list(context.get(), ciphers) != 1) {
    ERR_clear_error();
    throw Wrong{"--ciphers: '" + material.ciphers +
                "' names no cipher that can be used; openssl ciphers -v shows what a list means"};
  }
  return context;
}

void set_ticket_key(SSL_CTX* context, const std::string& key) {
  if (key.empty()) return;
  std::string bytes = key;  // OpenSSL does not promise to leave them alone
  if (SSL_CTX_set_tlsext_ticket_keys(context, bytes.data(), static_cast<long>(bytes.size())) != 1) {
    throw Wrong{"cannot use the key of session tickets: " + reason()};
  }
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

}  // namespace

bool covers(std::string_view host, std::string_view name) {
  if (!host.starts_with("*.")) return host == name;
  const std::size_t dot = name.find('.');
  return dot != 0 && dot != std::string_view::npos && name.substr(dot) == host.substr(1);
}

struct Context::Parts {
  struct Host {
    std::string name;
    ContextPtr context;
  };

  SSL_CTX* find(std::string_view name) const {
    const auto exact =
        std::find_if(hosts.begin(), hosts.end(), [&](const Host& h) { return h.name == name; });
    if (exact != hosts.end()) return exact->context.get();
    const auto wild =
        std::find_if(hosts.begin(), hosts.end(), [&](const Host& h) { return covers(h.name, name); });
    return wild == hosts.end() ? nullptr : wild->context.get();
  }

  /// From the context chosen here a connection takes the certificate and whom it trusts; everything else stays the
  /// default's.
  static int choose_host(SSL* ssl, int*, void* self) {
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (name == nullptr) return SSL_TLSEXT_ERR_OK;
    if (SSL_CTX* chosen = static_cast<Parts*>(self)->find(lower(name))) SSL_set_SSL_CTX(ssl, chosen);
    return SSL_TLSEXT_ERR_OK;
  }

  ContextPtr standard;
  std::vector<Host> hosts;
};

std::variant<Context, std::string> Context::make(const Material& material) try {
  auto parts = std::make_unique<Parts>();
  for (const Certificate& certificate : material.certificates) {
    ContextPtr context = bare_context(material);
    use_certificate(context.get(), certificate);
    trust_authorities(context.get(), material);  // those of the chosen context count
    if (!parts->standard) {
      parts->standard = std::move(context);
    } else {
      parts->hosts.push_back({certificate.host, std::move(context)});
    }
  }
  if (!parts->standard) return "TLS needs a certificate";
  SSL_CTX* standard = parts->standard.get();
  set_ticket_key(standard, material.ticket_key);
  SSL_CTX_set_tlsext_servername_callback(standard, Parts::choose_host);
  SSL_CTX_set_tlsext_servername_arg(standard, parts.get());
  return Context(std::move(parts));
} catch (const Wrong& wrong) {
  return wrong.reason;
}

Context::Context(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Context::Context(Context&&) noexcept = default;
Context& Context::operator=(Context&&) noexcept = default;
Context::~Context() = default;

ssl_ctx_st* Context::get() const {
  return parts_->standard.get();
}

bool Context::asks_for_certificates() const {
  return SSL_CTX_get_verify_mode(get()) != SSL_VERIFY_NONE;
}

}  // namespace gserve::tls
