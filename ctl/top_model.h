// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ctl/model.h"

namespace gserve::ctl {

/// A worker over the last interval. What needs two looks is missing for one that was not there before.
struct TopRow {
  WorkerStatus worker;
  std::optional<double> rate;        // requests answered in a second
  std::optional<double> error_rate;  // of them with 5xx
  std::optional<double> cpu;         // of one CPU, 1 = all of it
  std::optional<double> p95;         // 95 % of the requests answered took at most so many seconds
  double busy = 0;                   // the share of looks at which a request was running
  std::optional<std::uint64_t> pss_bytes;
};

/// The service over the last interval.
struct TopFrame {
  Status status;
  double rate = 0;
  double error_rate = 0;
  double cpu = 0;
  double busy = 0;                      // of all workers, on average
  std::optional<double> p50, p95, p99;  // seconds; none answered: nothing
  std::vector<TopRow> rows;
};

/// Makes rates out of counters: looks at the service many times in an interval, and is asked for a frame at its end.
/// Pure.
class TopModel {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Sizes = std::map<std::uint32_t, std::uint64_t>;  // by pid

  void look(const Status& status, TimePoint now);
  /// The interval from the last frame to the last look. `pss`: proportional set sizes in bytes, of those that are
  /// known.
  TopFrame frame(const Sizes& pss);

 private:
  struct Counters {
    std::uint64_t requests = 0;
    std::uint64_t errors = 0;
    std::uint64_t cpu_usec = 0;
    Durations durations{};
    TimePoint at;
  };
  struct Watched {
    std::optional<Counters> begin;  // at the last frame
    Counters now;
    int looks = 0;
    int busy = 0;
  };
  static void fill_rates(TopRow& row, const Watched& watched);

  Status last_;
  std::map<std::uint32_t, Watched> workers_;  // by pid
};

}  // namespace gserve::ctl
