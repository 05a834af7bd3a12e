// SPDX-License-Identifier: MIT
#include "supervisor/io/python_locator.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/component/io/child.h"

namespace gserve::io {
namespace {

namespace fs = std::filesystem;

class PythonLocatorTest : public ::testing::Test {
 protected:
  std::string make_executable(const std::string& name) {
    const fs::path path = fs::path(directory_.path()) / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << "#!/bin/sh\n";
    fs::permissions(path, fs::perms::owner_all);
    return path.string();
  }
  PythonSearch search() const {
    PythonSearch search;
    search.start_directory = directory_.path();
    search.binary_directory = directory_.path() + "/bin";
    search.environment = {{"PATH", directory_.path() + "/empty:" + directory_.path() + "/path"},
                          {"VIRTUAL_ENV", directory_.path() + "/venv"}};
    return search;
  }
  testing::TemporaryDirectory directory_;
};

TEST_F(PythonLocatorTest, VirtualEnvironmentThenNeighbourThenPath) {
  const std::string on_path = make_executable("path/python3");
  EXPECT_EQ(locate_python(search()).path, on_path);
  const std::string neighbour = make_executable("bin/python3");
  EXPECT_EQ(locate_python(search()).path, neighbour);
  const std::string active = make_executable("venv/bin/python3");
  EXPECT_EQ(locate_python(search()).path, active);
}

TEST_F(PythonLocatorTest, RequestedOneIsTheOnlyCandidate) {
  make_executable("venv/bin/python3");
  const std::string wanted = make_executable("mine/python");
  PythonSearch relative = search();
  relative.requested = "./mine/python";
  EXPECT_EQ(locate_python(relative).path, wanted);
  PythonSearch missing = search();
  missing.requested = "/nowhere/python";
  EXPECT_EQ(locate_python(missing).path, "");
  EXPECT_EQ(locate_python(missing).error,
            "no Python interpreter, 3.11 or newer: tried /nowhere/python; give one with --python");
}

TEST_F(PythonLocatorTest, RequestedNameIsLookedUpOnPath) {
  const std::string named = make_executable("path/python3.12");
  PythonSearch by_name = search();
  by_name.requested = "python3.12";
  EXPECT_EQ(locate_python(by_name).path, named);
}

TEST_F(PythonLocatorTest, SymbolicLinksStayAsTheyAre) {
  make_executable("real/python3");
  fs::create_directories(directory_.path() + "/venv/bin");
  fs::create_symlink(directory_.path() + "/real/python3", directory_.path() + "/venv/bin/python3");
  EXPECT_EQ(locate_python(search()).path, directory_.path() + "/venv/bin/python3");
}

TEST_F(PythonLocatorTest, WhatIsTooOldByItsNameIsPassedOver) {
  const std::string old = make_executable("real/python3.9"), older = make_executable("real/python2.7");
  const std::string on_path = make_executable("real/python3.11");
  for (const char* folder : {"/venv/bin", "/bin", "/path"})
    fs::create_directories(directory_.path() + folder);
  fs::create_symlink(old, directory_.path() + "/venv/bin/python3");
  fs::create_symlink(older, directory_.path() + "/bin/python3");
  EXPECT_EQ(locate_python(search()).error, "no Python interpreter, 3.11 or newer: tried " +
                                               directory_.path() + "/venv/bin/python3 (Python 3.9), " +
                                               directory_.path() + "/bin/python3 (Python 2), " +
                                               directory_.path() + "/empty/python3, " + directory_.path() +
                                               "/path/python3; give one with --python");
  fs::create_symlink(on_path, directory_.path() + "/path/python3");
  EXPECT_EQ(locate_python(search()).path, directory_.path() + "/path/python3");
}

TEST_F(PythonLocatorTest, WhatCannotRunIsPassedOver) {
  const std::string plain = make_executable("venv/bin/python3");
  fs::permissions(plain, fs::perms::owner_read);
  fs::create_directories(directory_.path() + "/bin/python3");
  const std::string on_path = make_executable("path/python3");
  EXPECT_EQ(locate_python(search()).path, on_path);
}

}  // namespace
}  // namespace gserve::io
