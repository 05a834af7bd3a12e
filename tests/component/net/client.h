// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "common/unique_fd.h"

namespace gserve::test {

struct Response {
  int status = 0;
  std::map<std::string, std::string> fields;  // names in lower case
  std::string body;                           // decoded
  bool whole = false;                         // the framing's end was seen
};

/// A client on a raw socket. Every wait is bounded; a bound that passes shows as an empty or unfinished
/// result.
class Client {
 public:
  explicit Client(std::uint16_t port);
  explicit Client(const std::string& unix_path);
  virtual ~Client() = default;
  Client(Client&&) = default;
  /// An unconnected socket, for tests that count descriptors.
  static Client unconnected();
  void connect(std::uint16_t port);

  virtual void send(std::string_view bytes);
  /// Sends until the peer takes no more for `patience_ms`; returns how many bytes went out.
  std::size_t send_patiently(std::string_view bytes, int patience_ms);
  void get(std::string_view path, std::string_view more_fields = "");
  /// One response; `head`: it has no body. Bytes after it stay for the next call.
  Response read_response(bool head = false);
  /// Everything up to the end of the connection.
  std::string read_all();
  /// At least `size` bytes, or what there was.
  std::string read_some(std::size_t size);
  /// Waits for the peer's close (true also on a reset).
  virtual bool closed();
  bool was_reset() const { return reset_; }
  /// Whether bytes or an end arrive within `ms`.
  bool readable(int ms);

  void shut_down_sending();
  /// Closes with a reset.
  void reset();
  void close() { fd_.reset(); }
  int fd() const { return fd_.get(); }

 protected:
  Client() = default;
  /// As recv(2), bounded in time.
  virtual ssize_t receive(char* into, std::size_t size);

 private:
  void set_bounds();
  bool fill();
  bool read_chunks(Response& response);

  UniqueFd fd_;
  std::string buffer_;
  bool reset_ = false;
};

}  // namespace gserve::test
