// SPDX-License-Identifier: MIT
#include "supervisor/io/lifeline.h"

#include <cstddef>
#include <span>

#include "common/launch_contract.h"
#include "supervisor/io/descriptor_passing.h"

namespace gserve::io {

bool send_logs(int lifeline, int error_log, int access_log) {
  const int fds[] = {error_log, access_log};
  const std::size_t count = access_log < 0 ? 1 : 2;
  return send_with_descriptors(lifeline, contract::kLifelineLogs, std::span(fds, count)) == 0;
}

}  // namespace gserve::io
