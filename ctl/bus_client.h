// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ctl/connection.h"
#include "ctl/model.h"
#include "ctl/process_watch.h"

struct sd_bus;

namespace gserve::ctl {

/// What a supervisor said about a job on its way.
struct JobEvent {
  JobId job = 0;
  bool finished = false;
  std::string text;    // progress
  std::string result;  // when finished: done, failed, superseded
  std::string reason;
};

/// A conversation with one supervisor (common/control_contract.h). Calls block, for `patience` at most. Not
/// thread safe.
class BusClient {
 public:
  /// Speaks over `connection`; the handshake is done when it returns.
  static Result<std::unique_ptr<BusClient>> open(Connection connection, std::chrono::milliseconds patience);
  ~BusClient();
  BusClient(const BusClient&) = delete;
  BusClient& operator=(const BusClient&) = delete;

  Result<Status> status();
  Result<Job> job(JobId id);
  Result<std::vector<IncidentSummary>> incidents();
  Result<Incident> incident(std::uint64_t id);
  Result<std::vector<SettingInForce>> config();
  Result<JobId> stop(bool quick);
  Result<JobId> reload();
  Result<JobId> rollback();
  Result<JobId> refork();
  Result<JobId> restart();
  Result<JobId> restart_worker(std::uint32_t pid);
  Result<JobId> kill_worker(std::uint32_t pid);
  Result<JobId> reopen_logs();
  /// `binary`: absolute path, or empty.
  Result<JobId> upgrade(const std::string& binary);
  Result<JobId> scale(const ScaleTarget& target);

  /// The next event of any job, in order; nothing when the deadline has passed.
  Result<std::optional<JobEvent>> next_event(Deadline deadline);

 private:
  struct Events;
  BusClient(sd_bus* bus, uid_t owner, std::chrono::milliseconds patience);
  template <typename Append, typename Read>
  auto call(const char* method, Append append, Read read);
  int await_handshake(Deadline deadline);
  Failure explain(int error) const;

  sd_bus* bus_;
  uid_t owner_;
  std::uint64_t patience_usec_;
  std::unique_ptr<Events> events_;
};

}  // namespace gserve::ctl
