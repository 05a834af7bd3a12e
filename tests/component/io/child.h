// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "supervisor/ports/process_launcher.h"

/// Mock workers for tests; each is waited for with a bound.
namespace gserve::io::testing {

/// Runs mock_worker with `script` (see tests/helpers/mock_worker.cpp).
ports::ProcessSpec mock_worker(const std::string& script, const std::vector<std::string>& environment = {});

/// The process, or a failed test.
ports::Process launched(std::variant<ports::Process, std::string> result);

/// Whether `fd` becomes readable within 10 s; a pidfd does when its process has ended.
bool readable(int fd);

/// NAME=VALUE lines of a mock worker's report.
std::map<std::string, std::string> read_report(const std::string& path);

/// A directory that is removed with all it holds.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace gserve::io::testing
