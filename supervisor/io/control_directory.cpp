// SPDX-License-Identifier: MIT
#include "supervisor/io/control_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <thread>
#include <utility>

#include "common/control_contract.h"

namespace gserve::io {
namespace {

using Failure = ControlUnavailable;

constexpr int kBacklog = 64;
// Who holds the directory's lock binds a socket or removes one: milliseconds. Somebody else's lock is not
// waited for.
constexpr std::chrono::seconds kLockPatience{2};
constexpr std::chrono::milliseconds kLockPause{5};
// Another instance that ends may remove a directory between our making it and our locking it.
constexpr int kAttempts = 10;

std::string why(int error) {
  return std::generic_category().message(error);
}

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string absolute(const std::string& path) {
  if (!path.empty() && path.front() == '/') return path;
  char* cwd = get_current_dir_name();
  const std::string here = cwd != nullptr ? cwd : "";
  std::free(cwd);
  return here + "/" + path;
}

/// A directory to be made if it is missing, and with which mode.
struct Level {
  std::string path;
  mode_t mode;
};

/// One place where the socket may stand.
struct Candidate {
  std::string socket;
  std::vector<Level> levels;  // outermost first; what lies above must exist
};

std::string first_entry(const std::string& list) {
  return list.substr(0, list.find(':'));
}

std::vector<Candidate> candidates(const ControlPlace& place) {
  const auto below = [&](const std::string& root, mode_t gserve_mode) {
    const std::string base = root + "/gserve";
    const std::string own = base + "/" + place.name;
    return Candidate{own + "/" + control::kSocketFile, {{base, gserve_mode}, {own, 0700}}};
  };
  std::vector<Candidate> found;
  if (place.runtime_directory && !place.runtime_directory->empty()) {
    const std::string directory = first_entry(*place.runtime_directory);
    found.push_back({directory + "/" + control::kSocketFile, {{directory, 0700}}});
  }
  if (place.euid == 0) {
    found.push_back(below(place.run_root, 0755));
  } else if (place.xdg_runtime_dir && !place.xdg_runtime_dir->empty()) {
    found.push_back(below(*place.xdg_runtime_dir, 0700));
  }
  return found;
}

std::optional<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return std::nullopt;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

int connect_to(int fd, const sockaddr_un& address) {
  return connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

pid_t peer_pid(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.pid : 0;
}

bool lock(int directory) {
  const auto deadline = std::chrono::steady_clock::now() + kLockPatience;
  while (flock(directory, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK || std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(kLockPause);
  }
  return true;
}

bool is_removed(int directory) {
  struct stat info {};
  return fstat(directory, &info) == 0 && info.st_nlink == 0;
}

}  // namespace

/// One attempt at one candidate. Undoes what it made unless it succeeds.
class ControlClaim {
 public:
  ControlClaim(const Candidate& candidate, const ControlPlace& place) : candidate_(candidate), place_(place) {
    made_.path_ = candidate.socket;
    made_.file_ = candidate.socket.substr(candidate.socket.rfind('/') + 1);
  }

  std::variant<ControlDirectory, Failure> run() {
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      if (!make_directories() && errno != ENOENT) return fail("make a directory for");
      if (!open_directory()) {
        if (errno == ENOENT && !candidate_.levels.empty()) continue;
        return fail("open the directory of");
      }
      if (!lock(made_.directory_.get())) return fail("lock the directory of");
      if (is_removed(made_.directory_.get())) continue;
      if (auto failure = bind_socket()) return *failure;
      flock(made_.directory_.get(), LOCK_UN);
      return std::move(made_);
    }
    return fail("keep the directory of");
  }

 private:
  bool make_directories() {
    for (const Level& level : candidate_.levels) {
      if (mkdir(level.path.c_str(), level.mode) == 0) {
        made_.created_.push_back(level.path);
        // The umask must not close /run/gserve to the other users' gservectl, nor open ours.
        if (chmod(level.path.c_str(), level.mode) != 0) return false;
      } else if (errno != EEXIST) {
        return false;
      }
    }
    return true;
  }

  bool open_directory() {
    const std::string directory = parent_of(candidate_.socket);
    made_.directory_.reset(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return static_cast<bool>(made_.directory_);
  }

  /// Under the directory's lock.
  std::optional<Failure> bind_socket() {
    const std::optional<sockaddr_un> address = address_of(candidate_.socket);
    if (!address)
      return Failure{Failure::Kind::failed,
                     "control socket path \"" + candidate_.socket +
                         "\" is too long: at most 107 bytes; use a shorter --control-socket"};
    if (auto failure = clear_the_way(*address)) return failure;
    UniqueFd socket_fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket_fd) return fail("make");
    // The mode before bind is the most that the file is born with: no moment in which it is open to others.
    if (fchmod(socket_fd.get(), place_.socket_mode) != 0) return fail("set the mode of");
    if (bind(socket_fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0)
      return fail("bind");
    if (!remember_inode()) return fail("look at");
    if (chmod(candidate_.socket.c_str(), place_.socket_mode) != 0) return fail("set the mode of");
    if (listen(socket_fd.get(), kBacklog) != 0) return fail("listen on");
    made_.listener_ = std::move(socket_fd);
    return std::nullopt;
  }

  bool remember_inode() {
    struct stat info {};
    if (fstatat(made_.directory_.get(), made_.file_.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return false;
    made_.device_ = info.st_dev;
    made_.inode_ = info.st_ino;
    return true;
  }

  /// Removes a dead process's socket. Anything else that is in the way stays.
  std::optional<Failure> clear_the_way(const sockaddr_un& address) {
    struct stat info {};
    if (fstatat(made_.directory_.get(), made_.file_.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return std::nullopt;
      return fail("look at");
    }
    if (!S_ISSOCK(info.st_mode)) {
      return Failure{Failure::Kind::failed,
                     "cannot make control socket " + candidate_.socket +
                         ": something else is there; remove it or use --control-socket"};
    }
    const UniqueFd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!probe) return fail("probe");
    if (connect_to(probe.get(), address) == 0 || errno == EAGAIN)
      return already_running(peer_pid(probe.get()));
    if (errno != ECONNREFUSED) return fail("probe");
    if (unlinkat(made_.directory_.get(), made_.file_.c_str(), 0) != 0) return fail("replace the stale");
    return std::nullopt;
  }

  Failure already_running(pid_t pid) const {
    const std::string who = pid > 0 ? " (pid " + std::to_string(pid) + ")" : std::string();
    return {Failure::Kind::already_running, "instance \"" + place_.name + "\" is already running" + who +
                                                ": it owns control socket " + candidate_.socket +
                                                "; stop it first or choose another --name"};
  }

  Failure fail(const char* what) const {
    const int error = errno;
    return {Failure::Kind::failed,
            std::string("cannot ") + what + " control socket " + candidate_.socket + ": " + why(error)};
  }

  const Candidate& candidate_;
  const ControlPlace& place_;
  ControlDirectory made_;
};

namespace {

std::variant<ControlDirectory, Failure> claim_explicit(const ControlPlace& place) {
  const std::string path = absolute(place.explicit_path);
  return ControlClaim({path, {}}, place).run();
}

std::variant<ControlDirectory, Failure> search(const ControlPlace& place) {
  Failure last{Failure::Kind::no_directory, "neither RUNTIME_DIRECTORY nor XDG_RUNTIME_DIR is set"};
  for (const Candidate& candidate : candidates(place)) {
    auto result = ControlClaim(candidate, place).run();
    if (std::holds_alternative<ControlDirectory>(result)) return result;
    last = std::get<Failure>(result);
    if (last.kind == Failure::Kind::already_running) return last;
  }
  return Failure{Failure::Kind::no_directory,
                 "no control socket, gservectl cannot reach this instance: " + last.reason};
}

std::optional<std::string> environment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) return std::nullopt;
  return value;
}

}  // namespace

ControlPlace ControlPlace::from_environment(std::string name, std::string explicit_path, mode_t socket_mode) {
  ControlPlace place;
  place.name = std::move(name);
  place.explicit_path = std::move(explicit_path);
  place.runtime_directory = environment("RUNTIME_DIRECTORY");
  place.xdg_runtime_dir = environment("XDG_RUNTIME_DIR");
  place.euid = geteuid();
  place.socket_mode = socket_mode;
  return place;
}

std::variant<ControlDirectory, ControlUnavailable> ControlDirectory::claim(const ControlPlace& place) {
  if (!control::is_instance_name(place.name)) {
    return Failure{Failure::Kind::failed, "instance name \"" + place.name +
                                              "\" cannot name a directory: use 1 to 64 of A-Z a-z 0-9 _ . -"};
  }
  return place.explicit_path.empty() ? search(place) : claim_explicit(place);
}

ControlDirectory::ControlDirectory(const ControlState& state)
    : listener_(state.listener),
      directory_(state.directory),
      path_(state.socket.path),
      file_(path_.substr(path_.rfind('/') + 1)),
      created_(state.created),
      device_(state.socket.device),
      inode_(state.socket.inode) {}

ControlState ControlDirectory::state() const {
  return {listener_.get(), directory_.get(), {path_, device_, inode_}, created_};
}

UniqueFd ControlDirectory::listener() const {
  UniqueFd copy(fcntl(listener_.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy) throw std::system_error(errno, std::generic_category(), "cannot duplicate the control socket");
  return copy;
}

ControlDirectory::ControlDirectory(ControlDirectory&& other) noexcept {
  *this = std::move(other);
}

ControlDirectory& ControlDirectory::operator=(ControlDirectory&& other) noexcept {
  if (this == &other) return *this;
  remove();
  listener_ = std::move(other.listener_);
  directory_ = std::move(other.directory_);
  path_ = std::move(other.path_);
  file_ = std::move(other.file_);
  created_ = std::exchange(other.created_, {});
  device_ = other.device_;
  inode_ = std::exchange(other.inode_, 0);
  return *this;
}

ControlDirectory::~ControlDirectory() {
  remove();
}

void ControlDirectory::remove() {
  listener_.reset();
  const bool locked = inode_ != 0 && lock(directory_.get());
  struct stat info {};
  if (locked && fstatat(directory_.get(), file_.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
      info.st_dev == device_ && info.st_ino == inode_) {
    unlinkat(directory_.get(), file_.c_str(), 0);
  }
  for (; !created_.empty(); created_.pop_back()) rmdir(created_.back().c_str());
  directory_.reset();
  inode_ = 0;
}

}  // namespace gserve::io
