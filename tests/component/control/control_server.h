// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "supervisor/io/control_directory.h"
#include "supervisor/io/sd_bus_control.h"
#include "supervisor/ports/control_bus.h"

namespace gserve::test {

/// A directory that is removed with all it holds.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Stands in for the supervisor: gives a fixed status and answers requests as `on_submit` says.
class FakeSupervisor final : public ports::ControlHandler {
 public:
  ports::StatusReport status() override;
  std::optional<core::JobView> job(core::JobId id) override;
  std::vector<ports::SettingReport> settings() override { return in_force; }
  const std::deque<ports::Incident>& incidents() override { return recorded; }
  void submit(const core::Event& request) override;

  std::function<void(const core::Event&)> on_submit;
  std::function<void()> on_status;  // runs before each answer; may throw
  ports::StatusReport report;
  std::deque<ports::Incident> recorded;
  std::vector<ports::SettingReport> in_force;
  std::vector<core::Event> submitted;
};

/// The request id that an event carries.
core::RequestId request_of(const core::Event& event);

/// A control socket "RUN/gserve/NAME/control" in a directory of its own, served by a thread.
class ControlServer {
 public:
  explicit ControlServer(io::ControlLimits limits = {}, mode_t mode = 0600, const std::string& name = "shop",
                         const std::string& root = "");
  ~ControlServer();

  const std::string& socket() const { return directory_->path(); }
  std::string root() const { return run_root_ + "/gserve"; }
  FakeSupervisor& supervisor() { return supervisor_; }
  io::SdBusControl& control() { return *control_; }

  /// Runs `work` on the server's thread and waits for it.
  void on_loop(const std::function<void()>& work);
  /// Soon every connection ends and another server listens at the same socket, as after an upgrade.
  void renew();
  std::size_t peers();
  /// Ends the thread; what is queued stays queued.
  void stop_loop();
  /// Waits until `condition`, asked on the server's thread, holds; false after `limit`.
  bool eventually(const std::function<bool()>& condition,
                  std::chrono::milliseconds limit = std::chrono::seconds(20));
  /// Lines logged so far.
  std::vector<std::string> log();

 private:
  void listen();

  std::optional<TempDir> temp_;  // where no root is given
  std::string run_root_;
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{io_.get_executor()};
  io::ControlLimits limits_;
  FakeSupervisor supervisor_;
  std::unique_ptr<io::ControlDirectory> directory_;
  std::unique_ptr<io::SdBusControl> control_;
  std::vector<std::string> log_;
  std::thread thread_;
};

/// Descriptors open in this process.
std::size_t open_descriptors();

/// A blocking connection to the socket at `path`, -1 if refused. The caller closes it.
int raw_connect(const std::string& path);

/// Whether the other end closes `fd` within `limit`; reads and drops what it sends.
bool is_closed_within(int fd, std::chrono::milliseconds limit);

}  // namespace gserve::test
