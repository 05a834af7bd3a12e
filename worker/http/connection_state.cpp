// SPDX-License-Identifier: MIT
#include "worker/http/connection_state.h"

namespace gserve::http {

using Phase = ConnectionPhase;
using Action = ConnectionState::Action;

ConnectionTimer ConnectionState::timer() const {
  switch (phase_) {
    case Phase::fresh:
    case Phase::head:
      return ConnectionTimer::header;
    case Phase::idle:
      return ConnectionTimer::keep_alive;
    case Phase::body:
      return ConnectionTimer::body;
    case Phase::flushing:
      return ConnectionTimer::write;
    case Phase::lingering:
      return ConnectionTimer::linger;
    case Phase::running:
    case Phase::closed:
      break;
  }
  return ConnectionTimer::none;
}

void ConnectionState::bytes_received() {
  if (phase_ == Phase::fresh || phase_ == Phase::idle) phase_ = Phase::head;
}

void ConnectionState::body_expected() {
  if (phase_ == Phase::head) phase_ = Phase::body;
}

void ConnectionState::request_handed() {
  if (phase_ == Phase::head || phase_ == Phase::body) phase_ = Phase::running;
}

void ConnectionState::answered(Ending ending) {
  if (phase_ != Phase::running) return;
  phase_ = Phase::flushing;
  ending_ = ending;
}

void ConnectionState::refused() {
  if (phase_ != Phase::head && phase_ != Phase::body) return;
  phase_ = Phase::flushing;
  ending_ = Ending::linger;
}

Action ConnectionState::flushed() {
  if (phase_ != Phase::flushing) return Action::none;
  switch (ending_) {
    case Ending::keep:
      phase_ = Phase::idle;
      return Action::next_request;
    case Ending::linger:
      phase_ = Phase::lingering;
      return Action::shut_down;
    case Ending::close:
      phase_ = Phase::closed;
      return Action::close;
    case Ending::cut:
      phase_ = Phase::closed;
      return Action::reset;
  }
  return Action::none;
}

Action ConnectionState::timed_out() {
  if (phase_ == Phase::head || phase_ == Phase::body) return Action::answer_timeout;
  if (phase_ == Phase::flushing) {
    phase_ = Phase::closed;
    return Action::reset;
  }
  return close_unless_owned();
}

Action ConnectionState::end_of_input() {
  if (phase_ == Phase::running || phase_ == Phase::flushing) return Action::none;
  return close_unless_owned();
}

Action ConnectionState::reset() {
  return close_unless_owned();
}

Action ConnectionState::abandoned() {
  if (phase_ == Phase::running || phase_ == Phase::flushing) return Action::none;
  return close_unless_owned();
}

Action ConnectionState::close_unless_owned() {
  if (phase_ == Phase::closed) return Action::none;
  if (phase_ == Phase::running) return Action::mark_gone;
  phase_ = Phase::closed;
  return Action::close;
}

}  // namespace gserve::http
