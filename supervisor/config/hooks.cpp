// SPDX-License-Identifier: MIT
#include "supervisor/config/hooks.h"

#include <algorithm>
#include <array>
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
      hook("on_starting", "on_starting(server): before the sockets are opened"),
      hook("on_reload", "on_reload(server): a reload has read the configuration, before it starts workers"),
      hook("when_ready", "when_ready(server): the sockets are open, before the first workers are started"),
      hook("pre_fork", "pre_fork(server, worker): before a worker is started"),
      hook("child_exit", "child_exit(server, worker): a worker has ended"),
      hook("nworkers_changed",
           "nworkers_changed(server, new_value, old_value): another number of workers is wanted"),
      hook("pre_exec", "pre_exec(server): before an upgrade executes the new program"),
      hook("on_exit", "on_exit(server): all workers have ended, before the supervisor does"),
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

std::span<const std::string_view> master_hooks() {
  static constexpr std::array<std::string_view, 8> kNames = {"on_starting", "on_reload",  "when_ready",
                                                             "pre_fork",    "child_exit", "nworkers_changed",
                                                             "pre_exec",    "on_exit"};
  return kNames;
}

bool has_hook(const Settings& settings) {
  const auto all = hook_settings();
  return std::any_of(all.begin(), all.end(),
                     [&](const Setting& setting) { return !settings.is_none(setting.name); });
}

}  // namespace gserve::config
