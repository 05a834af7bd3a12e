// SPDX-License-Identifier: MIT
#include "supervisor/io/listener_set.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <optional>

#include "tests/component/io/temporary_directory.h"

namespace gserve::io {
namespace {

using config::InheritedAddress;
using config::TcpAddress;
using config::UnixAddress;
using gserve::testing::NoSpareDescriptors;
using gserve::testing::read_file;
using gserve::testing::TemporaryDirectory;
using gserve::testing::write_file;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr int kBoundMs = 5000;

/// Opens listeners without ever waiting, and remembers what was logged.
struct Opener {
  ListenerOptions options;
  std::vector<std::string> logged;
  int waits = 0;

  explicit Opener(std::vector<config::Address> addresses, std::vector<int> activated = {}) {
    options.addresses = std::move(addresses);
    options.activated = std::move(activated);
    options.wait = [this](std::chrono::milliseconds time) {
      EXPECT_EQ(time, std::chrono::seconds(1));
      ++waits;
      return true;
    };
    options.log = [this](core::LogLevel level, const std::string& text) {
      EXPECT_EQ(level, core::LogLevel::error);
      logged.push_back(text);
    };
  }

  ListenerSet opened() {
    auto result = ListenerSet::open(options);
    if (auto* failure = std::get_if<OpenFailure>(&result)) throw std::runtime_error(failure->reason);
    return std::get<ListenerSet>(std::move(result));
  }

  OpenFailure failed() {
    auto result = ListenerSet::open(options);
    if (auto* failure = std::get_if<OpenFailure>(&result)) return *failure;
    ADD_FAILURE() << "was opened";
    return {};
  }
};

ListenerSet open_set(std::vector<config::Address> addresses) {
  return Opener(std::move(addresses)).opened();
}

std::string failure_of(std::vector<config::Address> addresses, std::vector<int> activated = {}) {
  Opener opener(std::move(addresses), std::move(activated));
  const OpenFailure failure = opener.failed();
  EXPECT_FALSE(failure.interrupted);
  EXPECT_EQ(opener.waits, 0);
  return failure.reason;
}

std::uint16_t port_of(int fd) {
  sockaddr_in6 name{};  // the port stands at the same place in both families
  socklen_t size = sizeof name;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size);
  return ntohs(name.sin6_port);
}

/// Starts to connect to 127.0.0.1:`port`.
UniqueFd start_connect(std::uint16_t port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  static_cast<void>(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address));
  return fd;
}

UniqueFd connect_unix(const std::string& path) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fd.reset();
  return fd;
}

bool wait_for(int fd, short events, int timeout_ms = kBoundMs) {
  pollfd entry{fd, events, 0};
  return ::poll(&entry, 1, timeout_ms) == 1;
}

bool is_established(int fd, int timeout_ms = kBoundMs) {
  int error = -1;
  socklen_t size = sizeof error;
  return wait_for(fd, POLLOUT, timeout_ms) && ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 &&
         error == 0;
}

/// Accepts on `listener` and sends a word that must arrive at `client`.
void expect_served(int listener, int client) {
  ASSERT_TRUE(wait_for(listener, POLLIN));
  const UniqueFd connection(::accept4(listener, nullptr, nullptr, 0));
  ASSERT_TRUE(connection) << std::strerror(errno);
  ASSERT_EQ(::send(client, "ping", 4, 0), 4);
  char buffer[8];
  ASSERT_TRUE(wait_for(connection.get(), POLLIN));
  ASSERT_EQ(::recv(connection.get(), buffer, sizeof buffer, 0), 4);
  ASSERT_EQ(::send(connection.get(), "hello", 5, 0), 5);
  ASSERT_TRUE(wait_for(client, POLLIN));
  EXPECT_EQ(::recv(client, buffer, sizeof buffer, 0), 5);
}

bool has_filter(int fd) {
  socklen_t size = 0;
  return ::getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, nullptr, &size) == 0 && size > 0;
}

/// Whether this user may attach a filter to a TCP listener at all.
bool may_filter() {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM, 0));
  sock_filter pass[] = {BPF_STMT(BPF_RET | BPF_K, 0xFFFFFFFF)};
  const sock_fprog program{1, pass};
  return ::listen(fd.get(), 1) == 0 &&
         ::setsockopt(fd.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

bool has_ipv6() {
  const UniqueFd fd(::socket(AF_INET6, SOCK_STREAM, 0));
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  return ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

TEST(ListenerSet, OpensEveryAddressInItsOrder) {
  const TemporaryDirectory directory;
  const std::string path = directory / "app.sock";
  ListenerSet set = open_set({TcpAddress{"127.0.0.1", 0}, UnixAddress{path}, TcpAddress{"localhost", 0}});
  ASSERT_THAT(set.fds(), SizeIs(3));
  EXPECT_THAT(set.describe(),
              ElementsAre("http://127.0.0.1:" + std::to_string(port_of(set.fds()[0])), "unix:" + path,
                          "http://127.0.0.1:" + std::to_string(port_of(set.fds()[2]))));
  for (const int fd : set.fds()) {
    EXPECT_EQ(::fcntl(fd, F_GETFD), FD_CLOEXEC);
    EXPECT_NE(::fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
  }
  const UniqueFd tcp = start_connect(port_of(set.fds()[0]));
  ASSERT_TRUE(is_established(tcp.get()));
  expect_served(set.fds()[0], tcp.get());
  const UniqueFd local = connect_unix(path);
  ASSERT_TRUE(local);
  expect_served(set.fds()[1], local.get());
}

TEST(ListenerSet, ListensOnEveryAddressForAnEmptyHost) {
  ListenerSet set = open_set({TcpAddress{"", 0}});
  EXPECT_THAT(set.describe()[0], StartsWith("http://0.0.0.0:"));
}

TEST(ListenerSet, ListensOnIpv6) {
  if (!has_ipv6()) GTEST_SKIP() << "no IPv6 here";
  ListenerSet set = open_set({TcpAddress{"::1", 0}});
  EXPECT_EQ(set.describe()[0], "http://[::1]:" + std::to_string(port_of(set.fds()[0])));
}

TEST(ListenerSet, ServesIpv4OnTheIpv6WildcardUnlessThatIsAskedForToo) {
  if (!has_ipv6()) GTEST_SKIP() << "no IPv6 here";
  std::uint16_t port = 0;
  {
    ListenerSet set = open_set({TcpAddress{"::", 0}});
    port = port_of(set.fds()[0]);
    const UniqueFd client = start_connect(port);
    EXPECT_TRUE(is_established(client.get()));
  }
  EXPECT_THAT(open_set({TcpAddress{"::", port}, TcpAddress{"0.0.0.0", port}}).fds(), SizeIs(2));
  EXPECT_THAT(open_set({TcpAddress{"", port}, TcpAddress{"::", port}}).fds(), SizeIs(2));
}

TEST(ListenerSet, TriesAnAddressInUseFiveTimes) {
  ListenerSet other = open_set({TcpAddress{"127.0.0.1", 0}});
  const std::uint16_t port = port_of(other.fds()[0]);
  const std::string name = "('127.0.0.1', " + std::to_string(port) + ")";
  Opener opener({TcpAddress{"127.0.0.1", port}});
  const OpenFailure failure = opener.failed();
  EXPECT_THAT(failure.reason, StartsWith("Can't connect to " + name + ": "));
  EXPECT_FALSE(failure.interrupted);
  EXPECT_EQ(opener.waits, 4);
  ASSERT_THAT(opener.logged, SizeIs(9));
  for (std::size_t i = 0; i < 9; ++i) {
    EXPECT_EQ(opener.logged[i], i % 2 == 0 ? "Connection in use: " + name : "Retrying in 1 second.");
  }
}

TEST(ListenerSet, OpensAnAddressThatBecomesFreeMeanwhile) {
  std::optional<ListenerSet> other = open_set({TcpAddress{"127.0.0.1", 0}});
  const std::uint16_t port = port_of(other->fds()[0]);
  Opener opener({TcpAddress{"127.0.0.1", port}});
  opener.options.wait = [&](std::chrono::milliseconds) {
    if (++opener.waits == 2) other.reset();
    return true;
  };
  EXPECT_EQ(port_of(opener.opened().fds()[0]), port);
  EXPECT_EQ(opener.waits, 2);
}

TEST(ListenerSet, StopsTryingWhenItIsTold) {
  ListenerSet other = open_set({TcpAddress{"127.0.0.1", 0}});
  Opener opener({TcpAddress{"127.0.0.1", port_of(other.fds()[0])}});
  opener.options.wait = [&](std::chrono::milliseconds) { return ++opener.waits < 2; };
  EXPECT_TRUE(opener.failed().interrupted);
  EXPECT_EQ(opener.waits, 2);
}

TEST(ListenerSet, SaysAtOnceWhyAnAddressCannotBeUsed) {
  EXPECT_EQ(
      failure_of({TcpAddress{"192.0.2.1", 0}}),
      "cannot listen on ('192.0.2.1', 0): Cannot assign requested address; this machine does not have that "
      "address");
  EXPECT_THAT(failure_of({TcpAddress{std::string(300, 'x'), 80}}), StartsWith("cannot listen on ('xxx"));
  const TemporaryDirectory directory;
  EXPECT_EQ(failure_of({UnixAddress{directory / "missing/app.sock"}}),
            "cannot listen on " + (directory / "missing/app.sock") +
                ": No such file or directory; create the directory first");
}

TEST(ListenerSet, OpensEveryAddressOrNone) {
  const TemporaryDirectory directory;
  write_file(directory / "file", "precious");
  failure_of({UnixAddress{directory / "app.sock"}, UnixAddress{directory / "file"}});
  EXPECT_EQ(directory.entries(), 1u);
}

TEST(ListenerSet, SaysThatDescriptorsRanOut) {
  const TemporaryDirectory directory;
  const config::Address addresses[] = {TcpAddress{"127.0.0.1", 0}, UnixAddress{directory / "app.sock"}};
  for (const config::Address& address : addresses) {
    std::string reason;
    {
      const NoSpareDescriptors limit;
      reason = failure_of({address});
    }
    EXPECT_THAT(reason, HasSubstr("Too many open files; raise the limit on open files (ulimit -n, "));
  }
}

TEST(UnixListener, IsOpenToEveryoneAndRemovedAtTheEnd) {
  const TemporaryDirectory directory;
  const mode_t before = ::umask(027);
  {
    ListenerSet set = open_set({UnixAddress{directory / "app.sock"}});
    struct stat file {};
    ASSERT_EQ(::stat((directory / "app.sock").c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 0777, 0777u);
  }
  EXPECT_EQ(::umask(before), 027u);
  EXPECT_EQ(directory.entries(), 0u);
}

TEST(UnixListener, ReplacesASocketThatNobodyListensOn) {
  const TemporaryDirectory directory;
  const std::string path = directory / "app.sock";
  {
    ListenerSet crashed = open_set({UnixAddress{path}});
    std::filesystem::create_hard_link(path, directory / "kept");
  }
  std::filesystem::rename(directory / "kept", path);
  ASSERT_FALSE(connect_unix(path));
  ListenerSet set = open_set({UnixAddress{path}});
  EXPECT_TRUE(connect_unix(path));
}

TEST(UnixListener, LeavesALiveSocketAlone) {
  const TemporaryDirectory directory;
  const std::string path = directory / "app.sock";
  ListenerSet other = open_set({UnixAddress{path}});
  Opener opener({UnixAddress{path}});
  EXPECT_THAT(opener.failed().reason, StartsWith("Can't connect to " + path));
  EXPECT_EQ(opener.logged[0], "Connection in use: " + path);
  EXPECT_TRUE(connect_unix(path));
}

TEST(UnixListener, LeavesALiveSocketAloneWhoseQueueIsFull) {
  const TemporaryDirectory directory;
  const std::string path = directory / "app.sock";
  Opener busy({UnixAddress{path}});
  busy.options.backlog = 0;
  ListenerSet other = busy.opened();
  const UniqueFd queued = connect_unix(path);
  ASSERT_TRUE(queued);
  EXPECT_THAT(Opener({UnixAddress{path}}).failed().reason, StartsWith("Can't connect to " + path));
  expect_served(other.fds()[0], queued.get());
}

TEST(UnixListener, LeavesAFileThatIsNoSocketAlone) {
  const TemporaryDirectory directory;
  write_file(directory / "file", "precious");
  EXPECT_EQ(failure_of({UnixAddress{directory / "file"}}),
            "cannot listen on " + (directory / "file") +
                ": a file that is not a socket is in the way; move it first");
  EXPECT_EQ(read_file(directory / "file"), "precious");
}

TEST(UnixListener, LeavesASuccessorsSocketAlone) {
  const TemporaryDirectory directory;
  const std::string path = directory / "app.sock";
  std::optional<ListenerSet> old = open_set({UnixAddress{path}});
  std::filesystem::remove(path);
  ListenerSet successor = open_set({UnixAddress{path}});
  old->stop_listening();
  old.reset();
  EXPECT_TRUE(connect_unix(path));
}

TEST(StopListening, ServesWhatTheKernelHasAcceptedAndLetsNobodyElseIn) {
  ListenerSet set = open_set({TcpAddress{"127.0.0.1", 0}});
  const int listener = set.fds()[0];
  std::vector<UniqueFd> queued;
  for (int i = 0; i < 10; ++i) {
    queued.push_back(start_connect(port_of(listener)));
    ASSERT_TRUE(is_established(queued.back().get()));
  }
  set.stop_listening();
  EXPECT_EQ(has_filter(listener), may_filter());  // else the queue's length does it
  const UniqueFd late = start_connect(port_of(listener));
  EXPECT_FALSE(is_established(late.get(), 100));
  for (const UniqueFd& client : queued) expect_served(listener, client.get());
  EXPECT_LT(::accept4(listener, nullptr, nullptr, 0), 0);
  EXPECT_EQ(errno, EAGAIN);
}

TEST(StopListening, RemovesAUnixSocketAndServesWhatIsQueued) {
  const TemporaryDirectory directory;
  const std::string path = directory / "app.sock";
  ListenerSet set = open_set({UnixAddress{path}});
  const UniqueFd queued = connect_unix(path);
  ASSERT_TRUE(queued);
  set.stop_listening();
  EXPECT_FALSE(connect_unix(path));
  expect_served(set.fds()[0], queued.get());
  set.stop_listening();  // once more does nothing
}

/// A listening socket as a parent process would hand over; given up to the one who adopts it.
int inherited_listener(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  path.copy(name.sun_path, sizeof name.sun_path - 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  EXPECT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
  EXPECT_EQ(::listen(fd, 16), 0);
  return fd;
}

TEST(InheritedListener, IsUsedAndItsFileStays) {
  const TemporaryDirectory directory;
  const std::string path = directory / "app.sock";
  const int fd = inherited_listener(path);
  const UniqueFd parents(::dup(fd));
  {
    ListenerSet set = open_set({InheritedAddress{fd}});
    EXPECT_THAT(set.fds(), ElementsAre(fd));
    EXPECT_THAT(set.describe(), ElementsAre("unix:" + path));
    EXPECT_EQ(::fcntl(fd, F_GETFD), FD_CLOEXEC);
    EXPECT_NE(::fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    set.stop_listening();
    EXPECT_TRUE(connect_unix(path));
  }
  EXPECT_TRUE(connect_unix(path));
}

TEST(InheritedListener, LosesTheFilterOfAnOwnerThatStopped) {
  if (!may_filter()) GTEST_SKIP() << "socket filters are not permitted here";
  ListenerSet old = open_set({TcpAddress{"127.0.0.1", 0}});
  old.stop_listening();
  ASSERT_TRUE(has_filter(old.fds()[0]));
  ListenerSet set = open_set({InheritedAddress{::dup(old.fds()[0])}});
  EXPECT_FALSE(has_filter(set.fds()[0]));
  const UniqueFd client = start_connect(port_of(set.fds()[0]));
  ASSERT_TRUE(is_established(client.get()));
  expect_served(set.fds()[0], client.get());
}

TEST(InheritedListener, GoesOnTakingConnectionsForItsParentWhenWeStop) {
  const ListenerSet parent = open_set({TcpAddress{"127.0.0.1", 0}});
  ListenerSet set = open_set({InheritedAddress{::dup(parent.fds()[0])}});
  set.stop_listening();
  EXPECT_FALSE(has_filter(parent.fds()[0]));
  const UniqueFd client = start_connect(port_of(parent.fds()[0]));
  EXPECT_TRUE(is_established(client.get()));
}

TEST(InheritedListener, ReplacesTheAddressesWhenActivated) {
  const TemporaryDirectory directory;
  const int activated = inherited_listener(directory / "one");
  const int given = inherited_listener(directory / "two");
  Opener opener({TcpAddress{"127.0.0.1", 0}, InheritedAddress{given}}, {activated, given});
  EXPECT_THAT(opener.opened().fds(), ElementsAre(given, activated));
}

TEST(InheritedListener, MustBeAListeningStreamSocket) {
  const UniqueFd idle(::socket(AF_INET, SOCK_STREAM, 0));
  const UniqueFd datagram(::socket(AF_UNIX, SOCK_DGRAM, 0));
  const UniqueFd file(::open("/dev/null", O_RDONLY));
  for (const int fd : {idle.get(), datagram.get(), file.get()}) {
    EXPECT_EQ(failure_of({InheritedAddress{fd}}),
              "inherited descriptor " + std::to_string(fd) + " is not a listening stream socket");
    EXPECT_GE(::fcntl(fd, F_GETFD), 0) << "a descriptor that is not ours stays open";
  }
  EXPECT_EQ(failure_of({}, {999}), "inherited descriptor 999 is not open");
  EXPECT_EQ(failure_of({InheritedAddress{5}, InheritedAddress{5}}),
            "cannot listen on fd://5: it is given twice");
}

/// What an earlier process has stored, and what becomes of it.
struct Store {
  std::vector<std::string> discarded;

  /// Opens the addresses while `stored` are passed, by names "0", "1" ...
  ListenerSet open(std::vector<config::Address> addresses, const std::vector<int>& stored,
                   std::vector<int> activated = {}) {
    Opener opener(std::move(addresses), std::move(activated));
    for (const int fd : stored) {
      opener.options.stored.push_back({fd, std::to_string(opener.options.stored.size())});
    }
    opener.options.discard = [this](const StoredDescriptor& each) { discarded.push_back(each.name); };
    return opener.opened();
  }
};

/// A listener of an earlier process: a duplicate stays with the manager.
int stored_of(const ListenerSet& set, std::size_t index = 0) {
  return ::dup(set.fds().at(index));
}

TEST(StoredListeners, AreTakenOverByTheirAddresses) {
  const ListenerSet before = open_set({TcpAddress{"127.0.0.1", 0}, TcpAddress{"127.0.0.1", 0}});
  const auto port = [&](std::size_t i) {
    const std::string text = before.describe()[i];
    return static_cast<std::uint16_t>(std::stoi(text.substr(text.rfind(':') + 1)));
  };
  Store store;
  const int first = stored_of(before, 0);
  const int second = stored_of(before, 1);
  const ListenerSet after =
      store.open({TcpAddress{"127.0.0.1", port(1)}, TcpAddress{"localhost", port(0)}}, {first, second});
  EXPECT_THAT(after.fds(), ElementsAre(second, first));
  EXPECT_THAT(store.discarded, IsEmpty());
  EXPECT_EQ(::fcntl(first, F_GETFD), FD_CLOEXEC);
}

TEST(StoredListeners, ServeAnAddressThatLeavesThePortOpenLast) {
  const ListenerSet before = open_set({TcpAddress{"127.0.0.1", 0}});
  Store store;
  const int kept = stored_of(before);
  const ListenerSet after = store.open({TcpAddress{"127.0.0.1", 0}}, {kept});
  EXPECT_EQ(after.describe(), before.describe());
}

TEST(StoredListeners, ThatNoAddressNamesAreClosedAndDropped) {
  const ListenerSet before = open_set({TcpAddress{"127.0.0.1", 0}, TcpAddress{"127.0.0.1", 0}});
  Store store;
  const int one = stored_of(before, 0);
  const int file = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const ListenerSet after = store.open({TcpAddress{"127.0.0.2", 0}}, {one, file});
  EXPECT_THAT(store.discarded, ElementsAre("0", "1"));
  EXPECT_LT(::fcntl(file, F_GETFD), 0);
  EXPECT_THAT(after.describe(), ElementsAre(StartsWith("http://127.0.0.2:")));
}

TEST(StoredListeners, GiveWayToSocketActivation) {
  const ListenerSet before = open_set({TcpAddress{"127.0.0.1", 0}, TcpAddress{"127.0.0.1", 0}});
  Store store;
  const int activated = stored_of(before, 1);
  const ListenerSet after = store.open({TcpAddress{"127.0.0.1", 0}}, {stored_of(before, 0)}, {activated});
  EXPECT_THAT(after.fds(), ElementsAre(activated));
  EXPECT_THAT(store.discarded, ElementsAre("0"));
}

TEST(StoredListeners, OfUnixSocketsNeedTheirName) {
  const TemporaryDirectory directory;
  const UnixAddress address{directory / "app.sock"};
  const ListenerSet before = open_set({address});
  Store store;
  const int kept = stored_of(before);
  {
    const ListenerSet after = store.open({address}, {kept});
    EXPECT_THAT(after.fds(), ElementsAre(kept));
  }
  EXPECT_EQ(directory.entries(), 1U) << "the name is for the next process";
  const int nameless = stored_of(before);
  ::unlink(address.path.c_str());
  const ListenerSet anew = store.open({address}, {nameless});
  EXPECT_THAT(store.discarded, ElementsAre("0"));
  EXPECT_EQ(directory.entries(), 1U);
}

/// Whether a client can connect to the listener's port within a moment.
bool accepts(const ListenerSet& set) {
  sockaddr_in name{};
  socklen_t size = sizeof name;
  ::getsockname(set.fds()[0], reinterpret_cast<sockaddr*>(&name), &size);
  const UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (::connect(client.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0) return true;
  pollfd watched{client.get(), POLLOUT, 0};
  int error = 0;
  socklen_t length = sizeof error;
  return ::poll(&watched, 1, 500) == 1 &&
         ::getsockopt(client.get(), SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0;
}

TEST(StoredListeners, AreFreedOfAFilterThatAnEarlierProcessLeft) {
  ListenerSet before = open_set({TcpAddress{"127.0.0.1", 0}});
  before.stop_listening();
  EXPECT_FALSE(accepts(before));
  Store store;
  const ListenerSet after = store.open({TcpAddress{"127.0.0.1", 0}}, {stored_of(before)});
  EXPECT_TRUE(accepts(after));
}

TEST(StoredListeners, AreLeftAloneByAStop) {
  const TemporaryDirectory directory;
  ListenerSet set = open_set({TcpAddress{"127.0.0.1", 0}, UnixAddress{directory / "app.sock"}});
  int offered = 0;
  set.share([&](const Listener&) { return ++offered > 0; });
  set.share([&](const Listener&) { return ++offered > 0; });
  EXPECT_EQ(offered, 2) << "a shared one is not offered again";
  set.stop_listening();
  EXPECT_TRUE(accepts(set));
  EXPECT_EQ(directory.entries(), 1U);
}

}  // namespace
}  // namespace gserve::io
