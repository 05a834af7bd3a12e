// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>

#include "supervisor/core/snapshot.h"
#include "supervisor/core/types.h"

/// The supervisor's view of one *template*: a process that has imported the application of one generation and
/// that the workers of one pool are forked from.
///
/// A template moves through its states in one direction only:
///
///   starting   spawned; it imports the application. Limit: boot_timeout, then it is aborted.
///   ready      it said READY=1 and forks workers on request. No limit of its own: a worker that it does not
///              fork within the worker's limit shows that it is stuck, then it is aborted.
///   leaving    it is needed no more and was sent SIGTERM. Limit: 1 s, then it is killed.
///   aborting   it was sent SIGABRT, dumps its stacks and dies. Limit: 1 s, then it is killed.
///   killing    it was sent SIGKILL. No limit: only its exit follows.
///
/// Any state may be skipped, and a template may exit in any of them. Templates::transition is the only place
/// where a state changes; it drops the timer of the state left and arms that of the state entered. An exit
/// ends the handle. The workers that were forked from it do not notice its end.
namespace gserve::core {

class TemplateHandle : public TemplateFacts {
 public:
  static constexpr Duration kEndLimit = std::chrono::seconds(1);

  TemplateHandle(LaunchId launch_id, std::size_t pool_index, Generation of_generation,
                 const PoolConfig& config, TimePoint now);

  explicit TemplateHandle(const TemplateRecord& record) : TemplateFacts(record.facts), state_(record.state) {}
  TemplateRecord record() const { return {*this, state_}; }

  TemplateState state() const { return state_; }
  /// How long the present state may last; nothing when it has no limit.
  std::optional<Duration> limit() const;

 private:
  friend class Templates;  // Templates::transition
  TemplateState state_ = TemplateState::starting;
};

}  // namespace gserve::core
