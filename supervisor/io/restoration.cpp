// SPDX-License-Identifier: MIT
#include "supervisor/io/restoration.h"

#include <fcntl.h>
#include <unistd.h>

#include <stdexcept>
#include <utility>

#include "supervisor/io/memfd.h"

namespace gserve::io {
namespace {

ServiceState read_state(const PassedOn& passed) {
  auto decoded = decode(read_memfd(passed.state, kMaxState));
  if (const auto* wrong = std::get_if<std::string>(&decoded)) throw std::runtime_error(*wrong);
  return std::get<ServiceState>(std::move(decoded));
}

void check_open(const ServiceState& state) {
  for (const int fd : descriptors(state)) {
    if (::fcntl(fd, F_GETFD) < 0) {
      throw std::runtime_error("cannot use the state: descriptor " + std::to_string(fd) + " is not open");
    }
  }
}

void correct(StartContext& context, const ServiceState& state, bool given_back) {
  context.binary = given_back ? state.previous : state.binary;
  if (given_back) {
    // Whoever called the program that failed may have changed these.
    context.argv = state.argv;
    context.environment = by_name(state.environment);
    context.invocation.arguments.assign(state.argv.begin() + (state.argv.empty() ? 0 : 1), state.argv.end());
  }
  context.invocation.directory = state.directory;
  context.nofile = {static_cast<rlim_t>(state.nofile_soft), static_cast<rlim_t>(state.nofile_hard)};
  context.started = state.started;
}

}  // namespace

/// What closes descriptors and removes files when it is destroyed.
struct Restoration::Held {
  Resources resources;
  LiveLaunches launches;
};

Restoration::Restoration(StartContext& context, SignalQueue& signals, const PassedOn& passed)
    : passed_(passed), state_(read_state(passed)), held_(std::make_unique<Held>()) {
  try {
    restore(context, signals);
  } catch (...) {
    // Another program is to find everything as it was: nothing of it may be closed or removed.
    static_cast<void>(held_.release());
    throw;
  }
}

Restoration::~Restoration() = default;

void Restoration::restore(StartContext& context, SignalQueue& signals) {
  check_open(state_);
  correct(context, state_, !passed_.failure.empty());
  restore_launches(state_, held_->launches);
  restore_resources(context, held_->resources, state_);
  shell_ = std::make_unique<Shell>(context, signals, held_->resources, state_, held_->launches);
}

void Restoration::commit() {
  for (const int fd : descriptors(state_)) set_cloexec(fd, true);
  ::close(passed_.state);
  ::close(passed_.image);
}

}  // namespace gserve::io
