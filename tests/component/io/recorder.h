// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "supervisor/ports/journal.h"

namespace gserve::io::testing {

/// Keeps what is logged.
class RecordingJournal : public ports::Journal {
 public:
  void write(const core::Log& line) override { lines.push_back(line); }
  void reopen() override { ++reopened; }

  std::string text() const {
    std::string all;
    for (const core::Log& line : lines) all += line.text + "\n";
    return all;
  }

  std::vector<core::Log> lines;
  int reopened = 0;
};

}  // namespace gserve::io::testing
