// SPDX-License-Identifier: MIT
#pragma once

#include "supervisor/config/settings.h"

namespace gserve::config {

inline const char* name_of(Source source) {
  switch (source) {
    case Source::builtin:
      return "builtin";
    case Source::environment:
      return "environment";
    case Source::config_file:
      return "config_file";
    case Source::args_environment:
      return "args_environment";
    case Source::command_line:
      return "command_line";
  }
  return "unknown";
}

}  // namespace gserve::config
