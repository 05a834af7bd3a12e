// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "supervisor/core/names.h"
#include "tests/unit/core/world.h"

namespace gserve::core::testing {
namespace {

constexpr ExitStatus kClean{};

ExitStatus killed_by(int signal) {
  return {ExitStatus::Kind::signalled, signal};
}
ExitStatus exited_with(int code) {
  return {ExitStatus::Kind::exited, code};
}

/// The only record that the test's last call has caused; "kind: reason".
std::string recorded(const World& world) {
  const auto records = world.got<RecordIncident>();
  if (records.size() != 1) return std::to_string(records.size()) + " records";
  return std::string(name_of(records[0].kind)) + ": " + records[0].reason;
}

TEST(Incident, OfACrashSaysWhoAndHow) {
  World world(one_pool(2));
  world.start_ready();
  world.exit(2, killed_by(SIGSEGV));
  ASSERT_EQ(recorded(world), "crash: killed by SIGSEGV");
  const RecordIncident record = world.got<RecordIncident>()[0];
  EXPECT_EQ(record.launch, 2U);
  EXPECT_EQ(record.pid, 1002);
  EXPECT_EQ(record.pool, "web");
  EXPECT_EQ(record.generation, 1U);
  EXPECT_FALSE(record.of_template);
  EXPECT_EQ(record.details, "");
}

TEST(Incident, IsWhoLeavesUnasked) {
  World world(one_pool(1));
  world.start_ready();
  world.exit(1, kClean);
  EXPECT_EQ(recorded(world), "crash: exited with code 0");
}

TEST(Incident, OfAnOverdueRequestNamesIt) {
  World world(one_pool(1));
  world.start_ready();
  world.workers.at(1).request_start = world.now;
  world.pass(30s);
  EXPECT_EQ(recorded(world), "0 records") << "the worker's end is the record's time";
  world.exit(1, killed_by(SIGABRT));
  EXPECT_EQ(recorded(world),
            "timeout: \"GET /slow HTTP/1.1\" has run for 30 s (timeout 30 s); killed by SIGABRT");
}

TEST(Incident, OfAnOverdueRequestBesideOthersIsRecordedWhenTheWorkerHasDrained) {
  World world(one_pool(1));
  world.start_ready();
  world.workers.at(1).request_start = world.now;
  world.pass(30s - 1ns);
  world.workers.at(1).other_start = world.now;
  world.pass(1ns);
  world.ready(2);
  EXPECT_EQ(recorded(world), "0 records");
  world.exit(1, kClean);
  EXPECT_EQ(
      recorded(world),
      "timeout: \"GET /slow HTTP/1.1\" has run for 30 s (timeout 30 s); exited with code 0 while draining");
}

TEST(Incident, OfADrainThatWasCutOffIsATimeout) {
  World world(one_pool(1));
  world.start_ready();
  world.stop();
  world.pass(30s);
  world.exit(1, killed_by(SIGKILL));
  EXPECT_EQ(recorded(world), "timeout: has not drained within 30 s; killed by SIGKILL while draining");
}

TEST(Incident, IsACrashInADrain) {
  World world(one_pool(2));
  world.start_ready();
  world.scale(1);
  ASSERT_TRUE(world.worker(1).told || world.worker(2).told);
  world.exit(world.worker(1).told ? 1 : 2, killed_by(SIGSEGV));
  EXPECT_EQ(recorded(world), "crash: killed by SIGSEGV while draining");
}

TEST(Incident, IsNobodyWhoEndsAsTold) {
  for (const ExitStatus status : {kClean, killed_by(SIGTERM)}) {
    World world(one_pool(1));
    world.start_ready();
    world.stop();
    world.exit(1, status);
    EXPECT_EQ(recorded(world), "0 records") << describe(status);
  }
}

TEST(Incident, IsNobodyWhoIsUnwantedBeforeItWasReady) {
  World world(one_pool(1));
  world.start();
  world.stop();
  world.send(WorkerBootError{1, "no module named app"});
  world.exit(1, exited_with(3));
  EXPECT_EQ(recorded(world), "0 records");
}

TEST(Incident, IsNobodyWhomAQuickStopEnds) {
  for (const ExitStatus status : {killed_by(SIGKILL), exited_with(1)}) {
    World world(one_pool(1));
    world.start_ready();
    world.stop(StopMode::quick);
    if (status.kind == ExitStatus::Kind::signalled) world.pass(1s);
    world.exit(1, status);
    EXPECT_EQ(recorded(world), "0 records") << describe(status);
    EXPECT_EQ(world.exit_code, 0);
  }
}

TEST(Incident, OfAFailedBootHasTheTraceback) {
  World world(one_pool(1));
  world.start_ready();
  world.kill(1);
  world.pass(100ms);
  world.send(WorkerBootError{2, "Traceback:\n  File \"app.py\"\nImportError: no module named app\n"});
  world.exit(2, exited_with(3));
  EXPECT_EQ(recorded(world),
            "boot-failure: exited with code 3 before it was ready: ImportError: no module named app");
  EXPECT_EQ(world.got<RecordIncident>()[0].details,
            "Traceback:\n  File \"app.py\"\nImportError: no module named app\n");
}

TEST(Incident, OfABootThatTookTooLong) {
  World world(one_pool(1));
  world.start_ready();
  world.kill(1);
  world.pass(100ms);
  world.pass(60s);
  world.exit(2, killed_by(SIGABRT));
  EXPECT_EQ(recorded(world), "boot-failure: was not ready within 60 s (boot_timeout)");
}

TEST(Incident, OfAWorkerThatCouldNotBeStartedHasNoPid) {
  World world(one_pool(1));
  world.start_ready();
  world.fail_spawns = true;
  world.hold_spawns = true;
  world.kill(1);
  world.pass(100ms);
  world.release();
  ASSERT_EQ(recorded(world), "boot-failure: could not be started: no memory");
  EXPECT_EQ(world.got<RecordIncident>()[0].pid, 0);
}

TEST(Incident, OfTheKernelsKillIsNamedSoAlsoInADrain) {
  ExitStatus status = killed_by(SIGKILL);
  status.out_of_memory = true;
  World world(one_pool(1));
  world.start_ready();
  world.exit(1, status);
  EXPECT_EQ(recorded(world), "out-of-memory: killed by SIGKILL (out of memory, says the kernel)");
  world.pass(100ms);
  world.all_ready();
  world.stop(StopMode::quick);
  world.exit(2, status);
  EXPECT_EQ(recorded(world),
            "out-of-memory: killed by SIGKILL (out of memory, says the kernel) while draining");
}

TEST(Incident, OfATemplateSaysSo) {
  World world(preloaded(1));
  world.start_ready();
  world.exit_template(1, killed_by(SIGSEGV));
  ASSERT_EQ(recorded(world), "crash: killed by SIGSEGV");
  const RecordIncident record = world.got<RecordIncident>()[0];
  EXPECT_TRUE(record.of_template);
  EXPECT_EQ(record.launch, 1U);
  EXPECT_EQ(record.pid, 1001);
  EXPECT_EQ(record.pool, "web");
}

TEST(Incident, OfATemplateThatFailsToBootHasTheTraceback) {
  World world(preloaded(1));
  world.start_ready();
  world.reload(preloaded(1));
  const LaunchId second = world.template_of(2);
  world.send(WorkerBootError{second, "Traceback:\nImportError: no"});
  world.exit_template(second, exited_with(3));
  ASSERT_EQ(recorded(world), "boot-failure: exited with code 3 before it was ready: ImportError: no");
  EXPECT_TRUE(world.got<RecordIncident>()[0].of_template);
  EXPECT_EQ(world.got<RecordIncident>()[0].details, "Traceback:\nImportError: no");
}

TEST(Incident, OfATemplateThatDoesNotForkIsATimeout) {
  World world(preloaded(1));
  world.start_ready();
  world.hold_spawns = true;
  world.kill(2);
  world.pass(60s);
  world.send(WorkerExited{1, killed_by(SIGABRT)});
  EXPECT_EQ(recorded(world), "timeout: did not fork a worker; killed by SIGABRT");
}

TEST(Incident, IsNoTemplateThatWasToldOrLeftCleanly) {
  World world(preloaded(1));
  world.start_ready();
  world.exit_template(1, kClean);
  EXPECT_EQ(recorded(world), "0 records");
  world.all_ready();
  world.stop();
  world.all_told_exit();
  world.exit_template(world.template_of(0), killed_by(SIGKILL));
  EXPECT_EQ(recorded(world), "0 records");
  EXPECT_EQ(world.exit_code, 0);
}

}  // namespace
}  // namespace gserve::core::testing
