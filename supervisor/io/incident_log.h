// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "supervisor/io/remains.h"
#include "supervisor/io/service_state.h"
#include "supervisor/ports/incidents.h"

namespace gserve::io {

/// The records of the last incidents, in memory. The core decides what is one, when it is told of the end of
/// a process; by then the process's launch is forgotten. So what it left is put here first, and joins the
/// record if there is one. Every part of a record is bounded, and one that was cut says so.
class IncidentLog : public ports::Incidents {
 public:
  static constexpr std::size_t kMost = 100;  // older ones are forgotten
  // Bytes of the parts. An upgrade carries all records: see kMaxState.
  static constexpr std::size_t kMaxReason = 500;
  static constexpr std::size_t kMaxStacks = std::size_t{48} * 1024;
  static constexpr std::size_t kMaxDetails = std::size_t{8} * 1024;
  static constexpr std::size_t kMaxLog = std::size_t{8} * 1024;

  /// What the process left that ended last, with the log's last lines before its end. The core hears of that
  /// end next.
  void gather(const Remains& remains, std::string log);

  void record(const core::RecordIncident& order) override;

  /// Oldest first.
  const std::deque<ports::Incident>& all() const { return incidents_; }
  /// 0: there was none.
  std::uint64_t last_id() const { return last_id_; }

  void save(ServiceState& state) const;
  void restore(const ServiceState& state);

 private:
  void add(ports::Incident incident);

  std::deque<ports::Incident> incidents_;
  std::uint64_t last_id_ = 0;
  std::optional<Remains> remains_;
  std::string log_;
};

}  // namespace gserve::io
