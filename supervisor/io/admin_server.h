// SPDX-License-Identifier: MIT
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "supervisor/core/types.h"

namespace gserve::io {

/// What is sent for one path.
struct AdminAnswer {
  unsigned status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
  std::string policy{};  // Content-Security-Policy; empty: nothing may be loaded
};

/// A small HTTP server on the supervisor's own loop, for GET and HEAD only. It cannot keep the supervisor from its
/// work: at most 16 connections, of which a newcomer takes the place of the one that has been silent for longest;
/// a head of 8 KiB at most and no body; 10 s for each request and each answer; and what made an answer for
/// some time lets four times as long pass before the next one is made. Whoever reads through a browser that was
/// led to us by a name is refused (Host must be an address or localhost): DNS rebinding.
class AdminServer {
 public:
  using Pages = std::function<AdminAnswer(std::string_view path)>;
  using Log = std::function<void(core::LogLevel, const std::string&)>;

  /// `listener` stays the caller's, listens, and does not block. Throws boost::system::system_error.
  AdminServer(boost::asio::io_context& io, int listener, Pages pages, Log log);
  ~AdminServer();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace gserve::io
