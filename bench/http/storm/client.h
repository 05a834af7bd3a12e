// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "bench/http/storm/plan.h"
#include "common/unique_fd.h"

namespace storm {

struct Counts {
  std::uint64_t answered = 0;  // right answers
  std::uint64_t aborted = 0;   // plans cut off by us
  std::uint64_t connections = 0;
};

/// One connection after the other to 127.0.0.1, each carrying out plans. Every function that talks to the
/// server throws std::runtime_error at the first wrong answer, reset or early end.
class Client {
 public:
  Client(std::uint16_t port, std::uint64_t seed, Counts& counts);

  int fd() const { return fd_.get(); }
  /// Does what the socket allows now. True if there is a new socket, to be watched instead of the old one.
  bool advance(bool stop);
  /// No plan is being carried out: only after advance(true).
  bool idle() const { return idle_; }

 private:
  void connect();
  void begin();
  bool send();
  bool receive();
  bool take_answers();
  bool take_answer();
  void check_head(std::size_t end);
  bool check_body();
  void answer_complete();
  bool abort_due() const;
  [[noreturn]] void fail(const std::string& what) const;

  std::uint16_t port_;
  Counts& counts_;
  std::mt19937_64 random_;
  gserve::UniqueFd fd_;
  Plan plan_;
  std::size_t sent_ = 0;
  std::string input_;
  bool in_body_ = false;
  std::size_t body_read_ = 0;   // of the present answer
  std::int64_t plan_read_ = 0;  // bytes of bodies of this plan
  std::uint64_t plan_answered_ = 0;
  bool idle_ = true;
};

}  // namespace storm
