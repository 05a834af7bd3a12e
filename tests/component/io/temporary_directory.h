// SPDX-License-Identifier: MIT
#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "common/unique_fd.h"

namespace gserve::testing {

/// A directory of its own for one test; removed with all it holds.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "gserve-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot create " + name);
    path_ = name;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

  std::size_t entries() const {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(path_), std::filesystem::directory_iterator()));
  }

 private:
  std::filesystem::path path_;
};

inline std::string read_file(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
}

/// Lowers the soft limit `resource` to `limit` until destroyed.
class LoweredLimit {
 public:
  LoweredLimit(__rlimit_resource_t resource, rlim_t limit) : resource_(resource) {
    ::getrlimit(resource_, &before_);
    const rlimit lowered{limit, before_.rlim_max};
    ::setrlimit(resource_, &lowered);
  }
  LoweredLimit(const LoweredLimit&) = delete;
  LoweredLimit& operator=(const LoweredLimit&) = delete;
  ~LoweredLimit() { ::setrlimit(resource_, &before_); }

 private:
  __rlimit_resource_t resource_;
  rlimit before_{};
};

/// Leaves room for no more than `spare` further descriptors until destroyed. Keep matchers out of its scope:
/// the sanitizers need descriptors for their own checks.
class NoSpareDescriptors {
 public:
  explicit NoSpareDescriptors(rlim_t spare = 0)
      : lowest_free_(::dup(0)), limit_(RLIMIT_NOFILE, static_cast<rlim_t>(lowest_free_.get()) + 1 + spare) {}

 private:
  UniqueFd lowest_free_;
  LoweredLimit limit_;
};

}  // namespace gserve::testing
