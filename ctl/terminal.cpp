// SPDX-License-Identifier: MIT
#include "ctl/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

namespace gserve::ctl {
namespace {

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : value;
}

const char* code(Color color) {
  switch (color) {
    case Color::red:
      return "31";
    case Color::green:
      return "32";
    case Color::yellow:
      return "33";
    case Color::dim:
      return "2";
    case Color::bold:
      return "1";
    case Color::reverse:
      return "7";
  }
  return "0";
}

}  // namespace

Terminal standard_output() {
  Terminal terminal;
  const std::string_view kind = variable("TERM");
  terminal.interactive = isatty(STDOUT_FILENO) == 1 && !kind.empty() && kind != "dumb";
  terminal.color = terminal.interactive && variable("NO_COLOR").empty();
  winsize size{};
  if (terminal.interactive && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    terminal.columns = size.ws_col;
    terminal.rows = size.ws_row;
  }
  return terminal;
}

std::string in(Color color, std::string_view text, const Terminal& terminal) {
  if (!terminal.color) return std::string(text);
  return std::string("\x1b[") + code(color) + "m" + std::string(text) + "\x1b[0m";
}

}  // namespace gserve::ctl
