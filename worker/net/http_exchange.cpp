// SPDX-License-Identifier: MIT
#include "worker/net/http_exchange.h"

#include <time.h>

#include <array>
#include <iterator>

#include "worker/net/connection.h"

namespace gserve::net {

using http::Ending;

void HttpExchange::begin(bool more_input) {
  const http::RequestHead& request = connection_.parser.head();
  writer_.reset({request.method == "HEAD", request.minor_version,
                 request.keep_alive && context_.config.keep_alive.count() > 0});
  head_text_.clear();
  logged_fields_.clear();
  logged_values_.assign(logged_variables().size(), std::nullopt);
  shown_ = {};
  status_ = 0;
  refusal_ = {};
  more_input_ = more_input;
  ended_ = broken_ = false;
}

void HttpExchange::taken() {
  if (!context_.board && !context_.accounts_requests()) return;
  taken_ = monotonic_now();
  if (!context_.board) return;
  shown_.line = head().line;
  shown_.started = taken_;
  context_.board->begin(shown_);
}

/// The executor goes on with something else until then.
void HttpExchange::wait_for_client() {
  if (context_.board) context_.board->pause(shown_, monotonic_now());
}

void HttpExchange::go_on() {
  if (shown_.paused != 0) context_.board->go_on(shown_, monotonic_now());
}

const http::RequestHead& HttpExchange::head() const {
  return connection_.parser.head();
}
const Endpoint& HttpExchange::peer() const {
  return connection_.peer;
}
const Endpoint& HttpExchange::connected() const {
  return connection_.connected();
}
const http::ProxyHeader* HttpExchange::proxy_header() const {
  return connection_.proxy_header ? &*connection_.proxy_header : nullptr;
}
const Endpoint& HttpExchange::local() const {
  return connection_.local;
}
bool HttpExchange::secure() const {
  return connection_.tls != nullptr;
}
std::span<const std::pair<const char*, std::string>> HttpExchange::client_facts() const {
  if (!connection_.tls) return {};
  return connection_.tls->client_facts();
}
int HttpExchange::socket() const {
  return connection_.fd.get();
}

ssize_t HttpExchange::read_body(std::span<char> into) {
  if (context_.guard.dead()) return -1;
  if (into.empty()) return 0;
  const bool may_block = !context_.on_loop_thread();
  go_on();
  for (;;) {
    bool wanted = false;
    const ssize_t n = connection_.body.read(into, may_block, &wanted);
    if (n == kMustWait) wait_for_client();
    if (!wanted) return n;
    context_.mailbox.post(connection_, body_wanted);
    context_.mailbox.wake();
  }
}

const char* HttpExchange::early_hints(std::span<const http::Field> fields) {
  if (context_.guard.dead() || head_sent() || head().minor_version < 1) return nullptr;
  std::string text;
  if (const char* wrong = http::append_early_hints(text, fields)) return wrong;
  const std::array<std::string_view, 1> parts{text};
  write(parts);
  return nullptr;
}

const char* HttpExchange::start(std::string_view status, std::span<const http::Field> fields) {
  const char* wrong = writer_.start(status, fields);
  if (wrong != nullptr || !context_.wants_response_fields()) return wrong;
  logged_fields_.clear();
  for (const http::Field& field : fields) logged_fields_.emplace_back(field.name, field.value);
  return nullptr;
}

void HttpExchange::make_head(std::optional<std::uint64_t> whole_body) {
  if (context_.closes_connections() || connection_.body.broken()) writer_.forbid_keep_alive();
  head_text_.clear();
  writer_.make_head(head_text_, date_.text(::time(nullptr)), whole_body);
}

Sent HttpExchange::write(std::span<const std::string_view> parts) {
  return note(connection_.output.write(connection_.fd.get(), parts, manner()));
}

Sent HttpExchange::note(Sent sent) {
  if (sent != Sent::ok) broken_ = true;
  return sent;
}

Sent HttpExchange::send(std::string_view data, bool last) {
  if (context_.guard.dead() || !writer_.started()) return Sent::failed;
  if (data.empty() && !last) return Sent::ok;
  go_on();
  if (context_.on_loop_thread() && !connection_.output.has_room()) {
    wait_for_client();
    return Sent::must_wait;
  }
  std::string_view made_head;
  if (!writer_.head_made()) {
    make_head(last ? std::optional<std::uint64_t>(data.size()) : std::nullopt);
    made_head = head_text_;
  }
  http::ResponseWriter::Frame frame{};
  if (!data.empty()) frame = writer_.frame(data.size());
  const std::string_view tail = last && !ended_ ? writer_.end() : std::string_view();
  ended_ = ended_ || last;
  const std::array<std::string_view, 5> parts{made_head, frame.before, data.substr(0, frame.send),
                                              frame.after, tail};
  return write(parts);
}

Sent HttpExchange::send_file(int fd, off_t offset, std::uint64_t size) {
  if (context_.guard.dead() || !writer_.started()) return Sent::failed;
  if (size == 0) return Sent::ok;
  go_on();
  std::string_view made_head;
  if (!writer_.head_made()) {
    make_head(std::nullopt);
    made_head = head_text_;
  }
  const http::ResponseWriter::Frame frame = writer_.frame(size);
  const std::array<std::string_view, 2> before{made_head, frame.before};
  Sent sent = write(before);
  if (sent != Sent::ok || frame.send == 0) return sent;
  sent = note(connection_.output.write_file(connection_.fd.get(), fd, offset, frame.send, manner()));
  if (sent != Sent::ok || frame.after.empty()) return sent;
  const std::array<std::string_view, 1> after{frame.after};
  return write(after);
}

const std::vector<std::string>& HttpExchange::logged_variables() const {
  return context_.access_format.variables();
}

void HttpExchange::finish() {
  if (context_.guard.dead()) return;
  if (!writer_.started()) return fail();
  end_body();
  status_ = writer_.status_code();
  if (broken_ || writer_.short_of_length()) return give_back(Ending::cut);
  give_back(writer_.keeps_alive() && connection_.body.whole() ? Ending::keep : Ending::close);
}

void HttpExchange::end_body() {
  if (!writer_.head_made()) {
    send({}, true);
  } else if (!ended_ && !writer_.end().empty()) {
    const std::array<std::string_view, 1> parts{writer_.end()};
    write(parts);
  }
}

void HttpExchange::fail() {
  if (context_.guard.dead()) return;
  if (writer_.head_made()) {
    status_ = writer_.status_code();
    return give_back(Ending::cut);
  }
  const http::Refusal refusal = connection_.body.refusal();
  answer_error(refusal.status != 0 ? refusal : http::Refusal{500, "The application failed."});
  give_back(broken_ ? Ending::cut : Ending::close);
}

void HttpExchange::refuse(const http::Refusal& refusal) {
  if (context_.guard.dead()) return;
  refusal_ = refusal;
  answer_error(refusal);
  give_back(broken_ ? Ending::cut : Ending::close);
}

void HttpExchange::answer_error(const http::Refusal& refusal) {
  status_ = refusal.status;
  std::string answer = http::error_response(refusal.status, refusal.reason, date_.text(::time(nullptr)));
  if (head().method == "HEAD") answer.resize(answer.find("\r\n\r\n") + 4);
  const std::array<std::string_view, 1> parts{answer};
  write(parts);
}

void HttpExchange::output_queued() {
  context_.mailbox.post(connection_, output);
  context_.mailbox.wake();
}

void HttpExchange::give_back(Ending ending) {
  ending_ = ending;
  if (context_.board || context_.accounts_requests()) finished_ = monotonic_now();
  if (context_.board) context_.board->end(shown_, status_, finished_);
  // The I/O thread has nothing to do for a kept-alive connection without further input: the next request's
  // event will wake it, and it never sleeps longer than the keep-alive time while exchanges are out.
  bool wake =
      ending != Ending::keep || more_input_ || connection_.body.streaming() || context_.config.event_loop;
  Context& context = context_;
  const std::atomic<bool>& input_waiting =
      connection_.input_waiting;  // stays in place: connections are pooled
  context.mailbox.post(connection_, done);
  // From here on the connection is the I/O thread's.
  if (context.in_flight.fetch_sub(1, std::memory_order_seq_cst) <= context.config.executors) {
    context.times_free.fetch_add(1, std::memory_order_relaxed);
    wake = wake || context.watches_less.load(std::memory_order_seq_cst);
  }
  if (context.mailbox.gathering() && !context.backlogged()) context.mailbox.end_gathering();
  if (wake || input_waiting.load(std::memory_order_seq_cst) || context.closes_connections())
    context.mailbox.wake();
}

}  // namespace gserve::net
