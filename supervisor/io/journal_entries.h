// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include "common/syslog.h"
#include "supervisor/core/types.h"

/// Entries of systemd's journal with fields of their own (systemd.journal-fields(7)).
namespace gserve::io {

/// Whether `stream`, which is said to lead to the journal, is a real one's, and that takes entries, too.
bool journal_takes_entries(int stream);

/// One entry for each line of `text`, so that `systemctl status` shows all of a traceback. About the worker `pid`
/// (GSERVE_WORKER) and its generation (GSERVE_GENERATION), unless they are 0. What the journal does not take is lost.
void send_to_journal(syslog::Severity severity, std::string_view text, core::Pid pid,
                     core::Generation generation);

}  // namespace gserve::io
