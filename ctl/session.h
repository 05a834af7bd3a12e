// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "ctl/arguments.h"
#include "ctl/bus_client.h"
#include "ctl/discovery.h"
#include "ctl/terminal.h"

namespace gserve::ctl {

/// What every command works with: its arguments, where it writes, and the way to the instance that is meant.
class Session {
 public:
  /// All but `terminal` is borrowed.
  Session(const Arguments& arguments, const std::vector<std::string>& roots, std::ostream& out,
          std::ostream& err, const Terminal& terminal);

  const Arguments& arguments() const { return arguments_; }
  std::ostream& out() const { return out_; }
  std::ostream& err() const { return err_; }
  const Terminal& terminal() const { return terminal_; }
  /// As --timeout has it; none without.
  Deadline deadline() const { return deadline_; }

  /// Prints what went wrong; returns `code`.
  int fail(int code, const std::string& reason) const;
  int fail(const Failure& failure) const { return fail(code_of(failure), failure.reason); }
  static int code_of(const Failure& failure);

  /// All that fit the arguments; looks for them anew.
  std::vector<Instance> find();
  /// Of those that find() has seen and that this user may not control; a comma-separated list.
  std::string closed_to_us() const;
  /// The one instance that is meant. Otherwise it has said why there is none, and exit_code() is what follows.
  std::optional<Instance> choose();
  int exit_code() const { return exit_code_; }
  int report_none() const;
  int report_several(const std::vector<Instance>& found) const;

  /// A connection that ends before anything was asked is made again: an upgrade may have ended it. `pid`: of the
  /// supervisor.
  Result<std::unique_ptr<BusClient>> open(const Instance& instance, std::chrono::milliseconds most,
                                          pid_t* pid = nullptr) const;

  /// The answer to a question, asked again when the connection ends meanwhile.
  template <typename T, typename... Parameters>
  Result<T> ask(const Instance& instance, std::chrono::milliseconds most,
                Result<T> (BusClient::*question)(Parameters...), Parameters... parameters) const {
    Result<T> answer = ask_once(instance, most, question, parameters...);
    const auto* failure = std::get_if<Failure>(&answer);
    if (failure == nullptr || failure->kind != Failure::Kind::lost) return answer;
    return ask_once(instance, most, question, parameters...);
  }

 private:
  Result<std::unique_ptr<BusClient>> open_once(const Instance& instance, std::chrono::milliseconds most,
                                               pid_t* pid) const;
  std::chrono::milliseconds patience(std::chrono::milliseconds most) const;

  template <typename T, typename... Parameters>
  Result<T> ask_once(const Instance& instance, std::chrono::milliseconds most,
                     Result<T> (BusClient::*question)(Parameters...), Parameters... parameters) const {
    auto client = open(instance, most);
    if (auto* failure = std::get_if<Failure>(&client)) return std::move(*failure);
    return (*std::get<std::unique_ptr<BusClient>>(client).*question)(parameters...);
  }

  const Arguments& arguments_;
  const std::vector<std::string>& roots_;
  std::ostream& out_;
  std::ostream& err_;
  Terminal terminal_;
  Deadline deadline_;
  Discovery discovery_;
  int exit_code_;
};

// The supervisor never blocks: an answer that takes this long will not come.
inline constexpr std::chrono::milliseconds kPatience{10'000};

/// How people call it.
std::string name_of(const Instance& instance);

}  // namespace gserve::ctl
