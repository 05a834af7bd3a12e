// SPDX-License-Identifier: MIT
#include "supervisor/config/reference.h"

#include <algorithm>
#include <vector>

#include "supervisor/config/flags.h"
#include "supervisor/config/help.h"
#include "supervisor/config/settings.h"

namespace gserve::config {
namespace {

constexpr std::string_view kIntroduction = R"(# Settings

Written by `gserve --print-settings-reference`; a test compares it with the program.

From low to high precedence a value comes from: the default (`PORT`, `WEB_CONCURRENCY`, `GSERVE_PYTHON` and `FORWARDED_ALLOW_IPS` change four
of them), the configuration file, `GUNICORN_CMD_ARGS`, `GSERVE_CMD_ARGS`, the command line. `gserve --print-config` shows
each value and where it came from. What a later source gives replaces the whole value, lists too.

A setting without a flag can be given in a configuration file only. **own**: not in gunicorn.
)";

/// In a cell of a table.
std::string cell(std::string_view text) {
  std::string safe;
  for (const char c : text) safe += c == '|' ? std::string("\\|") : std::string(1, c);
  return safe;
}

std::string code(std::string_view text) {
  return text.empty() ? "" : "`" + cell(text) + "`";
}

std::string flags_cell(const Setting& setting) {
  std::string text;
  for (const std::string_view flag : split_flags(setting.flags))
    text += (text.empty() ? "" : " ") + code(flag);
  return text;
}

std::string row(const Setting& setting) {
  const std::string own = setting.own ? "**own**: " : "";
  return "| `" + std::string(setting.name) + "` | " + flags_cell(setting) + " | " +
         code(default_text(setting)) + " | " + own + cell(setting.help) + " |\n";
}

std::string supported(std::string_view section) {
  std::string text =
      "\n## " + std::string(section) + "\n\n| setting | flags | default | meaning |\n|---|---|---|---|\n";
  for (const Setting& setting : table()) {
    if (setting.section == section && setting.refusal.empty()) text += row(setting);
  }
  return text;
}

std::string unsupported() {
  std::string text =
      "\n## Not supported\n\nRefused at the start, by name, when they are set to anything but the default. "
      "[compatibility.md](compatibility.md) has\nthe reasons.\n\n| setting | flags | default "
      "|\n|---|---|---|\n";
  for (const Setting& setting : table()) {
    if (setting.refusal.empty()) continue;
    text += "| `" + std::string(setting.name) + "` | " + flags_cell(setting) + " | " +
            code(default_text(setting)) + " |\n";
  }
  return text;
}

}  // namespace

std::string settings_reference() {
  std::vector<std::string_view> sections;
  for (const Setting& setting : table()) {
    const bool known = std::find(sections.begin(), sections.end(), setting.section) != sections.end();
    if (!known && setting.refusal.empty()) sections.push_back(setting.section);
  }
  std::string text(kIntroduction);
  for (const std::string_view section : sections) text += supported(section);
  return text + unsupported();
}

}  // namespace gserve::config
