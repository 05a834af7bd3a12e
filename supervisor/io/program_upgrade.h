// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "common/unique_fd.h"
#include "supervisor/core/events.h"
#include "supervisor/io/reaper.h"
#include "supervisor/ports/process_launcher.h"
#include "supervisor/ports/upgrader.h"

namespace gserve::io {

/// What a program says, on a line of its own, that was started with --check-state and can take over: that a
/// program exits with 0 proves nothing.
inline constexpr char kCheckAnswer[] = "gserve: can take over";

/// `gserve --check-state FD`: whether this program could go on from the state in FD. Touches nothing else.
/// Returns the exit code.
int check_state(int fd);

/// Checks new programs in a child, and remembers which one is to be executed.
class ProgramUpgrade : public ports::Upgrader {
 public:
  struct Wanted {
    core::JobId job;
    std::string path;
  };
  struct Surroundings {
    std::string own_path;                                       // of this program
    std::vector<std::string> environment;                       // of the child, NAME=VALUE
    std::function<std::string(const std::string& path)> state;  // for the program at `path`, encoded
    std::function<void()> wanted;  // somebody wants an execution: it is time to leave the loop
  };
  /// `launcher` is borrowed.
  ProgramUpgrade(ports::ProcessLauncher& launcher, Surroundings surroundings)
      : launcher_(launcher), surroundings_(std::move(surroundings)) {}

  std::string check(core::JobId job, const std::string& binary) override;
  void reexecute(core::JobId job) override;
  void give_up(core::JobId job) override;

  /// The process is the child of a check; what its end means for the core, if it is waited for.
  bool owns(core::Pid pid) const { return children_.contains(pid); }
  std::optional<core::UpgradeChecked> ended(const Reaped& reaped);

  const std::optional<Wanted>& wanted() const { return wanted_; }
  void forget_wanted() { wanted_.reset(); }

 private:
  struct Child {
    core::JobId job;
    std::string path;
    UniqueFd pidfd;
    UniqueFd output;
  };
  std::string start(core::JobId job, const std::string& path);

  ports::ProcessLauncher& launcher_;
  Surroundings surroundings_;
  std::map<core::Pid, Child> children_;  // given up ones too, until they are reaped
  core::JobId checking_ = 0;             // 0: none
  std::string checked_path_;
  std::optional<Wanted> wanted_;
};

}  // namespace gserve::io
