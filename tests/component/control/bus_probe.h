// SPDX-License-Identifier: MIT
#pragma once

#include <systemd/sd-bus.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "common/control_contract.h"
#include "tests/component/control/control_server.h"

namespace gserve::test {

/// A bare sd-bus client that notes every message it gets, in order: "reply 7", "error NAME: text",
/// "JobProgress 7 half".
class BusProbe {
 public:
  /// `socket` is connected and taken over.
  explicit BusProbe(int socket) {
    sd_bus_new(&bus_);
    sd_bus_set_fd(bus_, socket, socket);
    sd_bus_start(bus_);
    sd_bus_add_filter(bus_, nullptr, note, this);
  }
  ~BusProbe() {
    sd_bus_close(bus_);
    sd_bus_unref(bus_);
  }
  BusProbe(const BusProbe&) = delete;
  BusProbe& operator=(const BusProbe&) = delete;

  sd_bus* bus() { return bus_; }

  /// Sends a method call without waiting for its reply.
  template <typename... Args>
  void send(const char* method, const char* types, Args... args) {
    sd_bus_message* message = nullptr;
    sd_bus_message_new_method_call(bus_, &message, nullptr, control::kObjectPath, control::kInterface,
                                   method);
    sd_bus_message_append(message, types, args...);
    std::uint64_t cookie = 0;  // without it sd-bus marks the call as one that wants no reply
    sd_bus_send(bus_, message, &cookie);
    sd_bus_message_unref(message);
  }

  /// Whether a call and its answer pass.
  bool works() { return call_status() >= 0; }

  int call_status() {
    sd_bus_error error{};
    sd_bus_message* reply = nullptr;
    const int r = sd_bus_call_method(bus_, nullptr, control::kObjectPath, control::kInterface, "GetStatus",
                                     &error, &reply, "");
    last_error = error.message != nullptr ? error.message : "";
    sd_bus_error_free(&error);
    sd_bus_message_unref(reply);
    return r;
  }

  /// Processes messages until there are `count`, or the connection ends, or 20 s have passed.
  void read(std::size_t count) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (seen.size() < count && std::chrono::steady_clock::now() < deadline) {
      const int r = sd_bus_process(bus_, nullptr);
      if (r < 0) return;
      if (r == 0) sd_bus_wait(bus_, 100'000);
    }
  }

  std::vector<std::string> seen;
  std::string last_error;

 private:
  static int note(sd_bus_message* message, void* userdata, sd_bus_error*) {
    auto& seen = static_cast<BusProbe*>(userdata)->seen;
    std::uint64_t job = 0;
    const char* text = "";
    if (const sd_bus_error* error = sd_bus_message_get_error(message)) {
      seen.push_back(std::string("error ") + error->name + ": " + error->message);
    } else if (const char* member = sd_bus_message_get_member(message)) {
      sd_bus_message_read(message, "ts", &job, &text);
      seen.push_back(std::string(member) + " " + std::to_string(job) + " " + text);
    } else {
      sd_bus_message_read(message, "t", &job);
      seen.push_back("reply " + std::to_string(job));
    }
    return 0;
  }

  sd_bus* bus_ = nullptr;
};

}  // namespace gserve::test
