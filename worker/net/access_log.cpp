// SPDX-License-Identifier: MIT
#include "worker/net/access_log.h"

#include <poll.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "worker/net/access_record.h"
#include "worker/net/calendar.h"
#include "worker/net/connection.h"

namespace gserve::net {
namespace {

constexpr std::size_t kAtomicPipeWrite = 4096;  // PIPE_BUF: more may mix with a sibling's lines
constexpr std::size_t kMostGathered = 1 << 20;
constexpr int kLastWait = 1000;  // milliseconds
constexpr Nanos kTellEvery = 10 * kSecond;

bool can_write(int fd, int milliseconds) {
  pollfd poll{fd, POLLOUT, 0};
  return ::poll(&poll, 1, milliseconds) == 1 && (poll.revents & POLLOUT) != 0;
}

}  // namespace

AccessLog::AccessLog(Context& context, Log& log)
    : context_(context),
      log_(log),
      records_(context.config.access_records >= 0),
      fd_(records_ ? context.config.access_records : context.config.access_log) {
  reopened();
}

void AccessLog::reopened() {
  struct stat status {};
  regular_ = fd_ >= 0 && ::fstat(fd_, &status) == 0 && S_ISREG(status.st_mode);
}

void AccessLog::add(const Connection& connection) {
  const HttpExchange& exchange = connection.exchange;
  log_.count_request(exchange.status(), exchange.duration() / 1000);
  const bool copies = !records_ && log_.copies_access();
  if (fd_ < 0 && !copies) return;
  if (lines_.size() > kMostGathered) {
    ++dropped_;
    drop_error_ = EAGAIN;
    return;
  }
  const std::size_t start = lines_.size();
  append(connection);
  if (copies) log_.copy_access(std::string_view(lines_).substr(start, lines_.size() - start - 1));
  if (fd_ < 0) return lines_.clear();
}

void AccessLog::append(const Connection& connection) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const HttpExchange& exchange = connection.exchange;
  const AccessRecord record{exchange.head(),
                            connection.peer,
                            exchange.status(),
                            exchange.body_sent(),
                            exchange.duration() / 1000,
                            records_ ? std::string_view() : time_text(now.tv_sec),
                            static_cast<int>(now.tv_nsec / kMillisecond),
                            exchange.logged_fields(),
                            exchange.logged_values()};
  if (records_) return append_access_record(lines_, record);
  context_.access_format.append(lines_, record, regular_ ? std::string::npos : kAtomicPipeWrite);
}

/// The same text for a whole second.
std::string_view AccessLog::time_text(std::int64_t unix_seconds) {
  if (formatted_ == unix_seconds) return time_.data();
  formatted_ = unix_seconds;
  if (context_.access_format.is_json()) {
    const CivilTime t = civil_time(unix_seconds);
    std::snprintf(time_.data(), time_.size(), "%04d-%02d-%02dT%02d:%02d:%02d", t.year, t.month, t.day, t.hour,
                  t.minute, t.second);
  } else {
    format_local_time(unix_seconds);
  }
  return time_.data();
}

void AccessLog::format_local_time(std::int64_t unix_seconds) {
  const long offset = utc_offset(context_.guard, unix_seconds);
  const CivilTime t = civil_time(unix_seconds + offset);
  const long minutes = std::labs(offset) / 60;
  std::snprintf(time_.data(), time_.size(), "[%02d/%s/%04d:%02d:%02d:%02d %c%02ld%02ld]", t.day,
                month_name(t.month).data(), t.year, t.hour, t.minute, t.second, offset < 0 ? '-' : '+',
                minutes / 60, minutes % 60);
}

void AccessLog::flush(Nanos now) {
  while (!lines_.empty() && write_some()) {
  }
  if (dropped_ > 0) tell_dropped(now);
  log_.flush();
}

void AccessLog::finish(Nanos now) {
  while (!lines_.empty() && (write_some() || can_write(fd_, kLastWait))) {
  }
  if (!lines_.empty()) drop_lines(EAGAIN);
  told_ = 0;
  flush(now);
}

/// The next write's size: whole lines, few enough not to mix with those of other processes.
std::size_t AccessLog::next_write() const {
  if (regular_ || records_ || lines_.size() <= kAtomicPipeWrite) return lines_.size();
  return lines_.rfind('\n', kAtomicPipeWrite - 1) + 1;
}

/// Returns whether to go on.
bool AccessLog::write_some() {
  if (!regular_ && !records_ && !can_write(fd_, 0)) return false;
  const ssize_t n = ::write(fd_, lines_.data(), next_write());
  if (n < 0 && errno == EINTR) return true;
  if (n < 0 && errno == EAGAIN) return false;
  if (n < 0) {
    drop_lines(errno);
    return false;
  }
  lines_.erase(0, static_cast<std::size_t>(n));
  return true;
}

void AccessLog::drop_lines(int error) {
  dropped_ += static_cast<std::uint64_t>(std::count(lines_.begin(), lines_.end(), '\n'));
  drop_error_ = error;
  lines_.clear();
}

void AccessLog::tell_dropped(Nanos now) {
  if (told_ != 0 && now - told_ < kTellEvery) return;
  told_ = now;
  log_.warning("dropped " + std::to_string(dropped_) +
               " lines of the access log: cannot write it: " + error_text(drop_error_));
  dropped_ = 0;
}

}  // namespace gserve::net
