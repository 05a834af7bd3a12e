// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "common/unique_fd.h"
#include "supervisor/config/file_values.h"
#include "supervisor/core/types.h"
#include "supervisor/ports/process_launcher.h"

namespace gserve::io {

/// What is needed to run a configuration file in Python.
struct EvaluationOrder {
  std::string python;                    // absolute path of the interpreter
  std::string location;                  // absolute path or python:MODULE
  std::string directory;                 // where gserve was started; on Python's path
  std::vector<std::string> environment;  // of the process, with what it needs to find the package
  core::Duration limit{};                // time that it may take; 0: any
};

/// A configuration file in Python that a process of its own runs (python/gserve/config_file.py), so that nothing of
/// it is ever in the supervisor. The process ends by itself, at the latest when the limit has passed.
class ConfigEvaluation {
 public:
  using Result = std::variant<std::vector<config::FileValue>, std::string>;

  /// Starts the process; or why not, in one line.
  static std::variant<ConfigEvaluation, std::string> start(ports::ProcessLauncher& launcher,
                                                           const EvaluationOrder& order);

  core::Pid pid() const { return process_.pid; }
  /// Readable when the process has ended; for that only.
  int pidfd() const { return process_.pidfd.get(); }
  /// What the file sets, after the process has ended so: or where and why it failed, with Python's traceback on
  /// further lines.
  Result result(const core::ExitStatus& status) const;
  /// Nobody waits for the result any more.
  void kill() const;

 private:
  ConfigEvaluation(ports::Process process, UniqueFd reply, EvaluationOrder order)
      : process_(std::move(process)), reply_(std::move(reply)), order_(std::move(order)) {}

  ports::Process process_;
  UniqueFd reply_;
  EvaluationOrder order_;
};

}  // namespace gserve::io
