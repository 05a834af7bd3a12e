// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>
#include <cstdint>

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "common/unique_fd.h"
#include "supervisor/config/address.h"
#include "supervisor/io/service_state.h"
#include "supervisor/io/socket_file.h"

namespace gserve::io {

/// Why an address could not be listened on.
struct ListenError {
  std::string reason;   // one line
  bool in_use = false;  // somebody else listens there: worth another try
};

/// Who may connect to a Unix socket: its file's mode is 0777 without `umask`, as gunicorn's.
struct SocketAccess {
  mode_t umask = 0;
  std::optional<std::pair<uid_t, gid_t>> owner;  // empty: the supervisor's
};

/// One listening stream socket: non-blocking, close-on-exec. Closes it and removes a Unix socket's file when
/// destroyed. Movable.
class Listener {
 public:
  /// Creates, binds and listens. A Unix socket's file that nobody listens on is replaced; any other file in
  /// the way is an error. `v6_only` keeps an IPv6 socket from taking IPv4 too; with `reuse_port` other programs may
  /// listen there, too (SO_REUSEPORT).
  static std::variant<Listener, ListenError> open(const config::TcpAddress& address, int backlog,
                                                  bool v6_only, bool reuse_port = false);
  static std::variant<Listener, ListenError> open(const config::UnixAddress& address, int backlog,
                                                  const SocketAccess& access = {});

  /// Takes over a socket that the parent process (systemd, for one) opened and listens on; `fd` is owned from
  /// then on. Its file is never removed, and stop_listening() leaves it alone: others count on it.
  static std::variant<Listener, ListenError> adopt(int fd);

  /// One that another program in this process had.
  explicit Listener(const ListenerState& state)
      : fd_(state.fd), inherited_(state.inherited), file_(state.file) {}
  ListenerState state() const { return {fd_.get(), inherited_, file_.identity()}; }

  /// Takes over a socket that an earlier process of this service opened for `address` and somebody kept, as
  /// adopt() does. `fd` stays the caller's unless it succeeds.
  static std::variant<Listener, ListenError> take_over(int fd, int backlog);

  /// From now on somebody else keeps the socket too, for the next process of this service: stop_listening()
  /// leaves it alone, and a Unix socket keeps its name.
  void share();
  bool shared() const { return inherited_; }

  int fd() const { return fd_.get(); }
  /// Connections that wait to be accepted (tcp(7), TCP_INFO); nothing for Unix sockets, which do not tell.
  std::optional<std::uint64_t> waiting() const;

  /// Refuses new connections, for every process that shares the socket. Connections that the kernel has
  /// already established stay in the queue and can be accepted: closing the socket instead would reset them.
  void stop_listening();

  /// "http://127.0.0.1:8000", "http://[::1]:8000", "unix:/run/app.sock".
  std::string describe() const;

 private:
  Listener(UniqueFd fd, bool inherited, SocketFile file)
      : fd_(std::move(fd)), inherited_(inherited), file_(std::move(file)) {}

  UniqueFd fd_;
  bool inherited_;
  SocketFile file_;
};

/// Whether the socket `fd` listens where a listener for `address` would: a port 0 in `address` stands for
/// any. A Unix socket must still have its name.
bool listens_at(int fd, const config::TcpAddress& address, bool v6_only);
bool listens_at(int fd, const config::UnixAddress& address);

/// How gunicorn writes an address in its log: ('127.0.0.1', 8000), /run/app.sock, fd://3.
std::string log_text(const config::Address& address);

}  // namespace gserve::io
