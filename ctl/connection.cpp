// SPDX-License-Identifier: MIT
#include "ctl/connection.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace gserve::ctl {
namespace {

Failure failure_of(const std::string& path, int error) {
  const std::string what =
      "cannot connect to control socket " + path + ": " + std::generic_category().message(error);
  switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ECONNREFUSED:
    case ENOTSOCK:
      return {Failure::Kind::absent, "no instance answers at control socket " + path + ": " +
                                         std::generic_category().message(error)};
    case EACCES:
    case EPERM:
      return {Failure::Kind::refused, what + "; only root and the instance's own user may control it"};
    case EAGAIN:
      return {Failure::Kind::no_answer, what + ": its accept queue is full"};
    default:
      return {Failure::Kind::refused, what};
  }
}

/// A full accept queue makes connect(2) wait: for SO_SNDTIMEO at most, unix(7).
void limit_wait(int fd) {
  const timeval second{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof second);
}

}  // namespace

Result<Connection> connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Failure{Failure::Kind::absent, "control socket path " + path + " is too long: at most 107 bytes"};
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  Connection connection;
  connection.socket.reset(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int fd = connection.socket.get();
  if (fd < 0) return failure_of(path, errno);
  limit_wait(fd);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return failure_of(path, errno);
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return failure_of(path, errno);
  connection.pid = peer.pid;
  connection.uid = peer.uid;
  return connection;
}

}  // namespace gserve::ctl
