// SPDX-License-Identifier: MIT
#include "supervisor/io/log.h"

#include <spdlog/details/null_mutex.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <deque>
#include <optional>
#include <utility>

#include "supervisor/io/journal_entries.h"
#include "supervisor/io/log_json.h"

namespace gserve::io {
namespace {

constexpr std::size_t kLastLines = 4096;  // bytes

spdlog::level::level_enum to_spdlog(core::LogLevel level) {
  switch (level) {
    case core::LogLevel::debug:
      return spdlog::level::debug;
    case core::LogLevel::info:
      return spdlog::level::info;
    case core::LogLevel::warning:
      return spdlog::level::warn;
    case core::LogLevel::error:
      return spdlog::level::err;
    case core::LogLevel::critical:
      return spdlog::level::critical;
  }
  return spdlog::level::critical;
}

core::LogLevel from_spdlog(spdlog::level::level_enum level) {
  for (const auto each :
       {core::LogLevel::debug, core::LogLevel::info, core::LogLevel::warning, core::LogLevel::error}) {
    if (to_spdlog(each) == level) return each;
  }
  return core::LogLevel::critical;
}

const char* gunicorn_name(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::trace:
    case spdlog::level::debug:
      return "DEBUG";
    case spdlog::level::info:
      return "INFO";
    case spdlog::level::warn:
      return "WARNING";
    case spdlog::level::err:
      return "ERROR";
    case spdlog::level::critical:
    case spdlog::level::off:
    case spdlog::level::n_levels:
      break;
  }
  return "CRITICAL";
}

void append(spdlog::memory_buf_t& out, std::string_view text) {
  out.append(text.data(), text.data() + text.size());
}

/// The level as gunicorn writes it.
class LevelFlag final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    append(out, gunicorn_name(message.level));
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<LevelFlag>(); }
};

/// +0000, where spdlog's own %z gives +00:00.
class ZoneFlag final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg&, const std::tm& time, spdlog::memory_buf_t& out) override {
    const long minutes = time.tm_gmtoff / 60;
    const long distance = minutes < 0 ? -minutes : minutes;
    char text[16];
    const int size = std::snprintf(text, sizeof text, "%c%02ld%02ld", minutes < 0 ? '-' : '+',
                                   distance / 60 % 100, distance % 60);
    append(out, {text, static_cast<std::size_t>(size)});
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<ZoneFlag>(); }
};

syslog::Severity severity(core::LogLevel level) {
  switch (level) {
    case core::LogLevel::debug:
      return syslog::Severity::debug;
    case core::LogLevel::info:
      return syslog::Severity::info;
    case core::LogLevel::warning:
      return syslog::Severity::warning;
    case core::LogLevel::error:
      return syslog::Severity::error;
    case core::LogLevel::critical:
      break;
  }
  return syslog::Severity::critical;
}

std::unique_ptr<spdlog::formatter> make_formatter(Log::Style style) {
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  if (style == Log::Style::json) {
    formatter->set_pattern("%v");
    return formatter;
  }
  formatter->add_flag<LevelFlag>('*').add_flag<ZoneFlag>('&').set_pattern(
      "[%Y-%m-%d %H:%M:%S %&] [%P] [%*] %v");
  return formatter;
}

class FileSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  FileSink(LogFile file, Log::Style style)
      : base_sink(make_formatter(style)),
        file_(std::move(file)),
        journal_(file_.is_journal()),
        entries_(journal_ && journal_takes_entries(file_.fd())) {}
  LogFile& file() { return file_; }
  const LogFile& file() const { return file_; }
  /// Whom the next line is about; 0 where it is no worker.
  void set_subject(core::Pid pid, core::Generation generation) {
    pid_ = pid;
    generation_ = generation;
  }
  /// As it was written.
  std::string_view last_text() const { return {last_.data(), last_.size()}; }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    last_.clear();
    formatter_->format(message, last_);
    if (entries_)
      return send_to_journal(severity(from_spdlog(message.level)), last_text(), pid_, generation_);
    file_.write(journal_ ? with_priorities(message.level) : last_text());
  }
  /// The journal cuts what it reads into lines, each of which has its own priority (sd-daemon(3)).
  std::string_view with_priorities(spdlog::level::level_enum level) {
    const std::string mark = "<" + std::to_string(static_cast<int>(severity(from_spdlog(level)))) + ">";
    marked_.clear();
    for (std::string_view rest = last_text(); !rest.empty();) {
      const std::size_t size = std::min(rest.find('\n'), rest.size() - 1) + 1;
      marked_.append(mark).append(rest.substr(0, size));
      rest.remove_prefix(size);
    }
    return marked_;
  }
  void flush_() override {}

  LogFile file_;
  const bool journal_;
  const bool entries_;  // it takes them with fields
  core::Pid pid_ = 0;
  core::Generation generation_ = 0;
  spdlog::memory_buf_t last_;
  std::string marked_;
};

/// The first lines of what was logged last, for where the log itself cannot be read.
class RecentLines {
 public:
  void add(core::Pid pid, std::string_view text) {
    text = text.substr(0, text.find('\n'));
    lines_.push_front({pid, std::string(text.substr(0, kMaxLine)) + '\n'});
    if (lines_.size() > kKept) lines_.pop_back();
  }

  /// What was about `pid` or about nobody, at most `limit` bytes.
  std::string about(core::Pid pid, std::size_t limit) const {
    std::string found;
    for (const Line& line : lines_) {
      if (line.pid != 0 && line.pid != pid) continue;
      if (found.size() + line.text.size() > limit) break;
      found.insert(0, line.text);
    }
    return found;
  }

 private:
  static constexpr std::size_t kKept = 100;
  static constexpr std::size_t kMaxLine = 500;
  struct Line {
    core::Pid pid;
    std::string text;
  };
  std::deque<Line> lines_;  // the newest first
};

void append_printable(std::string& out, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte >= 0x20 && byte != 0x7f) || c == '\n' || c == '\t') {
      out += c;
    } else {
      out.append({'\\', 'x', kHex[byte >> 4], kHex[byte & 15]});
    }
  }
}

std::string compose(std::string_view text, core::Pid pid, core::Generation generation) {
  const auto end_of_first = std::min(text.find('\n'), text.size());
  std::string out;
  append_printable(out, text.substr(0, end_of_first));
  if (pid != 0) out += " worker=" + std::to_string(pid);
  if (generation != 0) out += " generation=" + std::to_string(generation);
  append_printable(out, text.substr(end_of_first));
  return out;
}

}  // namespace

class Log::Impl {
 public:
  Impl(LogFile file, core::LogLevel level, Style style)
      : style_(style), sink_(std::make_shared<FileSink>(std::move(file), style)), logger_("gserve", sink_) {
    logger_.set_level(to_spdlog(level));
    logger_.set_error_handler([](const std::string&) {});  // the default writes to standard error
  }

  void write(core::LogLevel level, const std::string& line, std::string_view text, core::Pid pid,
             core::Generation generation) {
    // A string view and no format arguments: braces in the text mean nothing.
    const std::string whole = style_ == Style::text
                                  ? line
                                  : json_line(std::chrono::system_clock::now(), level, text, pid, generation);
    sink_->set_subject(pid, generation);
    logger_.log(to_spdlog(level), spdlog::string_view_t(whole.data(), whole.size()));
    recent_.add(pid, sink_->last_text());
  }

  void copy(core::LogLevel level, const std::string& line) {
    syslog_->send(severity(level), tag_, "[" + std::to_string(::getpid()) + "] " + line);
    const auto lost = syslog_->take_lost();
    if (!lost) return;
    const std::string text =
        "lines that syslog did not take: " + std::to_string(lost->lines) + ": " + lost->reason;
    write(core::LogLevel::warning, text, text, 0, 0);
  }

  const Style style_;
  std::shared_ptr<FileSink> sink_;
  spdlog::logger logger_;
  std::optional<syslog::Sender> syslog_;
  std::string tag_;
  RecentLines recent_;
};

std::variant<Log, std::string> Log::open(const std::string& path, core::LogLevel level, Style style) {
  auto file = LogFile::open(path, STDERR_FILENO);
  if (auto* wrong = std::get_if<std::string>(&file)) return std::move(*wrong);
  return Log(std::get<LogFile>(std::move(file)), level, style);
}

Log::Log(LogFile file, core::LogLevel level, Style style)
    : impl_(std::make_unique<Impl>(std::move(file), level, style)) {}
Log::Log(Log&& other) noexcept = default;
Log& Log::operator=(Log&& other) noexcept = default;
Log::~Log() = default;

void Log::log(core::LogLevel level, std::string_view text, core::Pid pid, core::Generation generation) {
  if (!impl_->logger_.should_log(to_spdlog(level))) return;
  while (text.ends_with('\n')) text.remove_suffix(1);
  const std::string line = compose(text, pid, generation);
  impl_->write(level, line, text, pid, generation);
  if (impl_->syslog_) impl_->copy(level, line);
}

void Log::copy_to(syslog::Sender sender, std::string tag) {
  impl_->syslog_.emplace(std::move(sender));
  impl_->tag_ = std::move(tag);
}

void Log::flush() {
  if (impl_->syslog_) impl_->syslog_->flush();
}

std::string Log::last_lines(core::Pid pid) const {
  std::string lines = impl_->sink_->file().tail(kLastLines);
  return lines.empty() ? impl_->recent_.about(pid, kLastLines) : lines;
}

void Log::set_level(core::LogLevel level) {
  impl_->logger_.set_level(to_spdlog(level));
}

std::string Log::reopen() {
  std::string wrong = impl_->sink_->file().reopen();
  if (!wrong.empty()) log(core::LogLevel::error, wrong);
  return wrong;
}

ports::LogPlace Log::place() const {
  return impl_->sink_->file().place();
}

int Log::fd() const {
  return impl_->sink_->file().fd();
}

}  // namespace gserve::io
