// SPDX-License-Identifier: MIT
#include "supervisor/config/unsupported.h"

#include <algorithm>
#include <array>

#include "supervisor/config/flags.h"

namespace gserve::config {
namespace {

struct Unsupported {
  std::string_view name;
  std::string_view flags;
};

constexpr std::array kUnsupported = std::to_array<Unsupported>({
    {"config", "-c,--config"},
    {"spew", "--spew"},
    {"check_config", "--check-config"},
    {"print_config", "--print-config"},
    {"sendfile", "--no-sendfile"},
    {"reuse_port", "--reuse-port"},
    {"daemon", "-D,--daemon"},
    {"worker_tmp_dir", "--worker-tmp-dir"},
    {"user", "-u,--user"},
    {"group", "-g,--group"},
    {"umask", "-m,--umask"},
    {"initgroups", "--initgroups"},
    {"paste", "--paste,--paster"},
    {"protocol", "--protocol"},
    {"uwsgi_allow_ips", "--uwsgi-allow-from"},
    {"http_protocols", "--http-protocols"},
    {"http2_cleartext", "--http2-cleartext"},
    {"http2_max_concurrent_streams", "--http2-max-concurrent-streams"},
    {"http2_initial_window_size", "--http2-initial-window-size"},
    {"http2_max_frame_size", "--http2-max-frame-size"},
    {"http2_max_header_list_size", "--http2-max-header-list-size"},
    {"raw_paste_global_conf", "--paste-global"},
    {"asgi_loop", "--asgi-loop"},
    {"asgi_lifespan", "--asgi-lifespan"},
    {"asgi_disconnect_grace_period", "--asgi-disconnect-grace-period"},
    {"websocket_max_message_size", "--websocket-max-message-size"},
    {"http_parser", "--http-parser"},
    {"root_path", "--root-path"},
    {"dirty_apps", "--dirty-app"},
    {"dirty_workers", "--dirty-workers"},
    {"dirty_timeout", "--dirty-timeout"},
    {"dirty_threads", "--dirty-threads"},
    {"dirty_graceful_timeout", "--dirty-graceful-timeout"},
});

}  // namespace

std::string_view unsupported_setting(std::string_view flag) {
  for (const auto& [name, flags] : kUnsupported) {
    const auto known = split_flags(flags);
    if (std::find(known.begin(), known.end(), flag) != known.end()) return name;
  }
  return {};
}

}  // namespace gserve::config
