// SPDX-License-Identifier: MIT
#include "supervisor/config/help.h"

#include <algorithm>

#include "supervisor/config/flags.h"
#include "supervisor/config/values.h"

namespace gserve::config {
namespace {

constexpr std::size_t kWidth = 100;
constexpr std::size_t kIndent = 26;  // where descriptions begin

std::string octal(std::int64_t mode) {
  std::string digits;
  for (; mode > 0; mode /= 8) digits.insert(digits.begin(), static_cast<char>('0' + mode % 8));
  return "0" + digits;
}

/// Appends `text` word by word from column `column` on, breaking lines at kWidth.
void append_wrapped(std::string& out, std::string_view text, std::size_t column) {
  bool first = true;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    if (!first && column + 1 + word.size() > kWidth) {
      out += "\n" + std::string(kIndent, ' ');
      column = kIndent;
    } else if (!first) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    first = false;
  }
}

void append_entry(std::string& out, const std::string& flags, const std::string& description) {
  const std::string head = "  " + flags;
  out += head;
  if (head.size() + 2 > kIndent) {
    out += "\n" + std::string(kIndent, ' ');
  } else {
    out += std::string(kIndent - head.size(), ' ');
  }
  append_wrapped(out, description, kIndent);
  out += '\n';
}

std::string flags_text(const Setting& setting) {
  std::string text;
  for (const std::string_view flag : split_flags(setting.flags)) {
    text += (text.empty() ? "" : ", ") + std::string(flag);
  }
  return setting.metavar.empty() ? text : text + " " + std::string(setting.metavar);
}

void append_setting(std::string& out, const Setting& setting) {
  const std::string value = setting.kind == Kind::flag ? "" : default_text(setting);
  const std::string suffix = value.empty() ? "" : " [" + value + "]";
  const std::string own = setting.own ? "(gserve) " : "";
  append_entry(out, flags_text(setting), own + std::string(setting.help) + suffix);
}

}  // namespace

std::string default_text(const Setting& setting) {
  if (setting.kind == Kind::flag && setting.builtin == Value(false)) return {};
  if (setting.metavar == "MODE") return octal(std::get<std::int64_t>(setting.builtin));
  return to_text(setting.builtin);
}

std::string help_text() {
  std::string out = "Usage: gserve [OPTIONS] APP_MODULE\n\n";
  const Setting& application = *find_setting("wsgi_app");
  append_entry(out, std::string(application.metavar), std::string(application.help));
  append_entry(out, "-h, --help", "show this text and exit");
  append_entry(out, "-v, --version", "show the version and exit");
  std::string_view section;
  for (const Setting& setting : table()) {
    if (setting.flags.empty() || !setting.refusal.empty()) continue;
    if (setting.section != section) out += "\n" + std::string(section = setting.section) + ":\n";
    append_setting(out, setting);
  }
  return out +
         "\nGUNICORN_CMD_ARGS and GSERVE_CMD_ARGS may hold further options; the command line wins.\n"
         "(gserve): not in gunicorn.\n";
}

}  // namespace gserve::config
