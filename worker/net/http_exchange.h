// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "worker/http/connection_state.h"
#include "worker/http/response_writer.h"
#include "worker/net/calendar.h"
#include "worker/net/clock.h"
#include "worker/net/context.h"
#include "worker/net/output_queue.h"

namespace gserve::net {

struct Connection;

/// The executor's side of a connection: makes the response and sends it. One for each connection, used again
/// for each of its requests.
class HttpExchange final : public Exchange, public OutputQueue::Owner {
 public:
  /// The letters it posts to the I/O thread.
  enum Letter : std::uint32_t { output = 1, done = 2, body_wanted = 4 };

  HttpExchange(Context& context, Connection& connection) : context_(context), connection_(connection) {}

  /// I/O thread, before it hands the exchange over. `more_input`: bytes of a next request are there already.
  void begin(bool more_input);
  /// The executor, when it took it.
  void taken();

  Connection& connection() const { return connection_; }

  // I/O thread, after done.
  http::Ending ending() const { return ending_; }
  int status() const { return status_; }
  /// By the executor; status 0: none.
  const http::Refusal& refusal() const { return refusal_; }
  Nanos duration() const { return finished_ - taken_; }
  std::span<const std::pair<std::string, std::string>> logged_fields() const { return logged_fields_; }
  std::span<const std::optional<std::string>> logged_values() const { return logged_values_; }

  const http::RequestHead& head() const override;
  const Endpoint& peer() const override;
  const Endpoint& connected() const override;
  const http::ProxyHeader* proxy_header() const override;
  const Endpoint& local() const override;
  bool secure() const override;
  std::span<const std::pair<const char*, std::string>> client_facts() const override;
  int socket() const override;
  std::int64_t started() const override { return shown_.started; }
  ssize_t read_body(std::span<char> into) override;
  const char* early_hints(std::span<const http::Field> fields) override;
  const char* start(std::string_view status, std::span<const http::Field> fields) override;
  bool head_sent() const override { return writer_.head_made(); }
  std::uint64_t body_sent() const override { return writer_.body_sent(); }
  Sent send(std::string_view data, bool last) override;
  Sent send_file(int fd, off_t offset, std::uint64_t size) override;
  const std::vector<std::string>& logged_variables() const override;
  void log_variable(std::size_t place, std::string_view value) override { logged_values_[place] = value; }
  void finish() override;
  void fail() override;
  void refuse(const http::Refusal& refusal) override;

  void output_queued() override;
  void resume() override { context_.queue.resume(this); }

 private:
  OutputQueue::Manner manner() const { return {!context_.config.event_loop, !context_.on_loop_thread()}; }
  void wait_for_client();
  void go_on();
  void make_head(std::optional<std::uint64_t> whole_body);
  Sent write(std::span<const std::string_view> parts);
  Sent note(Sent sent);
  void answer_error(const http::Refusal& refusal);
  void end_body();
  void give_back(http::Ending ending);

  Context& context_;
  Connection& connection_;
  http::ResponseWriter writer_{http::ResponseWriter::Request{}};
  std::string head_text_;
  HttpDate date_;
  std::vector<std::pair<std::string, std::string>> logged_fields_;
  std::vector<std::optional<std::string>> logged_values_;
  RequestBoard::Entry shown_;
  Nanos taken_ = 0;
  Nanos finished_ = 0;
  int status_ = 0;
  http::Refusal refusal_;
  bool more_input_ = false;
  bool ended_ = false;   // what ends the body was sent
  bool broken_ = false;  // the response cannot be completed
  http::Ending ending_ = http::Ending::close;
};

}  // namespace gserve::net
