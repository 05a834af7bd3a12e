// SPDX-License-Identifier: MIT
#include "supervisor/config/config_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "supervisor/config/print.h"

namespace gserve::config {
namespace {

using Texts = std::vector<std::string>;

FileValue plain(const char* name, Value value) {
  return {name, FileValue::Shape::plain, std::move(value), "/srv/gunicorn.conf.py:3"};
}

ParseOutcome resolved(const std::vector<FileValue>& file, const Texts& arguments = {"a"}) {
  const Invocation invocation{arguments, "/"};
  const auto layers = read_layers(invocation, [](const std::string& name) -> std::optional<std::string> {
    if (name == "WEB_CONCURRENCY") return "7";
    return std::nullopt;
  });
  return resolve(std::get<Layers>(layers), file, invocation);
}

Settings good(const std::vector<FileValue>& file, const Texts& arguments = {"a"}) {
  auto outcome = resolved(file, arguments);
  if (const auto* ending = std::get_if<Ending>(&outcome)) ADD_FAILURE() << ending->text;
  return std::holds_alternative<Settings>(outcome) ? std::get<Settings>(outcome) : Settings();
}

std::string wrong(const std::vector<FileValue>& file) {
  auto outcome = resolved(file);
  if (std::holds_alternative<Settings>(outcome)) return "accepted";
  EXPECT_EQ(std::get<Ending>(outcome).exit_code, 1);
  return std::get<Ending>(outcome).text;
}

TEST(FileValues, StandBetweenTheEnvironmentAndTheArguments) {
  const auto file = {plain("workers", std::int64_t{3}), plain("timeout", std::int64_t{9})};
  const Settings settings = good(file, {"-t", "5", "a"});
  EXPECT_EQ(settings.integer("workers"), 3);
  EXPECT_EQ(settings.source("workers"), Source::config_file);
  EXPECT_EQ(settings.origin("workers"), "/srv/gunicorn.conf.py:3");
  EXPECT_EQ(settings.seconds("timeout"), 5.0);
  EXPECT_EQ(settings.origin("timeout"), "--timeout");
}

TEST(FileValues, AreConvertedAsGunicornConverts) {
  EXPECT_EQ(good({plain("workers", std::string("4"))}).integer("workers"), 4);
  EXPECT_EQ(good({plain("workers", true)}).integer("workers"), 1);
  EXPECT_EQ(good({plain("timeout", std::string(" 4 "))}).seconds("timeout"), 4.0);
  EXPECT_EQ(good({plain("graceful_timeout", 0.5)}).seconds("graceful_timeout"), 0.5);
  EXPECT_EQ(good({plain("preload_app", std::string("TRUE"))}).flag("preload_app"), true);
  EXPECT_EQ(good({plain("bind", std::string(":1"))}).list("bind"), Texts{":1"});
  EXPECT_EQ(good({plain("bind", Texts{" :1", ":2"})}).list("bind"), (Texts{":1", ":2"}));
  EXPECT_EQ(good({plain("raw_env", std::string(""))}).list("raw_env"), Texts{});
  EXPECT_EQ(good({plain("proc_name", std::string(" shop "))}).text("proc_name"), "shop");
  EXPECT_EQ(good({plain("workers", {})}).integer("workers"), 1);  // None
  EXPECT_TRUE(good({plain("pidfile", {})}).is_none("pidfile"));
  EXPECT_EQ(good({plain("wsgi_app", std::string("b:c"))}, {}).text("wsgi_app"), "b:c");
}

TEST(FileValues, AreRefusedWithTheirPlace) {
  const std::string place = "/srv/gunicorn.conf.py:3: ";
  EXPECT_EQ(wrong({plain("workers", 1.5)}), place + "workers: invalid value '1.5': must be an integer");
  EXPECT_EQ(wrong({plain("workers", std::string("x"))}),
            place + "workers: invalid value 'x': must be an integer");
  EXPECT_EQ(wrong({plain("workers", std::int64_t{0})}),
            place + "workers: invalid value '0': must be from 1 to 10000");
  EXPECT_EQ(wrong({plain("proc_name", std::int64_t{8})}),
            place + "proc_name: invalid value '8': must be a string");
  EXPECT_EQ(wrong({plain("preload_app", std::int64_t{1})}),
            place + "preload_app: invalid value '1': must be true or false");
  EXPECT_EQ(wrong({plain("bind", std::int64_t{80})}),
            place + "bind: invalid value '80': must be a list of strings");
  EXPECT_EQ(wrong({plain("bind", Texts{":x"})}),
            place + "bind: invalid value ':x': the port must be a number from 0 to 65535");
  EXPECT_EQ(wrong({plain("chdir", std::string("/nonexistent"))}),
            place + "chdir: cannot change to '/nonexistent': No such file or directory");
  EXPECT_EQ(wrong({{"workers", FileValue::Shape::other, std::string("<object>"), "/x.py"}}),
            "/x.py: workers: invalid value '<object>': must be an integer");
}

TEST(FileValues, OfUnsupportedSettingsAreRefusedUnlessTheyAreTheDefault) {
  EXPECT_EQ(
      wrong({plain("protocol", std::string("uwsgi"))}),
      "/srv/gunicorn.conf.py:3: protocol is not supported by this version: gserve speaks HTTP, not uwsgi");
  EXPECT_EQ(wrong({plain("protocol", std::string("http")), plain("dirty_apps", Texts{})}), "accepted");
  // What a higher layer takes back is not refused.
  EXPECT_EQ(good({plain("protocol", std::string("uwsgi"))}, {"--protocol", "http", "a"}).text("protocol"),
            "http");
}

std::vector<FileValue> toml(const std::string& text) {
  auto read = read_toml(text, "gserve.toml");
  if (const auto* ending = std::get_if<Ending>(&read)) {
    ADD_FAILURE() << ending->text;
    return {};
  }
  return std::get<std::vector<FileValue>>(std::move(read));
}

std::string toml_error(const std::string& text) {
  auto read = read_toml(text, "gserve.toml");
  const auto* ending = std::get_if<Ending>(&read);
  return ending ? ending->text : "accepted";
}

TEST(Toml, HasTheNamesOfTheTable) {
  const Settings settings =
      good(toml("# ours\nworkers = 3\nbind = [':1', ':2']\npreload_app = true\n"
                "timeout = 2.5\nmax_worker_memory = '512M'\nproc_name = 'shop'\n"));
  EXPECT_EQ(settings.integer("workers"), 3);
  EXPECT_EQ(settings.origin("workers"), "gserve.toml:2");
  EXPECT_EQ(settings.list("bind"), (Texts{":1", ":2"}));
  EXPECT_TRUE(settings.flag("preload_app"));
  EXPECT_EQ(settings.seconds("timeout"), 2.5);
  EXPECT_EQ(settings.integer("max_worker_memory"), 512 << 20);
  EXPECT_EQ(settings.text("proc_name"), "shop");
}

TEST(Toml, RefusesUnknownKeysWithTheNearestName) {
  EXPECT_EQ(toml_error("workers = 1\nwokers = 3\n"),
            "gserve.toml:2: unknown setting 'wokers'; did you mean 'workers'?");
  EXPECT_EQ(toml_error("frobnicate = 3\n"),
            "gserve.toml:1: unknown setting 'frobnicate'; docs/settings.md lists all");
  EXPECT_EQ(toml_error("config = 'x'\n"), "gserve.toml:1: config cannot be set in a file");
}

TEST(Toml, NamesTheLineOfAnError) {
  EXPECT_THAT(toml_error("workers = 1\nworkers = \n"), testing::StartsWith("gserve.toml:2: "));
  EXPECT_EQ(wrong(toml("\nworkers = 'many'\n")),
            "gserve.toml:2: workers: invalid value 'many': must be an integer");
  EXPECT_EQ(wrong(toml("workers = 1979-05-27\n")),
            "gserve.toml:1: workers: invalid value 'a date or time': must be an integer");
  EXPECT_EQ(wrong(toml("bind = [1, 2]\n")),
            "gserve.toml:1: bind: invalid value 'a list of other things': must be a list of strings");
}

TEST(PrintedConfig, SaysWhereEachValueComesFrom) {
  const Settings settings = good({plain("workers", std::int64_t{3})}, {"-b", ":1", "a"});
  const std::string text = printed_config(settings);
  EXPECT_THAT(text, testing::ContainsRegex("\nworkers  +. 3  # /srv/gunicorn.conf.py:3\n"));
  EXPECT_THAT(text, testing::ContainsRegex("\nbind  +. .':1'.  # --bind\n"));
  EXPECT_THAT(text, testing::ContainsRegex("\npidfile  +. None  # default\n"));
}

TEST(PrintedConfig, IsJsonToo) {
  const auto json = nlohmann::json::parse(printed_config_json(good({plain("workers", std::int64_t{3})})));
  EXPECT_EQ(json["workers"]["value"], 3);
  EXPECT_EQ(json["workers"]["source"], "config_file");
  EXPECT_EQ(json["workers"]["origin"], "/srv/gunicorn.conf.py:3");
  EXPECT_EQ(json["secure_scheme_headers"]["value"]["X-FORWARDED-PROTO"], "https");
  EXPECT_EQ(json["pidfile"]["value"], nullptr);
}

}  // namespace
}  // namespace gserve::config
