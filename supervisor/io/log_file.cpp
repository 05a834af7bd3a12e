// SPDX-License-Identifier: MIT
#include "supervisor/io/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <system_error>

namespace gserve::io {
namespace {

constexpr mode_t kMode = 0666;  // the umask takes away

/// Returns no descriptor and errno on failure.
UniqueFd open_path(const std::string& path) {
  // O_NONBLOCK only for the opening: a FIFO without a reader would hold the supervisor up for ever.
  constexpr int kFlags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY;
  UniqueFd fd(::open(path.c_str(), kFlags | O_NONBLOCK, kMode));
  if (fd) ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) & ~O_NONBLOCK);
  return fd;
}

UniqueFd open_fd(const std::string& path, int standard_fd) {
  return path == "-" ? UniqueFd(::fcntl(standard_fd, F_DUPFD_CLOEXEC, 3)) : open_path(path);
}

std::string failure(const std::string& path, int error) {
  const std::string hint = error == ENXIO ? " (a FIFO needs a reader first)" : "";
  return "cannot open the log " + path + ": " + std::generic_category().message(error) + hint;
}

/// The path of what is open, also after it was renamed.
std::string name_of(int fd) {
  char name[PATH_MAX];
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t length = ::readlink(link.c_str(), name, sizeof name);
  return {name, static_cast<std::size_t>(std::max<ssize_t>(length, 0))};
}

}  // namespace

std::variant<LogFile, std::string> LogFile::open(const std::string& path, int standard_fd) {
  UniqueFd fd = open_fd(path, standard_fd);
  if (!fd) return failure(path, errno);
  return LogFile(path, standard_fd, std::move(fd));
}

std::string LogFile::reopen() {
  UniqueFd fd = open_fd(path_, standard_fd_);
  if (!fd) return failure(path_, errno) + "; the old one stays in use";
  fd_ = std::move(fd);
  return {};
}

void LogFile::write(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd_.get(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

bool LogFile::is_journal() const {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat file {};
  if (stream == nullptr || ::fstat(fd_.get(), &file) < 0) return false;
  return std::to_string(file.st_dev) + ":" + std::to_string(file.st_ino) == stream;
}

ports::LogPlace LogFile::place() const {
  struct stat file {};
  if (::fstat(fd_.get(), &file) < 0) return {"other", ""};
  if (S_ISREG(file.st_mode)) return {"file", name_of(fd_.get())};
  if (is_journal()) return {"journal", ""};
  if (S_ISFIFO(file.st_mode)) return {"pipe", ""};
  if (::isatty(fd_.get()) == 1) return {"terminal", name_of(fd_.get())};
  constexpr unsigned kNullMajor = 1;
  constexpr unsigned kNullMinor = 3;
  const bool null = S_ISCHR(file.st_mode) && file.st_rdev == makedev(kNullMajor, kNullMinor);
  return {null ? "none" : "other", ""};
}

std::string LogFile::tail(std::size_t limit) const {
  struct stat file {};
  if (::fstat(fd_.get(), &file) < 0 || !S_ISREG(file.st_mode)) return {};
  // By descriptor: the path may name another file by now.
  const std::string self = "/proc/self/fd/" + std::to_string(fd_.get());
  const UniqueFd reader(::open(self.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!reader) return {};
  const off_t start = std::max<off_t>(file.st_size - static_cast<off_t>(limit), 0);
  std::string text(limit, '\0');
  const ssize_t got = ::pread(reader.get(), text.data(), limit, start);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  if (start > 0) text.erase(0, text.find('\n') + 1);
  return text;
}

}  // namespace gserve::io
