// SPDX-License-Identifier: MIT
#include "tests/component/control/control_server.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <future>
#include <stdexcept>

namespace gserve::test {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

TempDir::TempDir() {
  std::string pattern = "/tmp/gserve-test-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
  path_ = pattern;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

ports::StatusReport FakeSupervisor::status() {
  if (on_status) on_status();
  return report;
}

std::optional<core::JobView> FakeSupervisor::job(core::JobId id) {
  if (id != 7) return std::nullopt;
  return core::JobView{7, core::JobKind::reload, core::JobState::failed, "no module named app", "1 of 2"};
}

void FakeSupervisor::submit(const core::Event& request) {
  submitted.push_back(request);
  if (on_submit) on_submit(request);
}

core::RequestId request_of(const core::Event& event) {
  const auto request = [](const auto& each) -> core::RequestId {
    if constexpr (requires { each.request; }) return each.request;
    return 0;
  };
  return std::visit(request, event);
}

ControlServer::ControlServer(io::ControlLimits limits, mode_t mode, const std::string& name,
                             const std::string& root)
    : run_root_(root.empty() ? temp_.emplace().path() : root) {
  io::ControlPlace place;
  place.name = name;
  place.run_root = run_root_;
  place.socket_mode = mode;
  auto claimed = io::ControlDirectory::claim(place);
  if (auto* failure = std::get_if<io::ControlUnavailable>(&claimed))
    throw std::runtime_error(failure->reason);
  directory_ = std::make_unique<io::ControlDirectory>(std::get<io::ControlDirectory>(std::move(claimed)));
  supervisor_.report.name = name;
  supervisor_.report.pid = getpid();
  limits_ = limits;
  listen();
  thread_ = std::thread([this] { io_.run(); });
}

void ControlServer::listen() {
  control_ = std::make_unique<io::SdBusControl>(
      io_, supervisor_, directory_->listener(),
      [this](core::LogLevel, const std::string& text) { log_.push_back(text); }, limits_);
}

void ControlServer::renew() {
  boost::asio::post(io_, [this] { listen(); });
}

ControlServer::~ControlServer() {
  stop_loop();
  control_.reset();
}

void ControlServer::stop_loop() {
  if (!thread_.joinable()) return;
  io_.stop();
  thread_.join();
}

void ControlServer::on_loop(const std::function<void()>& work) {
  std::promise<void> done;
  boost::asio::post(io_, [&] {
    work();
    done.set_value();
  });
  done.get_future().wait();
}

std::size_t ControlServer::peers() {
  std::size_t count = 0;
  on_loop([&] { count = control_->peers(); });
  return count;
}

bool ControlServer::eventually(const std::function<bool()>& condition, milliseconds limit) {
  const auto deadline = Clock::now() + limit;
  for (bool holds = false; Clock::now() < deadline; std::this_thread::sleep_for(milliseconds(2))) {
    on_loop([&] { holds = condition(); });
    if (holds) return true;
  }
  return false;
}

std::vector<std::string> ControlServer::log() {
  std::vector<std::string> copy;
  on_loop([&] { copy = log_; });
  return copy;
}

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

int raw_connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

bool is_closed_within(int fd, milliseconds limit) {
  const auto deadline = Clock::now() + limit;
  char buffer[4096];
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now()).count();
    pollfd watched{fd, POLLIN, 0};
    if (left <= 0 || poll(&watched, 1, static_cast<int>(left)) <= 0) return false;
    if (recv(fd, buffer, sizeof buffer, 0) <= 0) return true;
  }
}

}  // namespace gserve::test
