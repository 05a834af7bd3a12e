// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "ctl/arguments.h"
#include "ctl/bus_client.h"
#include "ctl/job_display.h"
#include "ctl/process_watch.h"
#include "ctl/render.h"

namespace gserve::ctl {

/// One job, followed from its request to its result. A stop is done when the supervisor's process is gone.
class JobCommand {
 public:
  using Connect = std::function<Result<std::unique_ptr<BusClient>>()>;

  /// `supervisor` is its pid, to be watched; `deadline` bounds the waiting, not the job. An upgrade ends
  /// every connection: `connect` makes another one. `display` is borrowed.
  JobCommand(const Arguments& arguments, std::unique_ptr<BusClient> client, pid_t supervisor,
             Deadline deadline, Connect connect, JobDisplay& display);
  Outcome run(const std::string& instance);

 private:
  Result<JobId> submit();
  void begin_display();
  void look();
  std::chrono::steady_clock::time_point next_look() const;
  void follow();
  bool on_event(const JobEvent& event);
  bool ask();
  bool lost(const Failure& failure);
  bool connect_again();
  void finish(const std::string& result, const std::string& reason);
  void on_broken(const Failure& failure);
  void await_process();
  void time_out();

  const Arguments& arguments_;
  std::unique_ptr<BusClient> client_;
  ProcessWatch process_;
  Deadline deadline_;
  Connect connect_;
  JobDisplay& display_;
  std::chrono::steady_clock::time_point last_answer_{};
  Outcome outcome_;
  int reconnects_ = 0;
};

}  // namespace gserve::ctl
