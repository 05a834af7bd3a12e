// SPDX-License-Identifier: MIT
#include "ctl/log_tail.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>

namespace gserve::ctl {
namespace {

constexpr std::size_t kBlock = std::size_t{64} * 1024;
// A new file at the path is not told of by the watch on the old one.
constexpr std::chrono::milliseconds kLookAgain{500};

/// Where the last `count` lines begin.
off_t start_of_last(int fd, off_t size, std::size_t count) {
  std::string block(kBlock, '\0');
  off_t end = size;
  std::size_t newlines = 0;
  while (end > 0) {
    const off_t start = std::max<off_t>(0, end - static_cast<off_t>(kBlock));
    const ssize_t got = pread(fd, block.data(), static_cast<std::size_t>(end - start), start);
    if (got <= 0) return end;
    for (ssize_t i = got; i-- > 0;) {
      const bool last_byte = start + i == size - 1;  // ends the last line, begins none
      if (block[static_cast<std::size_t>(i)] == '\n' && !last_byte && ++newlines == count)
        return start + i + 1;
    }
    end = start;
  }
  return 0;
}

/// Waits until something may have happened to the file.
void await_change(int watch, Deadline deadline) {
  const Deadline again = std::chrono::steady_clock::now() + kLookAgain;
  pollfd watched{watch, POLLIN, 0};
  char events[4096];
  if (poll(&watched, 1, poll_timeout(deadline ? std::min(deadline, again) : again)) > 0) {
    while (read(watch, events, sizeof events) > 0) continue;
  }
}

bool is_over(Deadline deadline) {
  return deadline && std::chrono::steady_clock::now() >= *deadline;
}

}  // namespace

std::string LogTail::failure(const char* what) const {
  return std::string("cannot ") + what + " the log " + path_ + ": " + std::generic_category().message(errno);
}

std::string LogTail::open() {
  UniqueFd file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!file) return failure("open");
  file_ = std::move(file);
  return {};
}

std::string LogTail::last(std::size_t count, const Line& line) {
  if (std::string wrong = open(); !wrong.empty()) return wrong;
  struct stat status {};
  if (fstat(file_.get(), &status) != 0) return failure("read");
  const off_t start = start_of_last(file_.get(), status.st_size, count);
  if (lseek(file_.get(), start, SEEK_SET) < 0) return failure("read");
  read_on(line);
  return {};
}

/// Whether more is wanted.
bool LogTail::read_on(const Line& line) {
  struct stat status {};
  const bool cut = fstat(file_.get(), &status) == 0 && status.st_size < lseek(file_.get(), 0, SEEK_CUR);
  if (cut) lseek(file_.get(), 0, SEEK_SET);
  std::string block(kBlock, '\0');
  for (ssize_t got = 0; (got = read(file_.get(), block.data(), block.size())) > 0;) {
    begun_.append(block, 0, static_cast<std::size_t>(got));
    for (auto end = begun_.find('\n'); end != std::string::npos; end = begun_.find('\n')) {
      if (!line(std::string_view(begun_).substr(0, end))) return false;
      begun_.erase(0, end + 1);
    }
  }
  return true;
}

bool LogTail::replaced() const {
  struct stat open_file {};
  struct stat at_path {};
  if (fstat(file_.get(), &open_file) != 0 || stat(path_.c_str(), &at_path) != 0) return false;
  return open_file.st_ino != at_path.st_ino || open_file.st_dev != at_path.st_dev;
}

std::string LogTail::follow(Deadline deadline, const Line& line) {
  for (;;) {
    const UniqueFd watch(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    // The open file, not what stands at the path: in the middle of a rotation that is nothing.
    const std::string self = "/proc/self/fd/" + std::to_string(file_.get());
    if (!watch || inotify_add_watch(watch.get(), self.c_str(), IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF) < 0) {
      return failure("watch");
    }
    bool same = true;
    while (same) {
      same = !replaced();
      if (!read_on(line)) return {};
      if (is_over(deadline)) return {};
      if (same) await_change(watch.get(), deadline);
    }
    if (std::string wrong = open(); !wrong.empty() && errno != ENOENT) return wrong;
  }
}

}  // namespace gserve::ctl
