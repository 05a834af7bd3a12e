// SPDX-License-Identifier: MIT
#include "tests/component/net/handover_pool.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <stdexcept>
#include <string>

namespace gserve::test {

Pair::Pair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) != 0)
    throw std::runtime_error("socketpair");
  out.reset(ends[0]);
  in.reset(ends[1]);
}

bool queue_holds_something(const Pair& queue) {
  pollfd poll{queue.in.get(), POLLIN, 0};
  return ::poll(&poll, 1, 0) == 1;
}

bool wait_until(const std::function<bool()>& holds) {
  for (int i = 0; i < 4000; ++i) {
    if (holds()) return true;
    ::poll(nullptr, 0, 5);
  }
  return false;
}

Pool::Pool(int count, const std::function<void(net::ServerConfig&)>& change) {
  for (int i = 0; i < count; ++i) add(change);
}

TestServer& Pool::add(const std::function<void(net::ServerConfig&)>& change) {
  const auto number = workers_.size();
  gates_.push_back(std::make_unique<Gate>());
  Gate& gate = *gates_.back();
  const auto application = [number, &gate](net::Exchange& exchange) {
    if (exchange.head().path == "/gate") gate.pass();
    const std::string body = read_body(exchange).value_or("broken");
    answer(exchange, std::to_string(number) + " " + std::string(exchange.head().path) + " " + body);
  };
  workers_.push_back(std::make_unique<TestServer>(application, [&](net::ServerConfig& config) {
    config.handover_out = queue.out.get();
    config.handover_in = queue.in.get();
    if (change) change(config);
  }));
  return *workers_.back();
}

Client Pool::occupy(std::size_t index) {
  Client client(worker(index).port());
  client.get("/gate");
  gates_.at(index)->wait_until_reached();
  return client;
}

void Pool::open_gate(std::size_t index) {
  if (opened_.insert(index).second) gates_.at(index)->open();
}

void Pool::open_gates() {
  for (std::size_t i = 0; i < gates_.size(); ++i) open_gate(i);
}

}  // namespace gserve::test
