// SPDX-License-Identifier: MIT
#include "common/statsd.h"

#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace gserve::statsd {
namespace {

constexpr std::size_t kDatagram = 1432;  // fits an Ethernet frame
constexpr std::chrono::seconds kRetryAfter{1};
constexpr std::chrono::seconds kTellEvery{60};

std::string with_dot(std::string_view prefix) {
  while (prefix.ends_with('.')) prefix.remove_suffix(1);
  return prefix.empty() ? std::string() : std::string(prefix) + '.';
}

}  // namespace

ParsedTarget parse_target(std::string_view text) {
  ParsedTarget parsed;
  Target& target = parsed.target;
  constexpr std::string_view kUnix = "unix:";
  if (text.starts_with(kUnix)) {
    text.remove_prefix(kUnix.size());
    target.path = text.starts_with("//") ? text.substr(2) : text;
    if (target.path.empty()) parsed.wrong = "must name a socket after unix://";
    if (target.path.size() >= sizeof(sockaddr_un::sun_path)) parsed.wrong = "the path is too long";
    return parsed;
  }
  target.port = "8125";
  const bool valid = split_host_port(text, target.host, target.port);
  if (!valid) parsed.wrong = "'" + target.port + "' is not a valid port number";
  if (target.host.empty()) parsed.wrong = "must be HOST:PORT or unix://PATH";
  return parsed;
}

Client::Client(const Target& target, std::string_view prefix, std::string_view tags)
    : address_(target.path.empty() ? look_up(target.host, target.port, SOCK_DGRAM)
                                   : local_address(target.path)),
      prefix_(with_dot(prefix)),
      suffix_(tags.empty() ? std::string() : "|#" + std::string(tags)) {}

void Client::increment(std::string_view name) {
  add(name, "1", "c|@1.0");
}

void Client::timing(std::string_view name, std::int64_t microseconds) {
  std::array<char, 40> text;
  const int size =
      std::snprintf(text.data(), text.size(), "%lld.%03lld", static_cast<long long>(microseconds / 1000),
                    static_cast<long long>(microseconds % 1000));
  add(name, {text.data(), static_cast<std::size_t>(size)}, "ms");
}

void Client::gauge(std::string_view name, std::uint64_t value) {
  add(name, std::to_string(value), "g");
}

void Client::histogram(std::string_view name, std::uint64_t value) {
  add(name, std::to_string(value), "h");
}

void Client::add(std::string_view name, std::string_view value, std::string_view kind) {
  metric_.clear();
  metric_.append(prefix_).append(name).append(":").append(value).append("|").append(kind).append(suffix_);
  if (!gathered_.empty() && gathered_.size() + 1 + metric_.size() > kDatagram) flush();
  if (!gathered_.empty()) gathered_ += '\n';
  gathered_ += metric_;
}

void Client::flush() {
  if (gathered_.empty()) return;
  bool sent = false;
  // A refused datagram is told with the next one, which is then not sent.
  for (int attempt = 0; attempt < 2 && !sent && connected(); ++attempt) {
    sent = ::send(fd_.get(), gathered_.data(), gathered_.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
    if (sent) break;
    error_ = errno;
    if (errno == EAGAIN || errno == ENOBUFS) break;
    if (address_.storage.ss_family == AF_UNIX) fd_.reset();  // the server may have made its socket anew
  }
  if (!sent) ++lost_;
  gathered_.clear();
}

bool Client::connected() {
  if (fd_) return true;
  if (address_.size == 0) return false;
  const Clock::time_point now = Clock::now();
  if (tried_ && now - *tried_ < kRetryAfter) return false;
  tried_ = now;
  UniqueFd fd(::socket(address_.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd || ::connect(fd.get(), address_.get(), address_.size) < 0) {
    error_ = errno;
    return false;
  }
  fd_ = std::move(fd);
  return true;
}

std::optional<Client::Lost> Client::take_lost() {
  if (lost_ == 0) return std::nullopt;
  const Clock::time_point now = Clock::now();
  if (told_ && now - *told_ < kTellEvery) return std::nullopt;
  told_ = now;
  const char* reason = ::strerrordesc_np(error_);
  return Lost{std::exchange(lost_, 0), !address_.wrong.empty() ? address_.wrong
                                       : reason != nullptr     ? reason
                                                               : "?"};
}

}  // namespace gserve::statsd
