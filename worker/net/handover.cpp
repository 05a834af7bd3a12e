// SPDX-License-Identifier: MIT
#include "worker/net/handover.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace gserve::net {

using Outcome = http::HandoverRule::Outcome;

namespace {

http::HandoverRule rule_for(const ServerConfig& config) {
  if (config.event_loop) return http::HandoverRule::for_event_loop();
  return http::HandoverRule(static_cast<std::size_t>(std::max(config.executors, 1)));
}

}  // namespace

Handover::Handover(Context& context, Poller& poller, Driver& driver, Log& log)
    : context_(context), poller_(poller), driver_(driver), log_(log), rule_(rule_for(context.config)) {}

void Handover::watch(std::uint64_t token) {
  if (watching_ || !context_.handover.there()) return;
  watching_ = true;
  const int error = poller_.watch_shared(context_.handover.in(), token);
  if (error != 0) log_.line(LogLevel::error, "cannot watch the hand-over queue: " + error_text(error));
}

void Handover::unwatch() {
  if (std::exchange(watching_, false)) poller_.forget(context_.handover.in());
}

void Handover::readable(Nanos now) {
  was_readable_ = true;
  take(now);
}

bool Handover::was_readable() {
  return std::exchange(was_readable_, false);
}

bool Handover::take(Nanos now) {
  auto parcel = context_.handover.receive();
  if (!parcel) return false;
  rule_.took_one();
  driver_.adopt(std::move(*parcel), now);
  return true;
}

void Handover::serve_asking(bool may_take, Nanos now) {
  while (context_.queue.asked()) {
    if (may_take && take(now)) continue;
    context_.handover.put_off(now);
    context_.queue.stop_asking();
  }
}

/// A loop in a long round looks for nothing, but gets on if it finishes requests.
void Handover::look(Nanos now) {
  http::HandoverRule::Waiting waiting = context_.queue.waiting();
  if (context_.config.event_loop) {
    loop_.look(waiting.progress);
    waiting.progress += driver_.answered();
  }
  rule_.look(waiting, now);
}

std::optional<Nanos> Handover::deadline(Nanos now) const {
  const auto rule = rule_.deadline(), loop = loop_.deadline(now);
  return rule && loop ? std::min(rule, loop) : rule ? rule : loop;
}

void Handover::send_waiting(Nanos now) {
  look(now);
  const http::HandoverRule::Order order = rule_.order(now);
  if (order.most == 0) return;
  const Outcome outcome = carry_out(order);
  if (outcome == Outcome::failed) tell_failed();
  rule_.carried_out(order, outcome, now);
  look(now);
}

Outcome Handover::carry_out(const http::HandoverRule::Order& order) {
  if (order.only_if_empty && !context_.handover.empty()) return Outcome::occupied;
  for (std::size_t i = 0; i < order.most; ++i) {
    auto entry = context_.queue.withdraw(order.skip, order.waiting_since);
    if (!entry) return i > 0 ? Outcome::done : Outcome::nothing;
    const Driver::Move moved = driver_.move(*entry);
    if (moved == Driver::Move::sent) continue;
    entry->movable = moved != Driver::Move::unsent_output;
    context_.queue.push_first(*entry);
    if (moved == Driver::Move::full) return Outcome::full;
    if (moved == Driver::Move::failed) return Outcome::failed;
  }
  return Outcome::done;
}

void Handover::tell_failed() {
  if (std::exchange(failed_, true)) return;
  log_.warning("cannot hand connections over to other workers: " + error_text(errno) +
               "; they wait for this one");
}

}  // namespace gserve::net
