// SPDX-License-Identifier: MIT
#include "supervisor/io/process_memory.h"

#include <unistd.h>

#include <fstream>
#include <string>

namespace gserve::io {

std::uint64_t resident_bytes(core::Pid pid) {
  std::ifstream statm("/proc/" + std::to_string(pid) + "/statm");
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  statm >> total >> resident;
  return statm ? resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) : 0;
}

}  // namespace gserve::io
