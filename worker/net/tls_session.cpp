// SPDX-License-Identifier: MIT
#include "worker/net/tls_session.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <mutex>
#include <new>

#include "common/tls_context.h"

namespace gserve::net {

/// The socket, as OpenSSL sees it. Its own kind of BIO raises SIGPIPE, does not tell whether the socket was
/// emptied, and lets a client that sends many records without contents keep the thread for as long as it
/// likes.
struct TlsSession::Wire {
  const int socket;
  std::size_t budget = 0;  // bytes that this call may still read
  bool drained = true;     // the last read emptied the socket
  bool ended = false;      // a FIN was read
  char first = 0;          // byte of the connection
  int error = 0;           // errno of the last failure

  static int read(BIO* bio, char* into, int size);
  static int write(BIO* bio, const char* bytes, int size);
  static long control(BIO* bio, int command, long number, void* pointer);
  static const BIO_METHOD* method();
  BIO* make_bio();
};

namespace {

/// Of what one call of receive() may read: two full records.
constexpr std::size_t kReadBudget = std::size_t{32} * 1024;

int to_int(std::size_t size) {
  return static_cast<int>(std::min<std::size_t>(size, std::numeric_limits<int>::max()));
}

std::string contents(BIO* bio) {
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  std::string result(text, static_cast<std::size_t>(std::max(size, 0L)));
  BIO_free(bio);
  return result;
}

std::string name_text(const X509_NAME* name) {
  BIO* bio = BIO_new(BIO_s_mem());
  X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253);
  return contents(bio);
}

std::string pem_text(X509* certificate) {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, certificate);
  return contents(bio);
}

std::string serial_text(const X509* certificate) {
  BIO* bio = BIO_new(BIO_s_mem());
  i2a_ASN1_INTEGER(bio, X509_get0_serialNumber(certificate));
  return contents(bio);
}

}  // namespace

int TlsSession::Wire::read(BIO* bio, char* into, int size) {
  Wire& wire = *static_cast<Wire*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const auto room = std::min(static_cast<std::size_t>(std::max(size, 0)), wire.budget);
  if (room == 0) {
    wire.drained = false;
    BIO_set_retry_read(bio);
    return -1;
  }
  ssize_t n = 0;
  do {
    n = ::recv(wire.socket, into, room, 0);
  } while (n < 0 && errno == EINTR);
  wire.drained = n < static_cast<ssize_t>(room);
  wire.ended = n == 0;
  if (n > 0) {
    if (wire.first == 0) wire.first = *into;
    wire.budget -= static_cast<std::size_t>(n);
  } else if (n < 0 && errno == EAGAIN) {
    BIO_set_retry_read(bio);
  } else {
    wire.error = errno;
  }
  return static_cast<int>(n);
}

int TlsSession::Wire::write(BIO* bio, const char* bytes, int size) {
  Wire& wire = *static_cast<Wire*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  ssize_t n = 0;
  do {
    n = ::send(wire.socket, bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (n < 0 && errno == EINTR);
  if (n < 0 && errno == EAGAIN) {
    BIO_set_retry_write(bio);
  } else if (n < 0) {
    wire.error = errno;
  }
  return static_cast<int>(n);
}

long TlsSession::Wire::control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_EOF) return static_cast<Wire*>(BIO_get_data(bio))->ended ? 1 : 0;
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

const BIO_METHOD* TlsSession::Wire::method() {
  static const BIO_METHOD* const kMethod = [] {
    BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "gserve connection");
    if (method == nullptr) throw std::bad_alloc();
    BIO_meth_set_read(method, read);
    BIO_meth_set_write(method, write);
    BIO_meth_set_ctrl(method, control);
    return method;
  }();
  return kMethod;
}

BIO* TlsSession::Wire::make_bio() {
  BIO* bio = BIO_new(method());
  if (bio == nullptr) throw std::bad_alloc();
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  return bio;
}

TlsSession::TlsSession(ForkGuard& guard, const tls::Context& context, int socket)
    : guard_(guard),
      wire_(new Wire{socket}),
      ssl_([&] {
        const std::lock_guard lock(guard.mutex());
        return SSL_new(context.get());
      }()),
      asks_for_certificate_(context.asks_for_certificates()) {
  const std::lock_guard lock(guard_.mutex());
  if (ssl_ == nullptr) throw std::bad_alloc();
  BIO* bio = wire_->make_bio();
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_accept_state(ssl_);
}

TlsSession::~TlsSession() {
  const std::lock_guard lock(guard_.mutex());
  SSL_free(ssl_);
}

ssize_t TlsSession::receive(char* into, std::size_t size) {
  if (!failure_.empty()) return fail();
  const std::lock_guard lock(guard_.mutex());
  wire_->budget = kReadBudget;
  wants_to_write_ = false;
  ERR_clear_error();
  const int n = SSL_read(ssl_, into, to_int(size));
  if (n <= 0) return stopped(n);
  if (asks_for_certificate_ && client_facts_.empty()) note_client();
  return n;
}

/// Why SSL_read or SSL_write have done nothing.
ssize_t TlsSession::stopped(int result) {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_ZERO_RETURN:
      return 0;
    case SSL_ERROR_WANT_WRITE:
      wants_to_write_ = true;
      [[fallthrough]];
    case SSL_ERROR_WANT_READ:
      errno = EAGAIN;
      return -1;
    case SSL_ERROR_SYSCALL:
      errno = wire_->error != 0 ? wire_->error : ECONNRESET;
      return -1;
    default:
      break;
  }
  const long verified = SSL_get_verify_result(ssl_);
  const char* reason = verified != X509_V_OK ? X509_verify_cert_error_string(verified)
                                             : ERR_reason_error_string(ERR_peek_last_error());
  failure_ = reason != nullptr ? reason : "unknown error";
  ERR_clear_error();
  return fail();
}

ssize_t TlsSession::fail() {
  errno = EPROTO;
  return -1;
}

bool TlsSession::holds_more() const {
  return failure_.empty() && (!wire_->drained || SSL_has_pending(ssl_) == 1);
}

ssize_t TlsSession::send(std::string_view bytes) {
  const std::lock_guard lock(guard_.mutex());
  ERR_clear_error();
  const int n = SSL_write(ssl_, bytes.data(), to_int(bytes.size()));
  unsent_ = false;
  if (n > 0) return n;
  const bool waits_before = wants_to_write_;
  const ssize_t result = stopped(n);
  wants_to_write_ = waits_before;  // that is receive()'s
  if (result == 0 || errno == EPROTO) errno = EPIPE;
  if (result < 0 && errno == EAGAIN) {
    unsent_ = true;
    return 0;
  }
  return -1;
}

void TlsSession::shut_down() {
  if (!failure_.empty() || unsent_ || !established()) return;
  const std::lock_guard lock(guard_.mutex());
  ERR_clear_error();
  SSL_shutdown(ssl_);
  ERR_clear_error();
}

bool TlsSession::established() const {
  return SSL_is_init_finished(ssl_) == 1;
}

bool TlsSession::met_plain_http() const {
  return wire_->first >= 'A' && wire_->first <= 'Z';
}

void TlsSession::note_client() {
  X509* certificate = SSL_get0_peer_certificate(ssl_);
  if (certificate == nullptr) {
    client_facts_.emplace_back("SSL_CLIENT_VERIFY", "NONE");
    return;
  }
  client_facts_.emplace_back("SSL_CLIENT_VERIFY", "SUCCESS");
  client_facts_.emplace_back("SSL_CLIENT_CERT", pem_text(certificate));
  client_facts_.emplace_back("SSL_CLIENT_S_DN", name_text(X509_get_subject_name(certificate)));
  client_facts_.emplace_back("SSL_CLIENT_I_DN", name_text(X509_get_issuer_name(certificate)));
  client_facts_.emplace_back("SSL_CLIENT_M_SERIAL", serial_text(certificate));
}

}  // namespace gserve::net
