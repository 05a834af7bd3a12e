// SPDX-License-Identifier: MIT
#include "supervisor/io/deployments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "supervisor/io/start_context.h"
#include "tests/component/io/child.h"
#include "tests/component/io/recorder.h"

namespace gserve::io {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class DeploymentsTest : public ::testing::Test {
 protected:
  DeploymentsTest() {
    context_.invocation = {{"--python", GSERVE_MOCK_WORKER, "app:app"}, directory_.path()};
    context_.binary_directory = directory_.path();
  }
  Deployment load() { return std::get<Deployment>(load_deployment(context_)); }

  testing::TemporaryDirectory directory_;
  testing::RecordingJournal journal_;
  StartContext context_;
};

TEST_F(DeploymentsTest, CommandLineAndEnvironmentMakeTheDeployment) {
  context_.environment["WEB_CONCURRENCY"] = "5";
  const Deployment deployment = load();
  EXPECT_EQ(deployment.python, GSERVE_MOCK_WORKER);
  EXPECT_EQ(deployment.settings.integer("workers"), 5);
  EXPECT_EQ(deployment.settings.text("wsgi_app"), "app:app");
}

TEST_F(DeploymentsTest, MissingInterpreterIsAConfigurationError) {
  context_.invocation.arguments[1] = "/nowhere/python";
  const auto loaded = load_deployment(context_);
  EXPECT_EQ(std::get<config::Ending>(loaded).exit_code, 1);
  EXPECT_THAT(std::get<config::Ending>(loaded).text, HasSubstr("/nowhere/python"));
}

TEST_F(DeploymentsTest, ReloadedConfigurationBelongsToItsGeneration) {
  Deployments deployments(context_, load(), journal_);
  context_.environment["GSERVE_CMD_ARGS"] = "--timeout 7 -w 3";
  const auto loaded = deployments.load(9).value();
  EXPECT_EQ(std::get<core::SupervisorConfig>(loaded).pools.at(0).workers, 3);
  EXPECT_EQ(deployments.find(2), nullptr);
  deployments.adopt(9, 2);
  ASSERT_NE(deployments.find(2), nullptr);
  EXPECT_EQ(deployments.find(2)->settings.seconds("timeout"), 7.0);
  EXPECT_EQ(deployments.find(1)->settings.seconds("timeout"), 30.0);
  deployments.forget(1);
  EXPECT_EQ(deployments.find(1), nullptr);
  EXPECT_EQ(journal_.text(), "");
}

TEST_F(DeploymentsTest, CopiedConfigurationOutlivesItsOrigin) {
  context_.environment["GSERVE_CMD_ARGS"] = "--timeout 7";
  Deployments deployments(context_, load(), journal_);
  deployments.copy(1, 2);
  deployments.copy(8, 9);
  deployments.forget(1);
  ASSERT_NE(deployments.find(2), nullptr);
  EXPECT_EQ(deployments.find(2)->settings.seconds("timeout"), 7.0);
  EXPECT_EQ(deployments.find(9), nullptr);
}

TEST_F(DeploymentsTest, BadConfigurationIsRefusedWithItsReason) {
  Deployments deployments(context_, load(), journal_);
  context_.environment["GSERVE_CMD_ARGS"] = "--timeout never";
  const auto loaded = deployments.load(9).value();
  EXPECT_THAT(std::get<std::string>(loaded), HasSubstr("never"));
  deployments.adopt(9, 2);
  EXPECT_EQ(deployments.find(2), nullptr);
}

TEST_F(DeploymentsTest, TlsWithoutItsLibraryIsRefusedWithWhatToDo) {
  std::ofstream(directory_.path() + "/site.pem") << "neither certificate nor key";
  context_.environment["GSERVE_CMD_ARGS"] = "--certfile site.pem";
  const auto loaded = load_deployment(context_);
  EXPECT_THAT(std::get<config::Ending>(loaded).text,
              AllOf(HasSubstr("cannot load the library that TLS needs: "), HasSubstr("libgserve_tls_check-"),
                    HasSubstr("install gserve whole")));
}

TEST_F(DeploymentsTest, SettingThatNeedsARestartIsNamed) {
  Deployments deployments(context_, load(), journal_);
  context_.environment["GSERVE_CMD_ARGS"] = "-b 127.0.0.1:9";
  deployments.load(9);
  EXPECT_THAT(journal_.text(), HasSubstr("the setting bind has changed"));
}

}  // namespace
}  // namespace gserve::io
