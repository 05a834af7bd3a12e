// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "ctl/latency.h"
#include "ctl/top_keys.h"
#include "ctl/top_model.h"
#include "ctl/top_view.h"

namespace gserve::ctl {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::uint64_t kSecond = 1'000'000;
const TopModel::TimePoint kStart{};

WorkerStatus worker(std::uint32_t pid, std::uint64_t requests, std::uint64_t cpu_usec, bool busy = false) {
  WorkerStatus status;
  status.pid = pid;
  status.state = "ready";
  status.generation = 1;
  status.requests = requests;
  status.errors = requests / 10;
  status.cpu_usec = cpu_usec;
  status.durations[3] = requests;  // each 5 to 10 ms
  status.rss_bytes = 10 << 20;
  status.in_flight = busy ? 1 : 0;
  status.request = busy ? "GET /slow HTTP/1.1" : "";
  return status;
}

Status service(std::vector<WorkerStatus> workers) {
  Status status;
  status.name = "shop";
  status.state = "running";
  status.generation = 1;
  status.uptime_usec = 61 * kSecond;
  status.target = status.ready = static_cast<std::uint32_t>(workers.size());
  status.workers = std::move(workers);
  return status;
}

TEST(TopModel, MakesRatesOfCounters) {
  TopModel model;
  model.look(service({worker(11, 100, 0)}), kStart);
  EXPECT_EQ(model.frame({}).rows.at(0).rate, std::nullopt);
  model.look(service({worker(11, 130, kSecond), worker(12, 1000, 0)}), kStart + seconds(2));
  const TopFrame frame = model.frame({{11, 5 << 20}});
  EXPECT_EQ(frame.rows.at(0).rate, 15);
  EXPECT_EQ(frame.rows.at(0).error_rate, 1.5);
  EXPECT_EQ(frame.rows.at(0).cpu, 0.5);
  EXPECT_EQ(frame.rows.at(0).pss_bytes, 5U << 20);
  EXPECT_EQ(frame.rows.at(1).rate, std::nullopt) << "it was not there before";
  EXPECT_EQ(frame.rows.at(1).pss_bytes, std::nullopt);
  EXPECT_EQ(frame.rate, 15);
}

TEST(TopModel, TellsTheLatencyOfTheInterval) {
  TopModel model;
  model.look(service({worker(11, 100, 0), worker(12, 0, 0)}), kStart);
  EXPECT_EQ(model.frame({}).p50, std::nullopt);
  model.look(service({worker(11, 300, 0), worker(12, 0, 0)}), kStart + seconds(1));
  const TopFrame frame = model.frame({});
  EXPECT_DOUBLE_EQ(*frame.p50, 0.0075);
  EXPECT_DOUBLE_EQ(*frame.rows.at(0).p95, 0.00975);
  EXPECT_EQ(frame.rows.at(1).p95, std::nullopt);
}

TEST(Quantile, IsBetweenTheBoundsOfItsBucket) {
  Durations durations{};
  EXPECT_EQ(quantile(durations, 0.5), std::nullopt);
  durations[0] = 90;   // up to 1 ms
  durations[14] = 10;  // above 30 s
  EXPECT_DOUBLE_EQ(*quantile(durations, 0.45), 0.0005);
  EXPECT_DOUBLE_EQ(*quantile(durations, 0.9), 0.001);
  EXPECT_DOUBLE_EQ(*quantile(durations, 0.99), 30);
}

TEST(TopModel, IsBusyAsOftenAsARequestIsSeen) {
  TopModel model;
  for (int i = 0; i < 4; ++i) {
    model.look(service({worker(11, 0, 0, i == 0), worker(12, 0, 0)}), kStart + milliseconds(i));
  }
  const TopFrame frame = model.frame({});
  EXPECT_EQ(frame.rows.at(0).busy, 0.25);
  EXPECT_EQ(frame.busy, 0.125);
  model.look(service({worker(11, 0, 0)}), kStart + seconds(1));
  EXPECT_EQ(model.frame({}).rows.at(0).busy, 0) << "each interval for itself";
}

TEST(TopModel, AnotherProcessWithTheSamePidHasNoNegativeRate) {
  TopModel model;
  model.look(service({worker(11, 100, kSecond)}), kStart);
  model.frame({});
  model.look(service({worker(11, 1, 0)}), kStart + seconds(1));
  EXPECT_EQ(model.frame({}).rows.at(0).rate, 0);
}

std::string ordered(TopKeys& keys, std::string_view typed, const std::vector<std::uint32_t>& pids) {
  std::string orders;
  for (const Press& press : decode_keys(typed)) {
    if (const auto order = keys.press(press, pids)) {
      orders += std::string(name_of(order->command)) + " " + std::to_string(order->pid) + " " +
                std::to_string(order->scale.count) + ";";
    }
  }
  return orders;
}

TEST(TopKeys, OrderNothingWithoutAConfirmation) {
  TopKeys keys;
  EXPECT_EQ(ordered(keys, "r", {11}), "");
  EXPECT_EQ(keys.question(), "Reload? y/n");
  EXPECT_EQ(ordered(keys, "n", {11}), "");
  EXPECT_EQ(keys.question(), "");
  EXPECT_EQ(ordered(keys, "y", {11}), "") << "nothing was asked";
  EXPECT_EQ(ordered(keys, "ry", {11}), "reload 0 0;");
  EXPECT_EQ(ordered(keys, "+y-y", {11}), "scale 0 1;scale 0 -1;");
  EXPECT_EQ(ordered(keys, "+ry", {11}), "") << "another key is a no";
}

TEST(TopKeys, RestartTheWorkerThatIsChosen) {
  TopKeys keys;
  EXPECT_EQ(ordered(keys, "wy", {11, 12, 13}), "worker restart 11 0;");
  EXPECT_EQ(ordered(keys, "\x1b[Bjwy", {11, 12, 13}), "worker restart 13 0;");
  EXPECT_EQ(ordered(keys, "\x1b[B\x1b[Awy", {11, 12, 13}), "worker restart 12 0;");
  EXPECT_EQ(ordered(keys, "jjjwy", {11}), "worker restart 11 0;") << "the list has become shorter";
  EXPECT_EQ(ordered(keys, "wy", {}), "");
  keys.press({Key::other, 'w'}, {11});
  EXPECT_EQ(keys.question(), "Restart worker 11? y/n");
}

TEST(TopKeys, QuitByQAndByCtrlC) {
  for (const char* typed : {"q", "\x03"}) {
    TopKeys keys;
    EXPECT_FALSE(keys.quit());
    ordered(keys, typed, {11});
    EXPECT_TRUE(keys.quit());
  }
}

TEST(DecodeKeys, SkipsControlSequencesThatMeanNothing) {
  EXPECT_THAT(decode_keys("a\x1b[1;5C\x1bOAb"),
              ElementsAre(Press{Key::other, 'a'}, Press{Key::up, 0}, Press{Key::other, 'b'}));
  EXPECT_THAT(decode_keys("\x1b[15~"), ElementsAre());
}

TopFrame two_looks() {
  TopModel model;
  model.look(service({worker(11, 0, 0), worker(12, 0, 0)}), kStart);
  model.frame({});
  model.look(service({worker(11, 120, kSecond / 2, true), worker(12, 0, 0)}), kStart + seconds(1));
  return model.frame({{11, 6 << 20}});
}

TEST(RenderTop, ShowsTheServiceAndItsWorkers) {
  EXPECT_EQ(
      render_top(two_looks()),
      "shop - running, 2 of 2 workers ready, generation 1, up 1 min 1 s\n"
      "120 requests/s   12.0 errors/s   busy 50.0 %   CPU 50.0 %   workers started 0   incidents 0\n"
      "latency p50 7.5 ms   p95 9.8 ms   p99 10.0 ms\n"
      "\n"
      "PID  STATE  GEN   AGE  REQ/S     P95   BUSY     CPU      PSS       RSS  RUNNING  OLDEST REQUEST\n"
      " 11  ready    1  0 ms    120  9.8 ms  100 %  50.0 %  6.0 MiB  10.0 MiB        1  GET /slow HTTP/1.1 "
      "(0 ms)\n"
      " 12  ready    1  0 ms    0.0       -  0.0 %   0.0 %        -  10.0 MiB        0\n");
}

TEST(RenderTop, AScreenHoldsWhatFitsAndTheOneThatIsChosen) {
  std::vector<WorkerStatus> workers;
  for (std::uint32_t pid = 100; pid < 140; ++pid) workers.push_back(worker(pid, 0, 0));
  TopModel model;
  model.look(service(workers), kStart);
  const std::string screen = render_top_screen(model.frame({}), 39, "done \x1b[31m",
                                               {.interactive = true, .columns = 40, .rows = 12});
  EXPECT_EQ(std::count(screen.begin(), screen.end(), '\n'), 11);
  EXPECT_THAT(screen, HasSubstr("\x1b[7m139"));
  EXPECT_THAT(screen, Not(HasSubstr("100  ready")));
  EXPECT_THAT(screen, HasSubstr("36 workers more"));
  EXPECT_THAT(screen, HasSubstr("done \\x1b[31m")) << "what others say draws nothing";
}

TEST(JsonTop, IsOneLineWithTheDocumentedKeys) {
  const std::string text = json_top(two_looks());
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  const auto json = nlohmann::json::parse(text);
  EXPECT_EQ(json["rate"], 120);
  EXPECT_EQ(json["p50_s"], 0.0075);
  EXPECT_EQ(json["workers"][0]["pid"], 11);
  EXPECT_EQ(json["workers"][0]["busy"], 1);
  EXPECT_EQ(json["workers"][0]["cpu"], 0.5);
  EXPECT_EQ(json["workers"][0]["pss_bytes"], 6 << 20);
  EXPECT_TRUE(json["workers"][1]["pss_bytes"].is_null());
}

}  // namespace
}  // namespace gserve::ctl
