// SPDX-License-Identifier: MIT
#include "supervisor/config/manual.h"

#include <algorithm>
#include <vector>

#include "supervisor/config/flags.h"
#include "supervisor/config/help.h"
#include "supervisor/config/settings.h"

namespace gserve::config {
namespace {

constexpr std::string_view kHead = R"(.\" SPDX-License-Identifier: MIT
.\" Written by gserve --print-manual; a test compares it with the program.
.Dd November 26, 2026
.Dt GSERVE 8
.Os
.Sh NAME
.Nm gserve
.Nd run a Python web application in worker processes
.Sh SYNOPSIS
.Nm
.Op Ar OPTIONS
.Op Ar APP_MODULE
.Sh DESCRIPTION
.Nm
opens the listening sockets, starts worker processes that each run an instance of the WSGI application
.Ar APP_MODULE ,
and keeps them alive.
It takes the options, signals and exit codes of gunicorn.
The supervisor itself never loads Python: whatever the application does, the service goes on.
.Pp
.Xr gservectl 1
controls a running instance and tells what became of each order.
.Sh OPTIONS
From low to high precedence a value comes from the default, the configuration file
.Pq Xr gserve.toml 5 ,
.Ev GUNICORN_CMD_ARGS ,
.Ev GSERVE_CMD_ARGS
and the command line.
A unique beginning of a long option will do.
.Bl -tag -width Ds
.It Ar APP_MODULE
@APP@
.It Fl h , Fl -help
show the options and exit
.It Fl v , Fl -version
show the version and exit
.El
)";

constexpr std::string_view kTail = R"(.Sh SIGNALS
.Bl -tag -width "TTIN, TTOU"
.It Dv TERM
Stop gracefully: what was accepted is answered.
A second one hurries.
.It Dv INT , QUIT
Stop without waiting for running requests.
.It Dv HUP
Reload: configuration and application are loaded again, without a gap.
If the new workers cannot serve, the old ones go on.
.It Dv USR1
Open the log files again.
.It Dv USR2
Replace the supervisor's program in the same process; workers and sockets stay.
.It Dv TTIN , TTOU
One worker more or fewer.
.El
.Sh ENVIRONMENT
.Bl -tag -width Ds
.It Ev GUNICORN_CMD_ARGS , GSERVE_CMD_ARGS
Further options.
.It Ev WEB_CONCURRENCY , PORT , FORWARDED_ALLOW_IPS
Change the defaults of
.Fl -workers ,
.Fl -bind
and
.Fl -forwarded-allow-ips .
.It Ev VIRTUAL_ENV
Its interpreter runs the workers, unless
.Fl -python
names another one.
.It Ev RUNTIME_DIRECTORY , XDG_RUNTIME_DIR
Where the control socket goes.
.It Ev NOTIFY_SOCKET , LISTEN_FDS , FDSTORE
As systemd sets them:
.Xr sd_notify 3 ,
.Xr sd_listen_fds 3 .
.El
.Sh FILES
.Bl -tag -width Ds
.It Pa gunicorn.conf.py , gserve.toml
In the working directory: the configuration, if no other one is named.
.It Pa /run/gserve/NAME/control
The control socket of root's instance NAME; another user's is in
.Pa $XDG_RUNTIME_DIR/gserve/NAME .
.El
.Sh EXIT STATUS
.Bl -tag -width Ds
.It 0
It was stopped.
.It 1
It could not start: the last line says why.
.It 2
The command line is wrong.
.It 3
No worker could boot.
.It 4
The application object is not there.
.El
.Sh EXAMPLES
.Dl gserve -w 4 -b 127.0.0.1:8000 app:app
.Sh SEE ALSO
.Xr gservectl 1 ,
.Xr gserve.toml 5 ,
.Xr gserve-protocol 7
)";

constexpr std::string_view kFileHead = R"(.\" SPDX-License-Identifier: MIT
.\" Written by gserve --print-file-manual; a test compares it with the program.
.Dd November 26, 2026
.Dt GSERVE.TOML 5
.Os
.Sh NAME
.Nm gserve.toml
.Nd settings of gserve
.Sh DESCRIPTION
.Xr gserve 8
reads
.Pa gserve.toml
in its working directory, or the file that
.Fl -config
names, if its name ends with
.Pa .toml .
It is TOML without tables but for settings that are one.
The keys are those of gunicorn's
.Pa gunicorn.conf.py ;
a key that is not known, or a value of the wrong kind, is an error that names file and line.
Times are seconds.
What the environment or the command line gives replaces the whole value, lists too.
.Pp
A reload reads the file again; one that is broken changes nothing.
.Nm gserve Fl -print-config
and
.Nm gservectl Cm config
show each setting with where it was set.
.Sh SETTINGS
)";

constexpr std::string_view kFileTail = R"(.Sh EXAMPLES
.Bd -literal -offset indent
wsgi_app = "shop:app"
bind = ["127.0.0.1:8000"]
workers = 4
max_requests = 1000
.Ed
.Sh SEE ALSO
.Xr gservectl 1 ,
.Xr gserve 8
)";

/// As text of a page: a backslash is one, and no line begins with a control character.
std::string text(std::string_view words) {
  std::string safe;
  for (const char c : words) safe += c == '\\' ? std::string("\\e") : std::string(1, c);
  if (safe.starts_with('.') || safe.starts_with('\'')) safe.insert(0, "\\&");
  return safe;
}

/// As one argument of a macro, whatever stands in it; the name of a macro would be called.
std::string argument(std::string_view words) {
  std::string safe = "\\&";
  for (const char c : words) {
    if (c == '"')
      safe += "\\(dq";
    else if (c == '\\')
      safe += "\\e";
    else
      safe += c;
  }
  return words.find(' ') == std::string_view::npos ? safe : '"' + safe + '"';
}

std::string meaning(const Setting& setting) {
  std::string page = text(setting.help) + "\n";
  const std::string value = setting.kind == Kind::flag ? "" : default_text(setting);
  if (!value.empty()) page += ".br\nDefault:\n.Ql " + argument(value) + "\n";
  if (setting.own) page += ".br\nNot in gunicorn.\n";
  return page;
}

std::string option(const Setting& setting) {
  std::string heads;
  for (const std::string_view flag : split_flags(setting.flags)) {
    std::string name(flag.substr(1));
    heads += (heads.empty() ? "Fl " : " , Fl ") + name;
  }
  if (!setting.metavar.empty()) heads += " Ar " + argument(setting.metavar);
  return ".It " + heads + "\n" + meaning(setting);
}

const char* shape(const Setting& setting) {
  switch (setting.kind) {
    case Kind::flag:
      return "true or false";
    case Kind::integer:
    case Kind::bytes:
      return "number";
    case Kind::seconds:
      return "seconds";
    case Kind::text:
      return "text";
    case Kind::list:
      return "list of texts";
    case Kind::identity:
      return "name or number";
    case Kind::dictionary:
    case Kind::json:
      return "table";
    case Kind::callable:
      return "function";
  }
  return "";
}

bool is_for_files(const Setting& setting) {
  static constexpr std::string_view kCommands[] = {"config", "check_config", "print_config",
                                                   "print_config_json"};
  const bool command =
      std::find(std::begin(kCommands), std::end(kCommands), setting.name) != std::end(kCommands);
  return setting.refusal.empty() && setting.kind != Kind::callable && !command;
}

std::string key(const Setting& setting) {
  return ".It Ic " + std::string(setting.name) + " Pq " + shape(setting) + "\n" + meaning(setting);
}

/// The settings that `fits`, section by section, in the order of the table.
template <typename Fits, typename Entry>
std::string sections(Fits fits, Entry entry) {
  std::vector<std::string_view> order;
  for (const Setting& setting : table()) {
    if (fits(setting) && std::find(order.begin(), order.end(), setting.section) == order.end())
      order.push_back(setting.section);
  }
  std::string page;
  for (const std::string_view section : order) {
    page += ".Ss " + std::string(section) + "\n.Bl -tag -width Ds\n";
    for (const Setting& setting : table()) {
      if (setting.section == section && fits(setting)) page += entry(setting);
    }
    page += ".El\n";
  }
  return page;
}

}  // namespace

std::string manual_page() {
  std::string head(kHead);
  constexpr std::string_view kPlace = "@APP@";
  head.replace(head.find(kPlace), kPlace.size(), text(find_setting("wsgi_app")->help));
  const auto fits = [](const Setting& setting) { return setting.refusal.empty() && !setting.flags.empty(); };
  return head + sections(fits, option) + std::string(kTail);
}

std::string file_manual_page() {
  return std::string(kFileHead) + sections(is_for_files, key) + std::string(kFileTail);
}

}  // namespace gserve::config
