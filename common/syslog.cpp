// SPDX-License-Identifier: MIT
#include "common/syslog.h"

#include <poll.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace gserve::syslog {
namespace {

constexpr std::size_t kMostHeldBack = std::size_t{64} << 10;
constexpr std::size_t kLargest = 60000;  // of a datagram, below what UDP can carry
constexpr int kFirstPatience = 200;      // milliseconds
constexpr std::chrono::seconds kRetryAfter{1};
constexpr std::chrono::seconds kTellEvery{10};

constexpr std::pair<std::string_view, int> kFacilities[] = {
    {"auth", 4},    {"authpriv", 10}, {"cron", 9},    {"daemon", 3},   {"ftp", 11},    {"kern", 0},
    {"lpr", 6},     {"mail", 2},      {"news", 7},    {"security", 4}, {"syslog", 5},  {"user", 1},
    {"uucp", 8},    {"local0", 16},   {"local1", 17}, {"local2", 18},  {"local3", 19}, {"local4", 20},
    {"local5", 21}, {"local6", 22},   {"local7", 23}};

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

ParsedTarget parse_local(std::string_view path) {
  ParsedTarget parsed;
  const std::size_t hash = path.find('#');
  const std::string_view type = hash == std::string_view::npos ? "" : path.substr(hash + 1);
  if (!type.empty() && type != "dgram" && type != "stream") parsed.wrong = "must end in #dgram or #stream";
  parsed.target.kind = type == "dgram" ? Target::Kind::local_datagram : Target::Kind::local;
  parsed.target.host = path.substr(0, hash);
  if (parsed.target.host.empty()) parsed.wrong = "must name a socket after unix://";
  if (parsed.target.host.size() >= sizeof(sockaddr_un::sun_path)) parsed.wrong = "the path is too long";
  return parsed;
}

ParsedTarget parse_network(Target::Kind kind, std::string_view text) {
  ParsedTarget parsed{{kind, "localhost", "514"}, {}};
  if (!split_host_port(text, parsed.target.host, parsed.target.port))
    parsed.wrong = "'" + parsed.target.port + "' is not a valid port number";
  return parsed;
}

SocketAddress address_of(const Target& target) {
  if (target.kind == Target::Kind::local || target.kind == Target::Kind::local_datagram)
    return local_address(target.host);
  return look_up(target.host, target.port, target.kind == Target::Kind::udp ? SOCK_DGRAM : SOCK_STREAM);
}

}  // namespace

std::optional<int> facility(std::string_view name) {
  const std::string wanted = lower(name);
  for (const auto& [known, code] : kFacilities) {
    if (known == wanted) return code;
  }
  return std::nullopt;
}

ParsedTarget parse_target(std::string_view text) {
  for (const auto& [scheme, kind] : {std::pair<std::string_view, Target::Kind>{"udp://", Target::Kind::udp},
                                     {"tcp://", Target::Kind::tcp}}) {
    if (text.starts_with(scheme)) return parse_network(kind, text.substr(scheme.size()));
  }
  constexpr std::string_view kUnix = "unix://";
  if (text.starts_with(kUnix)) return parse_local(text.substr(kUnix.size()));
  return {{}, "must be udp://HOST:PORT, tcp://HOST:PORT or unix://PATH"};
}

Sender::Sender(const Target& target, int facility)
    : address_(address_of(target)), kind_(target.kind), facility_(facility) {
  if (!connected() || !stream_) return;
  pollfd poll{fd_.get(), POLLOUT, 0};
  ::poll(&poll, 1, kFirstPatience);
}

void Sender::send(Severity severity, std::string_view tag, std::string_view text) {
  std::string message = "<" + std::to_string(facility_ << 3 | static_cast<int>(severity)) + ">";
  message.append(tag).append(": ");
  message.append(text.substr(0, std::min(text.size(), kLargest))).push_back('\0');
  if (pending_.size() + message.size() > kMostHeldBack) flush();
  if (pending_.size() + message.size() > kMostHeldBack) return lose(EAGAIN);
  pending_ += message;
  flush();
}

void Sender::flush() {
  while (!pending_.empty()) {
    if (!connected()) return drop_pending(error_);
    // What ends a text also ends its datagram.
    const std::size_t size = stream_ ? pending_.size() : pending_.find('\0') + 1;
    const ssize_t sent = ::send(fd_.get(), pending_.data(), size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS || errno == ENOTCONN)) return;
    if (sent < 0 && !recovers(errno)) return drop_pending(errno);
    if (sent > 0) pending_.erase(0, static_cast<std::size_t>(sent));
    recovered_ = recovered_ && sent < 0;
  }
}

/// Whether it makes sense to try again at once, after an error. A datagram may meet the error of an earlier one,
/// and the server of a Unix socket may have made it anew.
bool Sender::recovers(int error) {
  const bool again = !stream_ && !recovered_ && error != EMSGSIZE;
  recovered_ = again;
  if (stream_ || kind_ != Target::Kind::udp) {
    fd_.reset();
    if (again) tried_.reset();
  }
  return again;
}

void Sender::drop_pending(int error) {
  lost_ += static_cast<std::uint64_t>(std::count(pending_.begin(), pending_.end(), '\0'));
  error_ = error;
  pending_.clear();
}

bool Sender::connected() {
  if (fd_) return true;
  if (address_.size == 0) return false;
  const Clock::time_point now = Clock::now();
  if (tried_ && now - *tried_ < kRetryAfter) return false;
  tried_ = now;
  if (kind_ == Target::Kind::tcp) return connect(SOCK_STREAM);
  if (connect(SOCK_DGRAM)) return true;
  return kind_ == Target::Kind::local && connect(SOCK_STREAM);
}

bool Sender::connect(int type) {
  UniqueFd fd(::socket(address_.storage.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd || (::connect(fd.get(), address_.get(), address_.size) < 0 && errno != EINPROGRESS)) {
    error_ = errno;
    return false;
  }
  fd_ = std::move(fd);
  stream_ = type == SOCK_STREAM;
  return true;
}

void Sender::lose(int error) {
  ++lost_;
  error_ = error;
}

std::optional<Sender::Lost> Sender::take_lost() {
  if (lost_ == 0) return std::nullopt;
  const Clock::time_point now = Clock::now();
  if (told_ && now - *told_ < kTellEvery) return std::nullopt;
  told_ = now;
  const char* reason = ::strerrordesc_np(error_);
  return Lost{std::exchange(lost_, 0), !address_.wrong.empty() ? address_.wrong
                                       : reason != nullptr     ? reason
                                                               : "?"};
}

void Sender::let_go() {
  fd_.reset();
  pending_.clear();
  tried_.reset();
}

}  // namespace gserve::syslog
