// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "supervisor/core/actions.h"
#include "supervisor/core/types.h"

namespace gserve::ports {

/// A request that a worker was running when it ended.
struct RequestInFlight {
  std::string line;  // printable, may be cut
  core::Duration age{};
  bool operator==(const RequestInFlight&) const = default;
};

/// All that is known of the end of one worker or template that should not have ended so.
struct Incident {
  std::uint64_t id = 0;         // from 1 on, never reused
  std::uint64_t time_usec = 0;  // since 1970-01-01 UTC
  core::IncidentKind kind = core::IncidentKind::crash;
  bool of_template = false;
  core::LaunchId launch = 0;
  core::Pid pid = 0;  // 0: it could not be started
  std::string pool;
  core::Generation generation = 0;
  std::string reason;                     // one line
  std::string details;                    // the application's traceback; may be empty
  std::uint32_t in_flight = 0;            // requests; may be more than are listed
  std::vector<RequestInFlight> requests;  // oldest first
  std::string stacks;                     // that it left, of all its threads; may be empty
  std::string log;                        // the last lines before its end; may be empty
  bool operator==(const Incident&) const = default;
};

/// Keeps the records of incidents. Does not throw.
class Incidents {
 public:
  virtual ~Incidents() = default;
  virtual void record(const core::RecordIncident& order) = 0;
};

}  // namespace gserve::ports
