// SPDX-License-Identifier: MIT
// bench_http_storm PORT REQUESTS CONNECTIONS SEED: requests of mixed sizes, pipelined, chunked and cut off, to an
// application that echoes (bench/http/app/hello.py); every answer is compared byte for byte. Exit 1 at the
// first wrong answer, reset, early end, or 60 s without progress.
#include <sys/epoll.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <vector>

#include "bench/http/storm/client.h"

namespace {

constexpr int kPatienceMs = 60'000;

class Storm {
 public:
  Storm(std::uint16_t port, std::size_t connections, std::uint64_t seed)
      : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    for (std::size_t i = 0; i < connections; ++i) {
      clients_.push_back(std::make_unique<storm::Client>(port, seed * 1000 + i, counts_));
      watch(*clients_.back());
    }
  }

  /// Until so many requests were answered, and every plan is done.
  void run(std::uint64_t requests) {
    std::array<epoll_event, 64> events;
    while (counts_.answered < requests || !all_idle()) {
      const int n = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), kPatienceMs);
      if (n == 0) throw std::runtime_error("no answer for 60 s");
      for (int i = 0; i < n; ++i) {
        auto& client = *static_cast<storm::Client*>(events[static_cast<std::size_t>(i)].data.ptr);
        if (client.advance(counts_.answered >= requests)) watch(client);
      }
    }
  }
  const storm::Counts& counts() const { return counts_; }

 private:
  /// A closed socket leaves the set by itself; the new one is reported writable at once.
  void watch(storm::Client& client) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.ptr = &client;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, client.fd(), &event) != 0)
      throw std::runtime_error("cannot watch a socket");
  }
  bool all_idle() const {
    for (const auto& client : clients_) {
      if (!client->idle()) return false;
    }
    return true;
  }

  storm::Counts counts_;
  gserve::UniqueFd epoll_;
  std::vector<std::unique_ptr<storm::Client>> clients_;
};

void report(const storm::Counts& counts, double seconds) {
  std::printf("%llu answers, all right, in %.0f s; %llu batches cut off, %llu connections\n",
              static_cast<unsigned long long>(counts.answered), seconds,
              static_cast<unsigned long long>(counts.aborted),
              static_cast<unsigned long long>(counts.connections));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: %s PORT REQUESTS CONNECTIONS SEED\n", argv[0]);
    return 2;
  }
  const auto number = [argv](int index) { return std::strtoull(argv[index], nullptr, 10); };
  const auto start = std::chrono::steady_clock::now();
  try {
    Storm storm(static_cast<std::uint16_t>(number(1)), number(3), number(4));
    storm.run(number(2));
    report(storm.counts(), std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_http_storm: %s\n", error.what());
    return 1;
  }
  return 0;
}
