// SPDX-License-Identifier: MIT
#include "worker/net/context.h"

#include <unistd.h>

#include <stdexcept>
#include <utility>

namespace gserve::net {
namespace {

std::optional<tls::Context> tls_context(const std::optional<tls::Material>& material) {
  if (!material) return std::nullopt;
  auto made = tls::Context::make(*material);
  if (const auto* wrong = std::get_if<std::string>(&made)) throw std::runtime_error(*wrong);
  return std::get<tls::Context>(std::move(made));
}

}  // namespace

Context::Context(ServerConfig settings)
    : config(std::move(settings)),
      spool{spool_dir(config.tmp_dir), config.memory_limit, config.spool_limit,
            config.event_loop ? config.memory_limit : config.spool_limit},
      body_memory(config.shared_body_memory),
      access_format(config.access_log_format, ::getpid(), config.generation),
      tls(tls_context(config.tls)),
      handover(guard, config.handover_out, config.handover_in) {
  if (config.scoreboard != nullptr) {
    scoreboard.emplace(config.scoreboard);
    board.emplace(config.scoreboard);
  }
  if (config.event_loop) queue.use_event_loop(guard);
}

void Context::advance_stop(StopState to) {
  StopState current = stop.load(std::memory_order_relaxed);
  while (current < to && !stop.compare_exchange_weak(current, to, std::memory_order_seq_cst)) {
  }
}

}  // namespace gserve::net
