// SPDX-License-Identifier: MIT
#include "supervisor/io/sd_bus_control.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "supervisor/io/sd_bus_control_calls.h"
#include "supervisor/io/sd_bus_control_listener.h"
#include "supervisor/io/sd_bus_control_objects.h"
#include "supervisor/io/sd_bus_control_peer.h"

namespace gserve::io {

using PeerPtr = std::shared_ptr<SdBusPeer>;

class SdBusControl::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(boost::asio::io_context& io, ports::ControlHandler& handler, Log log, const ControlLimits& limits)
      : io_(io), calls_(handler, limits.queued_messages), log_(std::move(log)), limits_(limits) {
    if (!log_) log_ = [](core::LogLevel, const std::string&) {};
  }

  void listen(UniqueFd listener);
  void answered(const std::optional<PeerId>& peer);
  void broadcast(const std::function<int(sd_bus*)>& emit);
  void write_out(std::chrono::milliseconds limit);
  void close();
  ControlCalls& calls() { return calls_; }
  std::size_t peers() const { return peers_.size(); }

 private:
  using Clock = std::chrono::steady_clock;
  void admit(UniqueFd socket, uid_t uid, pid_t pid);
  bool make_room();
  void add(UniqueFd socket, uid_t uid, pid_t pid);
  void on_closed(const SdBusPeer& peer, const std::string& why);
  std::vector<PeerPtr> snapshot() const;
  std::vector<PeerPtr> with_output() const;

  boost::asio::io_context& io_;
  ControlCalls calls_;
  Log log_;
  ControlLimits limits_;
  std::shared_ptr<SdBusControlListener> listener_;
  std::map<PeerId, PeerPtr> peers_;  // in the order of their arrival
  PeerId last_peer_ = 0;
};

void SdBusControl::Impl::listen(UniqueFd listener) {
  auto accepted = [weak = weak_from_this()](UniqueFd socket, uid_t uid, pid_t pid) {
    if (const auto self = weak.lock()) self->admit(std::move(socket), uid, pid);
  };
  listener_ =
      std::make_shared<SdBusControlListener>(io_, std::move(listener), limits_.accept_pause, accepted, log_);
  listener_->start();
}

void SdBusControl::Impl::admit(UniqueFd socket, uid_t uid, pid_t pid) {
  if (uid != 0 && uid != geteuid()) {
    log_(core::LogLevel::warning, "refused a control connection of pid " + std::to_string(pid) + ", uid " +
                                      std::to_string(uid) +
                                      ": only root and the supervisor's own uid may connect");
    return;
  }
  if (!make_room()) {
    log_(core::LogLevel::warning, "refused a control connection of pid " + std::to_string(pid) + ": " +
                                      std::to_string(peers_.size()) + " clients are connected already");
    return;
  }
  add(std::move(socket), uid, pid);
}

/// Silent connections must not lock a client out: the oldest that has not authenticated makes way.
bool SdBusControl::Impl::make_room() {
  if (peers_.size() < limits_.peers) return true;
  const auto silent = std::find_if(peers_.begin(), peers_.end(),
                                   [](const auto& entry) { return !entry.second->authenticated(); });
  if (silent == peers_.end()) return false;
  const PeerPtr evicted = silent->second;
  evicted->close("a newer connection needs its place");
  return true;
}

void SdBusControl::Impl::add(UniqueFd socket, uid_t uid, pid_t pid) {
  const ControlSession session{calls_, {++last_peer_, uid, pid}};
  auto closed = [weak = weak_from_this()](const SdBusPeer& peer, const std::string& why) {
    if (const auto self = weak.lock()) self->on_closed(peer, why);
  };
  const auto peer = std::make_shared<SdBusPeer>(io_, std::move(socket), session, limits_, closed);
  peers_.emplace(last_peer_, peer);
  peer->start();
}

void SdBusControl::Impl::on_closed(const SdBusPeer& peer, const std::string& why) {
  const Caller caller = peer.caller();
  calls_.forget(caller.peer);
  peers_.erase(caller.peer);
  log_(core::LogLevel::debug, "control connection of pid " + std::to_string(caller.pid) + " closed: " + why);
}

void SdBusControl::Impl::answered(const std::optional<PeerId>& peer) {
  const auto found = peer ? peers_.find(*peer) : peers_.end();
  if (found == peers_.end()) return;
  const PeerPtr alive = found->second;
  alive->settle();
}

/// Peers that may be closed while we go through them.
std::vector<PeerPtr> SdBusControl::Impl::snapshot() const {
  std::vector<PeerPtr> all;
  for (const auto& [id, peer] : peers_) all.push_back(peer);
  return all;
}

void SdBusControl::Impl::broadcast(const std::function<int(sd_bus*)>& emit) {
  for (const PeerPtr& peer : snapshot()) peer->send(emit);
}

std::vector<PeerPtr> SdBusControl::Impl::with_output() const {
  std::vector<PeerPtr> waiting = snapshot();
  std::erase_if(waiting, [](const PeerPtr& peer) { return !peer->has_output(); });
  return waiting;
}

void SdBusControl::Impl::write_out(std::chrono::milliseconds limit) {
  const Clock::time_point deadline = Clock::now() + limit;
  for (auto waiting = with_output(); !waiting.empty(); waiting = with_output()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return;
    std::vector<pollfd> fds;
    for (const PeerPtr& peer : waiting) fds.push_back({peer->fd(), POLLOUT, 0});
    if (poll(fds.data(), fds.size(), static_cast<int>(left)) == 0) return;
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      if (fds[i].revents != 0) waiting[i]->process_once();
    }
  }
}

void SdBusControl::Impl::close() {
  calls_.close();
  if (listener_) listener_->close();
  listener_.reset();
  for (const PeerPtr& peer : snapshot()) peer->close("the control interface closes");
}

SdBusControl::SdBusControl(boost::asio::io_context& io, ports::ControlHandler& handler, UniqueFd listener,
                           Log log, ControlLimits limits)
    : impl_(std::make_shared<Impl>(io, handler, std::move(log), limits)) {
  impl_->listen(std::move(listener));
}

SdBusControl::~SdBusControl() {
  close();
}

void SdBusControl::accepted(core::RequestId request, core::JobId job) {
  impl_->answered(impl_->calls().accept(request, job));
}

void SdBusControl::refused(core::RequestId request, const std::string& reason) {
  impl_->answered(impl_->calls().refuse(request, reason));
}

void SdBusControl::job_progress(core::JobId job, const std::string& text) {
  impl_->broadcast([&](sd_bus* bus) { return emit_job_progress(bus, job, text); });
}

void SdBusControl::job_finished(core::JobId job, core::JobState result, const std::string& reason) {
  impl_->broadcast([&](sd_bus* bus) { return emit_job_finished(bus, job, result, reason); });
}

void SdBusControl::write_out(std::chrono::milliseconds limit) {
  impl_->write_out(limit);
}

void SdBusControl::flush(std::chrono::milliseconds limit) {
  impl_->calls().close();
  impl_->write_out(limit);
}

void SdBusControl::close() {
  impl_->close();
}

std::size_t SdBusControl::peers() const {
  return impl_->peers();
}

}  // namespace gserve::io
