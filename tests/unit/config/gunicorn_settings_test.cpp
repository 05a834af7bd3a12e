// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "supervisor/config/settings.h"
#include "supervisor/config/values.h"

/// gunicorn's settings as its release 27.0.1 has them, and the table beside them.
namespace gserve::config {
namespace {

struct Fact {
  const char* name;
  const char* flags;
  Kind kind;
  const char* builtin;  // as text; None is empty
};

// clang-format off: one setting, one line
constexpr Fact kFacts[] = {
    {"config", "-c,--config", Kind::text, "./gunicorn.conf.py"},
    {"wsgi_app", "", Kind::text, ""},
    {"bind", "-b,--bind", Kind::list, "127.0.0.1:8000"},
    {"backlog", "--backlog", Kind::integer, "2048"},
    {"workers", "-w,--workers", Kind::integer, "1"},
    {"worker_class", "-k,--worker-class", Kind::text, "sync"},
    {"threads", "--threads", Kind::integer, "1"},
    {"worker_connections", "--worker-connections", Kind::integer, "1000"},
    {"max_requests", "--max-requests", Kind::integer, "0"},
    {"max_requests_jitter", "--max-requests-jitter", Kind::integer, "0"},
    {"timeout", "-t,--timeout", Kind::seconds, "30"},
    {"graceful_timeout", "--graceful-timeout", Kind::seconds, "30"},
    {"keepalive", "--keep-alive", Kind::seconds, "2"},
    {"limit_request_line", "--limit-request-line", Kind::integer, "4094"},
    {"limit_request_fields", "--limit-request-fields", Kind::integer, "100"},
    {"limit_request_field_size", "--limit-request-field_size", Kind::integer, "8190"},
    {"reload", "--reload", Kind::flag, "false"},
    {"reload_engine", "--reload-engine", Kind::text, "auto"},
    {"reload_extra_files", "--reload-extra-file", Kind::list, ""},
    {"spew", "--spew", Kind::flag, "false"},
    {"check_config", "--check-config", Kind::flag, "false"},
    {"print_config", "--print-config", Kind::flag, "false"},
    {"preload_app", "--preload", Kind::flag, "false"},
    {"sendfile", "--no-sendfile", Kind::flag, "true"},
    {"reuse_port", "--reuse-port", Kind::flag, "false"},
    {"chdir", "--chdir", Kind::text, "."},
    {"daemon", "-D,--daemon", Kind::flag, "false"},
    {"raw_env", "-e,--env", Kind::list, ""},
    {"pidfile", "-p,--pid", Kind::text, ""},
    {"worker_tmp_dir", "--worker-tmp-dir", Kind::text, ""},
    {"user", "-u,--user", Kind::identity, ""},
    {"group", "-g,--group", Kind::identity, ""},
    {"umask", "-m,--umask", Kind::integer, "0"},
    {"initgroups", "--initgroups", Kind::flag, "false"},
    {"tmp_upload_dir", "", Kind::text, ""},
    {"secure_scheme_headers", "", Kind::dictionary,
     "X-FORWARDED-PROTO=https X-FORWARDED-PROTOCOL=ssl X-FORWARDED-SSL=on"},
    {"forwarded_allow_ips", "--forwarded-allow-ips", Kind::text, "127.0.0.1,::1"},
    {"accesslog", "--access-logfile", Kind::text, ""},
    {"disable_redirect_access_to_syslog", "--disable-redirect-access-to-syslog", Kind::flag, "false"},
    {"access_log_format", "--access-log-format,--access-logformat", Kind::text,  // the first is gserve's own
     "%(h)s %(l)s %(u)s %(t)s \"%(r)s\" %(s)s %(b)s \"%(f)s\" \"%(a)s\""},
    {"errorlog", "--error-logfile,--log-file", Kind::text, "-"},
    {"loglevel", "--log-level", Kind::text, "info"},
    {"capture_output", "--capture-output", Kind::flag, "false"},
    {"logger_class", "--logger-class", Kind::text, "gunicorn.glogging.Logger"},
    {"logconfig", "--log-config", Kind::text, ""},
    {"logconfig_dict", "", Kind::json, "{}"},
    {"logconfig_json", "--log-config-json", Kind::text, ""},
    {"syslog_addr", "--log-syslog-to", Kind::text, "udp://localhost:514"},
    {"syslog", "--log-syslog", Kind::flag, "false"},
    {"syslog_prefix", "--log-syslog-prefix", Kind::text, ""},
    {"syslog_facility", "--log-syslog-facility", Kind::text, "user"},
    {"enable_stdio_inheritance", "-R,--enable-stdio-inheritance", Kind::flag, "false"},
    {"statsd_host", "--statsd-host", Kind::text, ""},
    {"dogstatsd_tags", "--dogstatsd-tags", Kind::text, ""},
    {"statsd_prefix", "--statsd-prefix", Kind::text, ""},
    {"enable_backlog_metric", "--enable-backlog-metric", Kind::flag, "false"},
    {"proc_name", "-n,--name", Kind::text, ""},
    {"default_proc_name", "", Kind::text, "gunicorn"},
    {"pythonpath", "--pythonpath", Kind::text, ""},
    {"paste", "--paste,--paster", Kind::text, ""},
    {"on_starting", "", Kind::callable, ""},
    {"on_reload", "", Kind::callable, ""},
    {"when_ready", "", Kind::callable, ""},
    {"pre_fork", "", Kind::callable, ""},
    {"post_fork", "", Kind::callable, ""},
    {"post_worker_init", "", Kind::callable, ""},
    {"worker_int", "", Kind::callable, ""},
    {"worker_abort", "", Kind::callable, ""},
    {"pre_exec", "", Kind::callable, ""},
    {"pre_request", "", Kind::callable, ""},
    {"post_request", "", Kind::callable, ""},
    {"child_exit", "", Kind::callable, ""},
    {"worker_exit", "", Kind::callable, ""},
    {"nworkers_changed", "", Kind::callable, ""},
    {"on_exit", "", Kind::callable, ""},
    {"ssl_context", "", Kind::callable, ""},
    {"proxy_protocol", "--proxy-protocol", Kind::text, "off"},
    {"proxy_allow_ips", "--proxy-allow-from", Kind::text, "127.0.0.1,::1"},
    {"protocol", "--protocol", Kind::text, "http"},
    {"uwsgi_allow_ips", "--uwsgi-allow-from", Kind::text, "127.0.0.1,::1"},
    {"keyfile", "--keyfile", Kind::text, ""},
    {"certfile", "--certfile", Kind::text, ""},
    {"ssl_version", "--ssl-version", Kind::identity, "TLS"},
    {"cert_reqs", "--cert-reqs", Kind::integer, "0"},
    {"ca_certs", "--ca-certs", Kind::text, ""},
    {"suppress_ragged_eofs", "--suppress-ragged-eofs", Kind::flag, "true"},
    {"do_handshake_on_connect", "--do-handshake-on-connect", Kind::flag, "false"},
    {"ciphers", "--ciphers", Kind::text, ""},
    {"http_protocols", "--http-protocols", Kind::text, "h1"},
    {"http2_cleartext", "--http2-cleartext", Kind::text, "off"},
    {"http2_max_concurrent_streams", "--http2-max-concurrent-streams", Kind::integer, "100"},
    {"http2_initial_window_size", "--http2-initial-window-size", Kind::integer, "65535"},
    {"http2_max_frame_size", "--http2-max-frame-size", Kind::integer, "16384"},
    {"http2_max_header_list_size", "--http2-max-header-list-size", Kind::integer, "65536"},
    {"raw_paste_global_conf", "--paste-global", Kind::list, ""},
    {"permit_obsolete_folding", "--permit-obsolete-folding", Kind::flag, "false"},
    {"strip_header_spaces", "--strip-header-spaces", Kind::flag, "false"},
    {"permit_unconventional_http_method", "--permit-unconventional-http-method", Kind::flag, "false"},
    {"permit_unconventional_http_version", "--permit-unconventional-http-version", Kind::flag, "false"},
    {"casefold_http_method", "--casefold-http-method", Kind::flag, "false"},
    {"forwarder_headers", "--forwarder-headers", Kind::text, "SCRIPT_NAME,PATH_INFO"},
    {"header_map", "--header-map", Kind::text, "drop"},
    {"asgi_loop", "--asgi-loop", Kind::text, "auto"},
    {"asgi_lifespan", "--asgi-lifespan", Kind::text, "auto"},
    {"asgi_disconnect_grace_period", "--asgi-disconnect-grace-period", Kind::integer, "3"},
    {"websocket_max_message_size", "--websocket-max-message-size", Kind::integer, "16777216"},
    {"http_parser", "--http-parser", Kind::text, "auto"},
    {"root_path", "--root-path", Kind::text, ""},
    {"dirty_apps", "--dirty-app", Kind::list, ""},
    {"dirty_workers", "--dirty-workers", Kind::integer, "0"},
    {"dirty_timeout", "--dirty-timeout", Kind::integer, "300"},
    {"dirty_threads", "--dirty-threads", Kind::integer, "1"},
    {"dirty_graceful_timeout", "--dirty-graceful-timeout", Kind::integer, "30"},
    {"on_dirty_starting", "", Kind::callable, ""},
    {"dirty_post_fork", "", Kind::callable, ""},
    {"dirty_worker_init", "", Kind::callable, ""},
    {"dirty_worker_exit", "", Kind::callable, ""},
    {"control_socket", "--control-socket", Kind::text, ""},
    {"control_socket_mode", "--control-socket-mode", Kind::integer, "384"},
    {"control_socket_disable", "--no-control-socket", Kind::flag, "false"},
};
// clang-format on

/// Where the table differs on purpose: the directory is resolved later, the control socket has another place.
TEST(GunicornsSettings, AreInTheTableWithTheirFlagsKindsAndDefaults) {
  for (const Fact& fact : kFacts) {
    const Setting* setting = find_setting(fact.name);
    ASSERT_NE(setting, nullptr) << fact.name;
    EXPECT_FALSE(setting->own) << fact.name;
    EXPECT_EQ(setting->flags, fact.flags) << fact.name;
    EXPECT_EQ(setting->kind, fact.kind) << fact.name;
    EXPECT_EQ(to_text(setting->builtin), fact.builtin) << fact.name;
  }
}

TEST(GunicornsSettings, AreAllOfTheTableThatIsNotOwn) {
  std::map<std::string_view, int> known;
  for (const Fact& fact : kFacts) ++known[fact.name];
  for (const Setting& setting : table()) {
    EXPECT_EQ(known.contains(setting.name), !setting.own) << setting.name;
  }
}

}  // namespace
}  // namespace gserve::config
