// SPDX-License-Identifier: MIT
#include "supervisor/io/engine.h"

#include <chrono>
#include <utility>

namespace gserve::io {

Engine::Engine(core::Supervisor supervisor, const ActionPorts& ports, std::function<void()> settled)
    : supervisor_(std::move(supervisor)),
      runner_(ports, [this](core::Event answer) { queue_.push_back(std::move(answer)); }),
      settled_(std::move(settled)) {}

void Engine::deliver(core::Event event) {
  queue_.push_back(std::move(event));
  if (draining_) return;
  draining_ = true;
  try {
    drain();
  } catch (...) {
    draining_ = false;
    throw;
  }
  draining_ = false;
  settled_();
}

void Engine::drain() {
  while (!queue_.empty()) {
    const core::Event event = std::move(queue_.front());
    queue_.pop_front();
    runner_.run(supervisor_.handle(event, std::chrono::steady_clock::now()));
  }
}

}  // namespace gserve::io
