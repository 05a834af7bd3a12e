// SPDX-License-Identifier: MIT
#pragma once

#include "worker/net/context.h"

namespace gserve::net {

struct LifelineMessage {
  enum class Kind { none, logs, rest, serve, promotion, end } kind;
  TrackedFd control{};  // promotion: the control socket; none if it could not be received
};

/// Reads one message of the lifeline (common/launch_contract.h). On `logs` the new files have taken the
/// places of the error and access log: the descriptor numbers stay, so that all who know them write to the
/// new files.
LifelineMessage read_lifeline_message(Context& context);

}  // namespace gserve::net
