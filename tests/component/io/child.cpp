// SPDX-License-Identifier: MIT
#include "tests/component/io/child.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

namespace gserve::io::testing {

ports::ProcessSpec mock_worker(const std::string& script, const std::vector<std::string>& environment) {
  ports::ProcessSpec spec;
  spec.argv = {GSERVE_MOCK_WORKER};
  spec.environment = environment;
  spec.environment.push_back("MOCK_WORKER=" + script);
  return spec;
}

ports::Process launched(std::variant<ports::Process, std::string> result) {
  if (auto* process = std::get_if<ports::Process>(&result)) return std::move(*process);
  ADD_FAILURE() << std::get<std::string>(result);
  return {};
}

bool readable(int fd) {
  pollfd watched{fd, POLLIN, 0};
  int result;
  do {
    result = ::poll(&watched, 1, 10'000);
  } while (result < 0 && errno == EINTR);
  return result == 1;
}

std::map<std::string, std::string> read_report(const std::string& path) {
  std::map<std::string, std::string> report;
  std::ifstream in(path);
  std::string line;
  while (std::getline(in, line)) {
    const std::size_t equals = line.find('=');
    report[line.substr(0, equals)] = line.substr(equals + 1);
  }
  return report;
}

TemporaryDirectory::TemporaryDirectory() {
  path_ = (std::filesystem::temp_directory_path() / "gserve-test-XXXXXX").string();
  if (!::mkdtemp(path_.data())) ADD_FAILURE() << "cannot make " << path_;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace gserve::io::testing
