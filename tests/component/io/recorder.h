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
  std::string reopen() override {
    ++reopened;
    return reopen_failure;
  }

  std::string text() const {
    std::string all;
    for (const core::Log& line : lines) all += line.text + "\n";
    return all;
  }

  std::vector<core::Log> lines;
  int reopened = 0;
  std::string reopen_failure;
};

}  // namespace gserve::io::testing
