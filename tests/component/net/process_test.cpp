// SPDX-License-Identifier: MIT
// The server as part of a process: forks of the application, descriptor limits, signal masks, sharing
// listeners.
#include <dirent.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <set>

#include "tests/component/net/client.h"
#include "tests/component/net/lifeline.h"
#include "tests/component/net/test_server.h"

namespace gserve::test {
namespace {

std::set<int> descriptors() {
  std::set<int> found;
  DIR* dir = ::opendir("/proc/self/fd");
  const int own = ::dirfd(dir);
  while (const dirent* entry = ::readdir(dir)) {
    const int fd = std::atoi(entry->d_name);
    if (entry->d_name[0] != '.' && fd != own) found.insert(fd);
  }
  ::closedir(dir);
  return found;
}

/// Forks in the application; the child exits 0 if it has no descriptor but those of `allowed`.
int fork_and_compare(const std::set<int>& allowed) {
  const pid_t child = ::fork();
  if (child == 0) {
    for (const int fd : descriptors()) {
      if (!allowed.contains(fd)) ::_exit(1);
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Fork, InTheApplicationLeavesTheChildNoDescriptorOfTheServer) {
  std::set<int> allowed = descriptors();
  std::vector<int> results;
  const UniqueFd access = temporary_file();
  TestServer server(
      [&](net::Exchange& exchange) {
        results.push_back(fork_and_compare(allowed));
        answer(exchange, "forked");
      },
      [&](net::ServerConfig& config) { config.access_log = access.get(); });
  std::vector<Client> clients;
  for (int i = 0; i < 5; ++i) clients.emplace_back(server.port());
  allowed.insert(server.log_fd());
  for (const Client& client : clients) allowed.insert(client.fd());
  for (int round = 0; round < 4; ++round) {
    for (Client& client : clients) client.get("/");
    for (Client& client : clients) EXPECT_EQ(client.read_response().body, "forked");
  }
  EXPECT_EQ(results, std::vector<int>(20, 0));
}

TEST(Fork, KeepsTheControlSocketOfAPromotionToItself) {
  std::set<int> allowed = descriptors();
  const Lifeline lifeline;
  const Lifeline control;
  Gate gate;
  int result = -1;
  TestServer server(
      [&](net::Exchange& exchange) {
        gate.pass();
        result = fork_and_compare(allowed);
        answer(exchange, "forked");
      },
      [&](net::ServerConfig& config) { config.lifeline = lifeline.worker.get(); });
  Client client(server.port());
  allowed.insert({server.log_fd(), client.fd(), lifeline.supervisor.get(), control.supervisor.get(),
                  control.worker.get()});
  client.get("/");
  gate.wait_until_reached();
  const int before = open_descriptors();
  lifeline.say("template", {control.worker.get()});
  for (int i = 0; i < 2000 && open_descriptors() == before; ++i) ::poll(nullptr, 0, 5);
  ASSERT_GT(open_descriptors(), before);
  gate.open();
  EXPECT_EQ(client.read_response().body, "forked");
  EXPECT_EQ(result, 0);
  server.join();
}

TEST(Fork, WhileConnectionsComeAndGoLeavesNoneOpenInTheChild) {
  TestServer server([](net::Exchange& exchange) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::poll(nullptr, 0, 300);
      ::_exit(0);
    }
    answer(exchange, "forked");
    ::waitpid(child, nullptr, 0);
  });
  for (int i = 0; i < 5; ++i) {
    Client client(server.port());
    client.send("GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(client.read_response().body, "forked");
    // The child lives on for a while; the end of the connection must not wait for it.
    EXPECT_TRUE(client.readable(200));
    EXPECT_TRUE(client.closed());
  }
}

TEST(Fork, LeavesTheServerDeadInTheChildAndAliveInTheParent) {
  net::Server* running = nullptr;
  int status = -1;
  TestServer server([&](net::Exchange& exchange) {
    const pid_t child = ::fork();
    if (child == 0) {
      running->after_fork_in_child();  // as os.register_at_fork does after pthread_atfork did
      bool interrupted = true;
      const bool dead = running->take(&interrupted) == nullptr && !interrupted &&
                        exchange.send("x", true) == net::Sent::failed;
      running->drain();
      running->stop();
      running->join();
      exchange.finish();
      ::_exit(dead ? 0 : 1);
    }
    ::waitpid(child, &status, 0);
    answer(exchange, "alive");
  });
  running = &server.server();
  Client client(server.port());
  for (int i = 0; i < 2; ++i) {
    client.get("/");
    EXPECT_EQ(client.read_response().body, "alive");
    EXPECT_EQ(status, 0);
  }
}

TEST(Fork, MayBeAnnouncedTwice) {
  TestServer server;
  server.server().before_fork();  // os.register_at_fork
  const pid_t child = ::fork();   // pthread_atfork
  if (child == 0) ::_exit(0);
  server.server().after_fork_in_parent();
  ::waitpid(child, nullptr, 0);
  Client client(server.port());
  client.get("/hello");
  EXPECT_EQ(client.read_response().body, "hello");
}

TEST(Accept, WithoutDescriptorsWaitsAndSaysSoOnce) {
  TestServer server;
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  Client client = Client::unconnected();
  const int watched = server.log_fd();
  rlimit none = before;
  none.rlim_cur = static_cast<rlim_t>(*descriptors().rbegin()) + 1;
  std::vector<UniqueFd> fill;
  ::setrlimit(RLIMIT_NOFILE, &none);
  for (int fd = 0; (fd = ::dup(STDERR_FILENO)) >= 0;) fill.emplace_back(fd);
  client.connect(server.port());
  client.get("/hello");
  EXPECT_TRUE(wait_for_text(watched, "cannot accept connections: Too many open files"));
  EXPECT_FALSE(client.readable(350));  // three more attempts
  fill.clear();
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(client.read_response().body, "hello");
  EXPECT_EQ(count(server.log(), "cannot accept"), 1);
}

TEST(Accept, StopsAtTheMostConnectionsAndGoesOnBelow) {
  TestServer server(hello_or_echo, [](net::ServerConfig& config) { config.max_connections = 2; });
  Client first(server.port());
  first.get("/hello");
  first.read_response();
  Client second(server.port());
  second.get("/hello");
  second.read_response();
  Client third(server.port());
  third.get("/hello");
  EXPECT_FALSE(third.readable(100));
  first.close();
  EXPECT_EQ(third.read_response().body, "hello");
}

TEST(Accept, LeavesConnectionsToSiblingsWhileTheExecutorIsBusy) {
  Gate gate;
  TestServer busy([&](net::Exchange& exchange) {
    if (exchange.head().path == "/gate") gate.pass();
    answer(exchange, "busy");
  });
  Client holder(busy.port());
  holder.get("/gate");
  gate.wait_until_reached();
  std::this_thread::sleep_for(
      std::chrono::milliseconds(50));  // well over the 1 ms after which it leaves the listener
  const int before = open_descriptors();
  Client waiting(busy.port());
  waiting.get("/");
  EXPECT_FALSE(waiting.readable(50));
  EXPECT_EQ(open_descriptors(), before + 1);  // not accepted: a sibling could have it
  gate.open();
  EXPECT_EQ(waiting.read_response().body, "busy");
}

/// With room for two connections the listener is left; one ends while the executor is busy, and then the executor becomes
/// free without anything that the thread would have to do.
TEST(Accept, GoesOnWhenAConnectionHasEndedDuringARequest) {
  Gate gate;
  TestServer server(
      [&](net::Exchange& exchange) {
        if (exchange.head().path == "/gate") gate.pass();
        answer(exchange, "served");
      },
      [](net::ServerConfig& config) { config.max_connections = 2; });
  Client ends(server.port()), stays(server.port());
  ends.get("/");
  EXPECT_EQ(ends.read_response().body, "served");
  stays.get("/gate");
  gate.wait_until_reached();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // the executor counts as busy
  ends.shut_down_sending();
  EXPECT_TRUE(ends.closed());
  Client next(server.port());
  next.get("/");
  gate.open();
  EXPECT_EQ(stays.read_response().body, "served");
  EXPECT_EQ(next.read_response().body, "served");
}

TEST(Accept, ServesUnixSockets) {
  const std::string path = "/tmp/gserve-net-test-" + std::to_string(::getpid());
  const UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener.get(), 16), 0);
  TestServer server(
      [](net::Exchange& exchange) { answer(exchange, exchange.local().path + exchange.peer().address); },
      [&](net::ServerConfig& config) { config.listeners.push_back(listener.get()); });
  Client client(path);
  client.get("/");
  EXPECT_EQ(client.read_response().body, path);
  ::unlink(path.c_str());
}

std::uint64_t blocked_signals(const std::string& task) {
  std::ifstream status(task + "/status");
  std::string word;
  while (status >> word) {
    if (word == "SigBlk:") {
      status >> word;
      return std::stoull(word, nullptr, 16);
    }
  }
  return 0;
}

TEST(Signals, AreBlockedInTheIoThreadButForAbortAndNowhereElse) {
  const std::uint64_t before = blocked_signals("/proc/self");
  TestServer server;
  EXPECT_EQ(blocked_signals("/proc/self"), before);
  Client client(server.port());
  client.get("/hello");
  client.read_response();  // a thread that is being born blocks everything: wait until it serves
  DIR* tasks = ::opendir("/proc/self/task");
  int found = 0;
  while (const dirent* entry = ::readdir(tasks)) {
    const std::string task = std::string("/proc/self/task/") + entry->d_name;
    std::string name;
    std::getline(std::ifstream(task + "/comm"), name);
    if (name != "gserve-io") continue;
    ++found;
    const std::uint64_t blocked = blocked_signals(task);
    for (const int number : {SIGTERM, SIGINT, SIGCHLD, SIGUSR1, SIGPIPE})
      EXPECT_TRUE(blocked >> (number - 1) & 1);
    EXPECT_FALSE(blocked >> (SIGABRT - 1) & 1);
  }
  ::closedir(tasks);
  EXPECT_EQ(found, 1);
}

}  // namespace
}  // namespace gserve::test
