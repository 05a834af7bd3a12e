// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ctl/arguments.h"
#include "ctl/model.h"

namespace gserve::ctl {

/// A worker that is not what it was at the last look.
struct WorkerChange {
  std::uint32_t pid = 0;
  std::string state;  // as in WorkerStatus, or "gone"
  std::uint64_t generation = 0;
  bool operator==(const WorkerChange&) const = default;
};

/// How the workers turn over while a job is under way, from one look at the service to the next. Pure.
class Turnover {
 public:
  /// `before`: the service as the job was asked for. `pid`: of the worker that the job is about, or 0.
  Turnover(Command command, Status before, std::uint32_t pid = 0);

  /// What has changed since the last look: first who is ready now, then those that were there before, in their
  /// order, then the others.
  std::vector<WorkerChange> look(const Status& now);
  /// How much of the job is done, 0 to 1, as of the last look; nothing where that cannot be told.
  std::optional<double> share() const;

 private:
  int departed() const;
  int fresh() const;
  std::optional<double> share_of_scale() const;
  double share_of_worker() const;

  Command command_;
  std::uint32_t pid_;
  Status before_;
  Status now_;
};

}  // namespace gserve::ctl
