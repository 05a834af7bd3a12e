// SPDX-License-Identifier: MIT
#include "supervisor/io/pidfile_lock.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <optional>
#include <string_view>
#include <system_error>

namespace gserve::io {
namespace {

constexpr mode_t kMode = 0644;
// Another start may be between taking the lock and naming itself: look again for a second before giving up.
constexpr int kTries = 100;
constexpr int kBetweenTriesMs = 10;

/// One attempt to become the owner of the file at a path.
struct Claim {
  enum class Kind { owned, busy, changed, failed } kind;
  UniqueFd file;
  bool created = false;  // the file was not there before
  int error = 0;
};

bool is_file_at(int fd, const std::string& path) {
  struct stat opened {};
  struct stat named {};
  return ::fstat(fd, &opened) == 0 && ::lstat(path.c_str(), &named) == 0 && opened.st_dev == named.st_dev &&
         opened.st_ino == named.st_ino;
}

bool is_regular(int fd) {
  struct stat file {};
  return ::fstat(fd, &file) == 0 && S_ISREG(file.st_mode);
}

/// Links are not followed: what stands at the path would be replaced, and what it points to would not be a
/// pidfile.
UniqueFd open_or_create(const std::string& path, bool& created) {
  constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  UniqueFd file(::open(path.c_str(), kFlags | O_CREAT | O_EXCL, kMode));
  created = static_cast<bool>(file);
  if (file || errno != EEXIST) return file;
  file.reset(::open(path.c_str(), kFlags));
  if (!file && errno == ENOENT) errno = EAGAIN;  // it was there a moment ago
  return file;
}

Claim claim(const std::string& path) {
  Claim result{Claim::Kind::failed, {}, false, 0};
  result.file = open_or_create(path, result.created);
  if (!result.file) {
    result.error = errno;
    if (errno == EAGAIN) result.kind = Claim::Kind::changed;
  } else if (!is_regular(result.file.get())) {
    result.error = EINVAL;
  } else if (::flock(result.file.get(), LOCK_EX | LOCK_NB) != 0) {
    result.error = errno;
    result.kind = errno == EWOULDBLOCK ? Claim::Kind::busy : Claim::Kind::failed;
  } else {
    // Between open and flock the owner may have removed or replaced the file.
    result.kind = is_file_at(result.file.get(), path) ? Claim::Kind::owned : Claim::Kind::changed;
  }
  return result;
}

std::optional<core::Pid> read_pid(int fd) {
  char buffer[32];
  const ssize_t size = ::pread(fd, buffer, sizeof buffer, 0);
  if (size <= 0) return std::nullopt;
  std::string_view text(buffer, static_cast<std::size_t>(size));
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  core::Pid pid = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
  if (error != std::errc{} || pid <= 0) return std::nullopt;
  const std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
  return rest.find_first_not_of(" \t\r\n") == std::string_view::npos ? std::optional(pid) : std::nullopt;
}

std::optional<core::Pid> read_pid(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  return file ? read_pid(file.get()) : std::nullopt;
}

bool is_alive(core::Pid pid) {
  return ::kill(pid, 0) == 0 || errno == EPERM;
}

std::string failure(const std::string& path, int error) {
  std::string reason = std::generic_category().message(error);
  if (error == EINVAL) reason = "it is not a regular file";
  if (error == ELOOP) reason = "it is a symbolic link; give the file's own path";
  if (error == ENOENT) reason += "; create the directory first";
  return "cannot write the pidfile " + path + ": " + reason;
}

/// Writes a new file beside `path`, locked before anybody can see it under that name. Returns nothing with
/// errno set.
UniqueFd write_beside(std::string& name, core::Pid pid) {
  UniqueFd file(::mkostemp(name.data(), O_CLOEXEC));
  if (!file) return {};
  const std::string text = std::to_string(pid) + "\n";
  errno = 0;
  const bool written = ::flock(file.get(), LOCK_EX | LOCK_NB) == 0 && ::fchmod(file.get(), kMode) == 0 &&
                       ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (written) return file;
  const int error = errno == 0 ? ENOSPC : errno;  // a short write
  ::unlink(name.c_str());
  errno = error;
  return {};
}

/// Puts our own file, locked, in the place of what stands at `path`. Returns 0 or an errno.
int replace(const std::string& path, core::Pid pid, UniqueFd& locked) {
  std::string name = path + ".XXXXXX";
  UniqueFd file = write_beside(name, pid);
  if (!file) return errno;
  if (::rename(name.c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(name.c_str());
    return error;
  }
  locked = std::move(file);
  return 0;
}

std::string running(core::Pid pid) {
  return "already running (pid " + std::to_string(pid) + ")";
}

/// The reason not to start, if the file that we hold names a process that lives.
std::optional<std::string> other_owner(const std::string& path, int fd, core::Pid self) {
  const auto pid = read_pid(fd);
  if (!pid || *pid == self || !is_alive(*pid)) return std::nullopt;
  return running(*pid) + ", says the pidfile " + path + "; remove it if that process is another program";
}

}  // namespace

std::variant<PidfileLock, std::string> PidfileLock::acquire(const std::string& path, core::Pid pid) {
  for (int tries = 0; tries < kTries; ++tries) {
    Claim claimed = claim(path);
    if (claimed.kind == Claim::Kind::failed) return failure(path, claimed.error);
    if (claimed.kind == Claim::Kind::owned) {
      if (auto reason = other_owner(path, claimed.file.get(), pid)) return *reason;
      UniqueFd locked;
      const int error = replace(path, pid, locked);
      if (error == 0) return PidfileLock(path, pid, std::move(locked));
      if (claimed.created) ::unlink(path.c_str());
      return failure(path, error);
    }
    const auto owner = claimed.kind == Claim::Kind::busy ? read_pid(path) : std::nullopt;
    if (owner && is_alive(*owner)) return running(*owner) + ", it holds the pidfile " + path;
    ::poll(nullptr, 0, kBetweenTriesMs);
  }
  return "cannot take the pidfile " + path + ": another process keeps it locked";
}

PidfileLock::PidfileLock(PidfileLock&& other) noexcept
    : path_(std::move(other.path_)), pid_(other.pid_), locked_(std::move(other.locked_)) {}

PidfileLock& PidfileLock::operator=(PidfileLock&& other) noexcept {
  if (this == &other) return *this;
  release();
  path_ = std::move(other.path_);
  pid_ = other.pid_;
  locked_ = std::move(other.locked_);
  return *this;
}

void PidfileLock::release() {
  if (!locked_) return;
  // Removed before it is unlocked: whoever opened it meanwhile sees that it is no longer at its path.
  if (is_file_at(locked_.get(), path_) && read_pid(locked_.get()) == pid_) ::unlink(path_.c_str());
  locked_.reset();
}

}  // namespace gserve::io
