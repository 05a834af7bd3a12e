// SPDX-License-Identifier: MIT
#include "supervisor/io/incident.h"

#include "supervisor/io/memfd.h"

namespace gserve::io {
namespace {

// 100 threads of 100 frames fit; a worker may write what it likes.
constexpr std::size_t kMaxDump = std::size_t{1} << 20;

}  // namespace

std::string incident_text(const Launch& launch) {
  const std::string dump = read_memfd(launch.incident.get(), kMaxDump);
  if (dump.empty()) return {};
  std::string text = "the worker left its stacks";
  const auto sample = launch.scoreboard.sample();
  if (sample && !sample->running.empty()) text += "; it was running: " + sample->running.front().line;
  return text + "\n" + dump;
}

}  // namespace gserve::io
