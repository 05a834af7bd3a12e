// SPDX-License-Identifier: MIT
#include "tests/component/net/test_server.h"

#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

namespace gserve::test {

void answer(net::Exchange& exchange, std::string_view body) {
  const std::array<http::Field, 1> fields{{{"Content-Type", "text/plain"}}};
  exchange.start("200 OK", fields);
  exchange.send(body, true);
  exchange.finish();
}

std::optional<std::string> read_body(net::Exchange& exchange) {
  std::string body;
  std::vector<char> room(65536);
  for (;;) {
    const ssize_t n = exchange.read_body(room);
    if (n < 0) return std::nullopt;
    if (n == 0) return body;
    body.append(room.data(), static_cast<std::size_t>(n));
  }
}

void hello_or_echo(net::Exchange& exchange) {
  if (exchange.head().path == "/hello") return answer(exchange, "hello");
  if (exchange.head().path == "/echo") return answer(exchange, read_body(exchange).value_or("broken"));
  exchange.start("404 Not Found", {});
  exchange.finish();
}

UniqueFd temporary_file() {
  return UniqueFd(::open("/tmp", O_TMPFILE | O_RDWR | O_APPEND | O_CLOEXEC, 0600));
}

std::string contents(int fd) {
  std::string text;
  std::array<char, 4096> room;
  ssize_t n = 0;
  while ((n = ::pread(fd, room.data(), room.size(), static_cast<off_t>(text.size()))) > 0)
    text.append(room.data(), static_cast<std::size_t>(n));
  return text;
}

int count(std::string_view text, std::string_view part) {
  int found = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

bool wait_for_text(int fd, std::string_view text, int times) {
  for (int i = 0; i < 2000; ++i) {
    if (count(contents(fd), text) >= times) return true;
    ::poll(nullptr, 0, 5);
  }
  return false;
}

int open_descriptors() {
  int found = 0;
  DIR* dir = ::opendir("/proc/self/fd");
  while (::readdir(dir) != nullptr) ++found;
  ::closedir(dir);
  return found;
}

TestServer::TestServer(Handler handler, const std::function<void(net::ServerConfig&)>& change)
    : handler_(std::move(handler)),
      listener_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
      log_(temporary_file()) {
  ::signal(SIGPIPE, SIG_IGN);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(listener_.get(), 1024) != 0)
    throw std::runtime_error("cannot listen");
  ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  net::ServerConfig config;
  config.listeners = {listener_.get()};
  config.error_log = log_.get();
  config.keep_alive = net::Seconds(60);  // a test on a loaded machine may be slow between two requests
  if (change) change(config);
  const int executors = config.event_loop ? 0 : config.executors;
  server_ = std::make_unique<net::Server>(std::move(config));
  server_->start();
  if (executors == 0) executors_.emplace_back([this] { run_loop(); });
  for (int i = 0; i < executors; ++i) executors_.emplace_back([this, i] { execute(i == 0); });
}

TestServer::~TestServer() {
  server_->stop();
  join();
}

void TestServer::join() {
  for (std::thread& executor : executors_) executor.join();
  executors_.clear();
  server_->join();
}

void TestServer::run_loop() {
  pollfd ready{server_->ready_fd(), POLLIN, 0};
  while (::poll(&ready, 1, 30000) == 1) {
    net::Ready next;
    while ((next = server_->take_ready()).exchange != nullptr) handler_(*next.exchange);
    if (next.kind == net::Ready::Kind::ended) return;
  }
}

void TestServer::execute(bool main) {
  for (;;) {
    bool interrupted = false;
    net::Exchange* exchange = server_->take(main ? &interrupted : nullptr);
    if (exchange != nullptr) {
      handler_(*exchange);
    } else if (interrupted) {
      ++interruptions_;
    } else {
      return;
    }
  }
}

}  // namespace gserve::test
