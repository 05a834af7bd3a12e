// SPDX-License-Identifier: MIT
#include "supervisor/config/hooks.h"

#include <algorithm>
#include <vector>

#include "supervisor/config/validators.h"

namespace gserve::config {
namespace {

Setting hook(std::string_view name, std::string_view help) {
  return {name, "",    Kind::callable, std::monostate{},   "FUNCTION",
          help, false, true,           validators::accept, "Hooks"};
}

// clang-format off: one setting, one line
std::vector<Setting> rows() {
  return {
      hook("post_fork", "post_fork(server, worker): in a new worker, before it loads the application"),
      hook("post_worker_init", "post_worker_init(worker): in a worker that has loaded the application"),
      hook("worker_int", "worker_int(worker): in a worker that is told to stop at once (SIGINT, SIGQUIT)"),
      hook("worker_abort",
           "worker_abort(worker): in a worker that is aborted, for a request over the timeout, say"),
      hook("pre_request", "pre_request(worker, req): before each request"),
      hook("post_request",
           "post_request(worker, req, environ, resp): after each request; the last two may be left out"),
      hook("worker_exit", "worker_exit(server, worker): in a worker, right before it ends"),
  };
}
// clang-format on

}  // namespace

std::span<const Setting> hook_settings() {
  static const std::vector<Setting> kRows = rows();
  return kRows;
}

bool has_hook(const Settings& settings) {
  const auto all = hook_settings();
  return std::any_of(all.begin(), all.end(),
                     [&](const Setting& setting) { return !settings.is_none(setting.name); });
}

}  // namespace gserve::config
