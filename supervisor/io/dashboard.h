// SPDX-License-Identifier: MIT
#pragma once

namespace gserve::io {

/// dashboard.html, byte for byte. Each @NONCE@ in it stands for the nonce of the Content-Security-Policy.
extern const char* const kDashboard;

}  // namespace gserve::io
