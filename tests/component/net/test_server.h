// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <latch>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/unique_fd.h"
#include "worker/net/server.h"

namespace gserve::test {

using Handler = std::function<void(net::Exchange&)>;

/// Answers 200 with `body`.
void answer(net::Exchange& exchange, std::string_view body);
/// The whole request body; nothing if it broke.
std::optional<std::string> read_body(net::Exchange& exchange);
/// /hello, /echo (the body), and 404.
void hello_or_echo(net::Exchange& exchange);

/// An unnamed file for logs.
UniqueFd temporary_file();
std::string contents(int fd);
/// Waits until the file holds `text` `times` times; false after a bound.
bool wait_for_text(int fd, std::string_view text, int times = 1);
int count(std::string_view text, std::string_view part);
int open_descriptors();

/// A Server on loopback with C++ executors that call `handler`. With config.event_loop: one that polls, and calls
/// it for new and for resumed requests.
class TestServer {
 public:
  explicit TestServer(Handler handler = hello_or_echo,
                      const std::function<void(net::ServerConfig&)>& change = {});
  ~TestServer();

  std::uint16_t port() const { return port_; }
  net::Server& server() { return *server_; }
  std::string log() const { return contents(log_.get()); }
  int log_fd() const { return log_.get(); }
  /// Waits until every executor was told that there is nothing more to do, and ends the I/O thread.
  void join();
  int interruptions() const { return interruptions_; }

 private:
  void execute(bool main);
  void run_loop();

  Handler handler_;
  UniqueFd listener_;
  UniqueFd log_;
  std::uint16_t port_ = 0;
  std::unique_ptr<net::Server> server_;
  std::vector<std::thread> executors_;
  std::atomic<int> interruptions_{0};
};

/// Lets a test hold a request in the application.
class Gate {
 public:
  /// The application: says that it is there and waits to be let through.
  void pass() {
    reached_.count_down();
    opened_.wait();
  }
  void wait_until_reached() { reached_.wait(); }
  void open() { opened_.count_down(); }

 private:
  std::latch reached_{1};
  std::latch opened_{1};
};

}  // namespace gserve::test
