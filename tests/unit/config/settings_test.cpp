// SPDX-License-Identifier: MIT
#include "supervisor/config/settings.h"

#include <gtest/gtest.h>

#include <set>
#include <stdexcept>

#include "supervisor/config/flags.h"
#include "supervisor/config/help.h"

namespace gserve::config {
namespace {

TEST(SettingsTable, NamesEverySettingAndFlagOnce) {
  std::set<std::string_view> names;
  std::set<std::string_view> flags = {"-h", "--help", "-v", "--version"};
  for (const Setting& setting : table()) {
    EXPECT_TRUE(names.insert(setting.name).second) << setting.name;
    for (const auto flag : split_flags(setting.flags)) EXPECT_TRUE(flags.insert(flag).second) << flag;
  }
}

TEST(SettingsTable, HasBuiltInDefaultsThatItsOwnValidatorsAccept) {
  for (const Setting& setting : table()) {
    if (std::holds_alternative<std::monostate>(setting.builtin)) continue;
    Settings settings;
    EXPECT_EQ(settings.set(setting.name, setting.builtin, Source::config_file), "") << setting.name;
    EXPECT_EQ(settings.value(setting.name), setting.builtin) << setting.name;
  }
}

TEST(SettingsTable, IsWhatHelpPrints) {
  const std::string help = help_text();
  for (const Setting& setting : table()) {
    for (const auto flag : split_flags(setting.flags)) {
      const bool there = help.find(std::string(flag)) != std::string::npos;
      EXPECT_TRUE(there || !setting.refusal.empty()) << flag;
    }
  }
  EXPECT_NE(help.find("[127.0.0.1:8000]"), std::string::npos);
  EXPECT_NE(help.find("[0600]"), std::string::npos);
  EXPECT_NE(help.find("\nWorker processes:\n"), std::string::npos);
}

TEST(SettingsTable, PrintsNoLineOfHelpWiderThanAHundredColumns) {
  const std::string help = help_text();
  for (std::size_t start = 0; start < help.size();) {
    const std::size_t end = help.find('\n', start);
    EXPECT_LE(end - start, 100u) << help.substr(start, end - start);
    start = end + 1;
  }
}

TEST(Settings, KnowWhereAValueCameFrom) {
  Settings settings;
  EXPECT_EQ(settings.source("workers"), Source::builtin);
  EXPECT_EQ(settings.set("workers", std::int64_t{3}, Source::config_file), "");
  EXPECT_EQ(settings.source("workers"), Source::config_file);
  EXPECT_EQ(settings.integer("workers"), 3);
}

TEST(Settings, TakeNoneForTheBuiltInValue) {
  Settings settings;
  EXPECT_EQ(settings.set("workers", std::int64_t{3}, Source::environment), "");
  EXPECT_EQ(settings.set("workers", std::monostate{}, Source::config_file, "gserve.toml:1"), "");
  EXPECT_EQ(settings.integer("workers"), 1);
  EXPECT_EQ(settings.origin("workers"), "gserve.toml:1");
}

TEST(Settings, KeepTheOldValueWhenTheNewOneIsWrong) {
  Settings settings;
  EXPECT_NE(settings.set("workers", std::int64_t{0}, Source::command_line), "");
  EXPECT_EQ(settings.integer("workers"), 1);
  EXPECT_EQ(settings.source("workers"), Source::builtin);
}

TEST(Settings, ThrowOnNamesAndKindsThatTheTableDoesNotHave) {
  Settings settings;
  EXPECT_THROW(settings.value("nonsense"), std::logic_error);
  EXPECT_THROW(settings.source("nonsense"), std::logic_error);
  EXPECT_THROW(settings.set("nonsense", true, Source::config_file), std::logic_error);
  EXPECT_THROW(settings.set("workers", true, Source::config_file), std::logic_error);
  EXPECT_THROW(settings.text("workers"), std::logic_error);
  EXPECT_THROW(settings.text("pidfile"), std::logic_error);  // None
}

TEST(Settings, ThatWorkersReadMustBeUtf8AsTheSnapshotIsJson) {
  Settings settings;
  EXPECT_EQ(settings.set("wsgi_app", std::string("caf\xE9:app"), Source::command_line), "must be UTF-8 text");
  EXPECT_EQ(settings.set("pidfile", std::string("caf\xE9.pid"), Source::command_line), "");
}

TEST(Flags, NearAreSuggested) {
  EXPECT_EQ(nearest_flag("--wrokers"), "--workers");
  EXPECT_EQ(nearest_flag("--keepalive"), "--keep-alive");
  EXPECT_EQ(nearest_flag("--limit-request-field-size"), "--limit-request-field_size");
  EXPECT_EQ(nearest_flag("--graceful"), "--graceful-timeout");
  EXPECT_EQ(nearest_flag("--xyzzy-frobnicate"), "");
  EXPECT_EQ(nearest_flag("-x"), "");
}

}  // namespace
}  // namespace gserve::config
