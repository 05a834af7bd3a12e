// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <utility>

#include "supervisor/ports/notifier.h"

namespace gserve::io {

/// Tells the service manager through libsystemd. Needs NOTIFY_SOCKET in the process's own environment for as
/// long as it lives; workers never see that value (they get the supervisor's own socket instead).
class SystemdNotifier : public ports::Notifier {
 public:
  /// `hears` is called, too, each time that the service can serve.
  void on_ready(std::function<void()> hears) { hears_ = std::move(hears); }

  void ready(const std::string& status) override;
  void reloading() override;
  void stopping() override;
  void status(const std::string& text) override;
  void extend_timeout(core::Duration extra) override;
  void watchdog() override;

  /// How often the manager wants to hear from this process at least (sd_watchdog_enabled(3)); zero: it does not
  /// watch it.
  static core::Duration watchdog_limit();

 private:
  std::function<void()> hears_ = [] {};
};

}  // namespace gserve::io
