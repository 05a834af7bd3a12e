// SPDX-License-Identifier: MIT
// A worker without Python: implements the launch contract and misbehaves on demand. $MOCK_WORKER says how, as
// words done in order ($MOCK_TEMPLATE, when it is launched as a template; that one's default is "ready
// fork"):
//   ready        sends READY=1
//   exit CODE    exits
//   crash        dies of SIGSEGV
//   hang         waits for ever without a word, signals at their defaults
//   ignore-term  from here on SIGTERM is ignored
//   garbage      sends malformed, oversized and foreign datagrams
//   boot-error   sends a boot error
//   recycle      asks to be replaced
//   changed      says that a file has changed
//   stranger     a child of it, with another pid, sends READY=1 in its name
//   report       writes what it was born with to $MOCK_REPORT
//   busy         begins a request in its scoreboard and never ends it
//   busy-too     a second, younger one
//   crowded      as busy, and runs one short request after the other beside it until SIGTERM, every second
//                one answered with 500
//   later-serve  as serve, unless it is the first launch
//   dump         writes a line to its incident file
//   abandon      starts a child that outlives it and notes its pid in $MOCK_REPORT
//   take-logs    waits for the message "logs" on its lifeline and writes a line to the new error log
//   take-word    waits for a message on its lifeline and writes it to its error log
//   promotion    waits for the message "template" on its lifeline, says READY=1 and goes on as "fork" does
//   serve        answers every connection with its pid until SIGTERM or the end of the lifeline, then exits 0
// Words for templates; the workers that they fork do what $MOCK_WORKER says:
//   fork              forks workers as the contract says, until SIGTERM or the end of the lifeline
//   fork-ready-first  the worker says READY=1 before it is introduced
//   fork-fails        answers each request with "no memory"
//   fork-deaf         takes requests and never answers
//   fork-last         dies when it gets a request
//   fork-loses-middle the process in the middle dies before it introduces the worker
//   fork-orphans      dies while the process in the middle is at work, which goes on
//   fork-unconfirmed  dies when the worker has been introduced, without a word
//   fork-foreign      introduces a process that is not the worker, but its own parent
//   fork-close        closes its control socket
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
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

/// What this launch was given; a forked worker's comes with the request.
std::multimap<std::string, int> passed;
std::string launch_id;

/// The descriptors by name, in order.
template <typename Next>
void take_passed(const std::string& list, Next next) {
  passed.clear();
  std::istringstream names(list);
  std::string name;
  while (std::getline(names, name, ':')) passed.emplace(name, next());
}

int passed_one(std::string_view name) {
  const auto found = passed.find(std::string(name));
  return found == passed.end() ? -1 : found->second;
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
  send_raw(text + "\n" + std::string(contract::kNotifyWorker) + "=" + launch_id);
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
  int answered = 0;
  say("READY=1");
  do {
    writer.begin_request(1, "GET /short HTTP/1.1", monotonic_ns());
    ::poll(&term, 1, kShortMs);
    answered += 1;
    writer.end_request(1, answered % 2 == 0 ? 500 : 200);
  } while (!term.revents);
}

void dump() {
  constexpr char kText[] = "Thread 0x1 (most recent call first):\n  File \"app.py\", line 7 in view\n";
  if (::write(passed_one(contract::kIncident), kText, sizeof kText - 1) < 0) std::perror("incident");
}

/// A message on a SEQPACKET socket with its descriptors; empty at the end of file.
std::string receive(int socket, std::vector<int>& fds) {
  char text[4096];
  iovec data{text, sizeof text};
  alignas(cmsghdr) char control[CMSG_SPACE(253 * sizeof(int))];
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  const ssize_t size = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  if (size <= 0) return "";
  if (const cmsghdr* rights = CMSG_FIRSTHDR(&header)) {
    fds.resize((rights->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    std::memcpy(fds.data(), CMSG_DATA(rights), fds.size() * sizeof(int));
  }
  return {text, static_cast<std::size_t>(size)};
}

/// Waits for a message on the lifeline.
std::string hear_supervisor(std::vector<int>& fds) {
  pollfd watched{passed_one(contract::kLifeline), POLLIN, 0};
  ::poll(&watched, 1, -1);
  return receive(watched.fd, fds);
}

void take_logs() {
  std::vector<int> fds;
  if (hear_supervisor(fds) != contract::kLifelineLogs || fds.empty()) return;
  const std::string line = "took logs with " + std::to_string(fds.size()) + " descriptors\n";
  if (::write(fds.front(), line.data(), line.size()) < 0) std::perror("error log");
}

void take_word() {
  std::vector<int> fds;
  const std::string line = "took " + hear_supervisor(fds) + "\n";
  if (::write(passed_one(contract::kErrorLog), line.data(), line.size()) < 0) std::perror("error log");
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
  const auto [first, last] = passed.equal_range(std::string(contract::kListener));
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

void run(const std::string& text, char** argv);

void answer_supervisor(int socket, const std::string& text, int fd = -1) {
  std::string copy = text;
  iovec data{copy.data(), copy.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  if (fd >= 0) {
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(rights), &fd, sizeof fd);
  }
  ::sendmsg(socket, &header, MSG_NOSIGNAL);
}

std::string value_of(const std::string& message, const std::string& name) {
  std::istringstream lines(message);
  std::string line;
  while (std::getline(lines, line)) {
    if (line.rfind(name + "=", 0) == 0) return line.substr(name.size() + 1);
  }
  return "";
}

int pidfd_of(pid_t pid) {
  return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
}

/// The worker's own life, in the grandchild.
[[noreturn]] void become_worker(const std::string& id, const std::string& names, const std::vector<int>& fds,
                                char** argv) {
  for (const auto& [name, fd] : passed) ::close(fd);
  auto next = fds.begin();
  take_passed(names, [&] { return *next++; });
  launch_id = id;
  run(environment("MOCK_WORKER").empty() ? "serve" : environment("MOCK_WORKER"), argv);
  std::exit(0);
}

/// Forks the worker and introduces it, as the process in the middle.
[[noreturn]] void be_the_middle(const std::string& how, int control, const std::string& id,
                                const std::string& names, const std::vector<int>& fds, char** argv) {
  if (how == "fork-orphans") ::kill(::getppid(), SIGKILL);
  int done[2];
  if (::pipe(done) < 0) ::_exit(1);
  const pid_t worker = ::fork();
  if (worker == 0) {
    launch_id = id;
    if (how == "fork-ready-first") say("READY=1");
    ::close(done[0]);
    ::close(done[1]);
    become_worker(id, names, fds, argv);
  }
  ::close(done[1]);
  char byte;
  // The worker has said what it had to say, or has ended.
  if (how == "fork-ready-first" && ::read(done[0], &byte, 1) < 0) ::_exit(1);
  if (how == "fork-loses-middle") ::raise(SIGKILL);
  answer_supervisor(control, "BORN=" + id, pidfd_of(how == "fork-foreign" ? ::getppid() : worker));
  ::_exit(0);
}

void fork_worker(const std::string& how, int control, const std::string& id, const std::string& names,
                 const std::vector<int>& fds, char** argv) {
  if (how == "fork-deaf") return;
  if (how == "fork-last") ::raise(SIGKILL);
  if (how == "fork-fails") return answer_supervisor(control, "FORK_FAILED=" + id + "\nREASON=no memory");
  const pid_t middle = ::fork();
  if (middle == 0) be_the_middle(how, control, id, names, fds, argv);
  ::waitpid(middle, nullptr, 0);
  if (how == "fork-unconfirmed") ::raise(SIGKILL);
  answer_supervisor(control, "FORKED=" + id);
}

[[noreturn]] void be_a_template(const std::string& how, char** argv) {
  const int control = passed_one(contract::kTemplate);
  if (how == "fork-close") {
    ::close(control);
    for (;;) ::pause();
  }
  pollfd watched[] = {{control, POLLIN, 0}, {passed_one(contract::kLifeline), POLLIN, 0}};
  for (;;) {
    ::poll(watched, 2, -1);
    std::vector<int> fds;
    if (watched[1].revents && receive(watched[1].fd, fds).empty()) std::exit(0);
    if (!watched[0].revents) continue;
    const std::string request = receive(control, fds);
    if (request.empty()) std::exit(0);
    fork_worker(how, control, value_of(request, "FORK"), value_of(request, "FDNAMES"), fds, argv);
    for (const int fd : fds) ::close(fd);
  }
}

void take_promotion(char** argv) {
  std::vector<int> fds;
  if (hear_supervisor(fds) != contract::kLifelineTemplate || fds.size() != 1) std::exit(1);
  passed.emplace(contract::kTemplate, fds.front());
  say("READY=1");
  be_a_template("fork", argv);
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
  if (word == "changed") say(std::string(contract::kNotifyChanged) + "=\"77-5 /srv/app.py\"");
  if (word == "recycle") say(std::string(contract::kNotifyRecycle) + "=max_requests");
  if (word == "stranger") let_a_stranger_say_ready();
  if (word == "report") report(argv);
  if (word == "busy") {
    gserve::scoreboard::Writer writer(map_scoreboard());
    begin_endless_request(writer);
  }
  if (word == "busy-too") {
    gserve::scoreboard::Writer writer(map_scoreboard());
    writer.begin_request(1, "POST /too HTTP/1.1", monotonic_ns());
  }
  if (word == "crowded") run_short_requests_beside_an_endless_one();
  if (word == "later-serve" && environment("GSERVE_LAUNCH_ID") != "1") serve();
  if (word == "dump") dump();
  if (word == "abandon") abandon_a_child();
  if (word == "take-logs") take_logs();
  if (word == "take-word") take_word();
  if (word == "promotion") take_promotion(argv);
  if (word == "serve") serve();
  if (word.rfind("fork", 0) == 0) be_a_template(word, argv);
  if (word == "exit") {
    int code = 0;
    rest >> code;
    std::exit(code);
  }
}

void run(const std::string& text, char** argv) {
  std::istringstream script(text);
  std::string word;
  while (script >> word) act(word, script, argv);
  wait_for_ever();
}

}  // namespace

int main(int, char** argv) {
  int next = contract::kFirstFd;
  take_passed(environment("LISTEN_FDNAMES"), [&] { return next++; });
  launch_id = environment("GSERVE_LAUNCH_ID");
  const bool origin = passed_one(contract::kTemplate) >= 0;
  const std::string script = environment(origin ? "MOCK_TEMPLATE" : "MOCK_WORKER");
  run(script.empty() ? (origin ? "ready fork" : "serve") : script, argv);
}
