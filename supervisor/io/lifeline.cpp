// SPDX-License-Identifier: MIT
#include "supervisor/io/lifeline.h"

#include <cstddef>
#include <cstring>
#include <span>

#include "common/launch_contract.h"
#include "supervisor/io/descriptor_passing.h"

namespace gserve::io {
namespace {

std::string send(int lifeline, std::string_view text, std::span<const int> fds) {
  const int error = send_with_descriptors(lifeline, text, fds);
  return error ? std::strerror(error) : "";
}

}  // namespace

bool send_logs(int lifeline, int error_log, int access_log) {
  const int fds[] = {error_log, access_log};
  const std::size_t count = access_log < 0 ? 1 : 2;
  return send_with_descriptors(lifeline, contract::kLifelineLogs, std::span(fds, count)) == 0;
}

std::string send_word(int lifeline, std::string_view word) {
  return send(lifeline, word, {});
}

std::string send_promotion(int lifeline, int control) {
  return send(lifeline, contract::kLifelineTemplate, std::span(&control, 1));
}

}  // namespace gserve::io
