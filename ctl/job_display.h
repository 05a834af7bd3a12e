// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "ctl/model.h"
#include "ctl/terminal.h"
#include "ctl/turnover.h"

namespace gserve::ctl {

/// Shows how a job gets on. On a terminal: a line for each worker as it turns over, and below them one that is
/// drawn again and again, with a bar, what the supervisor says, and the time that has passed. Elsewhere: what the
/// supervisor says, line by line.
class JobDisplay {
 public:
  using Clock = std::chrono::steady_clock;

  JobDisplay(std::ostream& out, const Terminal& terminal) : out_(out), terminal_(terminal) {}

  /// How often look() is wanted; nothing: never.
  std::optional<std::chrono::milliseconds> interval() const;
  /// The service as it is when the job is asked for.
  void begin(Turnover turnover, Clock::time_point now);
  /// The supervisor says how far it is.
  void say(std::string_view text, Clock::time_point now);
  /// The service as it is now.
  void look(const Status& status, Clock::time_point now);
  /// Time has passed.
  void tick(Clock::time_point now);
  /// The job is over: what was drawn last goes away.
  void end();

 private:
  void draw(Clock::time_point now);

  std::ostream& out_;
  Terminal terminal_;
  std::optional<Turnover> turnover_;
  Clock::time_point begun_{};
  std::string text_;
};

/// "[######--------------]"
std::string render_bar(double share, std::size_t width);
/// "  + worker 4242 ready, generation 2"
std::string render_change(const WorkerChange& change, const Terminal& terminal);
/// "1.4 s", "1 min 12 s"
std::string render_elapsed(std::chrono::milliseconds elapsed);

}  // namespace gserve::ctl
