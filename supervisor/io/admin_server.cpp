// SPDX-License-Identifier: MIT
#include "supervisor/io/admin_server.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/system/system_error.hpp>
#include <cerrno>
#include <chrono>
#include <exception>
#include <list>
#include <optional>
#include <system_error>
#include <utility>

#include "common/unique_fd.h"

namespace gserve::io {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Clock = std::chrono::steady_clock;
using Protocol = asio::generic::stream_protocol;
using Failure = boost::system::error_code;
using Response = http::response<http::string_body>;

constexpr std::size_t kMostConnections = 16;
constexpr std::uint32_t kMostHead = 8 * 1024;
constexpr std::size_t kMostBuffered = std::size_t{16} * 1024;  // a head, and the beginning of the next one
constexpr std::chrono::seconds kPatience{10};
constexpr std::chrono::seconds kShortage{1};  // of descriptors or memory: until the next try
constexpr int kRest = 4;                      // times as long as the answer before took

/// RFC 9110 section 7.2. An address is nobody's name: no other site can have led a browser here.
bool is_address_or_localhost(std::string_view host) {
  if (host.starts_with('[')) {
    host = host.substr(1, host.find(']') - 1);
  } else {
    host = host.substr(0, host.find(':'));
  }
  Failure wrong;
  asio::ip::make_address(std::string(host), wrong);
  return !wrong || host == "localhost";
}

int family_of(int fd) {
  int family = AF_UNIX;
  socklen_t size = sizeof family;
  ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size);
  return family;
}

Response response_to(const http::request<http::empty_body>& request, AdminAnswer answer) {
  Response response{http::int_to_status(answer.status), request.version()};
  response.set(http::field::content_type, answer.type);
  response.set(http::field::cache_control, "no-store");
  response.set("Content-Security-Policy", answer.policy.empty() ? "default-src 'none'" : answer.policy);
  response.set("X-Content-Type-Options", "nosniff");
  response.set("Referrer-Policy", "no-referrer");
  if (answer.status == 405) response.set(http::field::allow, "GET, HEAD");
  response.keep_alive(request.keep_alive());
  response.content_length(answer.body.size());
  if (request.method() != http::verb::head) response.body() = std::move(answer.body);
  return response;
}

}  // namespace

class AdminServer::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(asio::io_context& io, Pages pages, Log log)
      : io_(io), listener_(io), pause_(io), pages_(std::move(pages)), log_(std::move(log)) {}

  void start(int listener) {
    listener_.assign(listener);
    watch();
  }
  void close();

 private:
  class Session;

  void watch();
  void accept_all();
  bool accept_one();
  void wait_out(int error);
  void make_room();
  AdminAnswer answer(const http::request<http::empty_body>& request, bool by_name);
  AdminAnswer make(std::string_view path);
  /// How long to wait before the next answer is made.
  Clock::duration rest() const { return std::max(next_ - Clock::now(), Clock::duration::zero()); }

  asio::io_context& io_;
  asio::posix::stream_descriptor listener_;
  asio::steady_timer pause_;
  Pages pages_;
  Log log_;
  Clock::time_point next_{};
  std::list<std::shared_ptr<Session>> sessions_;  // who was heard last comes last
};

/// One connection: a request, its turn, an answer, and again.
class AdminServer::Impl::Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Impl& server, int fd)
      : server_(server), by_name_(family_of(fd) != AF_UNIX), stream_(server.io_), turn_(server.io_) {
    stream_.socket().assign(Protocol(family_of(fd), 0), fd);
  }

  void read() {
    parser_.emplace();
    parser_->header_limit(kMostHead);
    parser_->body_limit(0);
    stream_.expires_after(kPatience);
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](const Failure& failure, std::size_t) {
                       if (self->closed_) return;
                       if (failure) return self->refuse(failure);
                       self->server_.sessions_.splice(self->server_.sessions_.end(), self->server_.sessions_,
                                                      self->place());
                       self->wait_for_turn();
                     });
  }

  void close() {
    if (closed_) return;
    closed_ = true;
    turn_.cancel();
    stream_.close();
    server_.sessions_.remove(shared_from_this());
  }

 private:
  void refuse(const Failure& failure) {
    const bool malformed = failure.category() == http::make_error_code(http::error::bad_method).category();
    if (!malformed || failure == http::error::end_of_stream || failure == http::error::partial_message)
      return close();
    parser_->get().keep_alive(false);
    parser_->get().method(http::verb::get);
    write({400, "text/plain; charset=utf-8", failure.message() + "\n"}, false);
  }

  void wait_for_turn() {
    turn_.expires_after(server_.rest());
    turn_.async_wait([self = shared_from_this()](const Failure& failure) {
      if (failure || self->closed_) return;
      if (self->server_.rest() > Clock::duration::zero()) return self->wait_for_turn();
      const auto& request = self->parser_->get();
      self->write(self->server_.answer(request, self->by_name_), request.keep_alive());
    });
  }

  void write(AdminAnswer answer, bool goes_on) {
    response_ = response_to(parser_->get(), std::move(answer));
    response_->keep_alive(goes_on);
    stream_.expires_after(kPatience);
    http::async_write(stream_, *response_,
                      [self = shared_from_this(), goes_on](const Failure& failure, std::size_t) {
                        if (failure || !goes_on) return self->finish();
                        self->read();
                      });
  }

  void finish() {
    Failure ignored;
    stream_.socket().shutdown(asio::socket_base::shutdown_send, ignored);
    close();
  }

  std::list<std::shared_ptr<Session>>::iterator place() {
    return std::find(server_.sessions_.begin(), server_.sessions_.end(), shared_from_this());
  }

  Impl& server_;
  const bool by_name_;  // who connects may have been led by a name
  beast::basic_stream<Protocol> stream_;
  asio::steady_timer turn_;
  beast::flat_buffer buffer_{kMostBuffered};
  std::optional<http::request_parser<http::empty_body>> parser_;
  std::optional<Response> response_;
  bool closed_ = false;
};

void AdminServer::Impl::close() {
  Failure ignored;
  listener_.close(ignored);
  pause_.cancel();
  while (!sessions_.empty()) {
    const auto session = sessions_.front();
    session->close();
  }
}

void AdminServer::Impl::watch() {
  listener_.async_wait(listener_.wait_read, [self = weak_from_this()](const Failure& failure) {
    const auto server = self.lock();
    if (!failure && server) server->accept_all();
  });
}

void AdminServer::Impl::accept_all() {
  for (std::size_t i = 0; i < kMostConnections; ++i) {
    if (!accept_one()) return;
  }
  watch();
}

/// Whether to go on: if not, the listener is watched again, or will be.
bool AdminServer::Impl::accept_one() {
  UniqueFd fd(::accept4(listener_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd) {
    if (errno == EINTR || errno == ECONNABORTED) return true;
    errno == EAGAIN ? watch() : wait_out(errno);
    return false;
  }
  make_room();
  try {
    auto session = std::make_shared<Session>(*this, fd.get());
    fd.release();
    sessions_.push_back(session);
    session->read();
  } catch (const boost::system::system_error& failure) {
    wait_out(failure.code().value());
    return false;
  }
  return true;
}

void AdminServer::Impl::make_room() {
  if (sessions_.size() < kMostConnections) return;
  const auto silent = sessions_.front();
  silent->close();
}

void AdminServer::Impl::wait_out(int error) {
  log_(core::LogLevel::warning, "cannot accept an admin connection: " +
                                    std::generic_category().message(error) + "; trying again in 1 s");
  pause_.expires_after(kShortage);
  pause_.async_wait([self = weak_from_this()](const Failure& failure) {
    const auto server = self.lock();
    if (!failure && server) server->watch();
  });
}

AdminAnswer AdminServer::Impl::answer(const http::request<http::empty_body>& request, bool by_name) {
  const auto host = request[http::field::host];
  if (by_name && !host.empty() && !is_address_or_localhost({host.data(), host.size()}))
    return {403, "text/plain; charset=utf-8", "Host must be an address or localhost\n"};
  if (request.method() != http::verb::get && request.method() != http::verb::head)
    return {405, "text/plain; charset=utf-8", "only GET and HEAD\n"};
  const std::string_view target(request.target().data(), request.target().size());
  const Clock::time_point began = Clock::now();
  AdminAnswer made = make(target.substr(0, target.find('?')));
  const Clock::time_point now = Clock::now();
  next_ = now + kRest * (now - began);
  return made;
}

/// Nobody else's business if it fails.
AdminAnswer AdminServer::Impl::make(std::string_view path) {
  try {
    return pages_(path);
  } catch (const std::exception& fault) {
    log_(core::LogLevel::error,
         "cannot answer " + std::string(path) + " at the admin address: " + fault.what());
    return {500, "text/plain; charset=utf-8", "failed; the error log says why\n"};
  }
}

AdminServer::AdminServer(asio::io_context& io, int listener, Pages pages, Log log)
    : impl_(std::make_shared<Impl>(io, std::move(pages), std::move(log))) {
  UniqueFd duplicate(::fcntl(listener, F_DUPFD_CLOEXEC, 0));
  if (!duplicate) throw std::system_error(errno, std::generic_category(), "cannot watch the admin address");
  impl_->start(duplicate.release());
}

AdminServer::~AdminServer() {
  impl_->close();
}

}  // namespace gserve::io
