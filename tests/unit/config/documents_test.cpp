// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "supervisor/config/manual.h"
#include "supervisor/config/reference.h"
#include "supervisor/config/settings.h"

/// The pages in docs/ that speak of every setting.
namespace gserve::config {
namespace {

std::string page(const std::string& name) {
  const std::ifstream file(std::string(GSERVE_DOCS) + "/" + name);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// What the page of compatibility says of each setting: its second column by the first.
std::map<std::string, std::string> verdicts() {
  std::map<std::string, std::string> found;
  std::istringstream lines(page("compatibility.md"));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("| `")) continue;
    const auto end = line.find('`', 3);
    const auto start = line.find("| ", end) + 2;
    const std::string name = line.substr(3, end - 3);
    EXPECT_FALSE(found.contains(name)) << name << " is there twice";
    found[name] = line.substr(start, line.find(" |", start) - start);
  }
  return found;
}

TEST(Documents, SettingsAreWhatTheProgramWrites) {
  EXPECT_TRUE(page("settings.md") == settings_reference())
      << "run: build/bin/gserve --print-settings-reference > docs/settings.md";
}

TEST(Documents, ManualPagesAreWhatTheProgramWrites) {
  EXPECT_TRUE(page("../packaging/man/gserve.8") == manual_page())
      << "run: build/bin/gserve --print-manual > packaging/man/gserve.8";
  EXPECT_TRUE(page("../packaging/man/gserve.toml.5") == file_manual_page())
      << "run: build/bin/gserve --print-file-manual > packaging/man/gserve.toml.5";
}

TEST(Documents, CompatibilityHasEverySettingOfGunicornAndItsTruth) {
  auto found = verdicts();
  for (const Setting& setting : table()) {
    if (setting.own) continue;
    const std::string verdict = found[std::string(setting.name)];
    EXPECT_NE(verdict, "") << "docs/compatibility.md lacks " << setting.name;
    EXPECT_EQ(verdict == "refused", !setting.refusal.empty()) << setting.name << " is " << verdict;
    found.erase(std::string(setting.name));
  }
  for (const auto& [name, verdict] : found)
    ADD_FAILURE() << name << " is no setting of gunicorn: " << verdict;
}

}  // namespace
}  // namespace gserve::config
