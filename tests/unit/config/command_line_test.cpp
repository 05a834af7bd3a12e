// SPDX-License-Identifier: MIT
#include "supervisor/config/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace gserve::config {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using Words = std::vector<std::string>;
using Variables = std::map<std::string, std::string>;

ParseOutcome parse(Words words, const Variables& variables = {}) {
  return parse_command_line({std::move(words), "/"},
                            [&](const std::string& name) -> std::optional<std::string> {
                              const auto found = variables.find(name);
                              return found == variables.end() ? std::nullopt : std::optional(found->second);
                            });
}

Settings settings_of(const ParseOutcome& outcome) {
  if (const auto* ending = std::get_if<Ending>(&outcome)) {
    ADD_FAILURE() << ending->text;
    return Settings{};
  }
  return std::get<Settings>(outcome);
}

Ending ending_of(const ParseOutcome& outcome) {
  if (std::holds_alternative<Ending>(outcome)) return std::get<Ending>(outcome);
  ADD_FAILURE() << "was accepted";
  return {-1, "", false};
}

TEST(CommandLine, SetsEverySettingByEachOfItsFlags) {
  const struct {
    Words words;
    const char* name;
    Value expected;
  } cases[] = {
      {{"-b", ":1"}, "bind", Words{":1"}},
      {{"--bind", ":1", "-b", "[::1]"}, "bind", Words{":1", "[::1]"}},
      {{"-b=:1", "--bind=unix:/x"}, "bind", Words{":1", "unix:/x"}},
      {{"--backlog", "0"}, "backlog", std::int64_t{0}},
      {{"-w", "4"}, "workers", std::int64_t{4}},
      {{"-w4"}, "workers", std::int64_t{4}},
      {{"-w=4"}, "workers", std::int64_t{4}},
      {{"--workers=0x10"}, "workers", std::int64_t{16}},
      {{"--workers", "2", "--workers", "3"}, "workers", std::int64_t{3}},
      {{"-k", "sync"}, "worker_class", std::string("sync")},
      {{"--worker-class", "sync"}, "worker_class", std::string("sync")},
      {{"-k", "gthread"}, "worker_class", std::string("gthread")},
      {{"--threads", "4"}, "threads", std::int64_t{4}},
      {{"-t", "5"}, "timeout", 5.0},
      {{"--timeout", "0.5"}, "timeout", 0.5},
      {{"--timeout", "0"}, "timeout", 0.0},
      {{"--graceful-timeout", "7"}, "graceful_timeout", 7.0},
      {{"--header-timeout", "7"}, "header_timeout", 7.0},
      {{"--forwarded-allow-ips", "10.0.0.0/8, ::1"}, "forwarded_allow_ips", std::string("10.0.0.0/8, ::1")},
      {{"--forwarded-allow-ips", "*"}, "forwarded_allow_ips", std::string("*")},
      {{"--body-timeout", "0.5"}, "body_timeout", 0.5},
      {{"--write-timeout", "7"}, "write_timeout", 7.0},
      {{"--worker-connections", "7"}, "worker_connections", std::int64_t{7}},
      {{"--keep-alive", "3"}, "keepalive", 3.0},
      {{"--boot-timeout", "9"}, "boot_timeout", 9.0},
      {{"--pre-stop-delay", "2.5"}, "pre_stop_delay", 2.5},
      {{"--reload-surge", "2"}, "reload_surge", std::int64_t{2}},
      {{"--reload"}, "reload", true},
      {{"--reload-engine", "poll"}, "reload_engine", std::string("poll")},
      {{"--reload-extra-file", "a", "--reload-extra-file", "b/*"}, "reload_extra_files", Words{"a", "b/*"}},
      {{"--health-check", "/health?deep=1"}, "health_check", std::string("/health?deep=1")},
      {{"--health-check", "http://shop.example/health"},
       "health_check",
       std::string("http://shop.example/health")},
      {{"--limit-request-line", "0"}, "limit_request_line", std::int64_t{0}},
      {{"--limit-request-fields", "5"}, "limit_request_fields", std::int64_t{5}},
      {{"--limit-request-fields", "99999"}, "limit_request_fields", std::int64_t{32768}},
      {{"--limit-request-fields", "0"}, "limit_request_fields", std::int64_t{32768}},
      {{"--limit-request-field_size", "512"}, "limit_request_field_size", std::int64_t{512}},
      {{"--limit-request-field_size", "0"}, "limit_request_field_size", std::int64_t{8190}},
      {{"--limit-request-body", "10M"}, "limit_request_body", std::int64_t{10} << 20},
      {{"--header-map", " Refuse"}, "header_map", std::string("refuse")},
      {{"--forwarder-headers", "SCRIPT_NAME,REMOTE_USER"},
       "forwarder_headers",
       std::string("SCRIPT_NAME,REMOTE_USER")},
      {{"--permit-obsolete-folding"}, "permit_obsolete_folding", true},
      {{"--strip-header-spaces"}, "strip_header_spaces", true},
      {{"--permit-unconventional-http-method"}, "permit_unconventional_http_method", true},
      {{"--permit-unconventional-http-version"}, "permit_unconventional_http_version", true},
      {{"--casefold-http-method"}, "casefold_http_method", true},
      {{"-p", "/run/x.pid"}, "pidfile", std::string("/run/x.pid")},
      {{"--pid", "x.pid"}, "pidfile", std::string("x.pid")},
      {{"-n", "my shop"}, "proc_name", std::string("my shop")},
      {{"--name=-odd"}, "proc_name", std::string("-odd")},
      {{"--chdir", "/usr/../usr/"}, "chdir", std::string("/usr")},
      {{"--chdir", "usr"}, "chdir", std::string("/usr")},
      {{"--pythonpath", "/a,/b"}, "pythonpath", std::string("/a,/b")},
      {{"-e", "A=1", "--env", "B="}, "raw_env", Words{"A=1", "B="}},
      {{"--log-level", "DEBUG"}, "loglevel", std::string("debug")},
      {{"--error-logfile", "e.log"}, "errorlog", std::string("e.log")},
      {{"--log-file=-"}, "errorlog", std::string("-")},
      {{"--access-logfile", "-"}, "accesslog", std::string("-")},
      {{"--access-logformat", "%(h)s [x]"}, "access_log_format", std::string("%(h)s [x]")},
      {{"--python", "/usr/bin/python3"}, "python", std::string("/usr/bin/python3")},
      {{"--control-socket", "/run/c"}, "control_socket", std::string("/run/c")},
      {{"--control-socket-mode", "0660"}, "control_socket_mode", std::int64_t{0660}},
      {{"--control-socket-mode", "0o600"}, "control_socket_mode", std::int64_t{0600}},
      {{"--no-control-socket"}, "control_socket_disable", true},
  };
  for (const auto& [words, name, expected] : cases) {
    Words with_app = words;
    with_app.push_back("app:app");
    const Settings settings = settings_of(parse(with_app));
    EXPECT_EQ(settings.value(name), expected) << words[0] << " for " << name;
    EXPECT_EQ(settings.source(name), Source::command_line) << name;
    EXPECT_EQ(settings.text("wsgi_app"), "app:app") << words[0];
  }
}

TEST(CommandLine, TakesTheApplicationAnywhere) {
  EXPECT_EQ(settings_of(parse({"-w", "2", "a:b"})).text("wsgi_app"), "a:b");
  EXPECT_EQ(settings_of(parse({"a:b", "-w", "2"})).integer("workers"), 2);
  EXPECT_EQ(settings_of(parse({"-w", "2", "--", "a:b"})).text("wsgi_app"), "a:b");
  EXPECT_EQ(settings_of(parse({"--bind=", "a:b"})).text("wsgi_app"), "a:b");
}

TEST(CommandLine, RefusesWrongHttpRules) {
  const Words cases[] = {
      {"--limit-request-body", "-1"}, {"--limit-request-body", "much"}, {"--header-map", "keep"}};
  for (Words words : cases) {
    words.push_back("a:b");
    const Ending ending = ending_of(parse(words));
    EXPECT_EQ(ending.exit_code, 1) << words[0];
    EXPECT_TRUE(ending.text.starts_with(words[0] + ": invalid value '" + words[1] + "'")) << ending.text;
  }
}

TEST(CommandLine, TakesBeginningsOfLongOptionsThatAreUniqueInGunicorn) {
  EXPECT_EQ(settings_of(parse({"--workers", "1", "--worker-conn", "7", "a"})).integer("worker_connections"),
            7);
  EXPECT_EQ(settings_of(parse({"--max-requests=5", "a"})).integer("max_requests"),
            5);  // whole, and a beginning
  EXPECT_EQ(settings_of(parse({"--threa=3", "a"})).integer("threads"), 3);
  EXPECT_EQ(settings_of(parse({"--back", "7", "a"})).integer("backlog"), 7);
  // --pre-stop-delay is ours: gunicorn's users mean the other.
  EXPECT_TRUE(settings_of(parse({"--pre", "a"})).flag("preload_app"));
}

TEST(CommandLine, TakesShortFlagsJoined) {
  const Settings settings = settings_of(parse({"-DRw", "4", "-m=007", "-uwww", "a"}));
  EXPECT_TRUE(settings.flag("daemon") && settings.flag("enable_stdio_inheritance"));
  EXPECT_EQ(settings.integer("workers"), 4);
  EXPECT_EQ(settings.integer("umask"), 7);
  EXPECT_EQ(settings.text("user"), "www");
}

TEST(CommandLine, AcceptsAnUnsupportedSettingAtItsDefault) {
  EXPECT_EQ(settings_of(parse({"--protocol", "http", "--dirty-workers=0", "a"})).text("protocol"), "http");
}

TEST(CommandLine, TakesAmountsOfMemoryWithAUnit) {
  const auto bytes = [](const char* text) {
    return settings_of(parse({"a:b", "--max-worker-memory", text})).integer("max_worker_memory");
  };
  EXPECT_EQ(bytes("0"), 0);
  EXPECT_EQ(bytes("536870912"), 536870912);
  EXPECT_EQ(bytes("2048K"), 2 << 20);
  EXPECT_EQ(bytes("512m"), 512 << 20);
  EXPECT_EQ(bytes(" 3G "), std::int64_t{3} << 30);
  for (const char* wrong : {"", "G", "M5", "1T", "9999999999999G", "-1G"}) {
    EXPECT_EQ(ending_of(parse({"a:b", "--max-worker-memory", wrong})).exit_code, 1) << wrong;
  }
}

TEST(CommandLine, RefusesWithOneLineAndTheRightCode) {
  const struct {
    Words words;
    int exit_code;
    const char* text;
  } cases[] = {
      {{}, 1, "No application module specified."},
      {{"-w", "2"}, 1, "No application module specified."},
      {{""}, 1, "APP_MODULE: invalid value '': must not be empty"},
      // Usage.
      {{"--bogus", "a"}, 2, "unknown option --bogus; gserve --help lists all"},
      {{"--wrokers=3", "a"}, 2, "unknown option --wrokers; did you mean --workers?"},
      {{"-x", "a"}, 2, "unknown option -x; gserve --help lists all"},
      {{"a", "b"}, 2, "unexpected argument 'b'"},
      {{"a", "-w"}, 2, "-w needs a value"},
      {{"a", "--bind"}, 2, "--bind needs a value"},
      {{"-n", "-p", "a"}, 2, "--name needs a value, but -p follows"},
      {{"-w", "--bogus", "a"}, 2, "--workers needs a value, but --bogus follows"},
      {{"--no-control-socket=yes", "a"}, 2, "--no-control-socket takes no value"},
      // Values.
      {{"-w", "x", "a"}, 1, "--workers: invalid value 'x': must be an integer"},
      {{"-w", "", "a"}, 1, "--workers: invalid value '': must be an integer"},
      {{"-w", "1.5", "a"}, 1, "--workers: invalid value '1.5': must be an integer"},
      {{"--max-requests", "-1", "a"}, 1, "--max-requests: invalid value '-1': must be from 0 to 2147483647"},
      {{"--max-worker-memory", "1.5G", "a"},
       1,
       "--max-worker-memory: invalid value '1.5G': must be a number of bytes, such as 536870912, 512M or 2G"},
      {{"--max-worker-memory", "512", "a"},
       1,
       "--max-worker-memory: invalid value '512': must be 0 or at least 1M"},
      {{"--max-worker-lifetime", "0.5", "a"},
       1,
       "--max-worker-lifetime: invalid value '0.5': must be 0 or at least 1 second"},
      {{"-w", "09", "a"}, 1, "--workers: invalid value '09': must be an integer"},
      {{"-w", "--1", "a"}, 2, "--workers needs a value, but --1 follows"},
      {{"--reload-engine", "magic", "a"},
       1,
       "--reload-engine: invalid value 'magic': must be auto, inotify or poll"},
      {{"--health-check", "health", "a"},
       1,
       "--health-check: invalid value 'health': must be a path such as /health, or http://HOST/PATH"},
      {{"--health-check", "http://host", "a"},
       1,
       "--health-check: invalid value 'http://host': must be a path such as /health, or http://HOST/PATH"},
      {{"--health-check", "http:///health", "a"},
       1,
       "--health-check: invalid value 'http:///health': must name a host between http:// and the path"},
      {{"--health-check", "/a b", "a"},
       1,
       "--health-check: invalid value '/a b': must be a path such as /health, or http://HOST/PATH"},
      {{"--reload-surge", "0", "a"}, 1, "--reload-surge: invalid value '0': must be from 1 to 10000"},
      {{"-w", "0", "a"}, 1, "--workers: invalid value '0': must be from 1 to 10000"},
      {{"-w", "-1", "a"}, 1, "--workers: invalid value '-1': must be from 1 to 10000"},
      {{"-w", "99999999999999999999", "a"},
       1,
       "--workers: invalid value '99999999999999999999': must be an integer"},
      {{"--backlog", "-1", "a"}, 1, "--backlog: invalid value '-1': must be from 0 to 2147483647"},
      {{"-t", "soon", "a"}, 1, "--timeout: invalid value 'soon': must be a number of seconds"},
      {{"-t", "nan", "a"}, 1, "--timeout: invalid value 'nan': must be a number of seconds"},
      {{"-t", "-1", "a"}, 1, "--timeout: invalid value '-1': must be from 0 to 1000000000 seconds"},
      {{"--keep-alive", "1e10", "a"}, 1, "--keep-alive: invalid value '1e10': must be a number of seconds"},
      {{"--keep-alive", "10000000000", "a"},
       1,
       "--keep-alive: invalid value '10000000000': must be from 0 to 1000000000 seconds"},
      {{"--limit-request-fields", "-1", "a"},
       1,
       "--limit-request-fields: invalid value '-1': must be from 0 to 2147483647"},
      {{"--limit-request-field_size", "-1", "a"},
       1,
       "--limit-request-field_size: invalid value '-1': must be from 0 to 2147483647"},
      {{"-k", "tornado", "a"},
       1,
       "--worker-class: invalid value 'tornado': this version supports sync, gthread and gevent"},
      {{"-k", "mine.Worker", "a"},
       1,
       "--worker-class: invalid value 'mine.Worker': no such worker class; this version supports sync, "
       "gthread and gevent"},
      {{"--header-timeout", "0", "a"}, 1, "--header-timeout: invalid value '0': must be above 0 seconds"},
      {{"--body-timeout", "-1", "a"}, 1, "--body-timeout: invalid value '-1': must be above 0 seconds"},
      {{"--forwarded-allow-ips", "10.0.0.1/8", "a"},
       1,
       "--forwarded-allow-ips: invalid value '10.0.0.1/8': '10.0.0.1/8' has bits set beyond its prefix"},
      {{"--threads", "0", "a"}, 1, "--threads: invalid value '0': must be from 1 to 10000"},
      {{"-b", "8000", "a"}, 1, "--bind: invalid value '8000': write a port alone as :8000"},
      {{"-b", ":1", "-b", ":x", "a"},
       1,
       "--bind: invalid value ':x': the port must be a number from 0 to 65535"},
      {{"-e", "FOO", "a"}, 1, "--env: invalid value 'FOO': must be NAME=VALUE"},
      {{"-e", "=x", "a"}, 1, "--env: invalid value '=x': must be NAME=VALUE"},
      {{"--log-level", "loud", "a"},
       1,
       "--log-level: invalid value 'loud': must be debug, info, warning, error or critical"},
      {{"--control-socket-mode", "600", "a"},
       1,
       "--control-socket-mode: invalid value '600': must be an octal mode from 0 to 0777, such as 0600"},
      {{"--pid", "", "a"}, 1, "--pid: invalid value '': must not be empty"},
      {{"--chdir", "/nonexistent", "a"},
       1,
       "--chdir: cannot change to '/nonexistent': No such file or directory"},
      {{"--chdir", "/dev/null", "a"}, 1, "--chdir: cannot change to '/dev/null': Not a directory"},
      {{"-n", "caf\xE9", "a"}, 1, "--name: invalid value 'caf\xE9': must be UTF-8 text"},
      {{"-w", "a\nb", "a"}, 1, "--workers: invalid value 'a\\x0ab': must be an integer"},
      {{"--work", "4", "a"},
       2,
       "ambiguous option: --work could match --workers, --worker-class, --worker-connections, "
       "--worker-tmp-dir"},
      // gunicorn's, but not of this version.
      {{"--http-protocols", "h2,h1", "a"},
       1,
       "--http-protocols (http_protocols) is not supported by this version: gserve speaks HTTP/1.1"},
      {{"--asgi-loop", "uvloop", "a"},
       1,
       "--asgi-loop (asgi_loop) is not supported by this version: gserve runs WSGI applications"},
      {{"--sni-cert", "a.b", "a"},
       1,
       "--sni-cert: invalid value 'a.b': must be HOST=CERTFILE or HOST=CERTFILE:KEYFILE"},
      {{"--sni-cert", "a..b=x", "a"},
       1,
       "--sni-cert: invalid value 'a..b=x': 'a..b' is no host name such as www.example.com or *.example.com"},
      {{"--sni-cert", "a.b=x:", "a"}, 1, "--sni-cert: invalid value 'a.b=x:': a file name is missing"},
      {{"--sni-cert", "a.b=x", "--sni-cert", "A.B=y", "a"},
       1,
       "--sni-cert: invalid value 'A.B=y': a.b has a certificate already"},
      {{"--cert-reqs", "3", "a"},
       1,
       "--cert-reqs: invalid value '3': must be 0 (none), 1 (optional) or 2 (required)"},
      {{"--ssl-version", "TLSv1_1", "a"},
       1,
       "--ssl-version: invalid value 'TLSv1_1': TLS 1.2 and 1.3 are spoken and nothing older; leave it out"},
  };
  for (const auto& [words, exit_code, text] : cases) {
    const Ending ending = ending_of(parse(words));
    EXPECT_EQ(ending.text, text);
    EXPECT_EQ(ending.exit_code, exit_code) << text;
    EXPECT_FALSE(ending.to_stdout) << text;
    EXPECT_EQ(printed(ending), "gserve: " + std::string(text) + "\n");
  }
}

TEST(CommandLine, RefusesASocketPathThatIsTooLong) {
  const Ending ending = ending_of(parse({"--control-socket", "/" + std::string(107, 'x'), "a"}));
  EXPECT_THAT(ending.text, HasSubstr("the path of a Unix socket has at most 107 bytes"));
  EXPECT_EQ(ending.exit_code, 1);
}

TEST(CommandLine, PrintsHelpAndVersionToStandardOutput) {
  for (const Words& words : {Words{"-h"}, Words{"--help"}, Words{"-w", "2", "-h", "--bogus"}}) {
    const Ending help = ending_of(parse(words, {{"WEB_CONCURRENCY", "x"}}));
    EXPECT_THAT(printed(help), StartsWith("Usage: gserve [OPTIONS] APP_MODULE\n"));
    EXPECT_TRUE(help.to_stdout);
    EXPECT_EQ(help.exit_code, 0);
  }
  for (const char* flag : {"-v", "--version"}) {
    const Ending version = ending_of(parse({flag}));
    EXPECT_EQ(printed(version), "gserve (version 0.1.0)\n");
    EXPECT_TRUE(version.to_stdout);
    EXPECT_EQ(version.exit_code, 0);
  }
}

TEST(Precedence, RisesFromTheEnvironmentsDefaultsToTheCommandLine) {
  Variables variables;
  EXPECT_EQ(settings_of(parse({"a"}, variables)).integer("workers"), 1);
  variables["WEB_CONCURRENCY"] = "2";
  EXPECT_EQ(settings_of(parse({"a"}, variables)).integer("workers"), 2);
  EXPECT_EQ(settings_of(parse({"a"}, variables)).source("workers"), Source::environment);
  EXPECT_EQ(settings_of(parse({"a"}, variables)).origin("workers"), "$WEB_CONCURRENCY");
  variables["GUNICORN_CMD_ARGS"] = "--workers 3 -t 9";
  EXPECT_EQ(settings_of(parse({"a"}, variables)).integer("workers"), 3);
  EXPECT_EQ(settings_of(parse({"a"}, variables)).source("workers"), Source::args_environment);
  variables["GSERVE_CMD_ARGS"] = "--workers=4 from_env:app";
  EXPECT_EQ(settings_of(parse({"a"}, variables)).integer("workers"), 4);
  EXPECT_EQ(settings_of(parse({}, variables)).text("wsgi_app"), "from_env:app");
  const Settings settings = settings_of(parse({"-w", "5", "a"}, variables));
  EXPECT_EQ(settings.integer("workers"), 5);
  EXPECT_EQ(settings.seconds("timeout"), 9.0);
  EXPECT_EQ(settings.text("wsgi_app"), "a");
  EXPECT_EQ(settings.origin("workers"), "--workers");
  EXPECT_EQ(settings.origin("timeout"), "GUNICORN_CMD_ARGS");
  EXPECT_EQ(settings.origin("wsgi_app"), "APP_MODULE");
  EXPECT_EQ(settings.origin("backlog"), "default");
}

TEST(Precedence, AHigherLayersListReplacesTheLowerOne) {
  const Variables variables = {{"PORT", "5000"}, {"GUNICORN_CMD_ARGS", "-b :1 -b :2"}};
  EXPECT_EQ(settings_of(parse({"a"}, {{"PORT", "5000"}})).list("bind"), Words{"0.0.0.0:5000"});
  EXPECT_EQ(settings_of(parse({"a"}, variables)).list("bind"), (Words{":1", ":2"}));
  EXPECT_EQ(settings_of(parse({"-b", ":3", "a"}, variables)).list("bind"), Words{":3"});
}

TEST(Precedence, InterpreterComesFromTheEnvironmentOrTheCommandLine) {
  const Variables variables{{"GSERVE_PYTHON", "/srv/venv/bin/python"}};
  EXPECT_EQ(settings_of(parse({"a"}, variables)).text("python"), "/srv/venv/bin/python");
  EXPECT_EQ(settings_of(parse({"--python", "python3.12", "a"}, variables)).text("python"), "python3.12");
}

TEST(Precedence, TrustedProxiesComeFromTheEnvironmentOrTheCommandLine) {
  const auto trusted = [](const Words& words, const Variables& variables) {
    return settings_of(parse(words, variables)).text("forwarded_allow_ips");
  };
  EXPECT_EQ(trusted({"a"}, {}), "127.0.0.1,::1");
  EXPECT_EQ(trusted({"a"}, {{"FORWARDED_ALLOW_IPS", "10.0.0.0/8"}}), "10.0.0.0/8");
  EXPECT_EQ(trusted({"a"}, {{"FORWARDED_ALLOW_IPS", ""}}), "");  // nobody
  EXPECT_EQ(trusted({"--forwarded-allow-ips", "*", "a"}, {{"FORWARDED_ALLOW_IPS", "10.0.0.0/8"}}), "*");
}

TEST(Precedence, AnEmptyVariableCountsAsNotSet) {
  const Settings settings =
      settings_of(parse({"a"}, {{"PORT", ""}, {"WEB_CONCURRENCY", ""}, {"GUNICORN_CMD_ARGS", ""}}));
  EXPECT_EQ(settings.list("bind"), Words{"127.0.0.1:8000"});
  EXPECT_EQ(settings.integer("workers"), 1);
}

TEST(Environment, IsNamedWhenItIsWrong) {
  const struct {
    Variables variables;
    int exit_code;
    const char* text;
  } cases[] = {
      {{{"FORWARDED_ALLOW_IPS", "proxy"}},
       1,
       "FORWARDED_ALLOW_IPS: invalid value 'proxy': 'proxy' is no address, no network such as 10.0.0.0/8 and "
       "not *"},
      {{{"WEB_CONCURRENCY", "many"}}, 1, "WEB_CONCURRENCY: invalid value 'many': must be an integer"},
      {{{"WEB_CONCURRENCY", "0"}}, 1, "WEB_CONCURRENCY: invalid value '0': must be from 1 to 10000"},
      {{{"PORT", "http"}},
       1,
       "PORT: invalid value '0.0.0.0:http': the port must be a number from 0 to 65535"},
      {{{"GUNICORN_CMD_ARGS", "-w 'x"}}, 1, "GUNICORN_CMD_ARGS: a quotation is not closed"},
      {{{"GUNICORN_CMD_ARGS", "-w"}}, 2, "GUNICORN_CMD_ARGS: -w needs a value"},
      {{{"GUNICORN_CMD_ARGS", "-w x"}},
       1,
       "GUNICORN_CMD_ARGS: --workers: invalid value 'x': must be an integer"},
      {{{"GUNICORN_CMD_ARGS", "--asgi-loop uvloop"}},
       1,
       "GUNICORN_CMD_ARGS: --asgi-loop (asgi_loop) is not supported by this version: gserve runs WSGI "
       "applications"},
      {{{"GSERVE_CMD_ARGS", "--bogus"}},
       2,
       "GSERVE_CMD_ARGS: unknown option --bogus; gserve --help lists all"},
  };
  for (const auto& [variables, exit_code, text] : cases) {
    const Ending ending = ending_of(parse({"a"}, variables));
    EXPECT_EQ(ending.text, text);
    EXPECT_EQ(ending.exit_code, exit_code) << text;
  }
}

TEST(CommandLine, TakesThePROXYProtocolWithAndWithoutAMode) {
  const auto mode = [](const Words& words) { return settings_of(parse(words)).text("proxy_protocol"); };
  EXPECT_EQ(mode({"a"}), "off");
  EXPECT_EQ(mode({"a", "--proxy-protocol"}), "auto");
  EXPECT_EQ(mode({"--proxy-protocol", "-w", "2", "a"}), "auto");
  EXPECT_EQ(mode({"--proxy-protocol=v1", "a"}), "v1");
  EXPECT_EQ(mode({"--proxy-protocol", "V2", "a"}), "v2");
  EXPECT_EQ(mode({"--proxy-protocol", "v1", "--proxy-protocol", "False", "a"}), "off");
  EXPECT_EQ(ending_of(parse({"--proxy-protocol", "app:app"})).text,
            "--proxy-protocol: invalid value 'app:app': must be off, v1, v2 or auto");
}

TEST(CommandLine, GivesTheSameAnswerWhenItIsReadAgain) {
  const Words words = {"-w", "3", "--chdir", "usr", "a"};
  for (int i = 0; i < 2; ++i) EXPECT_EQ(settings_of(parse(words)).text("chdir"), "/usr");
}

}  // namespace
}  // namespace gserve::config
