// SPDX-License-Identifier: MIT
#include "ctl/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gserve::ctl {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

class CompletionTest : public ::testing::Test {
 protected:
  std::vector<std::string> offered(const std::vector<std::string>& words) {
    std::vector<std::string> found;
    for (const Candidate& candidate : complete(describe_commands(), words, lookup_))
      found.push_back(candidate.word);
    return found;
  }

  Addressee asked_;
  Lookup lookup_{[] {
                   return std::vector<Candidate>{{"shop", "/run/gserve/shop/control"}, {"blog", ""}};
                 },
                 [this](const Addressee& addressee) {
                   asked_ = addressee;
                   return std::vector<Candidate>{{"4242", "web, ready"}, {"4300", "web, ready"}};
                 },
                 [this](const Addressee& addressee) {
                   asked_ = addressee;
                   return std::vector<Candidate>{{"7", "crash: killed by SIGSEGV"}};
                 }};
};

TEST_F(CompletionTest, OffersCommands) {
  EXPECT_THAT(offered({"re"}), ElementsAre("restart", "reload", "refork", "reopen"))
      << "in the order of the help";
}

TEST_F(CompletionTest, OffersCommandsOfCommands) {
  EXPECT_THAT(offered({"worker", ""}), ElementsAre("restart", "kill"));
  EXPECT_THAT(offered({""}), Contains("worker"));
  EXPECT_THAT(offered({""}), Not(Contains("worker restart")));
}

TEST_F(CompletionTest, OffersTheOptionsOfACommandAndThoseOfAll) {
  EXPECT_THAT(offered({"stop", "--q"}), ElementsAre("--quick"));
  EXPECT_THAT(offered({"reload", "--q"}), IsEmpty());
  EXPECT_THAT(offered({"stop", "--js"}), ElementsAre("--json"));
}

TEST_F(CompletionTest, OffersInstances) {
  EXPECT_THAT(offered({"-n", ""}), ElementsAre("shop", "blog"));
  EXPECT_THAT(offered({"status", "--name", "s"}), ElementsAre("shop"));
  EXPECT_THAT(offered({"--name=s"}), ElementsAre("--name=shop"));
  EXPECT_THAT(offered({"--name", "=", "s"}), ElementsAre("shop")) << "as bash cuts it";
  EXPECT_THAT(offered({"--name", "="}), ElementsAre("shop", "blog"));
}

TEST_F(CompletionTest, OffersThePidsOfTheInstanceThatIsMeant) {
  EXPECT_THAT(offered({"-n", "shop", "worker", "kill", ""}), ElementsAre("4242", "4300"));
  EXPECT_EQ(asked_.name, "shop");
  EXPECT_THAT(offered({"--socket=/x/control", "worker", "restart", "43"}), ElementsAre("4300"));
  EXPECT_EQ(asked_.socket, "/x/control");
  EXPECT_THAT(offered({"worker", "kill", "4242", ""}), IsEmpty());
}

TEST_F(CompletionTest, OffersIncidentsStatesAndFiles) {
  EXPECT_THAT(offered({"incidents", ""}), ElementsAre("7"));
  EXPECT_THAT(offered({"wait", "--for", "r"}), ElementsAre("ready", "running"));
  EXPECT_THAT(offered({"upgrade", "--binary", "/us"}), ElementsAre(kFiles));
  EXPECT_THAT(offered({"scale", ""}), IsEmpty());
}

TEST_F(CompletionTest, WhatRunsHereMeansNothingOnAnotherHost) {
  EXPECT_THAT(offered({"-H", "web1", "-n", ""}), IsEmpty());
  EXPECT_THAT(offered({"-H", "web1", "sta"}), ElementsAre("status"));
}

TEST(RenderCandidates, IsALineForEach) {
  EXPECT_EQ(render_candidates({{"4242", "web, ready"}, {"shop", ""}}), "4242\tweb, ready\nshop\n");
}

}  // namespace
}  // namespace gserve::ctl
