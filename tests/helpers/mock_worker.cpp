// SPDX-License-Identifier: MIT
// A worker without Python: implements the launch contract and misbehaves on demand. $MOCK_WORKER says how, as
// words done in order:
//   ready        sends READY=1
//   exit CODE    exits
//   crash        dies of SIGSEGV
//   hang         waits for ever without a word, signals at their defaults
//   ignore-term  from here on SIGTERM is ignored
//   garbage      sends malformed, oversized and foreign datagrams
//   boot-error   sends a boot error
//   recycle      asks to be replaced
//   stranger     a child of it, with another pid, sends READY=1 in its name
//   report       writes what it was born with to $MOCK_REPORT
//   busy         begins a request in its scoreboard and never ends it
//   crowded      as busy, and runs one short request after the other beside it until SIGTERM; hangs then
//   later-serve  as serve, unless it is the first launch
//   dump         writes a line to its incident file
//   abandon      starts a child that outlives it and notes its pid in $MOCK_REPORT
//   take-logs    waits for the message "logs" on its lifeline and writes a line to the new error log
//   serve        answers every connection with its pid until SIGTERM or the end of the lifeline, then exits 0
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "common/launch_contract.h"
#include "common/scoreboard.h"

namespace {

namespace contract = gserve::contract;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// The passed descriptors by name, in order.
std::multimap<std::string, int> passed() {
  std::multimap<std::string, int> fds;
  std::istringstream names(environment("LISTEN_FDNAMES"));
  std::string name;
  for (int fd = contract::kFirstFd; std::getline(names, name, ':'); ++fd) fds.emplace(name, fd);
  return fds;
}

int passed_one(std::string_view name) {
  const auto fds = passed();
  const auto found = fds.find(std::string(name));
  return found == fds.end() ? -1 : found->second;
}

void send_raw(const std::string& text) {
  const std::string path = environment("NOTIFY_SOCKET");
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  ::sendto(fd, text.data(), text.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&address), sizeof address);
  ::close(fd);
}

void say(const std::string& text) {
  send_raw(text + "\n" + std::string(contract::kNotifyWorker) + "=" + environment("GSERVE_LAUNCH_ID"));
}

void send_garbage() {
  send_raw("");
  send_raw("READY=1");
  send_raw("READY=1\nX_GSERVE_WORKER=99999999999999999999999");
  send_raw("READY=1\nX_GSERVE_WORKER=424242");
  send_raw(std::string("=\n\0\xff=\n==\nX_GSERVE_WORKER=", 23));
  send_raw(std::string(std::size_t{100} * 1024, 'x'));
}

void let_a_stranger_say_ready() {
  const pid_t child = ::fork();
  if (child == 0) {
    say("READY=1");
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
}

void abandon_a_child() {
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGTERM, SIG_DFL);
    for (;;) ::pause();
  }
  std::ofstream(environment("MOCK_REPORT")) << "child=" << child << '\n';
}

std::string open_descriptors() {
  std::set<int> open;
  DIR* directory = ::opendir("/proc/self/fd");
  while (const dirent* entry = ::readdir(directory)) {
    const int fd = std::atoi(entry->d_name);
    if (entry->d_name[0] != '.' && fd != ::dirfd(directory)) open.insert(fd);
  }
  ::closedir(directory);
  std::string text;
  for (const int fd : open) text += (text.empty() ? "" : ",") + std::to_string(fd);
  return text;
}

std::string status_line(const std::string& key) {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.rfind(key + ":\t", 0) == 0) return line.substr(key.size() + 2);
  }
  return "";
}

void report(char** argv) {
  const std::string path = environment("MOCK_REPORT");
  const std::string descriptors = open_descriptors();
  std::ofstream out(path + ".part");
  out << "fds=" << descriptors << "\nSigBlk=" << status_line("SigBlk")
      << "\nSigIgn=" << status_line("SigIgn");
  rlimit nofile{};
  ::getrlimit(RLIMIT_NOFILE, &nofile);
  char directory[4096] = "";
  if (!::getcwd(directory, sizeof directory)) return;
  out << "\nnofile=" << nofile.rlim_cur << "\ncwd=" << directory << "\npid=" << ::getpid() << "\nargv=";
  for (char** argument = argv; *argument; ++argument) out << *argument << ' ';
  out << '\n';
  for (char** entry = environ; *entry; ++entry) out << *entry << '\n';
  out.close();
  std::rename((path + ".part").c_str(), path.c_str());
}

gserve::scoreboard::Layout* map_scoreboard() {
  const int fd = passed_one(contract::kScoreboard);
  void* memory = ::mmap(nullptr, gserve::scoreboard::kSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  return memory == MAP_FAILED ? nullptr : static_cast<gserve::scoreboard::Layout*>(memory);
}

std::uint64_t monotonic_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000000000U + static_cast<std::uint64_t>(now.tv_nsec);
}

void begin_endless_request(gserve::scoreboard::Writer& writer) {
  writer.begin_request(0, "GET /endless HTTP/1.1", monotonic_ns());
}

/// Blocks SIGTERM; the descriptor tells when it has come.
int watch_term() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  return ::signalfd(-1, &set, SFD_CLOEXEC);
}

void run_short_requests_beside_an_endless_one() {
  constexpr int kShortMs = 100;
  gserve::scoreboard::Writer writer(map_scoreboard());
  begin_endless_request(writer);
  pollfd term{watch_term(), POLLIN, 0};
  say("READY=1");
  do {
    writer.begin_request(1, "GET /short HTTP/1.1", monotonic_ns());
    ::poll(&term, 1, kShortMs);
    writer.end_request(1, 200);
  } while (!term.revents);
}

void dump() {
  constexpr char kText[] = "Thread 0x1 (most recent call first):\n  File \"app.py\", line 7 in view\n";
  if (::write(passed_one(contract::kIncident), kText, sizeof kText - 1) < 0) std::perror("incident");
}

/// -1 when there was no such message.
int receive_logs(int* error_log) {
  char text[16];
  iovec data{text, sizeof text};
  alignas(cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))];
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  const ssize_t size = ::recvmsg(passed_one(contract::kLifeline), &header, MSG_CMSG_CLOEXEC);
  const cmsghdr* rights = CMSG_FIRSTHDR(&header);
  if (size < 0 || std::string_view(text, static_cast<std::size_t>(size)) != contract::kLifelineLogs ||
      !rights)
    return -1;
  std::memcpy(error_log, CMSG_DATA(rights), sizeof(int));
  return static_cast<int>((rights->cmsg_len - CMSG_LEN(0)) / sizeof(int));
}

void take_logs() {
  pollfd watched{passed_one(contract::kLifeline), POLLIN, 0};
  ::poll(&watched, 1, -1);
  int error_log = -1;
  const std::string line = "took logs with " + std::to_string(receive_logs(&error_log)) + " descriptors\n";
  if (::write(error_log, line.data(), line.size()) < 0) std::perror("error log");
}

void answer(int listener) {
  const int connection = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  if (connection < 0) return;
  char request[4096];
  if (::read(connection, request, sizeof request) > 0) {
    const std::string body = std::to_string(::getpid()) + "\n";
    const std::string text =
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) +
        "\r\n\r\n" + body;
    ::send(connection, text.data(), text.size(), MSG_NOSIGNAL);
  }
  ::close(connection);
}

[[noreturn]] void serve() {
  std::vector<pollfd> watched;
  watched.push_back({watch_term(), POLLIN, 0});
  watched.push_back({passed_one(contract::kLifeline), POLLHUP, 0});
  const auto fds = passed();
  const auto [first, last] = fds.equal_range(std::string(contract::kListener));
  for (auto listener = first; listener != last; ++listener) watched.push_back({listener->second, POLLIN, 0});
  say("READY=1");
  for (;;) {
    ::poll(watched.data(), watched.size(), -1);
    for (std::size_t i = 2; i < watched.size(); ++i) {
      if (watched[i].revents) answer(watched[i].fd);
    }
    if (watched[0].revents || watched[1].revents) std::exit(0);
  }
}

[[noreturn]] void wait_for_ever() {
  for (;;) ::pause();
}

void act(const std::string& word, std::istringstream& rest, char** argv) {
  if (word == "ready") say("READY=1");
  if (word == "stopping") say("STOPPING=1");
  if (word == "crash") ::raise(SIGSEGV);
  if (word == "hang") wait_for_ever();
  if (word == "ignore-term") ::signal(SIGTERM, SIG_IGN);
  if (word == "garbage") send_garbage();
  if (word == "boot-error")
    say(std::string(contract::kNotifyBootError) + "=\"ImportError: no module named app\"");
  if (word == "recycle") say(std::string(contract::kNotifyRecycle) + "=max_requests");
  if (word == "stranger") let_a_stranger_say_ready();
  if (word == "report") report(argv);
  if (word == "busy") {
    gserve::scoreboard::Writer writer(map_scoreboard());
    begin_endless_request(writer);
  }
  if (word == "crowded") run_short_requests_beside_an_endless_one();
  if (word == "later-serve" && environment("GSERVE_LAUNCH_ID") != "1") serve();
  if (word == "dump") dump();
  if (word == "abandon") abandon_a_child();
  if (word == "take-logs") take_logs();
  if (word == "serve") serve();
  if (word == "exit") {
    int code = 0;
    rest >> code;
    std::exit(code);
  }
}

}  // namespace

int main(int, char** argv) {
  std::istringstream script(environment("MOCK_WORKER"));
  std::string word;
  if (script.str().empty()) serve();
  while (script >> word) act(word, script, argv);
  wait_for_ever();
}
