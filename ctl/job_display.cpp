// SPDX-License-Identifier: MIT
#include "ctl/job_display.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "ctl/render.h"
#include "ctl/text.h"

namespace gserve::ctl {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kInterval{100};
constexpr std::size_t kBar = 24;

Color color_of(const std::string& state) {
  if (state == "ready") return Color::green;
  if (state == "draining" || state == "starting" || state == "spare") return Color::yellow;
  return state == "gone" ? Color::dim : Color::red;
}

}  // namespace

std::optional<milliseconds> JobDisplay::interval() const {
  return terminal_.interactive ? std::optional(kInterval) : std::nullopt;
}

void JobDisplay::begin(Turnover turnover, Clock::time_point now) {
  turnover_ = std::move(turnover);
  begun_ = now;
}

void JobDisplay::say(std::string_view text, Clock::time_point now) {
  if (!terminal_.interactive) {
    out_ << render_progress(text) << std::flush;
    return;
  }
  text_ = line(text);
  draw(now);
}

void JobDisplay::look(const Status& status, Clock::time_point now) {
  if (!terminal_.interactive || !turnover_) return;
  for (const WorkerChange& change : turnover_->look(status)) {
    out_ << kEraseLine << render_change(change, terminal_);
  }
  draw(now);
}

void JobDisplay::tick(Clock::time_point now) {
  if (terminal_.interactive) draw(now);
}

void JobDisplay::end() {
  if (terminal_.interactive) out_ << kEraseLine << std::flush;
}

/// One line, never wider than the terminal: what wraps cannot be drawn over.
void JobDisplay::draw(Clock::time_point now) {
  const auto share = turnover_ ? turnover_->share() : std::nullopt;
  std::string text = share ? render_bar(*share, kBar) + " " : "";
  const std::string elapsed = render_elapsed(std::chrono::duration_cast<milliseconds>(now - begun_));
  text += text_ + (text_.empty() ? "" : "  ") + elapsed;
  out_ << kEraseLine << text.substr(0, std::max<std::size_t>(terminal_.columns, 2) - 1) << std::flush;
}

std::string render_bar(double share, std::size_t width) {
  const auto full =
      static_cast<std::size_t>(std::floor(std::clamp(share, 0.0, 1.0) * static_cast<double>(width)));
  return "[" + std::string(full, '#') + std::string(width - full, '-') + "]";
}

std::string render_change(const WorkerChange& change, const Terminal& terminal) {
  const bool comes = change.state == "starting" || change.state == "ready";
  return std::string(comes ? "  + " : "  - ") + "worker " + std::to_string(change.pid) + " " +
         in(color_of(change.state), line(change.state), terminal) + ", generation " +
         std::to_string(change.generation) + "\n";
}

std::string render_elapsed(milliseconds elapsed) {
  if (elapsed >= std::chrono::minutes(1))
    return render_duration(static_cast<std::uint64_t>(elapsed.count()) * 1000);
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", static_cast<double>(elapsed.count()) / 1000);
  return text;
}

}  // namespace gserve::ctl
