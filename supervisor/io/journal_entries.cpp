// SPDX-License-Identifier: MIT
#include "supervisor/io/journal_entries.h"

#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <string>
#include <vector>

namespace gserve::io {

bool journal_takes_entries(int stream) {
  struct stat file {};
  return ::fstat(stream, &file) == 0 && S_ISSOCK(file.st_mode) &&
         ::access("/run/systemd/journal/socket", W_OK) == 0;
}

void send_to_journal(syslog::Severity severity, std::string_view text, core::Pid pid,
                     core::Generation generation) {
  std::vector<std::string> fields = {"", "PRIORITY=" + std::to_string(static_cast<int>(severity)),
                                     "SYSLOG_IDENTIFIER=gserve"};
  if (pid != 0) fields.push_back("GSERVE_WORKER=" + std::to_string(pid));
  if (generation != 0) fields.push_back("GSERVE_GENERATION=" + std::to_string(generation));
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    fields[0].assign("MESSAGE=").append(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    std::vector<iovec> parts;
    for (std::string& field : fields) parts.push_back({field.data(), field.size()});
    ::sd_journal_sendv(parts.data(), static_cast<int>(parts.size()));
  }
}

}  // namespace gserve::io
