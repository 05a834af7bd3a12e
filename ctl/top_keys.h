// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ctl/arguments.h"

namespace gserve::ctl {

enum class Key { up, down, other };

/// One key: `character` of those that are Key::other.
struct Press {
  Key key = Key::other;
  char character = 0;
  bool operator==(const Press&) const = default;
};

/// What a terminal sends, as keys; control sequences that mean nothing here are skipped.
std::vector<Press> decode_keys(std::string_view bytes);

/// What somebody at the keyboard wants done.
struct TopOrder {
  Command command = Command::reload;  // reload, scale or worker_restart
  ScaleTarget scale;
  std::uint32_t pid = 0;
  bool operator==(const TopOrder&) const = default;
};

/// The keys of `top`. Nothing is ordered before it was confirmed. Pure.
class TopKeys {
 public:
  /// `pids`: of the workers, as they are shown.
  std::optional<TopOrder> press(const Press& press, const std::vector<std::uint32_t>& pids);
  /// Which of them is chosen.
  std::size_t chosen(std::size_t count) const { return count == 0 ? 0 : std::min(chosen_, count - 1); }
  bool quit() const { return quit_; }
  /// What is to be confirmed; empty: nothing.
  std::string question() const;

 private:
  void ask(const Press& press, const std::vector<std::uint32_t>& pids);

  std::size_t chosen_ = 0;
  bool quit_ = false;
  std::optional<TopOrder> asked_;
};

}  // namespace gserve::ctl
