// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>

#include "supervisor/config/hooks.h"
#include "supervisor/config/settings.h"
#include "supervisor/config/unsupported.h"
#include "supervisor/config/validators.h"

namespace gserve::config {
namespace {

using Texts = std::vector<std::string>;
constexpr std::int64_t operator""_i(unsigned long long number) {
  return static_cast<std::int64_t>(number);
}
const Value kNone = std::monostate{};

constexpr bool kGunicorn = false;  // `own`
constexpr bool kOwn = true;
constexpr bool kSupervisor = false;  // `worker`
constexpr bool kWorker = true;

constexpr std::string_view kApplication = "Application";
constexpr std::string_view kServerSocket = "Server socket";
constexpr std::string_view kWorkers = "Worker processes";
constexpr std::string_view kSecurity = "Security";
constexpr std::string_view kTls = "TLS";
constexpr std::string_view kMechanics = "Server mechanics";
constexpr std::string_view kLogging = "Logging";
constexpr std::string_view kControl = "Control";

constexpr char kAccessFormat[] = R"(%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s")";

// clang-format off: one setting, one paragraph
const std::array kTable = {
    // wsgi_app has no flag: it is the command line's positional argument.
    Setting{"wsgi_app", "", Kind::text, kNone, "APP_MODULE",
            "the application: module:variable or module:factory(arguments)", kGunicorn, kWorker,
            validators::not_empty, kApplication},
    Setting{"config", "-c,--config", Kind::text, "./gunicorn.conf.py", "FILE",
            "configuration file: PATH, file:PATH or python:MODULE, PATH.toml is TOML; if it is not given, "
            "./gunicorn.conf.py or ./gserve.toml is read when it is there",
            kGunicorn, kWorker, validators::accept, kApplication},
    Setting{"check_config", "--check-config", Kind::flag, false, "",
            "check the configuration, load the application, and exit: 0 when all is well, else 1", kGunicorn,
            kSupervisor, validators::accept, kApplication},
    Setting{"print_config", "--print-config", Kind::flag, false, "",
            "print each setting and where it comes from, then as --check-config", kGunicorn, kSupervisor,
            validators::accept, kApplication},
    Setting{"print_config_json", "--print-config-json", Kind::flag, false, "", "the same as JSON", kOwn,
            kSupervisor, validators::accept, kApplication},
    Setting{"preload_app", "--preload", Kind::flag, false, "",
            "load the application once, in a template process that the workers are forked from", kGunicorn,
            kSupervisor, validators::accept, kApplication},
    Setting{"chdir", "--chdir", Kind::text, ".", "DIR",
            "change to this directory before loading the application", kGunicorn, kWorker,
            validators::not_empty, kApplication},
    Setting{"pythonpath", "--pythonpath", Kind::text, kNone, "DIRS",
            "directories to add to Python's path, separated by commas", kGunicorn, kWorker,
            validators::accept, kApplication},
    Setting{"raw_env", "-e,--env", Kind::list, Texts{}, "NAME=VALUE",
            "set an environment variable for the application; may be repeated", kGunicorn, kSupervisor,
            validators::environment_settings, kApplication},
    Setting{"python", "--python", Kind::text, kNone, "PATH",
            "the Python interpreter of the workers; default: that of the active virtual environment, else "
            "python3",
            kOwn, kSupervisor, validators::not_empty, kApplication},

    Setting{"bind", "-b,--bind", Kind::list, Texts{"127.0.0.1:8000"}, "ADDRESS",
            "address to listen on: HOST:PORT, HOST, :PORT, [V6]:PORT, unix:PATH or fd://N; may be repeated",
            kGunicorn, kSupervisor, validators::addresses, kServerSocket},
    Setting{"reuse_port", "--reuse-port", Kind::flag, false, "",
            "set SO_REUSEPORT: other programs of the same user may listen at the same addresses", kGunicorn,
            kSupervisor, validators::accept, kServerSocket},
    Setting{"backlog", "--backlog", Kind::integer, 2048_i, "INT", "connections that may wait to be accepted",
            kGunicorn, kSupervisor, validators::at_least_zero, kServerSocket},

    Setting{"workers", "-w,--workers", Kind::integer, 1_i, "INT",
            "number of worker processes; $WEB_CONCURRENCY changes the default", kGunicorn, kWorker,
            validators::at_least_one, kWorkers},
    Setting{"worker_class", "-k,--worker-class", Kind::text, "sync", "CLASS",
            "how workers run requests: sync, gthread or gevent", kGunicorn, kWorker, validators::worker_class,
            kWorkers},
    Setting{"threads", "--threads", Kind::integer, 1_i, "INT",
            "requests that a worker runs at once, each on a thread; more than 1 makes gthread of sync",
            kGunicorn, kWorker, validators::at_least_one, kWorkers},
    Setting{"timeout", "-t,--timeout", Kind::seconds, 30.0, "SECONDS",
            "a request that runs longer ends its worker; 0: no limit", kGunicorn, kWorker,
            validators::duration, kWorkers},
    Setting{"graceful_timeout", "--graceful-timeout", Kind::seconds, 30.0, "SECONDS",
            "time that a stopping worker has to finish its requests", kGunicorn, kWorker,
            validators::duration, kWorkers},
    Setting{"keepalive", "--keep-alive", Kind::seconds, 2.0, "SECONDS",
            "time that an idle connection is kept open", kGunicorn, kWorker, validators::duration, kWorkers},
    Setting{"worker_connections", "--worker-connections", Kind::integer, 1000_i, "INT",
            "most connections of a worker at once, with gevent also its most greenlets", kGunicorn, kWorker,
            validators::at_least_one, kWorkers},
    Setting{"header_timeout", "--header-timeout", Kind::seconds, 30.0, "SECONDS",
            "time that a client has to send a request's head", kOwn, kWorker, validators::patience, kWorkers},
    Setting{"body_timeout", "--body-timeout", Kind::seconds, 30.0, "SECONDS",
            "time that a client may be silent in the middle of a body", kOwn, kWorker, validators::patience,
            kWorkers},
    Setting{"write_timeout", "--write-timeout", Kind::seconds, 30.0, "SECONDS",
            "time that a client may take nothing of a response", kOwn, kWorker, validators::patience,
            kWorkers},
    Setting{"hook_timeout", "--hook-timeout", Kind::seconds, 5.0, "SECONDS",
            "time that a hook of the master has; then the process that runs it is replaced; 0: no limit",
            kOwn, kSupervisor, validators::duration, kWorkers},
    Setting{"reload", "--reload", Kind::flag, false, "",
            "for development: reload when the application's code changes, and show in the browser why it "
            "cannot be "
            "loaded",
            kGunicorn, kWorker, validators::accept, kWorkers},
    Setting{"reload_engine", "--reload-engine", Kind::text, "auto", "ENGINE",
            "how changes are found: inotify, poll, or auto", kGunicorn, kWorker, validators::reload_engine,
            kWorkers},
    Setting{"reload_extra_files", "--reload-extra-file", Kind::list, Texts{}, "FILES",
            "with --reload: watch this file, or those that the pattern fits, too; may be repeated", kGunicorn,
            kWorker, validators::accept, kWorkers},
    Setting{"pre_stop_delay", "--pre-stop-delay", Kind::seconds, 0.0, "SECONDS",
            "serve on for so long after the request for a graceful stop, so that load balancers notice", kOwn,
            kSupervisor, validators::duration, kWorkers},
    Setting{"reload_surge", "--reload-surge", Kind::integer, 1_i, "INT",
            "workers that a reload may run beyond the number asked for", kOwn, kSupervisor,
            validators::at_least_one, kWorkers},
    Setting{
        "bake", "--bake", Kind::seconds, 0.0, "SECONDS",
        "test a new generation for so long after a reload, and go back by itself if it is worse; 0: no test",
        kOwn, kSupervisor, validators::duration, kWorkers},
    Setting{"bake_factor", "--bake-factor", Kind::integer, 3_i, "INT",
            "with --bake: how many times the old rate of crashes, timeouts or 5xx a new generation may have",
            kOwn, kSupervisor, validators::at_least_one, kWorkers},
    Setting{
        "health_check", "--health-check", Kind::text, kNone, "PATH",
        "a new worker serves only if its application answers this path (or http://HOST/PATH) with 2xx or 3xx",
        kOwn, kWorker, validators::health_check, kWorkers},
    Setting{"boot_timeout", "--boot-timeout", Kind::seconds, 60.0, "SECONDS",
            "time that a worker has to load the application; 0: no limit", kOwn, kSupervisor,
            validators::duration, kWorkers},
    Setting{"max_requests", "--max-requests", Kind::integer, 0_i, "INT",
            "requests after which a worker is replaced by a fresh one; 0: no limit", kGunicorn, kWorker,
            validators::at_least_zero, kWorkers},
    Setting{"max_requests_jitter", "--max-requests-jitter", Kind::integer, 0_i, "INT",
            "each worker adds a random number up to this to max_requests", kGunicorn, kWorker,
            validators::at_least_zero, kWorkers},
    Setting{"max_worker_memory", "--max-worker-memory", Kind::bytes, 0_i, "BYTES",
            "resident memory above which a worker is replaced, such as 512M or 2G; 0: no limit", kOwn,
            kSupervisor, validators::memory_limit, kWorkers},
    Setting{"max_worker_lifetime", "--max-worker-lifetime", Kind::seconds, 0.0, "SECONDS",
            "time after which a worker is replaced; 0: no limit", kOwn, kSupervisor, validators::lifetime,
            kWorkers},

    Setting{"limit_request_line", "--limit-request-line", Kind::integer, 4094_i, "INT",
            "longest request line in bytes; 0: no limit", kGunicorn, kWorker, validators::at_least_zero,
            kSecurity},
    Setting{"limit_request_fields", "--limit-request-fields", Kind::integer, 100_i, "INT",
            "most header fields of a request, up to 32768", kGunicorn, kWorker, validators::header_count,
            kSecurity},
    Setting{"limit_request_field_size", "--limit-request-field_size", Kind::integer, 8190_i, "INT",
            "longest header field in bytes; 0: the default", kGunicorn, kWorker, validators::field_size,
            kSecurity},
    Setting{"limit_request_body", "--limit-request-body", Kind::bytes, 0_i, "BYTES",
            "largest request body, such as 10M; 0: no limit", kOwn, kWorker, validators::size, kSecurity},

    Setting{
        "forwarded_allow_ips", "--forwarded-allow-ips", Kind::text, "127.0.0.1,::1", "LIST",
        "proxies whose word on the scheme counts: addresses, networks or *; $FORWARDED_ALLOW_IPS changes the "
        "default",
        kGunicorn, kWorker, validators::trusted_peers, kSecurity},
    Setting{"secure_scheme_headers", "", Kind::dictionary,
            Dictionary{
                {"X-FORWARDED-PROTOCOL", "ssl"}, {"X-FORWARDED-PROTO", "https"}, {"X-FORWARDED-SSL", "on"}},
            "", "header fields, and their values, by which those proxies say that the client used https",
            kGunicorn, kWorker, validators::accept, kSecurity},
    Setting{"forwarder_headers", "--forwarder-headers", Kind::text, "SCRIPT_NAME,PATH_INFO", "LIST",
            "header fields with an underscore that those proxies may send, SCRIPT_NAME to say where the "
            "application is mounted; *: all",
            kGunicorn, kWorker, validators::accept, kSecurity},
    Setting{
        "header_map", "--header-map", Kind::text, "drop", "POLICY",
        "other header fields with an underscore: drop them, refuse the request, or dangerous: take _ and - "
        "for the same",
        kGunicorn, kWorker, validators::header_map, kSecurity},
    Setting{"permit_obsolete_folding", "--permit-obsolete-folding", Kind::flag, false, "",
            "UNSAFE: take header fields that go on in a second line", kGunicorn, kWorker, validators::accept,
            kSecurity},
    Setting{"strip_header_spaces", "--strip-header-spaces", Kind::flag, false, "",
            "UNSAFE: drop spaces between a header field's name and the colon", kGunicorn, kWorker,
            validators::accept, kSecurity},
    Setting{"permit_unconventional_http_method", "--permit-unconventional-http-method", Kind::flag, false, "",
            "UNSAFE: take methods with lower case letters or #, and of any length", kGunicorn, kWorker,
            validators::accept, kSecurity},
    Setting{"permit_unconventional_http_version", "--permit-unconventional-http-version", Kind::flag, false,
            "", "UNSAFE: take versions other than HTTP/1.0 and HTTP/1.1", kGunicorn, kWorker,
            validators::accept, kSecurity},
    Setting{"casefold_http_method", "--casefold-http-method", Kind::flag, false, "",
            "UNSAFE: turn methods to upper case; lower case ones must be permitted too", kGunicorn, kWorker,
            validators::accept, kSecurity},

    Setting{
        "proxy_protocol", "--proxy-protocol", Kind::text, "off", "[MODE]",
        "connections may begin with a PROXY header, which names the client: off, v1, v2 or auto; the bare "
        "flag: auto",
        kGunicorn, kWorker, validators::proxy_protocol, kSecurity, "auto"},
    Setting{"proxy_allow_ips", "--proxy-allow-from", Kind::text, "127.0.0.1,::1", "LIST",
            "proxies that may send PROXY headers: addresses, networks or *", kGunicorn, kWorker,
            validators::trusted_peers, kSecurity},

    Setting{"certfile", "--certfile", Kind::text, kNone, "FILE",
            "serve TLS with this certificate and the chain that follows it (PEM); a reload reads it again",
            kGunicorn, kSupervisor, validators::not_empty, kTls},
    Setting{"keyfile", "--keyfile", Kind::text, kNone, "FILE",
            "the certificate's private key (PEM, no passphrase); default: in the certificate's file",
            kGunicorn, kSupervisor, validators::not_empty, kTls},
    Setting{"sni_certs", "--sni-cert", Kind::list, Texts{}, "HOST=CERT[:KEY]",
            "certificate and key files for clients that ask for HOST, which may be *.DOMAIN; may be repeated",
            kOwn, kSupervisor, validators::sni_certificates, kTls},
    Setting{"ca_certs", "--ca-certs", Kind::text, kNone, "FILE",
            "authorities that sign the certificates of clients (PEM)", kGunicorn, kSupervisor,
            validators::not_empty, kTls},
    Setting{"cert_reqs", "--cert-reqs", Kind::integer, 0_i, "INT",
            "whether clients show a certificate: 0 no, 1 if they have one, 2 always", kGunicorn, kSupervisor,
            validators::certificate_demand, kTls},
    Setting{"ciphers", "--ciphers", Kind::text, kNone, "LIST",
            "cipher suites for TLS 1.2 as an OpenSSL list; default: ECDHE with AES-GCM or ChaCha20",
            kGunicorn, kSupervisor, validators::not_empty, kTls},
    Setting{"ssl_version", "--ssl-version", Kind::identity, "TLS", "NAME",
            "no effect: TLS 1.2 and 1.3 are spoken; a name that means older ones is refused", kGunicorn,
            kSupervisor, validators::ssl_version, kTls},
    Setting{"suppress_ragged_eofs", "--suppress-ragged-eofs", Kind::flag, true, "",
            "no effect: a connection that ends without notice is an end", kGunicorn, kSupervisor,
            validators::accept, kTls},
    Setting{"do_handshake_on_connect", "--do-handshake-on-connect", Kind::flag, false, "",
            "no effect: handshakes take no time of the application", kGunicorn, kSupervisor,
            validators::accept, kTls},

    Setting{"pidfile", "-p,--pid", Kind::text, kNone, "FILE", "write the process id to this file", kGunicorn,
            kSupervisor, validators::not_empty, kMechanics},
    Setting{"daemon", "-D,--daemon", Kind::flag, false, "",
            "run in the background; the command ends when the service can serve, or with its exit code",
            kGunicorn, kSupervisor, validators::accept, kMechanics},
    Setting{"user", "-u,--user", Kind::identity, kNone, "USER",
            "run the workers as this user, by name or number; default: as the supervisor", kGunicorn,
            kSupervisor, validators::not_empty, kMechanics},
    Setting{"group", "-g,--group", Kind::identity, kNone, "GROUP",
            "run the workers as this group; default: that of --user", kGunicorn, kSupervisor,
            validators::not_empty, kMechanics},
    Setting{"initgroups", "--initgroups", Kind::flag, false, "",
            "give the workers all groups of --user, not only --group", kGunicorn, kSupervisor,
            validators::accept, kMechanics},
    Setting{"umask", "-m,--umask", Kind::integer, 0_i, "MODE",
            "permissions that the files of Unix sockets do not get, such as 007", kGunicorn, kSupervisor,
            validators::file_mode, kMechanics},
    Setting{"worker_tmp_dir", "--worker-tmp-dir", Kind::text, kNone, "DIR",
            "no effect: workers show that they live in shared memory, not in a file", kGunicorn, kSupervisor,
            validators::accept, kMechanics},
    Setting{"proc_name", "-n,--name", Kind::text, kNone, "NAME",
            "name of the instance, for gservectl and process titles; default: from the application",
            kGunicorn, kWorker, validators::not_empty, kMechanics},

    Setting{"sendfile", "--no-sendfile", Kind::flag, true, "",
            "whether files are sent by sendfile(2); $SENDFILE changes the default", kGunicorn, kWorker,
            validators::accept, kMechanics, false},
    Setting{"spew", "--spew", Kind::flag, false, "", "print every line that the application runs; slow",
            kGunicorn, kWorker, validators::accept, kMechanics},
    Setting{"paste", "--paste,--paster", Kind::text, kNone, "FILE",
            "load the application from a PasteDeploy file: FILE or FILE#NAME", kGunicorn, kWorker,
            validators::not_empty, kApplication},
    Setting{"raw_paste_global_conf", "--paste-global", Kind::list, Texts{}, "NAME=VALUE",
            "a global variable for the PasteDeploy file; may be repeated", kGunicorn, kWorker,
            validators::environment_settings, kApplication},
    Setting{"root_path", "--root-path", Kind::text, "", "PATH",
            "no effect: of ASGI applications; a WSGI application is mounted by SCRIPT_NAME", kGunicorn,
            kSupervisor, validators::accept, kApplication},
    Setting{"default_proc_name", "", Kind::text, "gunicorn", "NAME",
            "the name where proc_name is not set; if neither is, it is the application", kGunicorn,
            kSupervisor, validators::not_empty, kMechanics},
    Setting{"tmp_upload_dir", "", Kind::text, kNone, "DIR",
            "where request bodies that do not fit into memory are kept; default: the system's directory for "
            "temporary files",
            kGunicorn, kWorker, validators::accept, kMechanics},

    Setting{"errorlog", "--error-logfile,--log-file", Kind::text, "-", "FILE",
            "log file, - is standard error", kGunicorn, kWorker, validators::not_empty, kLogging},
    Setting{"loglevel", "--log-level", Kind::text, "info", "LEVEL", "debug, info, warning, error or critical",
            kGunicorn, kWorker, validators::log_level, kLogging},
    Setting{"accesslog", "--access-logfile", Kind::text, kNone, "FILE",
            "access log file, - is standard output; default: off", kGunicorn, kWorker, validators::not_empty,
            kLogging},
    Setting{"access_log_format", "--access-log-format,--access-logformat", Kind::text, kAccessFormat,
            "FORMAT", "a line of the access log; json: a JSON object", kGunicorn, kWorker, validators::accept,
            kLogging},
    Setting{"log_format", "--log-format", Kind::text, "text", "FORMAT",
            "of the error log: text, or json with an object a line", kOwn, kWorker, validators::log_format,
            kLogging},
    Setting{"capture_output", "--capture-output", Kind::flag, false, "",
            "what workers write to standard output and error goes to the error log's file", kGunicorn,
            kWorker, validators::accept, kLogging},
    Setting{"enable_stdio_inheritance", "-R,--enable-stdio-inheritance", Kind::flag, false, "",
            "a daemon keeps standard output and error unless they are terminals", kGunicorn, kSupervisor,
            validators::accept, kLogging},
    Setting{"logger_class", "--logger-class", Kind::text, "gunicorn.glogging.Logger", "CLASS",
            "class with the interface of gunicorn's Logger that workers log through", kGunicorn, kWorker,
            validators::not_empty, kLogging},
    Setting{"logconfig", "--log-config", Kind::text, kNone, "FILE",
            "configuration of Python's logging in workers, as an ini file", kGunicorn, kWorker,
            validators::not_empty, kLogging},
    Setting{"logconfig_json", "--log-config-json", Kind::text, kNone, "FILE",
            "configuration of Python's logging in workers, as a JSON file", kGunicorn, kWorker,
            validators::not_empty, kLogging},
    Setting{"logconfig_dict", "", Kind::json, "{}", "DICT",
            "configuration of Python's logging in workers, as a dictionary", kGunicorn, kWorker,
            validators::accept, kLogging},

    Setting{"syslog", "--log-syslog", Kind::flag, false, "", "send the logs to a syslog server, too",
            kGunicorn, kWorker, validators::accept, kLogging},
    Setting{"syslog_addr", "--log-syslog-to", Kind::text, "udp://localhost:514", "ADDRESS",
            "that server: udp://HOST:PORT, tcp://HOST:PORT, unix://PATH, unix://PATH#dgram", kGunicorn,
            kWorker, validators::syslog_address, kLogging},
    Setting{
        "syslog_prefix", "--log-syslog-prefix", Kind::text, kNone, "NAME",
        "lines there are named gunicorn.NAME.error and gunicorn.NAME.access; default: the instance's name",
        kGunicorn, kWorker, validators::accept, kLogging},
    Setting{"syslog_facility", "--log-syslog-facility", Kind::text, "user", "FACILITY",
            "facility of the lines there", kGunicorn, kWorker, validators::syslog_facility, kLogging},
    Setting{"disable_redirect_access_to_syslog", "--disable-redirect-access-to-syslog", Kind::flag, false, "",
            "do not send the access log there", kGunicorn, kWorker, validators::accept, kLogging},

    Setting{"statsd_host", "--statsd-host", Kind::text, kNone, "ADDRESS",
            "statsd server to send metrics to: HOST:PORT or unix://PATH", kGunicorn, kWorker,
            validators::statsd_address, kLogging},
    Setting{"statsd_prefix", "--statsd-prefix", Kind::text, "", "PREFIX",
            "put in front of each metric's name", kGunicorn, kWorker, validators::accept, kLogging},
    Setting{"dogstatsd_tags", "--dogstatsd-tags", Kind::text, "", "TAGS",
            "tags of each metric, separated by commas", kGunicorn, kWorker, validators::accept, kLogging},
    Setting{"enable_backlog_metric", "--enable-backlog-metric", Kind::flag, false, "",
            "send how many connections wait to be accepted, once a second", kGunicorn, kSupervisor,
            validators::accept, kLogging},

    Setting{"control_socket", "--control-socket", Kind::text, kNone, "PATH",
            "socket of the control interface; default: in the run directory of the instance", kGunicorn,
            kSupervisor, validators::socket_path, kControl},
    Setting{"control_socket_mode", "--control-socket-mode", Kind::integer, 0600_i, "MODE",
            "permissions of that socket", kGunicorn, kSupervisor, validators::file_mode, kControl},
    Setting{"admin", "--admin", Kind::text, kNone, "ADDRESS",
            "answer health checks and metrics, and show a dashboard, on this loopback address or unix:PATH; "
            "default: "
            "off",
            kOwn, kSupervisor, validators::local_address, kControl},
    Setting{"control_socket_disable", "--no-control-socket", Kind::flag, false, "",
            "no control interface: gservectl cannot reach this instance", kGunicorn, kSupervisor,
            validators::accept, kControl},
};
// clang-format on

}  // namespace

std::span<const Setting> table() {
  static const std::vector<Setting> kAll = [] {
    std::vector<Setting> all(kTable.begin(), kTable.end());
    for (const auto& others : {hook_settings(), unsupported_settings()})
      all.insert(all.end(), others.begin(), others.end());
    return all;
  }();
  return kAll;
}

const Setting* find_setting(std::string_view name) {
  const auto all = table();
  const auto row =
      std::find_if(all.begin(), all.end(), [&](const Setting& setting) { return setting.name == name; });
  return row == all.end() ? nullptr : &*row;
}

}  // namespace gserve::config
