// SPDX-License-Identifier: MIT
#include "supervisor/io/notify_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include "common/launch_contract.h"

namespace gserve::io {
namespace {

// A traceback may be long; a datagram is at most the default socket buffer.
constexpr std::size_t kMaxDatagram = std::size_t{256} * 1024;
constexpr char kSocketName[] = "/notify";
// A leading dot: not the name of an instance.
constexpr char kDirectoryPrefix[] = "/.gserve-notify-";

std::string cannot(const char* what, const std::string& path) {
  return std::string("cannot ") + what + " " + path + ": " + std::strerror(errno);
}

bool fill_address(sockaddr_un& address, const std::string& path) {
  if (path.size() >= sizeof address.sun_path) return false;
  address = {};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return true;
}

/// Nobody receives there any more: its owner died without cleaning up.
bool abandoned(const std::string& path) {
  sockaddr_un address;
  const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  return fd && fill_address(address, path) &&
         ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 &&
         errno == ECONNREFUSED;
}

void remove_abandoned(const std::string& base) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(base, error)) {
    const std::string directory = entry.path().string();
    if (directory.rfind(base + kDirectoryPrefix, 0) != 0 || !abandoned(directory + kSocketName)) continue;
    ::unlink((directory + kSocketName).c_str());
    ::rmdir(directory.c_str());
  }
}

void close_passed_descriptors(const cmsghdr* control) {
  const std::size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
  for (std::size_t i = 0; i < count; ++i) {
    int fd;
    std::memcpy(&fd, CMSG_DATA(control) + i * sizeof fd, sizeof fd);
    ::close(fd);
  }
}

/// The sender's pid, 0 when the kernel gave none. Descriptors that came along (nobody asked for any) are
/// closed.
core::Pid take_credentials(msghdr& header) {
  core::Pid sender = 0;
  for (cmsghdr* control = CMSG_FIRSTHDR(&header); control; control = CMSG_NXTHDR(&header, control)) {
    if (control->cmsg_level != SOL_SOCKET) continue;
    if (control->cmsg_type == SCM_RIGHTS) close_passed_descriptors(control);
    if (control->cmsg_type == SCM_CREDENTIALS) {
      ucred credentials;
      std::memcpy(&credentials, CMSG_DATA(control), sizeof credentials);
      sender = credentials.pid;
    }
  }
  return sender;
}

}  // namespace

std::optional<WorkerMessage> parse_worker_message(std::string_view text) {
  WorkerMessage message;
  message.fields = parse_fields(text);
  const auto launch = number_field(message.fields, contract::kNotifyWorker);
  if (!launch) return std::nullopt;
  message.launch = *launch;
  return message;
}

std::vector<std::string> runtime_directories(const std::map<std::string, std::string>& environment,
                                             bool root) {
  std::vector<std::string> bases;
  const auto add = [&](const char* name) {
    const auto entry = environment.find(name);
    // systemd separates several by ':'
    if (entry != environment.end()) bases.push_back(entry->second.substr(0, entry->second.find(':')));
  };
  add("RUNTIME_DIRECTORY");
  if (root) bases.emplace_back("/run/gserve");
  add("XDG_RUNTIME_DIR");
  add("TMPDIR");
  bases.emplace_back("/tmp");
  return bases;
}

NotifySocket::NotifySocket(const std::vector<std::string>& bases) : buffer_(kMaxDatagram) {
  std::string reasons;
  for (const std::string& base : bases) {
    const std::string reason = try_open(base);
    if (reason.empty()) return;
    reasons += (reasons.empty() ? "" : "; ") + reason;
  }
  throw std::runtime_error("no place for the workers' notify socket: " + reasons);
}

NotifySocket::NotifySocket(const NotifyState& state)
    : fd_(state.fd),
      made_base_(state.made_base),
      directory_(state.directory),
      path_(state.path),
      buffer_(kMaxDatagram) {}

NotifySocket::~NotifySocket() {
  remove();
}

void NotifySocket::remove() {
  if (!path_.empty()) ::unlink(path_.c_str());
  if (!directory_.empty()) ::rmdir(directory_.c_str());
  if (!made_base_.empty()) ::rmdir(made_base_.c_str());  // stays if another instance has come
  path_.clear();
  directory_.clear();
  made_base_.clear();
}

std::string NotifySocket::try_open(const std::string& base) {
  std::string directory = base + kDirectoryPrefix + "XXXXXX";
  sockaddr_un address;
  if (!fill_address(address, directory + kSocketName)) return base + " is too long for a Unix socket's path";
  if (::mkdir(base.c_str(), 0755) == 0) made_base_ = base;  // /run/gserve may not exist yet
  remove_abandoned(base);
  if (!::mkdtemp(directory.data())) {
    std::string reason = cannot("make a directory in", base);
    remove();
    return reason;
  }
  directory_ = directory;
  std::string reason = bind_in(directory);
  if (!reason.empty()) remove();
  return reason;
}

std::string NotifySocket::bind_in(const std::string& directory) {
  path_ = directory + kSocketName;
  sockaddr_un address;
  fill_address(address, path_);
  fd_ = UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  if (!fd_ || ::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 ||
      ::chmod(path_.c_str(), 0666) < 0 || ::chmod(directory.c_str(), 0711) < 0 ||
      ::setsockopt(fd_.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0) {
    return cannot("open", path_);
  }
  return {};
}

std::vector<WorkerMessage> NotifySocket::receive() {
  std::vector<WorkerMessage> messages;
  while (receive_one(messages)) {
  }
  return messages;
}

bool NotifySocket::receive_one(std::vector<WorkerMessage>& messages) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(sizeof(int) * 253)];
  iovec data{buffer_.data(), buffer_.size()};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ssize_t size;
  do {
    size = ::recvmsg(fd_.get(), &header, MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size < 0) return false;
  const core::Pid sender = take_credentials(header);
  const bool whole = (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
  auto message =
      whole ? parse_worker_message({buffer_.data(), static_cast<std::size_t>(size)}) : std::nullopt;
  if (!message || sender == 0) {
    ++dropped_;
    return true;
  }
  message->sender = sender;
  messages.push_back(std::move(*message));
  return true;
}

}  // namespace gserve::io
