// SPDX-License-Identifier: MIT
#include "supervisor/core/outbox.h"

#include "supervisor/core/worker_handle.h"

namespace gserve::core {

void Outbox::log(LogLevel level, std::string text) {
  push(Log{level, std::move(text)});
}

void Outbox::log(LogLevel level, std::string text, const WorkerHandle& worker) {
  push(Log{level, std::move(text), worker.pid, worker.generation});
}

}  // namespace gserve::core
