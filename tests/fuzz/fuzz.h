// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/http/http_driver.h"

namespace gserve::http::test {

/// Takes what a fuzz target needs off the front of its input; zeros once that is used up.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  std::uint8_t byte() {
    const std::string_view taken = text(1);
    return taken.empty() ? 0 : static_cast<std::uint8_t>(taken.front());
  }
  std::string_view text(std::size_t size) {
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  std::string_view rest() const { return rest_; }
  bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

/// Three places to split `size` bytes at.
inline std::vector<std::size_t> three_splits(Input& input, std::size_t size) {
  std::vector<std::size_t> ends;
  for (int i = 0; i < 3; ++i) ends.push_back(size * input.byte() / 256);
  std::sort(ends.begin(), ends.end());
  return ends;
}

/// Ends the run, which makes libFuzzer keep the input.
inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

}  // namespace gserve::http::test
