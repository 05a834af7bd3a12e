// SPDX-License-Identifier: MIT
#include "worker/http/connection_state.h"

#include <gtest/gtest.h>

namespace gserve::http {
namespace {

using Phase = ConnectionPhase;
using Action = ConnectionState::Action;

/// A connection in the given phase, reached the way it is reached.
ConnectionState in(Phase phase, Ending ending = Ending::keep) {
  ConnectionState state;
  if (phase == Phase::fresh) return state;
  state.bytes_received();
  if (phase == Phase::head) return state;
  if (phase == Phase::body) {
    state.body_expected();
    return state;
  }
  state.request_handed();
  if (phase == Phase::running) return state;
  if (phase == Phase::lingering) ending = Ending::linger;
  state.answered(ending);
  if (phase == Phase::flushing) return state;
  if (phase == Phase::closed) {
    state.closed();
  } else {
    static_cast<void>(state.flushed());
  }
  return state;
}

constexpr Phase kAll[] = {Phase::fresh,   Phase::idle,     Phase::head,      Phase::body,
                          Phase::running, Phase::flushing, Phase::lingering, Phase::closed};

TEST(ConnectionState, ReachesEveryPhase) {
  for (const Phase phase : kAll) EXPECT_EQ(in(phase).phase(), phase);
}

TEST(ConnectionState, HasTheTimerOfItsPhase) {
  EXPECT_EQ(in(Phase::fresh).timer(), ConnectionTimer::header);
  EXPECT_EQ(in(Phase::idle).timer(), ConnectionTimer::keep_alive);
  EXPECT_EQ(in(Phase::head).timer(), ConnectionTimer::header);
  EXPECT_EQ(in(Phase::body).timer(), ConnectionTimer::body);
  EXPECT_EQ(in(Phase::running).timer(), ConnectionTimer::none);
  EXPECT_EQ(in(Phase::flushing).timer(), ConnectionTimer::write);
  EXPECT_EQ(in(Phase::lingering).timer(), ConnectionTimer::linger);
  EXPECT_EQ(in(Phase::closed).timer(), ConnectionTimer::none);
}

TEST(ConnectionState, ServesOneRequestAfterTheOther) {
  ConnectionState state;
  for (int i = 0; i < 3; ++i) {
    state.bytes_received();
    EXPECT_EQ(state.phase(), Phase::head);
    state.body_expected();
    EXPECT_EQ(state.phase(), Phase::body);
    state.request_handed();
    state.answered(Ending::keep);
    EXPECT_EQ(state.phase(), Phase::flushing);
    EXPECT_EQ(state.flushed(), Action::next_request);
    EXPECT_EQ(state.phase(), Phase::idle);
  }
}

TEST(ConnectionState, NeverClosesWhatAnExecutorOwns) {
  EXPECT_EQ(in(Phase::running).reset(), Action::mark_gone);
  EXPECT_EQ(in(Phase::running).timed_out(), Action::mark_gone);
  EXPECT_EQ(in(Phase::running).end_of_input(), Action::none);
  EXPECT_EQ(in(Phase::running).abandoned(), Action::none);
  ConnectionState state = in(Phase::running);
  static_cast<void>(state.reset());
  EXPECT_EQ(state.phase(), Phase::running);
  EXPECT_EQ(state.flushed(), Action::none);
  EXPECT_EQ(state.phase(), Phase::running);
}

TEST(ConnectionState, EndsAsTheAnswerSays) {
  ConnectionState close = in(Phase::flushing, Ending::close);
  EXPECT_EQ(close.flushed(), Action::close);
  EXPECT_EQ(close.phase(), Phase::closed);
  ConnectionState linger = in(Phase::flushing, Ending::linger);
  EXPECT_EQ(linger.flushed(), Action::shut_down);
  EXPECT_EQ(linger.phase(), Phase::lingering);
  ConnectionState cut = in(Phase::flushing, Ending::cut);
  EXPECT_EQ(cut.flushed(), Action::reset);
  EXPECT_EQ(cut.phase(), Phase::closed);
}

TEST(ConnectionState, TakesAFinForNoDisconnectWhileAnAnswerIsOwed) {
  EXPECT_EQ(in(Phase::flushing).end_of_input(), Action::none);
  for (const Phase phase : {Phase::fresh, Phase::idle, Phase::head, Phase::body, Phase::lingering})
    EXPECT_EQ(in(phase).end_of_input(), Action::close);
}

TEST(ConnectionState, AnswersATimeoutOnlyWhenARequestHasBegun) {
  EXPECT_EQ(in(Phase::head).timed_out(), Action::answer_timeout);
  EXPECT_EQ(in(Phase::body).timed_out(), Action::answer_timeout);
  EXPECT_EQ(in(Phase::fresh).timed_out(), Action::close);
  EXPECT_EQ(in(Phase::idle).timed_out(), Action::close);
  EXPECT_EQ(in(Phase::lingering).timed_out(), Action::close);
  EXPECT_EQ(in(Phase::flushing).timed_out(), Action::reset);
}

TEST(ConnectionState, LingersAfterARefusal) {
  for (const Phase phase : {Phase::head, Phase::body}) {
    ConnectionState state = in(phase);
    state.refused();
    EXPECT_EQ(state.phase(), Phase::flushing);
    EXPECT_EQ(state.flushed(), Action::shut_down);
  }
}

TEST(ConnectionState, GivesUpOnlyWhatOwesNoAnswer) {
  for (const Phase phase : {Phase::fresh, Phase::idle, Phase::head, Phase::body, Phase::lingering})
    EXPECT_EQ(in(phase).abandoned(), Action::close);
  EXPECT_EQ(in(Phase::flushing).abandoned(), Action::none);
}

TEST(ConnectionState, StaysClosed) {
  ConnectionState state = in(Phase::closed);
  state.bytes_received();
  state.body_expected();
  state.request_handed();
  state.answered(Ending::keep);
  state.refused();
  EXPECT_EQ(state.flushed(), Action::none);
  EXPECT_EQ(state.timed_out(), Action::none);
  EXPECT_EQ(state.end_of_input(), Action::none);
  EXPECT_EQ(state.reset(), Action::none);
  EXPECT_EQ(state.abandoned(), Action::none);
  EXPECT_EQ(state.phase(), Phase::closed);
}

}  // namespace
}  // namespace gserve::http
