// SPDX-License-Identifier: MIT
// A pool of workers that follow HandoverRule, walked at random: each request is answered exactly once, or was
// in the hands of a worker that was killed.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <deque>
#include <vector>

#include "worker/http/handover_rule.h"

namespace gserve::http {
namespace {

using Time = HandoverRule::Time;
using Outcome = HandoverRule::Outcome;
constexpr Time kMs = 1'000'000;
constexpr std::size_t kRoom = 8;  // of the hand-over queue

enum class Where { waiting, queued, running, answered, killed };

struct Request {
  Where where = Where::waiting;
  MoveFacts facts;
  int answers = 0;
};

struct Entry {
  int request;
  Time since;
  bool movable;
};

constexpr std::size_t kLoop = 0;  // in place of a number of executors: an event loop

struct Worker {
  explicit Worker(std::size_t threads)
      : executors(threads == kLoop ? 1'000 : threads),
        rule(threads == kLoop ? HandoverRule::for_event_loop() : HandoverRule(threads)) {}
  std::size_t executors;
  HandoverRule rule;
  std::deque<Entry> queue;
  std::vector<int> running;
  std::uint64_t taken = 0;
  bool stuck = false;  // the loop: it takes nothing
  bool alive = true;
  bool draining = false;
  bool free() const { return alive && !stuck && running.size() < executors; }
};

class Pool {
 public:
  Pool(std::size_t count, std::size_t executors) : workers_(count, Worker(executors)) {}

  void arrive(std::size_t at, const MoveFacts& facts) {
    Worker& worker = workers_[at % workers_.size()];
    if (!worker.alive || worker.draining) return;
    const int id = static_cast<int>(requests_.size());
    requests_.push_back({Where::waiting, facts});
    MoveFacts known = facts;
    known.output_unsent = false;  // seen only when it is to be moved
    worker.queue.push_back({id, now_, may_move(known)});
    settle();
  }

  /// A request of its loop computes, or has come to the end of that.
  void turn_stuck(std::size_t at) {
    Worker& worker = workers_[at % workers_.size()];
    worker.stuck = !worker.stuck && !worker.running.empty();
    settle();
  }

  void finish(std::size_t at, std::size_t which) {
    Worker& worker = workers_[at % workers_.size()];
    if (!worker.alive || worker.running.empty()) return;
    worker.stuck = false;
    const auto it = worker.running.begin() + static_cast<std::ptrdiff_t>(which % worker.running.size());
    Request& request = requests_[static_cast<std::size_t>(*it)];
    request.where = Where::answered;
    ++request.answers;
    worker.running.erase(it);
    settle();
  }

  void kill(std::size_t at) {
    Worker& worker = workers_[at % workers_.size()];
    if (alive() < 2 || !worker.alive || worker.draining) return;
    worker.alive = false;
    for (const Entry& entry : worker.queue) of(entry.request).where = Where::killed;
    for (const int id : worker.running) of(id).where = Where::killed;
    worker.queue.clear();
    worker.running.clear();
    settle();
  }

  void drain(std::size_t at) {
    workers_[at % workers_.size()].draining = true;
    settle();
  }

  void pass(Time time) {
    now_ += time;
    settle();
    RC_ASSERT(queue_.empty() || !anybody_free());
  }

  /// Nothing happens for a while: then nobody waits who could move, or no executor is free.
  void calm() {
    for (int i = 0; i < 40; ++i) pass(kMs);
    for (const Worker& worker : workers_) {
      for (const Entry& entry : worker.queue)
        RC_ASSERT(!may_move(of(entry.request).facts) || !anybody_free());
    }
  }

  /// All drain, and what runs ends: nothing may be left.
  void stop() {
    for (Worker& worker : workers_) worker.draining = true;
    for (int turn = 0; turn < 10'000 && alive() > 0; ++turn) {
      pass(kMs);
      for (std::size_t i = 0; i < workers_.size(); ++i) finish(i, 0);
    }
    RC_ASSERT(alive() == 0U);
    RC_ASSERT(queue_.empty());
    for (const Request& request : requests_) {
      RC_ASSERT(request.where == Where::answered || request.where == Where::killed);
      RC_ASSERT(request.answers == (request.where == Where::answered ? 1 : 0));
    }
  }

 private:
  Request& of(int id) { return requests_[static_cast<std::size_t>(id)]; }

  std::size_t alive() const {
    return static_cast<std::size_t>(
        std::count_if(workers_.begin(), workers_.end(), [](const Worker& w) { return w.alive; }));
  }

  bool anybody_free() const {
    return std::any_of(workers_.begin(), workers_.end(), [](const Worker& w) { return w.free(); });
  }

  void run(Worker& worker, int id) {
    of(id).where = Where::running;
    worker.running.push_back(id);
    ++worker.taken;
  }

  void send_waiting(Worker& worker) {
    look(worker);
    const auto order = worker.rule.order(now_);
    if (order.most == 0) return;
    const Outcome outcome = carry_out(worker, order);
    worker.rule.carried_out(order, outcome, now_);
    look(worker);
    if (outcome == Outcome::done) RC_ASSERT(worker.rule.deadline().value_or(now_ + 1) > now_);
  }

  void look(Worker& worker) {
    HandoverRule::Waiting seen{worker.queue.size(), 0, std::nullopt, worker.taken};
    if (!worker.queue.empty()) seen.oldest = worker.queue.front().since;
    for (const Entry& entry : worker.queue) {
      if (entry.movable && !seen.first_movable) seen.first_movable = entry.since;
    }
    worker.rule.look(seen, now_);
  }

  Outcome carry_out(Worker& worker, const HandoverRule::Order& order) {
    if (order.only_if_empty && !queue_.empty()) return Outcome::occupied;
    for (std::size_t i = 0; i < order.most; ++i) {
      const auto due = [&](const Entry& entry) {
        return entry.movable && entry.since <= order.waiting_since;
      };
      const auto from =
          worker.queue.begin() + static_cast<std::ptrdiff_t>(std::min(order.skip, worker.queue.size()));
      const auto found = std::find_if(from, worker.queue.end(), due);
      if (found == worker.queue.end()) return i > 0 ? Outcome::done : Outcome::nothing;
      if (!may_move(of(found->request).facts)) {
        found->movable = false;
        continue;
      }
      if (queue_.size() == kRoom) return Outcome::full;
      RC_ASSERT(!of(found->request).facts.output_unsent);
      RC_ASSERT(now_ - found->since >= HandoverRule::kPatience);
      of(found->request).where = Where::queued;
      queue_.push_back(found->request);
      worker.queue.erase(found);
    }
    return Outcome::done;
  }

  /// What all workers do at once: free executors take, first from the hand-over queue; then waiting ones go.
  void settle() {
    for (int round = 0; round < 3; ++round) {
      for (Worker& worker : workers_) {
        while (worker.free() && !queue_.empty()) {
          worker.rule.took_one();
          run(worker, queue_.front());
          queue_.pop_front();
        }
        while (worker.free() && !worker.queue.empty()) {
          run(worker, worker.queue.front().request);
          worker.queue.pop_front();
        }
        if (worker.alive) send_waiting(worker);
        const bool leaves =
            worker.draining && worker.queue.empty() && worker.running.empty() && queue_.empty();
        if (leaves) worker.alive = false;
      }
    }
  }

  Time now_ = 1'000 * kMs;
  std::vector<Worker> workers_;
  std::vector<Request> requests_;
  std::deque<int> queue_;
};

MoveFacts any_facts() {
  MoveFacts facts;
  const int kind = *rc::gen::weightedElement<int>({{8, 0}, {1, 1}, {1, 2}, {1, 3}});
  facts.encrypted = kind == 1;
  facts.output_unsent = kind == 2;
  facts.body_arriving = kind == 3;
  return facts;
}

RC_GTEST_PROP(HandoverWalk, NeverLosesOrRepeatsARequest, ()) {
  const auto count = *rc::gen::inRange<std::size_t>(1, 5);
  const auto executors = *rc::gen::inRange<std::size_t>(kLoop, 4);
  Pool pool(count, executors);
  const int steps = *rc::gen::inRange(1, 200);
  for (int i = 0; i < steps; ++i) {
    const auto at = *rc::gen::inRange<std::size_t>(0, count);
    switch (*rc::gen::weightedElement<int>({{10, 0}, {6, 1}, {8, 2}, {1, 3}, {1, 4}, {1, 5}, {3, 6}})) {
      case 0:
        pool.arrive(at, any_facts());
        break;
      case 1:
        pool.finish(at, *rc::gen::inRange<std::size_t>(0, 4));
        break;
      case 2:
        pool.pass(*rc::gen::element<Time>(kMs / 10, kMs / 2, kMs, 3 * kMs, 20 * kMs));
        break;
      case 3:
        pool.kill(at);
        break;
      case 4:
        pool.drain(at);
        break;
      case 5:
        pool.calm();
        break;
      default:
        if (executors == kLoop) pool.turn_stuck(at);
    }
  }
  pool.stop();
}

/// The promise itself: behind a worker that takes nothing, everything that can move is elsewhere in time.
RC_GTEST_PROP(HandoverWalk, StuckWorkerKeepsNothingThatCanMove, (const std::vector<bool>& movable)) {
  HandoverRule rule(1);
  std::size_t left = movable.size();
  const auto first = std::find(movable.begin(), movable.end(), true);
  HandoverRule::Waiting seen{left, 10 * kMs, std::nullopt, 0};
  if (first != movable.end()) seen.first_movable = 10 * kMs;
  rule.look(seen, 10 * kMs);
  RC_ASSERT(rule.order(11 * kMs - 1).most == 0U);
  RC_ASSERT(rule.order(11 * kMs).most == (seen.first_movable ? left : 0U));
  RC_ASSERT(rule.deadline().has_value() == seen.first_movable.has_value());
  if (seen.first_movable) RC_ASSERT(*rule.deadline() == 11 * kMs);
}

}  // namespace
}  // namespace gserve::http
