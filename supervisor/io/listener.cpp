// SPDX-License-Identifier: MIT
#include "supervisor/io/listener.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

#include "supervisor/io/descriptor_limit.h"

namespace gserve::io {
namespace {

using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;
using Opened = std::variant<Listener, ListenError>;

std::string hint(int error) {
  switch (error) {
    case EACCES:
      return "; a port below 1024 needs root or CAP_NET_BIND_SERVICE, a path a writable directory";
    case EADDRNOTAVAIL:
      return "; this machine does not have that address";
    case ENOENT:
      return "; create the directory first";
    default:
      return descriptor_limit_hint(error);
  }
}

ListenError failed(const std::string& what, int error) {
  return {"cannot listen on " + what + ": " + std::generic_category().message(error) + hint(error),
          error == EADDRINUSE};
}

bool set_option(int fd, int level, int option, int value) {
  return ::setsockopt(fd, level, option, &value, sizeof value) == 0;
}

int get_option(int fd, int level, int option) {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, level, option, &value, &size) == 0 ? value : -1;
}

int get_option(int fd, int option) {
  return get_option(fd, SOL_SOCKET, option);
}

template <typename Name>
const Name& as(const sockaddr_storage& name) {
  return reinterpret_cast<const Name&>(name);
}

bool same_port(in_port_t port, std::uint16_t wanted) {
  return wanted == 0 || port == htons(wanted);
}

bool same_place(const sockaddr_in& name, const addrinfo& wanted, std::uint16_t port) {
  const auto& other = *reinterpret_cast<const sockaddr_in*>(wanted.ai_addr);
  return name.sin_addr.s_addr == other.sin_addr.s_addr && same_port(name.sin_port, port);
}

bool same_place(const sockaddr_in6& name, const addrinfo& wanted, std::uint16_t port) {
  const auto& other = *reinterpret_cast<const sockaddr_in6*>(wanted.ai_addr);
  return std::memcmp(&name.sin6_addr, &other.sin6_addr, sizeof name.sin6_addr) == 0 &&
         name.sin6_scope_id == other.sin6_scope_id && same_port(name.sin6_port, port);
}

/// IPv4 first, as gunicorn does for a name that has both.
Addresses resolve(const config::TcpAddress& address, int& error) {
  const std::string host = address.host.empty() ? "0.0.0.0" : address.host;
  const std::string port = std::to_string(address.port);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  for (const int family : {AF_INET, AF_INET6}) {
    hints.ai_family = family;
    error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
    if (error == 0) break;
  }
  return {error == 0 ? found : nullptr, ::freeaddrinfo};
}

enum class FileState { absent, live_socket, stale_socket, other, unreachable };

/// A socket's file outlives its listener; only a connection attempt tells.
FileState inspect(const sockaddr_un& name, int& error) {
  struct stat file {};
  if (::lstat(name.sun_path, &file) != 0) return FileState::absent;  // bind(2) reports what else is wrong
  if (!S_ISSOCK(file.st_mode)) return FileState::other;
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int result =
      probe ? ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) : -1;
  error = result == 0 ? 0 : errno;
  if (error == 0 || error == EAGAIN) return FileState::live_socket;  // EAGAIN: its queue is full
  if (error == ECONNREFUSED) return FileState::stale_socket;
  return error == ENOENT ? FileState::absent : FileState::unreachable;
}

/// Clears the way for bind(2); returns false with `error` filled when something stands in it.
bool clear_path(const sockaddr_un& name, ListenError& refused) {
  const std::string what = name.sun_path;
  int error = 0;
  switch (inspect(name, error)) {
    case FileState::absent:
      return true;
    case FileState::stale_socket:
      ::unlink(name.sun_path);
      return true;
    case FileState::live_socket:
      refused = failed(what, EADDRINUSE);
      return false;
    case FileState::other:
      refused = {"cannot listen on " + what + ": a file that is not a socket is in the way; move it first",
                 false};
      return false;
    case FileState::unreachable:
      refused = failed(what, error);
      return false;
  }
  return false;
}

/// By default, as gunicorn's, whoever reaches the directory may connect.
int bind_unix(int fd, const sockaddr_un& name, const SocketAccess& access) {
  const mode_t before = ::umask(access.umask);
  const int result = ::bind(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name);
  const int error = errno;
  ::umask(before);
  if (result != 0) return error;
  if (!access.owner || ::lchown(name.sun_path, access.owner->first, access.owner->second) == 0) return 0;
  const int refused = errno;
  ::unlink(name.sun_path);
  return refused;
}

bool is_listening_stream(int fd) {
  const int family = get_option(fd, SO_DOMAIN);
  return get_option(fd, SO_TYPE) == SOCK_STREAM && get_option(fd, SO_ACCEPTCONN) == 1 &&
         (family == AF_INET || family == AF_INET6 || family == AF_UNIX);
}

bool set_non_blocking_and_cloexec(int fd) {
  const int status = ::fcntl(fd, F_GETFL);
  return status >= 0 && ::fcntl(fd, F_SETFL, status | O_NONBLOCK) == 0 &&
         ::fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

/// Drops segments with SYN set (RFC 9293 section 3.1: flags are byte 13 of the header), so that no handshake
/// starts. Established connections do not carry SYN and pass. Socket filters see TCP segments from their
/// header on.
bool drop_new_handshakes(int fd) {
  constexpr std::uint32_t kFlags = 13;
  constexpr std::uint32_t kSyn = 0x02;
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kFlags),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, kSyn, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0),
      BPF_STMT(BPF_RET | BPF_K, 0xFFFFFFFF),
  };
  const sock_fprog program{sizeof code / sizeof code[0], code};
  return ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

std::string describe_inet(const sockaddr_storage& name, socklen_t size) {
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  const auto* address = reinterpret_cast<const sockaddr*>(&name);
  if (::getnameinfo(address, size, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) !=
      0) {
    return "http://?";
  }
  const bool v6 = name.ss_family == AF_INET6;
  return std::string("http://") + (v6 ? "[" : "") + host + (v6 ? "]:" : ":") + port;
}

struct LogText {
  std::string operator()(const config::TcpAddress& address) const {
    return "('" + address.host + "', " + std::to_string(address.port) + ")";
  }
  std::string operator()(const config::UnixAddress& address) const { return address.path; }
  std::string operator()(const config::InheritedAddress& address) const {
    return "fd://" + std::to_string(address.fd);
  }
};

}  // namespace

Opened Listener::open(const config::TcpAddress& address, int backlog, bool v6_only, bool reuse_port) {
  const std::string what = log_text(address);
  int error = 0;
  const Addresses found = resolve(address, error);
  if (!found) return ListenError{"cannot listen on " + what + ": " + ::gai_strerror(error), false};
  UniqueFd fd(::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return failed(what, errno);
  if (!set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1)) return failed(what, errno);
  if (reuse_port && !set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1)) return failed(what, errno);
  if (v6_only && !set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1)) return failed(what, errno);
  if (::bind(fd.get(), found->ai_addr, found->ai_addrlen) != 0) return failed(what, errno);
  if (::listen(fd.get(), backlog) != 0) return failed(what, errno);
  return Listener(std::move(fd), false, {});
}

Opened Listener::open(const config::UnixAddress& address, int backlog, const SocketAccess& access) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  address.path.copy(name.sun_path, sizeof name.sun_path - 1);
  ListenError refused;
  if (!clear_path(name, refused)) return refused;
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return failed(address.path, errno);
  if (const int error = bind_unix(fd.get(), name, access); error != 0) return failed(address.path, error);
  SocketFile file(address.path);
  if (::listen(fd.get(), backlog) != 0) return failed(address.path, errno);
  return Listener(std::move(fd), false, std::move(file));
}

Opened Listener::adopt(int fd) {
  const std::string what = "inherited descriptor " + std::to_string(fd);
  if (::fcntl(fd, F_GETFD) < 0) return ListenError{what + " is not open", false};
  if (!is_listening_stream(fd)) return ListenError{what + " is not a listening stream socket", false};
  if (!set_non_blocking_and_cloexec(fd)) return failed(what, errno);
  set_option(fd, SOL_SOCKET, SO_DETACH_FILTER, 0);  // an owner before us may have stopped; ENOENT is the rule
  return Listener(UniqueFd(fd), true, {});
}

Opened Listener::take_over(int fd, int backlog) {
  // Whoever stopped before us may have closed the queue.
  if (::listen(fd, backlog) != 0) return failed("stored descriptor " + std::to_string(fd), errno);
  return adopt(fd);
}

void Listener::share() {
  inherited_ = true;
  file_.forget();
}

void Listener::stop_listening() {
  if (inherited_) return;
  file_.remove();
  if (get_option(fd(), SO_DOMAIN) == AF_UNIX) return;
  // Without the right to filter, a queue of length 0 refuses all but the first newcomer.
  if (!drop_new_handshakes(fd())) ::listen(fd(), 0);
}

std::optional<std::uint64_t> Listener::waiting() const {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(fd_.get(), IPPROTO_TCP, TCP_INFO, &info, &size) < 0) return std::nullopt;
  return info.tcpi_unacked;
}

std::string Listener::describe() const {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  if (::getsockname(fd(), reinterpret_cast<sockaddr*>(&name), &size) != 0) return "?";
  if (name.ss_family != AF_UNIX) return describe_inet(name, size);
  const auto& address = reinterpret_cast<const sockaddr_un&>(name);
  if (size <= offsetof(sockaddr_un, sun_path)) return "unix:";
  const std::size_t length = size - offsetof(sockaddr_un, sun_path);
  if (address.sun_path[0] == '\0') return "unix:@" + std::string(address.sun_path + 1, length - 1);
  return "unix:" + std::string(address.sun_path, ::strnlen(address.sun_path, length));
}

bool listens_at(int fd, const config::TcpAddress& address, bool v6_only) {
  int error = 0;
  const Addresses wanted = resolve(address, error);
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  if (!wanted || !is_listening_stream(fd) ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) != 0) {
    return false;
  }
  if (name.ss_family != wanted->ai_family) return false;
  if (name.ss_family == AF_INET) return same_place(as<sockaddr_in>(name), *wanted, address.port);
  if (v6_only && get_option(fd, IPPROTO_IPV6, IPV6_V6ONLY) != 1) return false;
  return same_place(as<sockaddr_in6>(name), *wanted, address.port);
}

bool listens_at(int fd, const config::UnixAddress& address) {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  if (!is_listening_stream(fd) || ::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) != 0 ||
      name.ss_family != AF_UNIX || size <= offsetof(sockaddr_un, sun_path)) {
    return false;
  }
  struct stat file {};
  const char* path = as<sockaddr_un>(name).sun_path;
  return address.path == path && ::lstat(path, &file) == 0 && S_ISSOCK(file.st_mode);
}

std::string log_text(const config::Address& address) {
  return std::visit(LogText{}, address);
}

}  // namespace gserve::io
