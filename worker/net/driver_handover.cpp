// SPDX-License-Identifier: MIT
// Connections that go to another worker, and those that come from one.
#include <cerrno>
#include <utility>

#include "worker/http/handover_message.h"
#include "worker/net/driver.h"

namespace gserve::net {
namespace {

http::HandedEndpoint handed(const Endpoint& endpoint) {
  return {endpoint.address, endpoint.port, endpoint.path};
}

Endpoint to_endpoint(const http::HandedEndpoint& endpoint) {
  return {std::string(endpoint.address), std::string(endpoint.port), std::string(endpoint.path)};
}

http::HandedProxyHeader handed(const std::optional<http::ProxyHeader>& header) {
  if (!header) return {};
  return {header->protocol, header->source, header->source_port, header->destination,
          header->destination_port};
}

/// None if there was none; a protocol that is not known is like none.
std::optional<http::ProxyHeader> to_proxy_header(const http::HandedProxyHeader& handed) {
  for (const std::string_view protocol : {"TCP4", "TCP6", "UNIX", "LOCAL", "UNKNOWN", "UNSPEC"}) {
    if (handed.protocol != protocol) continue;
    return http::ProxyHeader{protocol, std::string(handed.source), std::string(handed.source_port),
                             std::string(handed.destination), std::string(handed.destination_port)};
  }
  return std::nullopt;
}

/// What has arrived after the request.
std::string_view rest_of(const Connection& c) {
  return c.pending.empty() ? c.input.view().substr(c.consumed) : std::string_view(c.pending);
}

}  // namespace

/// Output is left to move(): to look at it takes a lock.
http::MoveFacts Driver::move_facts(const Connection& c) const {
  const auto body = c.body.in_memory();
  http::MoveFacts facts;
  facts.encrypted = c.exchange.secure();
  facts.body_arriving = c.body_pending || c.body.streaming();
  facts.body_spooled = !body;
  facts.bytes = c.parser.head_size() + body.value_or("").size() + rest_of(c).size();
  return facts;
}

Driver::Move Driver::move(const ExecutorQueue::Entry& entry) {
  Connection& c = static_cast<HttpExchange&>(*entry.exchange).connection();
  http::MoveFacts facts = move_facts(c);
  facts.output_unsent = !c.output.empty();
  if (!http::may_move(facts)) return Move::unsent_output;
  const std::string_view head = c.input.view().substr(0, c.parser.head_size());
  http::encode(
      {head, *c.body.in_memory(), rest_of(c), handed(c.connected()), handed(c.local), handed(c.proxy_header)},
      message_);
  switch (context_.handover.send(message_, c.fd.get())) {
    case HandoverQueue::Sent::full:
      return Move::full;
    case HandoverQueue::Sent::failed:
      return Move::failed;
    case HandoverQueue::Sent::sent:
      break;
  }
  // The open file lives on elsewhere, and our epoll instance would go on watching it.
  poller_.forget(c.fd.get());
  --out_;
  context_.in_flight.fetch_sub(1, std::memory_order_seq_cst);
  close(c);
  return Move::sent;
}

void Driver::adopt(HandoverQueue::Parcel parcel, Nanos now) {
  if (!parcel.socket) {
    return log_.line(
        LogLevel::error,
        "lost a connection that another worker has handed over: no descriptor is left (raise the "
        "limit on open files)");
  }
  http::HandedRequest request;
  const http::HandedFormat format = http::decode(parcel.message, request);
  Connection& c = table_.add();
  c.open(std::move(parcel.socket), to_endpoint(request.peer), to_endpoint(request.local));
  if (auto header = to_proxy_header(request.proxy_header)) c.take_proxy_header(std::move(*header));
  const int error = poller_.watch_connection(c.fd.get(), ConnectionTable::token(c));
  if (error != 0) {
    log_.line(LogLevel::error, "cannot watch a connection: " + error_text(error));
    return close(c);
  }
  c.state.bytes_received();
  if (format == http::HandedFormat::unknown_version)
    return refuse_parcel(c, {503, "handed over by another release of gserve"}, now);
  c.input.append(request.head);
  c.input.append(request.rest);
  const auto status = c.parser.parse(c.input.view());
  // This generation's limits may be others.
  if (status == http::RequestParser::Status::refused) return refuse(c, c.parser.refusal(), now);
  const bool complete = status == http::RequestParser::Status::complete;
  if (!complete || c.parser.head_size() != request.head.size())
    return refuse_parcel(c, {503, "handed over damaged"}, now);
  c.consumed = request.head.size();
  if (!request.body.empty() && !c.body.append(request.body))
    return refuse_parcel(c, {503, "the request body cannot be stored"}, now);
  to_executors(c, Place::first, now);
}

void Driver::refuse_parcel(Connection& c, const http::Refusal& refusal, Nanos now) {
  log_.line(LogLevel::error,
            "cannot serve a connection from the hand-over queue: " + std::string(refusal.reason));
  refuse(c, refusal, now);
}

}  // namespace gserve::net
