// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "common/version.h"
#include "supervisor/config/hooks.h"
#include "supervisor/config/names.h"
#include "supervisor/config/pool_config.h"
#include "supervisor/config/snapshot.h"
#include "supervisor/config/unsafe.h"

namespace gserve::config {
namespace {

Settings for_app(const std::string& app) {
  Settings settings;
  EXPECT_EQ(settings.set("wsgi_app", app, Source::command_line), "");
  return settings;
}

Settings named(const std::string& name) {
  Settings settings = for_app("app:app");
  EXPECT_EQ(settings.set("proc_name", name, Source::command_line), "");
  return settings;
}

TEST(InstanceName, IsTheModuleOfTheApplication) {
  EXPECT_EQ(instance_name(for_app("app:app")), "app");
  EXPECT_EQ(instance_name(for_app("shop.web.wsgi")), "shop.web.wsgi");
  EXPECT_EQ(instance_name(for_app("app:make(\"a:b\")")), "app");
  EXPECT_EQ(instance_name(for_app(":app")), "-");
}

TEST(InstanceName, IsTheNameGivenMadeFitForAPath) {
  EXPECT_EQ(instance_name(named("shop")), "shop");
  EXPECT_EQ(instance_name(named("my shop/blue")), "my-shop-blue");
  EXPECT_EQ(instance_name(named("caf\xC3\xA9")), "caf--");
  EXPECT_EQ(instance_name(named("..")), "-.");
  EXPECT_EQ(instance_name(named("a:b")), "a-b");
  EXPECT_EQ(instance_name(named(std::string(100, 'x'))), std::string(64, 'x'));
}

TEST(ProcessName, IsTheNameGivenElseTheApplication) {
  EXPECT_EQ(process_name(for_app("app:app")), "app:app");
  EXPECT_EQ(process_name(named("my shop")), "my shop");
}

TEST(SupervisorConfig, HoldsWhenWorkersAreReplaced) {
  Settings settings = for_app("app:app");
  EXPECT_EQ(supervisor_config(settings).pools[0].max_worker_memory, 0U);
  EXPECT_EQ(supervisor_config(settings).pools[0].max_worker_lifetime, core::Duration::zero());
  EXPECT_EQ(settings.set("max_worker_memory", std::int64_t{1} << 30, Source::command_line), "");
  EXPECT_EQ(settings.set("max_worker_lifetime", 3600.5, Source::command_line), "");
  EXPECT_EQ(supervisor_config(settings).pools[0].max_worker_memory, std::uint64_t{1} << 30);
  EXPECT_EQ(supervisor_config(settings).pools[0].max_worker_lifetime, std::chrono::milliseconds(3600500));
}

TEST(Snapshot, HoldsWhatWorkersReadAndNothingElse) {
  Settings settings = for_app("app:app");
  EXPECT_EQ(settings.set("timeout", 0.5, Source::command_line), "");
  const auto snapshot =
      nlohmann::json::parse(worker_snapshot(settings, {7, 2, "web", "shop", 9, "/srv", 42}));
  for (const Setting& setting : table()) {
    EXPECT_EQ(snapshot.contains(std::string(setting.name)), setting.worker) << setting.name;
  }
  EXPECT_EQ(snapshot["wsgi_app"], "app:app");
  EXPECT_EQ(snapshot["timeout"], 0.5);
  EXPECT_EQ(snapshot["graceful_timeout"], 30.0);
  EXPECT_EQ(snapshot["workers"], 1);
  EXPECT_EQ(snapshot["pythonpath"], nullptr);
  EXPECT_EQ(snapshot["proc_name"], "app:app");
  EXPECT_EQ(snapshot["launch"], nlohmann::json({{"id", 7},
                                                {"generation", 2},
                                                {"pool", "web"},
                                                {"instance", "shop"},
                                                {"age", 9},
                                                {"version", kVersion},
                                                {"directory", "/srv"},
                                                {"supervisor", 42}}));
}

TEST(Snapshot, HoldsEverythingWhereHooksMayAskForIt) {
  Settings settings = for_app("app:app");
  EXPECT_FALSE(has_hook(settings));
  EXPECT_FALSE(nlohmann::json::parse(worker_snapshot(settings, {})).contains("supervisor_settings"));
  EXPECT_EQ(settings.set("post_fork", std::string("/srv/conf.py:3 post_fork"), Source::config_file), "");
  EXPECT_TRUE(has_hook(settings));
  const auto snapshot = nlohmann::json::parse(worker_snapshot(settings, {}));
  EXPECT_EQ(snapshot["post_fork"], "/srv/conf.py:3 post_fork");
  for (const Setting& setting : table()) {
    EXPECT_EQ(snapshot["supervisor_settings"].contains(std::string(setting.name)), !setting.worker)
        << setting.name;
  }
}

TEST(Snapshot, HoldsDictionaries) {
  Settings settings = for_app("app:app");
  const auto schemes = [&] {
    return nlohmann::json::parse(worker_snapshot(settings, {}))["secure_scheme_headers"];
  };
  EXPECT_EQ(schemes()["X-FORWARDED-PROTO"], "https");
  EXPECT_EQ(settings.set("secure_scheme_headers", Dictionary{{"X-TLS", "1"}}, Source::config_file), "");
  EXPECT_EQ(schemes(), nlohmann::json({{"X-TLS", "1"}}));
}

TEST(UnsafeSettings, AreNamedEach) {
  Settings settings = for_app("app:app");
  EXPECT_TRUE(unsafe_settings(settings).empty());
  for (const char* name :
       {"permit_obsolete_folding", "strip_header_spaces", "permit_unconventional_http_method",
        "permit_unconventional_http_version", "casefold_http_method"}) {
    EXPECT_EQ(settings.set(name, true, Source::command_line), "");
  }
  EXPECT_EQ(unsafe_settings(settings).size(), 5u);
  EXPECT_EQ(settings.set("header_map", std::string("dangerous"), Source::command_line), "");
  const auto warnings = unsafe_settings(settings);
  ASSERT_EQ(warnings.size(), 6u);
  EXPECT_TRUE(warnings[0].starts_with("--header-map dangerous is unsafe: ")) << warnings[0];
  EXPECT_TRUE(warnings[1].starts_with("--permit-obsolete-folding is unsafe: ")) << warnings[1];
}

TEST(SupervisorConfig, IsOnePoolNamedWeb) {
  Settings settings;
  settings.set("workers", std::int64_t{4}, Source::command_line);
  settings.set("timeout", 0.25, Source::command_line);
  settings.set("graceful_timeout", 1e9, Source::command_line);
  settings.set("boot_timeout", 0.0, Source::command_line);
  const core::SupervisorConfig config = supervisor_config(settings);
  ASSERT_EQ(config.pools.size(), 1u);
  core::PoolConfig expected;
  expected.workers = 4;
  expected.timeout = std::chrono::milliseconds(250);
  expected.graceful_timeout = std::chrono::seconds(1000000000);
  expected.boot_timeout = core::Duration::zero();
  EXPECT_EQ(config.pools[0], expected);
}

TEST(SupervisorConfig, HasTheCoresOwnDefaultsWhenNothingIsSet) {
  EXPECT_EQ(supervisor_config(Settings{}).pools, core::SupervisorConfig{}.pools);
}

TEST(LogLevel, IsTheOneNamed) {
  Settings settings;
  EXPECT_EQ(log_level(settings), core::LogLevel::info);
  const std::pair<const char*, core::LogLevel> levels[] = {{"debug", core::LogLevel::debug},
                                                           {"WARNING", core::LogLevel::warning},
                                                           {"error", core::LogLevel::error},
                                                           {"Critical", core::LogLevel::critical}};
  for (const auto& [name, level] : levels) {
    EXPECT_EQ(settings.set("loglevel", std::string(name), Source::command_line), "");
    EXPECT_EQ(log_level(settings), level);
  }
}

}  // namespace
}  // namespace gserve::config
