// SPDX-License-Identifier: MIT
#pragma once

namespace gserve::io {

/// Sends the message "logs" of the launch contract with the two descriptors (`access_log` -1: not sent).
/// Never blocks; false when the worker did not take it.
bool send_logs(int lifeline, int error_log, int access_log);

}  // namespace gserve::io
