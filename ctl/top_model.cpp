// SPDX-License-Identifier: MIT
#include "ctl/top_model.h"

#include <algorithm>

#include "ctl/latency.h"

namespace gserve::ctl {
namespace {

/// A counter that goes back belongs to another process with the same pid.
double growth(std::uint64_t before, std::uint64_t now) {
  return now > before ? static_cast<double>(now - before) : 0;
}

}  // namespace

void TopModel::look(const Status& status, TimePoint now) {
  std::erase_if(workers_, [&](const auto& entry) {
    return std::none_of(status.workers.begin(), status.workers.end(),
                        [&](const WorkerStatus& worker) { return worker.pid == entry.first; });
  });
  for (const WorkerStatus& worker : status.workers) {
    Watched& watched = workers_[worker.pid];
    watched.now = {worker.requests, worker.errors, worker.cpu_usec, worker.durations, now};
    ++watched.looks;
    if (worker.in_flight > 0) ++watched.busy;
  }
  last_ = status;
}

void TopModel::fill_rates(TopRow& row, const Watched& watched) {
  row.busy = watched.looks > 0 ? static_cast<double>(watched.busy) / watched.looks : 0;
  if (!watched.begin) return;
  const Counters& begin = *watched.begin;
  const double seconds = std::chrono::duration<double>(watched.now.at - begin.at).count();
  if (seconds <= 0) return;
  row.rate = growth(begin.requests, watched.now.requests) / seconds;
  row.error_rate = growth(begin.errors, watched.now.errors) / seconds;
  row.p95 = quantile(watched.now.durations - begin.durations, 0.95);
  row.cpu = growth(begin.cpu_usec, watched.now.cpu_usec) / 1e6 / seconds;
}

TopFrame TopModel::frame(const Sizes& pss) {
  TopFrame frame;
  frame.status = last_;
  Durations durations{};
  for (const WorkerStatus& worker : last_.workers) {
    TopRow& row = frame.rows.emplace_back();
    row.worker = worker;
    const Watched& watched = workers_[worker.pid];
    fill_rates(row, watched);
    if (watched.begin) add(durations, watched.now.durations - watched.begin->durations);
    if (const auto size = pss.find(worker.pid); size != pss.end()) row.pss_bytes = size->second;
    frame.rate += row.rate.value_or(0);
    frame.error_rate += row.error_rate.value_or(0);
    frame.cpu += row.cpu.value_or(0);
    frame.busy += row.busy / static_cast<double>(last_.workers.size());
  }
  frame.p50 = quantile(durations, 0.5);
  frame.p95 = quantile(durations, 0.95);
  frame.p99 = quantile(durations, 0.99);
  for (auto& [pid, watched] : workers_) watched = {watched.now, watched.now, 0, 0};
  return frame;
}

}  // namespace gserve::ctl
