// SPDX-License-Identifier: MIT
#include "ctl/render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <nlohmann/json.hpp>

namespace gserve::ctl {
namespace {

constexpr std::uint64_t kSecond = 1'000'000;
constexpr std::uint64_t kMiB = 1U << 20;

Status shop() {
  Status status;
  status.name = "shop";
  status.pid = 4242;
  status.version = "0.1.0";
  status.uptime_usec = 7380 * kSecond;
  status.generation = 2;
  status.target = 2;
  status.ready = 1;
  status.state = "reloading";
  status.listeners = {"http://127.0.0.1:8000", "unix:/run/shop.sock"};
  status.workers = {
      {.pid = 4301,
       .pool = "web",
       .state = "ready",
       .generation = 2,
       .age_usec = 12 * kSecond,
       .requests = 1234,
       .rss_bytes = 45 * kMiB + kMiB / 2,
       .in_flight = 1,
       .request = "GET /cart HTTP/1.1",
       .request_age_usec = 350'000,
       .due = ""},
      {.pid = 77,
       .pool = "web",
       .state = "draining",
       .generation = 1,
       .age_usec = 7379 * kSecond,
       .requests = 9,
       .rss_bytes = 8 * kMiB,
       .request = "",
       .due = ""},
  };
  return status;
}

TEST(RenderStatus, IsAHeaderAndATableOfWorkers) {
  EXPECT_EQ(render_status(shop()),
            "shop - gserve 0.1.0\n"
            "       State: reloading, 1 of 2 workers ready\n"
            "    Main PID: 4242\n"
            "      Uptime: 2 h 3 min\n"
            "  Generation: 2\n"
            "   Listening: http://127.0.0.1:8000\n"
            "   Listening: unix:/run/shop.sock\n"
            "\n"
            " PID  POOL  STATE     GEN        AGE  REQUESTS       RSS  RUNNING  OLDEST REQUEST\n"
            "4301  web   ready       2       12 s      1234  45.5 MiB        1  GET /cart HTTP/1.1 (350 ms)\n"
            "  77  web   draining    1  2 h 2 min         9   8.0 MiB        0\n");
}

TEST(RenderStatus, TemplatesHaveATableOfTheirOwn) {
  Status status = shop();
  status.templates = {{4300, "web", "ready", 2, 14 * kSecond, 61 * kMiB}};
  EXPECT_THAT(render_status(status), testing::HasSubstr("unix:/run/shop.sock\n"
                                                        "\n"
                                                        "TEMPLATE  POOL  STATE  GEN   AGE       RSS\n"
                                                        "    4300  web   ready    2  14 s  61.0 MiB\n"
                                                        "\n"
                                                        " PID  POOL "));
  const auto json = nlohmann::ordered_json::parse(json_status(status));
  EXPECT_EQ(json["templates"][0].dump(), R"({"pid":4300,"pool":"web","state":"ready","generation":2,)"
                                         R"("age_s":14.0,"rss_bytes":63963136})");
}

TEST(RenderStatus, WithoutWorkersThereIsNoTable) {
  Status status = shop();
  status.workers.clear();
  EXPECT_THAT(render_status(status), testing::EndsWith("unix:/run/shop.sock\n"));
}

TEST(RenderStatus, NothingThatIsShownCanDriveTheTerminal) {
  Status status = shop();
  status.workers[0].request = "GET /\x1b[2J\n\x7f";
  const std::string text = render_status(status);
  EXPECT_THAT(text, testing::HasSubstr("GET /\\x1b[2J\\x0a\\x7f (350 ms)"));
}

TEST(RenderStatus, ACrashLoopIsNamedWithItsLastFailureAndTheNextStart) {
  Status status = shop();
  status.pools = {{"web", 2, 1, "crash-looping", 7, "killed by SIGSEGV", 12 * kSecond},
                  {"api", 2, 2, "running", 1, "exited with code 1", 0},
                  {"mail", 1, 0, "crash-looping", 3, "exited with code 9", 0}};
  const std::string text = render_status(status);
  EXPECT_THAT(text, testing::HasSubstr("unix:/run/shop.sock\n"
                                       "  Crash loop: pool web, 7 workers have failed, last: killed by "
                                       "SIGSEGV; next start in 12 s\n"
                                       "  Crash loop: pool mail, 3 workers have failed, last: exited with "
                                       "code 9\n\n"));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("api")));
}

TEST(RenderStatus, ANewGenerationIsOnTestForSoLong) {
  Status status = shop();
  status.bake_usec = 40 * kSecond;
  EXPECT_THAT(render_status(status), testing::HasSubstr("  Generation: 2, on test for another 40 s\n"));
}

TEST(RenderStatus, ARollbackThatNobodyAskedForSaysWhy) {
  Status status = shop();
  status.rolled_back = "generation 2 is worse than generation 1";
  EXPECT_THAT(render_status(status),
              testing::HasSubstr(" Rolled back: generation 2 is worse than generation 1\n"));
}

TEST(RenderStatus, AWorkerThatIsToBeReplacedSaysWhy) {
  Status status = shop();
  status.workers[0].due = "max_requests";
  EXPECT_THAT(render_status(status), testing::HasSubstr("4301  web   ready, due: max_requests    2 "));
}

TEST(RenderStatus, NamesTheLastIncident) {
  Status status = shop();
  status.last_incident = 17;
  EXPECT_THAT(render_status(status),
              testing::HasSubstr("unix:/run/shop.sock\n"
                                 "   Incidents: 17 so far, the last: gservectl incidents 17\n\n"));
}

/// Times are local.
class RenderIncidents : public testing::Test {
 protected:
  void SetUp() override {
    setenv("TZ", "XYZ-2", 1);
    tzset();
  }
  void TearDown() override {
    unsetenv("TZ");
    tzset();
  }

  Incident incident_{
      {17, 1'795'425'327 * kSecond, "timeout", "worker", 5, 4242, "web", 2, "hung \x1b[2J\nfor ever"},
      "",
      3,
      {{"GET /slow HTTP/1.1", 31 * kSecond}, {"GET /\x7f HTTP/1.1", 350'000}},
      "Thread 0x1\n  File \x1b[2J\n\n",
      "[INFO] worker ready\n"};
};

TEST_F(RenderIncidents, AreATable) {
  IncidentSummary unborn = incident_.summary;
  unborn.id = 9;
  unborn.pid = 0;
  unborn.kind = "boot-failure";
  unborn.process = "template";
  EXPECT_EQ(render_incidents({unborn, incident_.summary}),
            "ID  TIME                 KIND          PROCESS      POOL  GEN  REASON\n"
            " 9  2026-11-23 11:15:27  boot-failure  template     web     2  hung \\x1b[2J\\x0afor ever\n"
            "17  2026-11-23 11:15:27  timeout       worker 4242  web     2  hung \\x1b[2J\\x0afor ever\n");
}

TEST_F(RenderIncidents, OneIsShownInBlocks) {
  EXPECT_EQ(render_incident(incident_),
            "incident 17: timeout\n"
            "        Time: 2026-11-23 11:15:27 +0200\n"
            "     Process: worker 4242 (launch 5)\n"
            "        Pool: web\n"
            "  Generation: 2\n"
            "      Reason: hung \\x1b[2J\\x0afor ever\n"
            "\n"
            "Requests in flight: 3\n"
            "  GET /slow HTTP/1.1 (31 s)\n"
            "  GET /\\x7f HTTP/1.1 (350 ms)\n"
            "  and 1 that are not known\n"
            "\n"
            "Stacks:\n"
            "Thread 0x1\n"
            "  File \\x1b[2J\n"
            "\n"
            "Last lines of the log:\n"
            "[INFO] worker ready\n");
}

TEST_F(RenderIncidents, OneThatLeftNothingSaysSo) {
  incident_.in_flight = 0;
  incident_.requests.clear();
  incident_.stacks = incident_.log = "";
  incident_.details = "Traceback\nImportError\n";
  EXPECT_THAT(render_incident(incident_), testing::EndsWith("for ever\n"
                                                            "\n"
                                                            "Error of the application:\n"
                                                            "Traceback\n"
                                                            "ImportError\n"
                                                            "\n"
                                                            "No request was in flight.\n"
                                                            "\n"
                                                            "No stacks were left.\n"));
}

TEST_F(RenderIncidents, JsonHasTheDocumentedKeysInOrder) {
  const auto json = nlohmann::ordered_json::parse(json_incident(incident_));
  std::vector<std::string> keys;
  for (const auto& [key, value] : json.items()) keys.push_back(key);
  EXPECT_THAT(keys,
              testing::ElementsAre("id", "time", "kind", "process", "launch", "pid", "pool", "generation",
                                   "reason", "details", "in_flight", "requests", "stacks", "log"));
  EXPECT_EQ(json["time"], "2026-11-23T09:15:27.000Z");
  EXPECT_EQ(json["requests"][0].dump(), R"({"line":"GET /slow HTTP/1.1","age_s":31.0})");
}

TEST(RenderList, IsATable) {
  EXPECT_EQ(render_list({{{"shop", "/run/gserve/shop/control"}, shop()}}),
            "NAME   PID  STATE      READY     UPTIME  LISTENING\n"
            "shop  4242  reloading    1/2  2 h 3 min  http://127.0.0.1:8000 unix:/run/shop.sock\n");
}

TEST(RenderOutcome, SaysWhatBecameOfACommand) {
  EXPECT_EQ(render_outcome({"stop", "shop", "done", 3, ""}), "shop stopped\n");
  EXPECT_EQ(render_outcome({"reload", "shop", "done", 3, ""}), "reload of shop done\n");
  EXPECT_EQ(render_outcome({"reload", "shop", "running", 3, ""}), "job 3\n");
  EXPECT_EQ(render_outcome({"scale", "shop", "failed", 3, "no memory"}), "scale of shop failed: no memory\n");
  EXPECT_EQ(render_outcome({"scale", "shop", "failed", 3, ""}), "scale of shop failed: no reason given\n");
  EXPECT_EQ(render_outcome({"scale", "shop", "unknown", 3, "timed out"}), "scale of shop: timed out\n");
  EXPECT_EQ(render_outcome({"reload", "shop", "superseded", 3, ""}),
            "reload of shop (job 3) was superseded\n");
}

TEST(RenderOutcome, KeepsATracebackWhole) {
  EXPECT_EQ(render_outcome({"reload", "shop", "failed", 3, "Traceback:\n\tx\nError: \x1b[31mred\n"}),
            "reload of shop failed: Traceback:\n\tx\nError: \\x1b[31mred\n");
}

TEST(RenderDuration, UsesTwoUnitsAtMost) {
  EXPECT_EQ(render_duration(0), "0 ms");
  EXPECT_EQ(render_duration(350'999), "350 ms");
  EXPECT_EQ(render_duration(59 * kSecond), "59 s");
  EXPECT_EQ(render_duration(312 * kSecond), "5 min 12 s");
  EXPECT_EQ(render_duration(7380 * kSecond), "2 h 3 min");
  EXPECT_EQ(render_duration(kSecond * 3600 * (3 * 24 + 4)), "3 d 4 h");
}

TEST(RenderBytes, UsesTheLargestFittingUnit) {
  EXPECT_EQ(render_bytes(512), "512 B");
  EXPECT_EQ(render_bytes(1536), "1.5 KiB");
  EXPECT_EQ(render_bytes(34 * kMiB + kMiB / 2), "34.5 MiB");
  EXPECT_EQ(render_bytes(3ULL << 40), "3.0 TiB");
  EXPECT_EQ(render_bytes(3ULL << 50), "3072.0 TiB");
}

TEST(JsonStatus, HasTheDocumentedKeysInOrder) {
  const auto json = nlohmann::ordered_json::parse(json_status(shop()));
  std::vector<std::string> keys;
  for (const auto& [key, value] : json.items()) keys.push_back(key);
  EXPECT_THAT(keys, testing::ElementsAre("name", "pid", "version", "uptime_s", "generation", "target",
                                         "ready", "state", "previous_generation", "bake_s", "rolled_back",
                                         "listeners", "last_incident", "workers_started", "log_kind",
                                         "log_path", "pools", "templates", "workers"));
  std::vector<std::string> worker_keys;
  for (const auto& [key, value] : json["workers"][0].items()) worker_keys.push_back(key);
  EXPECT_THAT(worker_keys, testing::ElementsAre("pid", "pool", "state", "generation", "age_s", "requests",
                                                "errors", "connections", "durations", "rss_bytes", "cpu_s",
                                                "in_flight", "request", "request_age_s", "due"));
  EXPECT_EQ(json["uptime_s"], 7380.0);
  EXPECT_TRUE(json["previous_generation"].is_null());
  EXPECT_EQ(json["workers"][0]["request_age_s"], 0.35);
}

TEST(JsonStatus, HasTheDocumentedKeysOfPools) {
  Status status = shop();
  status.pools = {{"web", 2, 1, "crash-looping", 7, "killed by SIGSEGV", 12 * kSecond}, {}};
  const auto json = nlohmann::ordered_json::parse(json_status(status));
  EXPECT_EQ(json["pools"][0].dump(),
            R"({"name":"web","target":2,"ready":1,"state":"crash-looping","failures":7,)"
            R"("last_failure":"killed by SIGSEGV","next_start_s":12.0})");
  EXPECT_TRUE(json["pools"][1]["next_start_s"].is_null());
}

TEST(JsonStatus, WithoutWorkersAndListenersTheArraysAreEmpty) {
  const auto json = nlohmann::json::parse(json_status(Status{}));
  EXPECT_TRUE(json["pools"].is_array());
  EXPECT_TRUE(json["workers"].is_array());
  EXPECT_TRUE(json["listeners"].is_array());
}

TEST(JsonOutcome, HasTheDocumentedKeys) {
  EXPECT_EQ(json_outcome({"reload", "shop", "failed", 3, "why"}),
            "{\n  \"command\": \"reload\",\n  \"name\": \"shop\",\n  \"result\": \"failed\",\n  \"job\": 3,\n"
            "  \"reason\": \"why\"\n}\n");
  EXPECT_THAT(json_outcome({"stop", "shop", "failed", std::nullopt, "no"}),
              testing::HasSubstr("\"job\": null"));
}

TEST(JsonList, IsAnArray) {
  EXPECT_EQ(json_list({}), "[]\n");
  const auto json = nlohmann::json::parse(json_list({{{"shop", "/run/gserve/shop/control"}, shop()}}));
  EXPECT_EQ(json[0]["name"], "shop");
  EXPECT_EQ(json[0]["pid"], 4242);
  EXPECT_EQ(json[0]["socket"], "/run/gserve/shop/control");
}

}  // namespace
}  // namespace gserve::ctl
