// SPDX-License-Identifier: MIT
#include "ctl/process_size.h"

#include <fstream>
#include <limits>
#include <string>

namespace gserve::ctl {

std::optional<std::uint64_t> pss_bytes(pid_t pid) {
  std::ifstream rollup("/proc/" + std::to_string(pid) + "/smaps_rollup");
  for (std::string word; rollup >> word;) {
    std::uint64_t kib = 0;
    if (word == "Pss:" && rollup >> kib) return kib * 1024;
    rollup.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return std::nullopt;
}

}  // namespace gserve::ctl
