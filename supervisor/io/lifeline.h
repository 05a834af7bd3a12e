// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace gserve::io {

/// Sends the message "logs" of the launch contract with the two descriptors (`access_log` -1: not sent).
/// Never blocks; false when the worker did not take it.
bool send_logs(int lifeline, int error_log, int access_log);

/// Sends "rest" or "serve". Never blocks; why the worker did not take it, or an empty text.
std::string send_word(int lifeline, std::string_view word);

/// Sends "template" with the worker's end of the control socket (borrowed). As send_word.
std::string send_promotion(int lifeline, int control);

}  // namespace gserve::io
