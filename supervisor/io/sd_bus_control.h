// SPDX-License-Identifier: MIT
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "common/unique_fd.h"
#include "supervisor/core/types.h"
#include "supervisor/ports/control_bus.h"

namespace gserve::io {

/// What one client, or many, may take. The defaults are those of docs/architecture.md, section "Control".
struct ControlLimits {
  std::size_t peers = 64;                                    // connections at a time
  std::chrono::milliseconds authentication{3000};            // from accept to the end of the D-Bus handshake
  std::size_t queued_messages = 512;                         // unsent messages of a peer, then it is cut off
  std::chrono::milliseconds idle{std::chrono::minutes(10)};  // without a message either way
  std::chrono::milliseconds accept_pause{1000};  // after accept(2) ran out of descriptors or memory
};

/// The control interface (common/control_contract.h): a D-Bus server straight on a listening Unix socket,
/// without a bus daemon. Each connection is an sd_bus server object of its own; callers other than root and
/// the process's own effective uid are closed at accept, by SO_PEERCRED.
///
/// Lives on the io_context's only thread; never blocks (but for flush) and never throws after construction: a
/// fault here costs at most the client's connection. The handler is called from io_context's handlers only
/// and must outlive this object. Every signal goes to every authenticated client, after the reply of the call
/// that it follows from.
class SdBusControl final : public ports::ControlBus {
 public:
  /// Receives one line for people; may be empty.
  using Log = std::function<void(core::LogLevel level, const std::string& text)>;

  /// `listener` is a listening, non-blocking AF_UNIX stream socket (ControlDirectory::listener). Serves
  /// as soon as the io_context runs. Throws boost::system::system_error if the reactor does not take the
  /// listener.
  SdBusControl(boost::asio::io_context& io, ports::ControlHandler& handler, UniqueFd listener, Log log = {},
               ControlLimits limits = {});
  ~SdBusControl() override;
  SdBusControl(const SdBusControl&) = delete;
  SdBusControl& operator=(const SdBusControl&) = delete;

  void accepted(core::RequestId request, core::JobId job) override;
  void refused(core::RequestId request, const std::string& reason) override;
  void job_progress(core::JobId job, const std::string& text) override;
  void job_finished(core::JobId job, core::JobState result, const std::string& reason) override;

  /// Writes out what is still queued for clients: blocks until all is sent or `limit` has passed. Not from
  /// within a ControlHandler call.
  void write_out(std::chrono::milliseconds limit);
  /// The same for the end of the process: new calls are refused from here on.
  void flush(std::chrono::milliseconds limit);

  /// Closes the listener and every connection. Idempotent; the destructor does it too.
  void close();

  /// Connections at present, for tests and diagnosis.
  std::size_t peers() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace gserve::io
