// SPDX-License-Identifier: MIT
#include "supervisor/core/hook_queue.h"

#include <algorithm>
#include <utility>

namespace gserve::core {
namespace {

constexpr Duration kUseful = std::chrono::seconds(10);  // who has worked for so long has not failed to start
constexpr Duration kFirstDelay = std::chrono::seconds(1);
constexpr int kDoublings = 5;  // 32 s
constexpr Duration kLongest = std::chrono::seconds(30);

Duration delay_after(int failures) {
  if (failures == 0) return {};
  return std::min<Duration>(kFirstDelay * (1 << std::min(failures - 1, kDoublings)), kLongest);
}

}  // namespace

void HookQueue::take_over(std::uint64_t last_id, TimePoint now) {
  state_ = State::ready;
  was_ready_ = true;
  wanted_ = true;
  last_id_ = last_id;
  began_ = now;
}

HookActions HookQueue::call(HookCall call, TimePoint now) {
  if (closed_) {
    actions_.emplace_back(HookOver{std::move(call), false});
    return take();
  }
  calls_.push_back(std::move(call));
  wanted_ = true;
  if (calls_.size() == 1) arm(now);
  advance(now);
  return take();
}

HookActions HookQueue::want(TimePoint now) {
  wanted_ = true;
  advance(now);
  return take();
}

HookActions HookQueue::on_ready(TimePoint now) {
  if (state_ == State::starting) {
    state_ = State::ready;
    was_ready_ = true;
    start_due_.reset();
    advance(now);
  }
  return take();
}

HookActions HookQueue::on_start_failed(const std::string& reason, TimePoint now) {
  log(LogLevel::error, "cannot start the hook process: " + reason);
  ended(now);
  return take();
}

HookActions HookQueue::on_answer(std::uint64_t id, bool well, TimePoint now) {
  if (sent_ && id == last_id_) {
    end_first(well, now);
    advance(now);
  }
  return take();
}

HookActions HookQueue::on_exit(const ExitStatus& status, TimePoint now) {
  if (state_ != State::killing && !closed_) {
    const std::string what = sent_ ? " while it ran " + calls_.front().name : "";
    log(LogLevel::error, "the hook process has ended" + what + ": " + describe(status));
  }
  ended(now);
  return take();
}

HookActions HookQueue::on_due(TimePoint now) {
  if (start_due_ && now >= *start_due_) {
    start_due_.reset();
    log(LogLevel::error, "the hook process has not read the configuration within " +
                             describe(starting_limit_) + ": killing it");
    kill();
  }
  if (call_due_ && now >= *call_due_) {
    const HookCall& first = calls_.front();
    if (sent_) {
      log(LogLevel::error, "the hook " + first.name + " has not returned within " + describe(first.limit) +
                               ": killing the hook process");
      kill();
    } else {
      log(LogLevel::error,
          "the hook " + first.name + " was not called: there is no hook process that is ready");
    }
    end_first(false, now);
  }
  advance(now);
  return take();
}

HookActions HookQueue::close() {
  closed_ = true;
  start_due_.reset();
  while (!calls_.empty()) end_first(false, {});
  call_due_.reset();
  return take();
}

std::optional<TimePoint> HookQueue::next_deadline() const {
  std::optional<TimePoint> next;
  const auto consider = [&next](const std::optional<TimePoint>& due) {
    if (due && (!next || *due < *next)) next = due;
  };
  consider(call_due_);
  consider(start_due_);
  if (state_ == State::none && wanted_ && !closed_) consider(gate_);
  return next;
}

bool HookQueue::idle() const {
  return calls_.empty() && state_ != State::starting && state_ != State::killing;
}

void HookQueue::advance(TimePoint now) {
  if (state_ == State::none && wanted_ && !closed_ && now >= gate_) start(now);
  if (state_ != State::ready || sent_ || calls_.empty()) return;
  sent_ = true;
  arm(now);
  actions_.emplace_back(SendHookCall{++last_id_, calls_.front()});
}

void HookQueue::start(TimePoint now) {
  state_ = State::starting;
  was_ready_ = false;
  began_ = now;
  call_due_.reset();
  if (starting_limit_ > Duration::zero()) start_due_ = now + starting_limit_;
  actions_.emplace_back(StartHookProcess{});
}

void HookQueue::arm(TimePoint now) {
  call_due_.reset();
  const bool holds = sent_ || state_ == State::none;
  if (holds && !calls_.empty() && calls_.front().limit > Duration::zero())
    call_due_ = now + calls_.front().limit;
}

void HookQueue::kill() {
  state_ = State::killing;
  actions_.emplace_back(KillHookProcess{});
}

void HookQueue::end_first(bool well, TimePoint now) {
  actions_.emplace_back(HookOver{std::move(calls_.front()), well});
  calls_.pop_front();
  sent_ = false;
  arm(now);
}

/// The process is no more. One that could not even start has failed who waits for it.
void HookQueue::ended(TimePoint now) {
  const bool useful = was_ready_ && now - began_ >= kUseful;
  failures_ = useful ? 0 : failures_ + 1;
  state_ = State::none;
  start_due_.reset();
  gate_ = now + delay_after(failures_ > 1 ? failures_ - 1 : 0);
  if (sent_ || (!was_ready_ && !calls_.empty())) end_first(false, now);
  arm(now);
  advance(now);
}

void HookQueue::log(LogLevel level, std::string text) {
  actions_.emplace_back(Log{level, std::move(text)});
}

HookActions HookQueue::take() {
  return std::exchange(actions_, {});
}

}  // namespace gserve::core
