// SPDX-License-Identifier: MIT
#include "supervisor/io/incident_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gserve::io {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::StartsWith;

core::RecordIncident crash_of(core::LaunchId launch) {
  return {launch, core::IncidentKind::crash, false, "web", 2, 1000, "killed by SIGSEGV", ""};
}

Remains remains_of(core::LaunchId launch) {
  return {launch, 1000, 3, {{"GET /slow HTTP/1.1", 5s}, {"GET / HTTP/1.1", 1s}}, "Thread 0x1\n"};
}

std::uint64_t wall_usec() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

TEST(IncidentLog, JoinsWhatTheCoreSaysWithWhatTheProcessLeft) {
  IncidentLog log;
  const std::uint64_t before = wall_usec();
  log.gather(remains_of(7), "a line\n");
  log.record({7, core::IncidentKind::boot_failure, true, "web", 2, 1000, "exited", "Traceback"});
  ASSERT_EQ(log.all().size(), 1U);
  const ports::Incident& incident = log.all().front();
  EXPECT_EQ(incident.id, 1U);
  EXPECT_GE(incident.time_usec, before);
  EXPECT_LE(incident.time_usec, wall_usec());
  EXPECT_EQ(incident.kind, core::IncidentKind::boot_failure);
  EXPECT_TRUE(incident.of_template);
  EXPECT_EQ(incident.launch, 7U);
  EXPECT_EQ(incident.pid, 1000);
  EXPECT_EQ(incident.pool, "web");
  EXPECT_EQ(incident.generation, 2U);
  EXPECT_EQ(incident.reason, "exited");
  EXPECT_EQ(incident.details, "Traceback");
  EXPECT_EQ(incident.in_flight, 3U);
  EXPECT_EQ(incident.requests, remains_of(7).requests);
  EXPECT_EQ(incident.stacks, "Thread 0x1\n");
  EXPECT_EQ(incident.log, "a line\n");
}

TEST(IncidentLog, DoesNotMixUpProcesses) {
  IncidentLog log;
  log.gather(remains_of(6), "of another\n");  // it ended as it should
  log.record(crash_of(7));                    // and this one was never born
  EXPECT_EQ(log.all().front().stacks, "");
  EXPECT_TRUE(log.all().front().requests.empty());
  EXPECT_EQ(log.all().front().log, "");
  log.gather(remains_of(8), "its own\n");
  log.record(crash_of(8));
  EXPECT_EQ(log.all().back().log, "its own\n");
}

TEST(IncidentLog, KeepsTheLastHundred) {
  IncidentLog log;
  EXPECT_EQ(log.last_id(), 0U);
  for (core::LaunchId launch = 1; launch <= 250; ++launch) log.record(crash_of(launch));
  EXPECT_EQ(log.all().size(), IncidentLog::kMost);
  EXPECT_EQ(log.all().front().id, 151U);
  EXPECT_EQ(log.all().back().id, 250U);
  EXPECT_EQ(log.last_id(), 250U);
}

TEST(IncidentLog, BoundsEveryPartAndSaysSo) {
  std::string lines;
  while (lines.size() < 3 * IncidentLog::kMaxStacks) lines += "line " + std::to_string(lines.size()) + "\n";
  const std::string cut = "... (cut, it had " + std::to_string(lines.size()) + " bytes)";
  Remains remains = remains_of(7);
  remains.stacks = lines;
  core::RecordIncident order = crash_of(7);
  order.reason = std::string(3000, 'x');
  order.details = lines;
  IncidentLog log;
  log.gather(remains, lines);
  log.record(order);
  const ports::Incident& incident = log.all().front();
  EXPECT_EQ(incident.reason, std::string(500, 'x') + "... (cut, it had 3000 bytes)");
  EXPECT_THAT(incident.stacks, StartsWith("line 0\nline 7\n"));
  EXPECT_THAT(incident.stacks, EndsWith("\n" + cut));
  EXPECT_THAT(incident.details, StartsWith(cut + "\nline "));
  EXPECT_THAT(incident.details, EndsWith(lines.substr(lines.size() - 1000)));
  EXPECT_THAT(incident.log, StartsWith(cut + "\nline "));
  const std::size_t note = cut.size() + 1;
  EXPECT_LE(incident.stacks.size(), IncidentLog::kMaxStacks + note);
  EXPECT_GT(incident.stacks.size(), IncidentLog::kMaxStacks - 100);
  EXPECT_LE(incident.details.size(), IncidentLog::kMaxDetails + note);
  EXPECT_LE(incident.log.size(), IncidentLog::kMaxLog + note);
}

TEST(IncidentLog, CutsOneLongLineToo) {
  core::RecordIncident order = crash_of(7);
  order.details = std::string(100'000, 'x');
  IncidentLog log;
  log.record(order);
  EXPECT_EQ(log.all().front().details,
            "... (cut, it had 100000 bytes)\n" + std::string(IncidentLog::kMaxDetails, 'x'));
}

TEST(IncidentLog, GoesOnWhereAnotherProgramWas) {
  IncidentLog log;
  for (core::LaunchId launch = 1; launch <= 101; ++launch) log.record(crash_of(launch));
  ServiceState state;
  log.save(state);
  IncidentLog next;
  next.restore(state);
  EXPECT_EQ(next.all(), log.all());
  next.record(crash_of(102));
  EXPECT_EQ(next.all().back().id, 102U);
  EXPECT_EQ(next.all().size(), IncidentLog::kMost);
}

/// A state may come from anywhere.
TEST(IncidentLog, TakesNoMoreThanItKeepsAndReusesNoNumber) {
  ServiceState state;
  for (std::uint64_t id = 1; id <= 300; ++id) state.incidents.emplace_back().id = id;
  IncidentLog log;
  log.restore(state);
  EXPECT_EQ(log.all().size(), IncidentLog::kMost);
  EXPECT_EQ(log.last_id(), 300U);
}

/// An upgrade must not become impossible because of what workers have left.
TEST(IncidentLog, FitsIntoAStateWhateverWorkersLeave) {
  IncidentLog log;
  const std::string bytes(std::size_t{1} << 20, '\xff');  // the longest that a byte gets
  for (core::LaunchId launch = 1; launch <= IncidentLog::kMost; ++launch) {
    Remains remains{launch, 1000, 64, {}, bytes};
    for (int i = 0; i < 64; ++i) remains.requests.push_back({std::string(928, '\\'), 5s});
    log.gather(remains, bytes);
    core::RecordIncident order = crash_of(launch);
    order.reason = order.details = bytes;
    log.record(order);
  }
  ServiceState state;
  log.save(state);
  EXPECT_LT(encode(state).size(), kMaxState / 4 * 3);
}

}  // namespace
}  // namespace gserve::io
