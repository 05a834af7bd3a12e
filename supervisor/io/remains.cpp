// SPDX-License-Identifier: MIT
#include "supervisor/io/remains.h"

#include <algorithm>
#include <chrono>

#include "supervisor/io/memfd.h"

namespace gserve::io {
namespace {

// 100 threads of 100 frames fit; a worker may write what it likes.
constexpr std::size_t kMaxDump = std::size_t{1} << 20;

}  // namespace

Remains gather_remains(const Launch& launch, core::TimePoint now) {
  Remains remains;
  remains.launch = launch.id;
  remains.pid = launch.pid;
  remains.generation = launch.generation;
  remains.age = launch.age;
  remains.stacks = read_memfd(launch.incident.get(), kMaxDump);
  const auto sample = launch.scoreboard.sample();
  if (!sample) return remains;
  remains.in_flight = sample->in_flight;
  for (const scoreboard::RunningRequest& request : sample->running) {
    const core::Duration age = now - core::TimePoint(std::chrono::nanoseconds(request.started_ns));
    remains.requests.push_back({request.line, std::max(age, core::Duration::zero())});
  }
  return remains;
}

std::string stacks_text(const Remains& remains) {
  if (remains.stacks.empty()) return {};
  std::string text = "the worker left its stacks";
  if (!remains.requests.empty()) text += "; it was running: " + remains.requests.front().line;
  return text + "\n" + remains.stacks;
}

}  // namespace gserve::io
