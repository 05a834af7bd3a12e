// SPDX-License-Identifier: MIT
#include "ctl/top_keys.h"

#include <algorithm>
#include <utility>

namespace gserve::ctl {
namespace {

constexpr char kEscape = '\x1b';
constexpr char kInterrupt = '\x03';  // Ctrl-C, while the terminal makes no signal of it

/// The length of the control sequence at the start of `bytes`, which begins with ESC (ECMA-48, 5.4): parameters and
/// intermediates up to the final byte. At least 1.
std::size_t sequence_length(std::string_view bytes) {
  if (bytes.size() < 2 || (bytes[1] != '[' && bytes[1] != 'O')) return 1;
  for (std::size_t i = 2; i < bytes.size(); ++i) {
    if (bytes[i] >= '@' && bytes[i] <= '~') return i + 1;
  }
  return bytes.size();
}

}  // namespace

std::vector<Press> decode_keys(std::string_view bytes) {
  std::vector<Press> presses;
  while (!bytes.empty()) {
    const std::size_t length = bytes.front() == kEscape ? sequence_length(bytes) : 1;
    const char last = bytes[length - 1];
    if (length == 1) presses.push_back({Key::other, last});
    if (length == 3 && last == 'A') presses.push_back({Key::up, 0});
    if (length == 3 && last == 'B') presses.push_back({Key::down, 0});
    bytes.remove_prefix(length);
  }
  return presses;
}

std::optional<TopOrder> TopKeys::press(const Press& press, const std::vector<std::uint32_t>& pids) {
  if (asked_) {
    const TopOrder order = *std::exchange(asked_, std::nullopt);
    if (press.character == 'y' || press.character == 'Y') return order;
    return std::nullopt;
  }
  ask(press, pids);
  return std::nullopt;
}

void TopKeys::ask(const Press& press, const std::vector<std::uint32_t>& pids) {
  const std::size_t now = chosen(pids.size());
  if (press.key == Key::up || press.character == 'k') chosen_ = now == 0 ? 0 : now - 1;
  if (press.key == Key::down || press.character == 'j') chosen_ = now + 1;
  chosen_ = chosen(pids.size());
  switch (press.character) {
    case 'q':
    case kInterrupt:
      quit_ = true;
      return;
    case '+':
    case '-':
      asked_ = TopOrder{Command::scale, {press.character == '+' ? 1 : -1, true}, 0};
      return;
    case 'r':
      asked_ = TopOrder{Command::reload, {}, 0};
      return;
    case 'w':
      if (!pids.empty()) asked_ = TopOrder{Command::worker_restart, {}, pids[chosen_]};
      return;
    default:
      return;
  }
}

std::string TopKeys::question() const {
  if (!asked_) return "";
  if (asked_->command == Command::scale)
    return asked_->scale.count > 0 ? "One worker more? y/n" : "One worker fewer? y/n";
  if (asked_->command == Command::worker_restart)
    return "Restart worker " + std::to_string(asked_->pid) + "? y/n";
  return "Reload? y/n";
}

}  // namespace gserve::ctl
