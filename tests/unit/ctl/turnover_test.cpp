// SPDX-License-Identifier: MIT
#include "ctl/turnover.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "ctl/job_display.h"

namespace gserve::ctl {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;

struct Seen {
  std::uint32_t pid;
  const char* state;
  std::uint64_t generation = 1;
};

Status service(std::uint32_t target, std::initializer_list<Seen> workers) {
  Status status;
  status.target = target;
  for (const Seen& seen : workers) {
    WorkerStatus& worker = status.workers.emplace_back();
    worker.pid = seen.pid;
    worker.state = seen.state;
    worker.generation = seen.generation;
    if (worker.state == "ready") ++status.ready;
  }
  return status;
}

TEST(Turnover, TellsWhatHasChangedSinceTheLastLook) {
  Turnover turnover(Command::reload, service(1, {{11, "ready"}}));
  EXPECT_THAT(turnover.look(service(1, {{11, "ready"}})), IsEmpty());
  EXPECT_THAT(turnover.look(service(1, {{11, "ready"}, {12, "starting", 2}})),
              ElementsAre(WorkerChange{12, "starting", 2}));
  EXPECT_THAT(turnover.look(service(1, {{11, "draining"}, {12, "ready", 2}})),
              ElementsAre(WorkerChange{12, "ready", 2}, WorkerChange{11, "draining", 1}));
  EXPECT_THAT(turnover.look(service(1, {{12, "ready", 2}})), ElementsAre(WorkerChange{11, "gone", 1}));
}

TEST(Turnover, AReloadIsDoneWhenTheFreshServeAndTheOldHaveGone) {
  Turnover turnover(Command::reload, service(2, {{11, "ready"}, {12, "ready"}}));
  EXPECT_EQ(turnover.share(), 0);
  turnover.look(service(2, {{11, "ready"}, {12, "ready"}, {13, "starting", 2}}));
  EXPECT_EQ(turnover.share(), 0);
  turnover.look(service(2, {{12, "ready"}, {13, "ready", 2}}));
  EXPECT_EQ(turnover.share(), 0.5);
  turnover.look(service(2, {{13, "ready", 2}, {14, "ready", 2}}));
  EXPECT_EQ(turnover.share(), 1);
}

TEST(Turnover, AStopIsDoneWhenAllHaveGone) {
  Turnover turnover(Command::stop, service(2, {{11, "ready"}, {12, "ready"}}));
  turnover.look(service(2, {{12, "draining"}}));
  EXPECT_EQ(turnover.share(), 0.5);
  EXPECT_EQ(Turnover(Command::stop, service(2, {})).share(), 1);
}

TEST(Turnover, AScaleCountsWhatIsMissingOrTooMuch) {
  Turnover up(Command::scale, service(1, {{11, "ready"}}));
  up.look(service(3, {{11, "ready"}, {12, "ready"}, {13, "starting"}}));
  EXPECT_EQ(up.share(), 0.5);
  Turnover down(Command::scale, service(3, {{11, "ready"}, {12, "ready"}, {13, "ready"}}));
  down.look(service(1, {{12, "draining"}, {13, "ready"}}));
  EXPECT_EQ(down.share(), 0.5);
  EXPECT_EQ(Turnover(Command::scale, service(1, {{11, "ready"}})).share(), std::nullopt);
}

TEST(Turnover, AWorkersRestartIsHalfDoneWhenItIsReplaced) {
  Turnover turnover(Command::worker_restart, service(1, {{11, "ready"}}), 11);
  EXPECT_EQ(turnover.share(), 0);
  turnover.look(service(1, {{11, "draining"}, {12, "ready"}}));
  EXPECT_EQ(turnover.share(), 0.5);
  turnover.look(service(1, {{12, "ready"}}));
  EXPECT_EQ(turnover.share(), 1);
  EXPECT_EQ(Turnover(Command::upgrade, service(1, {})).share(), std::nullopt);
}

class JobDisplayTest : public ::testing::Test {
 protected:
  /// What was written since the last call.
  std::string written() {
    std::string text = out_.str();
    out_.str("");
    return text;
  }
  std::ostringstream out_;
  const JobDisplay::Clock::time_point start_{};
};

TEST_F(JobDisplayTest, WritesPlainLinesWhereNoTerminalIs) {
  JobDisplay display(out_, {});
  EXPECT_EQ(display.interval(), std::nullopt);
  display.say("1/2 workers ready", start_);
  display.look(service(1, {{12, "ready"}}), start_);
  display.tick(start_);
  display.end();
  EXPECT_EQ(written(), "1/2 workers ready\n");
}

TEST_F(JobDisplayTest, DrawsOneLineAgainAndAgain) {
  JobDisplay display(out_, {.interactive = true});
  display.begin(Turnover(Command::stop, service(2, {{11, "ready"}, {12, "ready"}})), start_);
  display.say("2 workers left", start_ + milliseconds(300));
  EXPECT_EQ(written(), "\r\x1b[K[------------------------] 2 workers left  0.3 s");
  display.look(service(2, {{12, "draining"}}), start_ + milliseconds(1240));
  EXPECT_EQ(written(),
            "\r\x1b[K  - worker 11 gone, generation 1\n"
            "\r\x1b[K  - worker 12 draining, generation 1\n"
            "\r\x1b[K[############------------] 2 workers left  1.2 s");
  display.end();
  EXPECT_EQ(written(), "\r\x1b[K");
}

TEST_F(JobDisplayTest, NeverWritesMoreThanALineHolds) {
  JobDisplay display(out_, {.interactive = true, .columns = 20});
  display.say(std::string(100, 'x'), start_);
  EXPECT_EQ(written(), "\r\x1b[K" + std::string(19, 'x'));
}

TEST_F(JobDisplayTest, ClearsWhatASupervisorSaysOfControlCharacters) {
  JobDisplay display(out_, {.interactive = true});
  display.say("evil \x1b]0;title\x07", start_);
  EXPECT_THAT(written(), testing::HasSubstr("evil \\x1b]0;title\\x07"));
}

TEST(RenderBar, IsFullOnlyAtTheEnd) {
  EXPECT_EQ(render_bar(0, 4), "[----]");
  EXPECT_EQ(render_bar(0.99, 4), "[###-]");
  EXPECT_EQ(render_bar(1, 4), "[####]");
  EXPECT_EQ(render_bar(7, 4), "[####]");
}

TEST(RenderElapsed, IsPreciseWhileItIsShort) {
  EXPECT_EQ(render_elapsed(milliseconds(1260)), "1.3 s");
  EXPECT_EQ(render_elapsed(milliseconds(61'000)), "1 min 1 s");
}

}  // namespace
}  // namespace gserve::ctl
