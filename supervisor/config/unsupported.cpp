// SPDX-License-Identifier: MIT
#include "supervisor/config/unsupported.h"

#include <vector>

#include "supervisor/config/validators.h"

namespace gserve::config {
namespace {

using Texts = std::vector<std::string>;

constexpr std::string_view kNoSslContext =
    "its TLS is not Python's; --ciphers, --cert-reqs and --ca-certs set it up";
constexpr std::string_view kNoHttp2 = "gserve speaks HTTP/1.1";
constexpr std::string_view kNoAsgi = "gserve runs WSGI applications";
constexpr std::string_view kNoUwsgi = "gserve speaks HTTP, not uwsgi";
constexpr std::string_view kNoDirty = "gserve has no separate pools for heavy work";

const Value kNone = std::monostate{};

constexpr std::int64_t operator""_i(unsigned long long number) {
  return static_cast<std::int64_t>(number);
}

Setting row(std::string_view name, std::string_view flags, Kind kind, Value builtin,
            std::string_view refusal) {
  return {name,
          flags,
          kind,
          std::move(builtin),
          kind == Kind::flag ? "" : "VALUE",
          "not supported by this version",
          false,
          false,
          validators::accept,
          "Not supported",
          {},
          refusal};
}

Setting hook(std::string_view name, std::string_view refusal) {
  return row(name, "", Kind::callable, kNone, refusal);
}

// clang-format off: one setting, one line
std::vector<Setting> rows() {
  return {

      hook("ssl_context", kNoSslContext),

      row("http_protocols", "--http-protocols", Kind::text, "h1", kNoHttp2),
      row("http2_cleartext", "--http2-cleartext", Kind::text, "off", kNoHttp2),
      row("http2_max_concurrent_streams", "--http2-max-concurrent-streams", Kind::integer, 100_i, kNoHttp2),
      row("http2_initial_window_size", "--http2-initial-window-size", Kind::integer, 65535_i, kNoHttp2),
      row("http2_max_frame_size", "--http2-max-frame-size", Kind::integer, 16384_i, kNoHttp2),
      row("http2_max_header_list_size", "--http2-max-header-list-size", Kind::integer, 65536_i, kNoHttp2),
      row("protocol", "--protocol", Kind::text, "http", kNoUwsgi),
      row("uwsgi_allow_ips", "--uwsgi-allow-from", Kind::text, "127.0.0.1,::1", kNoUwsgi),
      row("asgi_loop", "--asgi-loop", Kind::text, "auto", kNoAsgi),
      row("asgi_lifespan", "--asgi-lifespan", Kind::text, "auto", kNoAsgi),
      row("asgi_disconnect_grace_period", "--asgi-disconnect-grace-period", Kind::integer, 3_i, kNoAsgi),
      row("websocket_max_message_size", "--websocket-max-message-size", Kind::integer, 16777216_i, kNoAsgi),
      row("http_parser", "--http-parser", Kind::text, "auto", "gserve has one parser, its own"),

      row("dirty_apps", "--dirty-app", Kind::list, Texts{}, kNoDirty),
      row("dirty_workers", "--dirty-workers", Kind::integer, 0_i, kNoDirty),
      row("dirty_timeout", "--dirty-timeout", Kind::integer, 300_i, kNoDirty),
      row("dirty_threads", "--dirty-threads", Kind::integer, 1_i, kNoDirty),
      row("dirty_graceful_timeout", "--dirty-graceful-timeout", Kind::integer, 30_i, kNoDirty),
      hook("on_dirty_starting", kNoDirty),
      hook("dirty_post_fork", kNoDirty),
      hook("dirty_worker_init", kNoDirty),
      hook("dirty_worker_exit", kNoDirty),
  };
}
// clang-format on

}  // namespace

std::span<const Setting> unsupported_settings() {
  static const std::vector<Setting> kRows = rows();
  return kRows;
}

}  // namespace gserve::config
