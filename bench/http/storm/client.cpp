// SPDX-License-Identifier: MIT
#include "bench/http/storm/client.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <stdexcept>

namespace storm {
namespace {

constexpr std::size_t kReadSize = std::size_t{64} * 1024;
constexpr std::string_view kGood = "HTTP/1.1 200 OK\r\n";
constexpr std::string_view kLength = "\r\nContent-Length: ";

}  // namespace

Client::Client(std::uint16_t port, std::uint64_t seed, Counts& counts)
    : port_(port), counts_(counts), random_(seed) {
  connect();
}

void Client::fail(const std::string& what) const {
  throw std::runtime_error(what + " (after " + std::to_string(counts_.answered) + " right answers, " +
                           std::to_string(plan_answered_) +
                           " of this batch, which began: " + plan_.bytes.substr(0, 60) + ")");
}

void Client::connect() {
  fd_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port_);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    fail(std::string("cannot connect: ") + std::strerror(errno));
  ++counts_.connections;
  input_.clear();
  in_body_ = false;
}

void Client::begin() {
  plan_ = make_plan(random_);
  sent_ = 0;
  body_read_ = 0;
  plan_read_ = 0;
  plan_answered_ = 0;
  idle_ = false;
}

bool Client::advance(bool stop) {
  for (;;) {
    if (idle_ && stop) return false;
    if (idle_) begin();
    const bool sent = send();
    const bool received = receive();
    const bool progress = sent || received;
    if (!idle_ && abort_due()) {
      ++counts_.aborted;
      idle_ = true;
      connect();
      return true;
    }
    if (idle_ && plan_.reconnect) {
      connect();
      return true;
    }
    if (!progress) return false;
  }
}

bool Client::abort_due() const {
  if (plan_.stop_sending >= 0) return sent_ >= static_cast<std::size_t>(plan_.stop_sending);
  return plan_.stop_reading >= 0 && sent_ == plan_.bytes.size() && plan_read_ >= plan_.stop_reading;
}

bool Client::send() {
  const std::size_t end =
      plan_.stop_sending < 0 ? plan_.bytes.size() : static_cast<std::size_t>(plan_.stop_sending);
  if (idle_ || sent_ >= end) return false;
  const ssize_t n = ::send(fd_.get(), plan_.bytes.data() + sent_, end - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n > 0) sent_ += static_cast<std::size_t>(n);
  if (n < 0 && errno != EAGAIN) fail(std::string("cannot send: ") + std::strerror(errno));
  return n > 0;
}

bool Client::receive() {
  static std::array<char, kReadSize> buffer;
  const ssize_t n = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (n == 0) fail("the server closed the connection");
  if (n < 0 && errno != EAGAIN) fail(std::string("cannot receive: ") + std::strerror(errno));
  if (n < 0) return false;
  input_.append(buffer.data(), static_cast<std::size_t>(n));
  return take_answers();
}

bool Client::take_answers() {
  while (!input_.empty() && take_answer()) {
  }
  return true;
}

/// False when more bytes are needed.
bool Client::take_answer() {
  if (idle_ || plan_.answers.empty()) fail("bytes that nobody has asked for: " + input_.substr(0, 60));
  if (!in_body_) {
    const std::size_t end = input_.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    check_head(end);
    input_.erase(0, end + 4);
    in_body_ = true;
    body_read_ = 0;
  }
  return check_body();
}

void Client::check_head(std::size_t end) {
  const std::string_view head = std::string_view(input_).substr(0, end);
  const std::size_t at = head.find(kLength);
  std::size_t length = 0;
  if (!head.starts_with(kGood) || at == std::string_view::npos) fail("a wrong head: " + std::string(head));
  const char* digits = head.data() + at + kLength.size();
  std::from_chars(digits, head.data() + head.size(), length);
  if (length != plan_.answers.front().size()) fail("a wrong length: " + std::string(head));
}

bool Client::check_body() {
  const std::string_view wanted = plan_.answers.front().substr(body_read_);
  const std::size_t size = std::min(wanted.size(), input_.size());
  if (std::memcmp(input_.data(), wanted.data(), size) != 0)
    fail("a wrong body at byte " + std::to_string(body_read_));
  input_.erase(0, size);
  body_read_ += size;
  plan_read_ += static_cast<std::int64_t>(size);
  if (body_read_ < plan_.answers.front().size()) return false;
  answer_complete();
  return !input_.empty();
}

void Client::answer_complete() {
  in_body_ = false;
  plan_.answers.pop_front();
  ++plan_answered_;
  ++counts_.answered;
  if (plan_.answers.empty() && !plan_.aborts()) {
    if (sent_ < plan_.bytes.size()) fail("an answer to a request that was not sent completely");
    idle_ = true;
  }
}

}  // namespace storm
