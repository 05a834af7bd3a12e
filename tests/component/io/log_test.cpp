// SPDX-License-Identifier: MIT
#include "supervisor/io/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <regex>

#include "supervisor/io/log_file.h"
#include "tests/component/io/temporary_directory.h"

namespace gserve::io {
namespace {

using core::LogLevel;
using gserve::testing::read_file;
using gserve::testing::TemporaryDirectory;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

Log opened(const std::string& path, LogLevel level = LogLevel::info) {
  auto log = Log::open(path, level);
  if (auto* reason = std::get_if<std::string>(&log)) throw std::runtime_error(*reason);
  return std::get<Log>(std::move(log));
}

LogFile opened_file(const std::string& path, int standard_fd = STDOUT_FILENO) {
  auto file = LogFile::open(path, standard_fd);
  if (auto* reason = std::get_if<std::string>(&file)) throw std::runtime_error(*reason);
  return std::get<LogFile>(std::move(file));
}

TEST(Log, WritesLinesAsGunicornDoes) {
  const TemporaryDirectory directory;
  Log log = opened(directory / "log", LogLevel::debug);
  const struct {
    LogLevel level;
    const char* name;
  } levels[] = {{LogLevel::debug, "DEBUG"},
                {LogLevel::info, "INFO"},
                {LogLevel::warning, "WARNING"},
                {LogLevel::error, "ERROR"},
                {LogLevel::critical, "CRITICAL"}};
  std::string expected;
  for (const auto& [level, name] : levels) {
    log.log(level, "Listening at: http://127.0.0.1:8000");
    expected += R"(\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}\] \[)" + std::to_string(::getpid()) +
                R"(\] \[)" + name + R"(\] Listening at: http://127\.0\.0\.1:8000\n)";
  }
  EXPECT_TRUE(std::regex_match(read_file(directory / "log"), std::regex(expected)))
      << read_file(directory / "log");
}

TEST(Log, WritesTheZoneWithItsSignAndMinutes) {
  const TemporaryDirectory directory;
  const char* before = std::getenv("TZ");
  const std::string kept = before == nullptr ? "" : before;
  for (const auto& [zone, expected] : {std::pair{"XYZ+3:30", " -0330]"}, std::pair{"XYZ-5:45", " +0545]"}}) {
    ::setenv("TZ", zone, 1);
    ::tzset();
    Log log = opened(directory / zone);
    log.log(LogLevel::info, "x");
    EXPECT_THAT(read_file(directory / zone), HasSubstr(expected));
  }
  before == nullptr ? ::unsetenv("TZ") : ::setenv("TZ", kept.c_str(), 1);
  ::tzset();
}

TEST(Log, NamesTheWorkerOnTheFirstLine) {
  const TemporaryDirectory directory;
  Log log = opened(directory / "log");
  log.log(LogLevel::error, "boot failed\nTraceback:\n  x\n", 123, 2);
  log.log(LogLevel::info, "reload", 0, 3);
  const std::string text = read_file(directory / "log");
  EXPECT_THAT(text, HasSubstr("] boot failed worker=123 generation=2\nTraceback:\n  x\n["));
  EXPECT_THAT(text, EndsWith("] reload generation=3\n"));
}

TEST(Log, KeepsTextThatIsNotItsOwnHarmless) {
  const TemporaryDirectory directory;
  Log log = opened(directory / "log");
  log.log(LogLevel::info, std::string("{} {0} %v\t\x1b[2J\r") + '\0' + "\x7f caf\xC3\xA9 \xFF");
  EXPECT_THAT(read_file(directory / "log"),
              EndsWith("] {} {0} %v\t\\x1b[2J\\x0d\\x00\\x7f caf\xC3\xA9 \xFF\n"));
}

std::string json_of(const std::string& path) {
  std::string text = read_file(path);
  text.erase(0, text.find(R"("level")"));  // the time varies
  return text;
}

TEST(Log, WritesAnObjectALineInJson) {
  const TemporaryDirectory directory;
  auto opened_log = Log::open(directory / "log", LogLevel::info, Log::Style::json);
  Log log = std::get<Log>(std::move(opened_log));
  log.log(LogLevel::error, "boot failed\nTraceback:\n  \"x\" \xFF\n", 123, 2);
  const std::string pid = std::to_string(::getpid());
  EXPECT_EQ(json_of(directory / "log"), R"("level":"error","pid":)" + pid +
                                            R"(,"message":"boot failed\nTraceback:\n  \"x\" )" +
                                            "\xEF\xBF\xBD" + R"(","worker":123,"generation":2})" + "\n");
  EXPECT_TRUE(std::regex_search(read_file(directory / "log"),
                                std::regex(R"(^\{"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",)")));
  log.log(LogLevel::critical, "x");
  EXPECT_THAT(read_file(directory / "log"),
              EndsWith(R"("level":"critical","pid":)" + pid + R"(,"message":"x"})" + "\n"));
}

TEST(Log, ToldFromTheJournalPutsPrioritiesInFrontOfEachLine) {
  const TemporaryDirectory directory;
  {
    Log log = opened(directory / "log");
    log.log(LogLevel::info, "a file");
  }
  struct stat file {};
  ASSERT_EQ(::stat((directory / "log").c_str(), &file), 0);
  const std::string stream = std::to_string(file.st_dev) + ":" + std::to_string(file.st_ino);
  ::setenv("JOURNAL_STREAM", stream.c_str(), 1);
  Log log = opened(directory / "log", LogLevel::debug);
  ::unsetenv("JOURNAL_STREAM");
  log.log(LogLevel::warning, "first\nsecond");
  log.log(LogLevel::debug, "third");
  const std::string head = R"(\[[^\]]*\] \[\d+\] )";
  EXPECT_TRUE(
      std::regex_match(read_file(directory / "log"),
                       std::regex(head + R"(\[INFO\] a file\n<4>)" + head +
                                  R"(\[WARNING\] first\n<4>second\n<7>)" + head + R"(\[DEBUG\] third\n)")))
      << read_file(directory / "log");
}

TEST(Log, CopiesLinesToASyslogServerAndSaysWhatThatDoesNotTake) {
  const TemporaryDirectory directory;
  Log log = opened(directory / "log");
  log.copy_to(syslog::Sender(syslog::parse_target("unix://" + (directory / "syslog")).target, 1),
              "gunicorn.shop.error");
  log.log(LogLevel::info, "nobody hears");
  EXPECT_THAT(read_file(directory / "log"),
              EndsWith("[WARNING] lines that syslog did not take: 1: No such file or directory\n"));
  const UniqueFd server(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (directory / "server").copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(server.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  log.copy_to(syslog::Sender(syslog::parse_target("unix://" + (directory / "server")).target, 1),
              "gunicorn.shop.error");
  log.log(LogLevel::error, "worker died", 123, 2);
  char text[512];
  const ssize_t size = ::recv(server.get(), text, sizeof text, 0);
  ASSERT_GT(size, 0);
  EXPECT_EQ(std::string(text, static_cast<std::size_t>(size)),
            "<11>gunicorn.shop.error: [" + std::to_string(::getpid()) +
                "] worker died worker=123 generation=2" + '\0');
}

TEST(Log, LeavesOutWhatIsBelowItsLevel) {
  const TemporaryDirectory directory;
  Log log = opened(directory / "log", LogLevel::warning);
  log.log(LogLevel::info, "quiet");
  EXPECT_EQ(read_file(directory / "log"), "");
  log.set_level(LogLevel::info);
  log.log(LogLevel::info, "heard");
  EXPECT_THAT(read_file(directory / "log"), EndsWith("heard\n"));
}

TEST(Log, WritesEachTextAtOnce) {
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);  // keeps writes apart
  const UniqueFd reader(pair[0]);
  const UniqueFd writer(pair[1]);
  const UniqueFd kept(::dup(STDERR_FILENO));
  ::dup2(writer.get(), STDERR_FILENO);
  Log log = opened("-");
  ::dup2(kept.get(), STDERR_FILENO);
  const std::string long_text(5000, 'x');
  log.log(LogLevel::info, "first\nsecond");
  log.log(LogLevel::info, long_text);
  char buffer[8192];
  ssize_t size = ::recv(reader.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  ASSERT_GT(size, 0);
  EXPECT_THAT(std::string(buffer, static_cast<std::size_t>(size)), EndsWith("] first\nsecond\n"));
  size = ::recv(reader.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  ASSERT_GT(size, 0);
  EXPECT_THAT(std::string(buffer, static_cast<std::size_t>(size)), EndsWith("] " + long_text + "\n"));
  EXPECT_LT(::recv(reader.get(), buffer, sizeof buffer, MSG_DONTWAIT), 0);
}

TEST(Log, SurvivesAFullDiskInSilence) {
  ::testing::internal::CaptureStderr();
  Log log = opened("/dev/full");
  for (int i = 0; i < 100; ++i) log.log(LogLevel::critical, "lost");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST(Log, SurvivesAPipeThatNobodyReads) {
  const auto before = ::signal(SIGPIPE, SIG_IGN);
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  const UniqueFd writer(pipe[1]);
  ::close(pipe[0]);
  LogFile file = opened_file("-", writer.get());
  file.write("lost\n");
  ::signal(SIGPIPE, before);
}

TEST(Log, GoesOnInANewFileAfterRotation) {
  const TemporaryDirectory directory;
  Log log = opened(directory / "log");
  log.log(LogLevel::info, "before");
  std::filesystem::rename(directory / "log", directory / "log.1");
  log.log(LogLevel::info, "between");
  EXPECT_EQ(log.reopen(), "");
  log.log(LogLevel::info, "after");
  EXPECT_THAT(read_file(directory / "log.1"), EndsWith("between\n"));
  EXPECT_THAT(read_file(directory / "log"), EndsWith("after\n"));
  EXPECT_THAT(read_file(directory / "log"), Not(HasSubstr("between")));
}

TEST(Log, KeepsTheOldFileWhenReopeningFailsAndSaysSo) {
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory / "logs");
  Log log = opened(directory / "logs/log");
  std::filesystem::rename(directory / "logs", directory / "moved");
  const std::string wrong = log.reopen();
  EXPECT_EQ(wrong, "cannot open the log " + (directory / "logs/log") +
                       ": No such file or directory; the old one stays in use");
  log.log(LogLevel::info, "still here");
  const std::string text = read_file(directory / "moved/log");
  EXPECT_THAT(text, HasSubstr("[ERROR] " + wrong + "\n"));
  EXPECT_THAT(text, EndsWith("still here\n"));
}

TEST(Log, KeepsTheOldFileWithoutADescriptorToSpare) {
  const TemporaryDirectory directory;
  Log log = opened(directory / "log");
  std::string wrong;
  {
    const gserve::testing::NoSpareDescriptors limit;
    wrong = log.reopen();
  }
  EXPECT_THAT(wrong, HasSubstr("Too many open files"));
  log.log(LogLevel::info, "still here");
  EXPECT_THAT(read_file(directory / "log"), EndsWith("still here\n"));
}

TEST(Log, SaysWhyItCannotBeOpened) {
  const TemporaryDirectory directory;
  ASSERT_EQ(::mkfifo((directory / "fifo").c_str(), 0600), 0);
  const struct {
    std::string name;
    const char* reason;
  } cases[] = {{"missing/log", "No such file or directory"},
               {".", "Is a directory"},
               {"fifo", "No such device or address (a FIFO needs a reader first)"}};
  for (const auto& [name, reason] : cases) {
    const auto log = Log::open(directory / name, LogLevel::info);
    ASSERT_TRUE(std::holds_alternative<std::string>(log)) << name;
    EXPECT_EQ(std::get<std::string>(log), "cannot open the log " + (directory / name) + ": " + reason);
  }
}

TEST(LogFile, AppendsAndIsNeitherInheritedNorNonBlocking) {
  const TemporaryDirectory directory;
  gserve::testing::write_file(directory / "log", "old\n");
  LogFile file = opened_file(directory / "log");
  file.write("new\n");
  EXPECT_EQ(read_file(directory / "log"), "old\nnew\n");
  EXPECT_EQ(::fcntl(file.fd(), F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(::fcntl(file.fd(), F_GETFL) & (O_NONBLOCK | O_APPEND), O_APPEND);
}

TEST(LogFile, LeavesTheStandardStreamOpen) {
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  const UniqueFd reader(pipe[0]);
  const UniqueFd writer(pipe[1]);
  {
    LogFile file = opened_file("-", writer.get());
    EXPECT_GE(file.fd(), 3);
    EXPECT_EQ(file.reopen(), "");
    file.write("line\n");
  }
  EXPECT_GE(::fcntl(writer.get(), F_GETFD), 0);
  char buffer[16];
  EXPECT_EQ(::read(reader.get(), buffer, sizeof buffer), 5);
}

TEST(LogFile, TailIsItsLastWholeLinesWhoeverWroteThem) {
  const TemporaryDirectory directory;
  const LogFile file = opened_file(directory / "log");
  EXPECT_EQ(file.tail(100), "");
  ASSERT_EQ(::write(file.fd(), "first line\nsecond\nthird\n", 24), 24);
  EXPECT_EQ(file.tail(100), "first line\nsecond\nthird\n");
  EXPECT_EQ(file.tail(24), "first line\nsecond\nthird\n");
  EXPECT_EQ(file.tail(23), "second\nthird\n");
  EXPECT_EQ(file.tail(8), "third\n");
}

TEST(LogFile, TailIsOfTheOpenFileNotOfItsName) {
  const TemporaryDirectory directory;
  LogFile file = opened_file(directory / "log");
  file.write("old\n");
  ASSERT_EQ(::rename((directory / "log").c_str(), (directory / "log.1").c_str()), 0);
  EXPECT_EQ(file.tail(100), "old\n");
  EXPECT_EQ(file.reopen(), "");
  EXPECT_EQ(file.tail(100), "");
}

TEST(Log, LastLinesOfAFileAreThoseOfTheWorkersToo) {
  const TemporaryDirectory directory;
  Log log = opened(directory / "log");
  log.log(LogLevel::info, "of another", 2, 1);
  ASSERT_EQ(::write(log.fd(), "printed by a worker\n", 20), 20);
  EXPECT_EQ(log.last_lines(1), read_file(directory / "log"));
  EXPECT_THAT(log.last_lines(1), EndsWith("worker=2 generation=1\nprinted by a worker\n"));
}

/// The log is a pipe: what was written cannot be read again.
class UnreadableLog : public ::testing::Test {
 protected:
  UnreadableLog() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    reader_.reset(ends[0]);
    ::fcntl(ends[1], F_SETFL, O_NONBLOCK);  // nobody reads it
    log_.emplace(LogFile::restore("-", STDERR_FILENO, UniqueFd(ends[1])), LogLevel::info);
  }
  UniqueFd reader_;
  std::optional<Log> log_;
};

TEST_F(UnreadableLog, LastLinesAreThoseOfTheProcessAndOfNobody) {
  log_->log(LogLevel::info, "reload requested");
  log_->log(LogLevel::info, "worker started", 1, 2);
  log_->log(LogLevel::info, "worker started", 11, 2);
  log_->log(LogLevel::debug, "not logged", 1, 2);
  log_->log(LogLevel::error, "the worker left its stacks\nThread 0x1\n", 1, 2);
  const std::string lines = log_->last_lines(1);
  EXPECT_TRUE(
      std::regex_match(lines, std::regex(R"(\[.*\] \[\d+\] \[INFO\] reload requested\n)"
                                         R"(.*\[INFO\] worker started worker=1 generation=2\n)"
                                         R"(.*\[ERROR\] the worker left its stacks worker=1 .*=2\n)")))
      << lines;
}

TEST_F(UnreadableLog, LastLinesAreBounded) {
  for (int i = 0; i < 1000; ++i) log_->log(LogLevel::info, std::to_string(i) + std::string(2000, 'x'));
  const std::string lines = log_->last_lines(1);
  EXPECT_LE(lines.size(), 4096U);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 8);
  EXPECT_THAT(lines, HasSubstr("[INFO] 992x"));
  EXPECT_THAT(lines, HasSubstr("[INFO] 999x"));
  EXPECT_THAT(lines, Not(HasSubstr("[INFO] 991x")));
}

}  // namespace
}  // namespace gserve::io
