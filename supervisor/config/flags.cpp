// SPDX-License-Identifier: MIT
#include "supervisor/config/flags.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace gserve::config {
namespace {

/// Levenshtein's distance.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({substituted, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

/// A flag that only begins like `candidate` is one step away.
std::size_t distance(std::string_view flag, std::string_view candidate) {
  if (flag.size() >= 4 && candidate.starts_with(flag)) return 1;
  return edit_distance(flag, candidate);
}

}  // namespace

std::vector<std::string_view> split_flags(std::string_view flags) {
  std::vector<std::string_view> parts;
  while (!flags.empty()) {
    const auto comma = std::min(flags.find(','), flags.size());
    parts.push_back(flags.substr(0, comma));
    flags.remove_prefix(std::min(comma + 1, flags.size()));
  }
  return parts;
}

std::string_view long_flag(const Setting& setting) {
  for (const std::string_view flag : split_flags(setting.flags)) {
    if (flag.starts_with("--")) return flag;
  }
  return setting.name;
}

std::vector<std::string_view> flags_that_begin(std::string_view beginning) {
  std::vector<std::string_view> all;
  std::vector<std::string_view> of_gunicorn;
  for (const Setting& setting : table()) {
    for (const std::string_view flag : split_flags(setting.flags)) {
      if (flag == beginning) return {flag};
      if (!flag.starts_with(beginning)) continue;
      all.push_back(flag);
      if (!setting.own) of_gunicorn.push_back(flag);
      break;  // one of its flags is enough
    }
  }
  return of_gunicorn.size() == 1 ? of_gunicorn : all;
}

std::string_view nearest_setting(std::string_view name) {
  std::string_view nearest;
  std::size_t least = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (const Setting& setting : table()) {
    const std::size_t steps = distance(name, setting.name);
    if (!setting.refusal.empty() || steps >= least) continue;
    least = steps;
    nearest = setting.name;
  }
  return nearest;
}

std::string_view nearest_flag(std::string_view flag) {
  std::string_view nearest;
  std::size_t least = std::max<std::size_t>(2, flag.size() / 3) + 1;
  if (!flag.starts_with("--")) return nearest;  // every short flag is near to every other
  for (const Setting& setting : table()) {
    if (!setting.refusal.empty()) continue;
    for (const std::string_view candidate : split_flags(setting.flags)) {
      if (!candidate.starts_with("--") || distance(flag, candidate) >= least) continue;
      least = distance(flag, candidate);
      nearest = candidate;
    }
  }
  return nearest;
}

}  // namespace gserve::config
