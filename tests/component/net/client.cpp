// SPDX-License-Identifier: MIT
#include "tests/component/net/client.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace gserve::test {
namespace {

constexpr int kBoundSeconds = 20;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

void parse_head(const std::string& head, Response& response) {
  std::size_t line_end = head.find("\r\n");
  response.status = head.size() > 12 ? std::stoi(head.substr(9, 3)) : 0;
  while (line_end + 2 < head.size()) {
    const std::size_t start = line_end + 2;
    line_end = head.find("\r\n", start);
    const std::string line = head.substr(start, line_end - start);
    const std::size_t colon = line.find(": ");
    if (colon != std::string::npos) response.fields[lower(line.substr(0, colon))] = line.substr(colon + 2);
  }
}

}  // namespace

Client::Client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  connect(port);
}

Client::Client(const std::string& unix_path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  set_bounds();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  unix_path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("cannot connect to " + unix_path);
}

Client Client::unconnected() {
  Client client;
  client.fd_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return client;
}

void Client::connect(std::uint16_t port) {
  set_bounds();
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("cannot connect to port " + std::to_string(port));
}

void Client::set_bounds() {
  const timeval bound{kBoundSeconds, 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound);
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof bound);
}

void Client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

std::size_t Client::send_patiently(std::string_view bytes, int patience_ms) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    pollfd poll{fd_.get(), POLLOUT, 0};
    if (::poll(&poll, 1, patience_ms) != 1 || (poll.revents & POLLERR) != 0) break;
    const ssize_t n =
        ::send(fd_.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n <= 0) break;
    sent += static_cast<std::size_t>(n);
  }
  return sent;
}

void Client::get(std::string_view path, std::string_view more_fields) {
  send("GET " + std::string(path) + " HTTP/1.1\r\nHost: test\r\n" + std::string(more_fields) + "\r\n");
}

ssize_t Client::receive(char* into, std::size_t size) {
  return ::recv(fd_.get(), into, size, 0);
}

bool Client::fill() {
  std::array<char, 65536> room;
  const ssize_t n = receive(room.data(), room.size());
  if (n > 0) buffer_.append(room.data(), static_cast<std::size_t>(n));
  if (n < 0) reset_ = errno == ECONNRESET;
  return n > 0;
}

Response Client::read_response(bool head) {
  Response response;
  std::size_t head_end = 0;
  while ((head_end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!fill()) return response;
  }
  parse_head(buffer_.substr(0, head_end + 2), response);
  buffer_.erase(0, head_end + 4);
  if (head || response.status < 200 || response.status == 204 || response.status == 304) {
    response.whole = true;
  } else if (response.fields.contains("content-length")) {
    const std::size_t size = std::stoull(response.fields["content-length"]);
    while (buffer_.size() < size && fill()) {
    }
    response.whole = buffer_.size() >= size;
    response.body = buffer_.substr(0, size);
    buffer_.erase(0, size);
  } else if (response.fields.contains("transfer-encoding")) {
    response.whole = read_chunks(response);
  } else {
    response.body = read_all();
    response.whole = !reset_;
  }
  return response;
}

bool Client::read_chunks(Response& response) {
  for (;;) {
    std::size_t line_end = 0;
    while ((line_end = buffer_.find("\r\n")) == std::string::npos) {
      if (!fill()) return false;
    }
    const std::size_t size = std::stoull(buffer_.substr(0, line_end), nullptr, 16);
    while (buffer_.size() < line_end + 2 + size + 2) {
      if (!fill()) return false;
    }
    response.body += buffer_.substr(line_end + 2, size);
    buffer_.erase(0, line_end + 2 + size + 2);
    if (size == 0) return true;
  }
}

std::string Client::read_all() {
  while (fill()) {
  }
  return std::exchange(buffer_, {});
}

std::string Client::read_some(std::size_t size) {
  while (buffer_.size() < size && fill()) {
  }
  return std::exchange(buffer_, {});
}

bool Client::closed() {
  char byte = 0;
  const ssize_t n = ::recv(fd_.get(), &byte, 1, 0);
  reset_ = n < 0 && errno == ECONNRESET;
  return n == 0 || reset_;
}

bool Client::readable(int ms) {
  if (!buffer_.empty()) return true;
  pollfd poll{fd_.get(), POLLIN, 0};
  return ::poll(&poll, 1, ms) == 1;
}

void Client::shut_down_sending() {
  ::shutdown(fd_.get(), SHUT_WR);
}

void Client::reset() {
  const linger at_once{1, 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  fd_.reset();
}

}  // namespace gserve::test
