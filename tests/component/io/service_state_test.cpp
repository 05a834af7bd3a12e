// SPDX-License-Identifier: MIT
#include "supervisor/io/service_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "supervisor/core/supervisor.h"
#include "tests/unit/core/walk.h"
#include "tests/unit/core/world.h"

namespace gserve::io {
namespace {

using core::testing::Step;
using core::testing::Walk;
using core::testing::World;
using ::testing::HasSubstr;
using Json = nlohmann::json;

constexpr auto kGiven = config::Source::command_line;

config::Settings settings() {
  config::Settings settings;
  settings.set("wsgi_app", std::string("shop:app"), kGiven);
  settings.set("bind", std::vector<std::string>{"127.0.0.1:8000", "unix:/run/caf\xe9.sock"}, kGiven);
  settings.set("pidfile", std::string("/run/\xff\xfe.pid"), kGiven);
  settings.set("timeout", 0.1, config::Source::args_environment);
  settings.set("workers", std::int64_t{3}, config::Source::environment);
  settings.set("control_socket_disable", false, kGiven);
  settings.set("secure_scheme_headers", config::Dictionary{{"X-TLS", "\xe9"}, {"X-SSL", "1"}}, kGiven);
  return settings;
}

/// The rest of a state in which `snapshot` may stand.
ServiceState around(core::Snapshot snapshot) {
  ServiceState state;
  int fd = 3;
  state.release = "0.1.0";
  state.binary = "/usr/bin/gserve";
  state.previous = "/opt/gserve";
  state.argv = {"gserve", "shop:app"};
  state.environment = {"LANG=C", "PATH=/bin"};
  state.directory = "/srv/\xe9";
  state.nofile_soft = 1024;
  state.nofile_hard = UINT64_MAX;
  state.started = core::TimePoint(std::chrono::seconds(77));
  state.instance = "shop";
  state.error_log = fd++;
  state.access_log = fd++;
  state.pidfile = PidfileState{fd++, "/run/shop.pid"};
  state.control = ControlState{fd, fd + 1, {"/run/gserve/shop/control", 5, 6}, {"/run/gserve/shop"}};
  fd += 2;
  state.listeners = {{fd, false, {}}, {fd + 1, true, {"/run/app.sock", 1, 2}}};
  fd += 2;
  state.notify = {fd++, "", "/run/d", "/run/d/notify"};
  state.started_with = settings();
  for (core::Generation generation = 1; generation <= snapshot.newest; ++generation) {
    state.deployments.push_back({generation, settings(), "/usr/bin/python3", R"({"certificates":[]})",
                                 ports::Identity{33, 34, {34, 35}}});
  }
  for (const core::WorkerRecord& worker : snapshot.workers) {
    state.launches.push_back({worker.facts.launch, worker.facts.generation, "web", worker.facts.launch,
                              worker.facts.pid, fd, fd + 1, fd + 2, fd + 3});
    fd += 4;
  }
  for (const core::TemplateRecord& origin : snapshot.templates) {
    const core::TemplateFacts& facts = origin.facts;
    state.launches.push_back(
        {facts.launch, facts.generation, "web", 0, facts.pid, fd, fd + 1, fd + 2, fd + 3});
    state.templates.push_back({facts.launch, fd + 4});
    fd += 5;
  }
  state.forks = {{1, {98, 1, "web", 2, 0, -1, fd, fd + 1, fd + 2}, {{77, "READY=1\nX_GSERVE_WORKER=98\n"}}},
                 {1, {99, 1, "web", 3, 0, fd + 3, fd + 4, fd + 5, fd + 6}, {}}};
  fd += 7;
  state.handovers = {{"web", fd, fd + 1}};
  fd += 2;
  state.hooks = HookProcessState{78, fd, fd + 1, 12};
  fd += 2;
  state.request_totals = {{"web", 7, 1, 3, {4, 2, 1}, 12'345'678}};
  state.admin = ListenerState{fd, false, {"/run/admin.sock", 1, 3}};
  state.last_incident = 17;
  state.incidents = {{.id = 17,
                      .time_usec = 1'800'000'000'000'000,
                      .kind = core::IncidentKind::timeout,
                      .of_template = false,
                      .launch = 5,
                      .pid = 1005,
                      .pool = "web",
                      .generation = 1,
                      .reason = "\"GET /\xff HTTP/1.1\" has run for 31 s",
                      .details = "Traceback",
                      .in_flight = 2,
                      .requests = {{"GET /a HTTP/1.1", std::chrono::seconds(31)}},
                      .stacks = "Thread 0x1\n",
                      .log = "caf\xe9\n"}};
  state.core = std::move(snapshot);
  return state;
}

ServiceState rich_state() {
  World world(core::testing::preloaded(2));
  world.start_ready();
  world.scale(3);
  world.hold_loads = true;
  world.upgrade();
  return around(*world.supervisor.snapshot());
}

std::string reason(const std::string& text) {
  const auto decoded = decode(text);
  const auto* wrong = std::get_if<std::string>(&decoded);
  return wrong ? *wrong : "";
}

TEST(ServiceState, ArrivesAsItWas) {
  const ServiceState state = rich_state();
  const auto decoded = decode(encode(state));
  ASSERT_TRUE(std::holds_alternative<ServiceState>(decoded)) << std::get<std::string>(decoded);
  EXPECT_EQ(std::get<ServiceState>(decoded), state);
}

TEST(ServiceState, ArrivesWithoutWhatIsNotThere) {
  ServiceState state = rich_state();
  state.access_log = -1;
  state.pidfile.reset();
  state.control.reset();
  state.admin.reset();
  state.listeners.clear();
  const auto decoded = decode(encode(state));
  ASSERT_TRUE(std::holds_alternative<ServiceState>(decoded)) << std::get<std::string>(decoded);
  EXPECT_EQ(std::get<ServiceState>(decoded), state);
}

core::Snapshot carried(const core::Snapshot& snapshot) {
  auto decoded = decode(encode(around(snapshot)));
  if (const auto* wrong = std::get_if<std::string>(&decoded)) ADD_FAILURE() << *wrong;
  return std::holds_alternative<ServiceState>(decoded) ? std::get<ServiceState>(decoded).core : snapshot;
}

/// Every field of the core's state that anything depends on must be in the text.
TEST(ServiceState, CarriesTheCoreThroughAnyWalkUnchanged) {
  std::mt19937_64 random(20);
  for (int i = 0; i < 60; ++i) {
    Walk walk{};
    walk.seed = random();
    walk.pools = static_cast<std::uint8_t>(1 + random() % 2);
    walk.workers = static_cast<std::uint8_t>(1 + random() % 4);
    walk.surge = static_cast<std::uint8_t>(1 + random() % 2);
    walk.timeout = static_cast<std::uint8_t>(random() % 2 * 5);
    walk.memory_limit = random() % 2 == 0;
    walk.lifetime_limit = random() % 2 == 0;
    walk.preload = random() % 2 == 0;
    for (int step = 0; step < 40; ++step) {
      auto kind = static_cast<Step::Kind>(random() % (static_cast<unsigned>(Step::Kind::last) + 1));
      if (kind == Step::Kind::graceful_stop || kind == Step::Kind::quick_stop) kind = Step::Kind::all_ready;
      walk.steps.push_back({kind, static_cast<std::uint8_t>(random()), static_cast<std::uint8_t>(random())});
    }
    const auto outcome = core::testing::run(walk, {.carried_off = true, .carry = carried});
    ASSERT_EQ(outcome.broken, "") << walk;
  }
}

TEST(ServiceState, CutOffAnywhereIsRefused) {
  const std::string text = encode(rich_state());
  for (std::size_t size = 0; size < text.size(); ++size) {
    ASSERT_THAT(reason(text.substr(0, size)), HasSubstr("cannot read the state")) << size;
  }
}

TEST(ServiceState, OfAnotherFormatSaysWhichOneItIs) {
  Json json = Json::parse(encode(rich_state()));
  json["format"] = 99;
  json["release"] = "7.0";
  json.erase("core");
  EXPECT_THAT(reason(json.dump()), HasSubstr("format 99 (gserve 7.0), this version reads format 1"));
  EXPECT_NE(reason("[]"), "");
  EXPECT_NE(reason("{}"), "");
  EXPECT_NE(reason("null"), "");
}

TEST(ServiceState, SettingsThatThisVersionDoesNotKnowAreNamed) {
  Json json = Json::parse(encode(rich_state()));
  json["started_with"]["warp_factor"] = {{"source", "command_line"}, {"value", 9}};
  EXPECT_THAT(reason(json.dump()), HasSubstr("warp_factor is not a setting of this version"));
  json["started_with"].erase("warp_factor");
  json["started_with"]["workers"]["value"] = 0;
  EXPECT_THAT(reason(json.dump()), HasSubstr("started_with.workers.value must be from 1 to 10000"));
}

/// A state that is taken in spite of some damage must be usable.
void expect_refused_or_sound(const std::string& text, const std::string& damage) {
  const auto decoded = decode(text);
  if (const auto* wrong = std::get_if<std::string>(&decoded)) {
    EXPECT_NE(*wrong, "") << damage;
    return;
  }
  const core::Supervisor supervisor(std::get<ServiceState>(decoded).core);
  EXPECT_FALSE(supervisor.status().pools.empty()) << damage;
}

TEST(ServiceState, AnyValueMayBeReplacedByAnyOther) {
  const Json strangers[] = {nullptr,       true,          -1, 0, 1.5, UINT64_MAX, INT64_MIN, "text",
                            Json::array(), Json::object()};
  const Json flat = Json::parse(encode(rich_state())).flatten();
  for (const auto& [path, value] : flat.items()) {
    for (const Json& stranger : strangers) {
      Json damaged = flat.unflatten();
      damaged[Json::json_pointer(path)] = stranger;
      expect_refused_or_sound(damaged.dump(), path + " = " + stranger.dump());
    }
  }
}

TEST(ServiceState, AMissingFieldIsNamed) {
  const Json whole = Json::parse(encode(rich_state()));
  for (const auto& [name, value] : whole.items()) {
    const std::set<std::string> later = {"incidents", "last_incident", "request_totals", "admin", "hooks"};
    if (later.contains(name)) continue;
    Json json = whole;
    json.erase(name);
    EXPECT_THAT(reason(json.dump()), HasSubstr("the state lacks \"" + name + '"'));
  }
  Json json = whole;
  json["core"]["workers"][0]["facts"].erase("pid");
  EXPECT_THAT(reason(json.dump()), HasSubstr("core.workers[0].facts lacks \"pid\""));
}

/// A program of this format that did not write them yet.
TEST(ServiceState, FieldsThatCameLaterMayBeMissing) {
  ServiceState state = rich_state();
  Json json = Json::parse(encode(state));
  json.erase("incidents");
  json.erase("last_incident");
  json.erase("hooks");
  for (Json& worker : json["core"]["workers"]) worker["facts"].erase("fault");
  const auto decoded = decode(json.dump());
  ASSERT_TRUE(std::holds_alternative<ServiceState>(decoded)) << std::get<std::string>(decoded);
  state.incidents.clear();
  state.last_incident = 0;
  state.hooks.reset();
  EXPECT_EQ(std::get<ServiceState>(decoded), state);
}

TEST(ServiceState, WhatDoesNotFitTogetherIsRefused) {
  ServiceState state = rich_state();
  state.launches.pop_back();
  EXPECT_THAT(reason(encode(state)), HasSubstr("template 1 has no process"));
  state.launches.erase(state.launches.begin());
  EXPECT_THAT(reason(encode(state)), HasSubstr("worker 2 has no process"));
  state = rich_state();
  state.templates.clear();
  EXPECT_THAT(reason(encode(state)), HasSubstr("template 1 has no process"));
  state = rich_state();
  state.deployments.clear();
  EXPECT_THAT(reason(encode(state)), HasSubstr("generation 1 has no settings"));
  state = rich_state();
  state.launches[0].pidfd = state.error_log;
  EXPECT_THAT(reason(encode(state)), HasSubstr("is there twice"));
  state = rich_state();
  state.notify.fd = 1;
  EXPECT_THAT(reason(encode(state)), HasSubstr("lacks a descriptor"));
}

TEST(ServiceState, RandomBytesAreRefusedOrSound) {
  std::mt19937_64 random(7);
  const std::string text = encode(rich_state());
  for (int i = 0; i < 3000; ++i) {
    std::string damaged = text;
    for (std::uint64_t n = 1 + random() % 3; n > 0; --n) {
      damaged[random() % damaged.size()] = static_cast<char>(random());
    }
    expect_refused_or_sound(damaged, damaged);
  }
}

}  // namespace
}  // namespace gserve::io
