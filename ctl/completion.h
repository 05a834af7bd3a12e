// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ctl/arguments.h"

namespace gserve::ctl {

/// A word that a shell may offer, and what it means.
struct Candidate {
  std::string word;
  std::string description;
  bool operator==(const Candidate&) const = default;
};

/// The instance that a command line, as far as it goes, is about.
struct Addressee {
  std::string name;
  std::string socket;
};

/// What only running instances know. Asked for only when it is needed.
struct Lookup {
  std::function<std::vector<Candidate>()> instances;
  std::function<std::vector<Candidate>(const Addressee&)> workers;    // by pid
  std::function<std::vector<Candidate>(const Addressee&)> incidents;  // by id
};

// Stands for all names of files.
inline constexpr char kFiles[] = ":files";

/// What may stand in place of the last of `words`, which follow the program's name; it may be empty. Pure but for
/// the lookup.
std::vector<Candidate> complete(const std::vector<CommandDescription>& commands,
                                const std::vector<std::string>& words, const Lookup& lookup);

/// Asks the instances in `roots`, none for long.
Lookup lookup_in(const std::vector<std::string>& roots);

/// A line for each: the word, a tab, what it means.
std::string render_candidates(const std::vector<Candidate>& candidates);

}  // namespace gserve::ctl
