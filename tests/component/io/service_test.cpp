// SPDX-License-Identifier: MIT
// The whole supervisor as a process, with mock workers: no Python.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "supervisor/io/process_launcher.h"
#include "supervisor/io/reaper.h"
#include "tests/component/io/child.h"

namespace gserve::io {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

/// The service manager's end of NOTIFY_SOCKET.
class Manager {
 public:
  explicit Manager(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }

  /// Waits for a message that contains `text`.
  bool hears(const std::string& text) {
    while (testing::readable(fd_.get())) {
      char message[4096];
      const ssize_t size = ::recv(fd_.get(), message, sizeof message, 0);
      if (size > 0 && std::string(message, static_cast<std::size_t>(size)).find(text) != std::string::npos) {
        return true;
      }
    }
    return false;
  }

 private:
  UniqueFd fd_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
};

class ServiceTest : public ::testing::Test {
 protected:
  ServiceTest() { fs::create_directory(run_); }

  /// Starts the supervisor with workers that do `script`.
  ports::Process start(const std::string& script, std::vector<std::string> options = {}) {
    ports::ProcessSpec spec;
    spec.argv = {GSERVE_BINARY, "--python", GSERVE_MOCK_WORKER, "-b", "127.0.0.1:0", "--error-logfile", log_};
    spec.argv.insert(spec.argv.end(), options.begin(), options.end());
    spec.argv.emplace_back("app:app");
    spec.environment = {"MOCK_WORKER=" + script, "MOCK_REPORT=" + directory_.path() + "/report",
                        "RUNTIME_DIRECTORY=" + run_, "NOTIFY_SOCKET=" + directory_.path() + "/manager"};
    if (wrapper_) spec.argv.insert(spec.argv.begin(), {"/bin/sh", "-c", wrapper_, "sh"});
    return testing::launched(launcher_.launch(spec));
  }

  /// The exit code once it has ended.
  static int end(const ports::Process& service, int signal = 0) {
    if (signal) ::kill(service.pid, signal);
    EXPECT_TRUE(testing::readable(service.pidfd.get()));
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(service.pid), &info, WEXITED);
    EXPECT_EQ(info.si_code, CLD_EXITED) << "signal " << info.si_status;
    return info.si_status;
  }

  std::string log() const {
    std::ostringstream text;
    text << std::ifstream(log_).rdbuf();
    return text.str();
  }

  /// Waits until the log contains `text`.
  bool logged(const std::string& text) const {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (log().find(text) == std::string::npos) {
      if (std::chrono::steady_clock::now() > limit) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
  }

  testing::TemporaryDirectory directory_;
  std::string run_ = directory_.path() + "/run";
  std::string log_ = directory_.path() + "/log";
  Manager manager_{directory_.path() + "/manager"};
  BoostProcessLauncher launcher_{rlimit{1024, 1024}};
  const char* wrapper_ = nullptr;
};

TEST_F(ServiceTest, StartsTellsItsManagerAndStopsWithoutATrace) {
  const std::string pidfile = directory_.path() + "/pid";
  const ports::Process service = start("serve", {"-w", "2", "-p", pidfile});
  EXPECT_TRUE(manager_.hears("READY=1\nMAINPID=" + std::to_string(service.pid)));
  EXPECT_FALSE(fs::is_empty(run_));
  EXPECT_EQ(end(service, SIGTERM), 0);
  EXPECT_TRUE(manager_.hears("STOPPING=1"));
  EXPECT_TRUE(fs::is_empty(run_));
  EXPECT_FALSE(fs::exists(pidfile));
  EXPECT_THAT(log(), HasSubstr("Starting gserve "));
  EXPECT_THAT(log(), HasSubstr("Listening at: http://127.0.0.1:"));
  EXPECT_THAT(log(), HasSubstr("Using worker: sync"));
}

TEST_F(ServiceTest, SecondStartIsRefusedAndTheFirstGoesOn) {
  const ports::Process first = start("serve");
  ASSERT_TRUE(manager_.hears("READY=1"));
  EXPECT_EQ(end(start("serve")), 1);
  EXPECT_EQ(end(first, SIGTERM), 0);
}

TEST_F(ServiceTest, FirstBootThatFailsEndsWithTheWorkersCode) {
  EXPECT_EQ(end(start("exit 3")), 3);
  EXPECT_EQ(end(start("exit 4")), 4);
  EXPECT_TRUE(fs::is_empty(run_));
}

TEST_F(ServiceTest, ClosedStandardStreamsAreNotGivenToSockets) {
  wrapper_ = R"(exec "$@" <&- >&- 2>&-)";
  const ports::Process service = start("report serve");
  ASSERT_TRUE(manager_.hears("READY=1"));
  for (const char* fd : {"0", "1", "2"}) {
    EXPECT_EQ(fs::read_symlink("/proc/" + std::to_string(service.pid) + "/fd/" + fd), "/dev/null");
  }
  EXPECT_EQ(end(service, SIGTERM), 0);
}

TEST_F(ServiceTest, DescriptorLimitIsRaisedForItselfAndGivenBackToWorkers) {
  BoostProcessLauncher tight(rlimit{100, 1024});
  std::swap(launcher_, tight);
  const ports::Process service = start("report serve");
  ASSERT_TRUE(manager_.hears("READY=1"));
  rlimit limit{};
  ::prlimit(service.pid, RLIMIT_NOFILE, nullptr, &limit);
  EXPECT_EQ(limit.rlim_cur, 1024U);
  EXPECT_EQ(testing::read_report(directory_.path() + "/report")["nofile"], "100");
  EXPECT_EQ(end(service, SIGTERM), 0);
}

TEST_F(ServiceTest, RunningOutOfDescriptorsIsSurvived) {
  const ports::Process service = start("serve", {"-w", "1"});
  ASSERT_TRUE(manager_.hears("READY=1"));
  // Some are left: the sanitizers need descriptors for their own checks.
  const fs::directory_iterator open("/proc/" + std::to_string(service.pid) + "/fd");
  const rlimit none{static_cast<rlim_t>(std::distance(open, fs::directory_iterator())) + 3, 1024};
  const rlimit plenty{1024, 1024};
  ::prlimit(service.pid, RLIMIT_NOFILE, &none, nullptr);
  ::kill(service.pid, SIGTTIN);
  EXPECT_TRUE(logged("Too many open files; raise the limit on open files")) << log();
  EXPECT_EQ(log().find("cannot start a worker: cannot start"), std::string::npos) << log();
  ::prlimit(service.pid, RLIMIT_NOFILE, &plenty, nullptr);
  EXPECT_TRUE(manager_.hears("2/2 workers ready")) << log();
  EXPECT_EQ(end(service, SIGTERM), 0);
}

TEST_F(ServiceTest, StuckWorkerWithOtherRequestsIsReplacedDrainedAndAborted) {
  const ports::Process service =
      start("later-serve dump crowded hang", {"-w", "1", "-t", "1", "--graceful-timeout", "5"});
  ASSERT_TRUE(manager_.hears("READY=1"));
  EXPECT_TRUE(logged("\"GET /endless HTTP/1.1\" has run for 1")) << log();
  EXPECT_TRUE(logged("(timeout 1 s); other requests in flight: 1; it is replaced first, then drained"));
  EXPECT_TRUE(logged("worker replaced (timeout); told to drain")) << log();
  EXPECT_TRUE(logged("it was running: GET /endless HTTP/1.1")) << log();
  EXPECT_TRUE(logged("File \"app.py\", line 7 in view"));
  EXPECT_TRUE(logged("worker exited: killed by SIGABRT after its timeout")) << log();
  const std::string text = log();
  EXPECT_EQ(text.find("worker ready", text.find("worker replaced")), std::string::npos)
      << "the replacement was ready before: " << text;
  EXPECT_EQ(end(service, SIGTERM), 0);
}

TEST_F(ServiceTest, ProcessesThatWorkersLeaveBehindAreEnded) {
  const ports::Process service = start("abandon serve");
  ASSERT_TRUE(manager_.hears("READY=1"));
  const int child = std::stoi(testing::read_report(directory_.path() + "/report")["child"]);
  EXPECT_EQ(::kill(child, 0), 0);
  EXPECT_EQ(end(service, SIGTERM), 0);
  EXPECT_LT(::kill(child, 0), 0);
  EXPECT_THAT(log(), HasSubstr("ended processes that workers had left behind: 1"));
}

}  // namespace
}  // namespace gserve::io
