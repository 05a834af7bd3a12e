// SPDX-License-Identifier: MIT
#include "worker/net/connection_table.h"

namespace gserve::net {

Connection& ConnectionTable::add() {
  ++open_;
  if (free_.empty()) {
    all_.push_back(std::make_unique<Connection>(context_, static_cast<std::uint32_t>(all_.size())));
    return *all_.back();
  }
  Connection& connection = *free_.back();
  free_.pop_back();
  return connection;
}

Connection* ConnectionTable::find(std::uint64_t token) {
  const auto index = static_cast<std::uint32_t>(token);
  if (index >= all_.size()) return nullptr;
  Connection& connection = *all_[index];
  return connection.generation == token >> 32 && connection.fd ? &connection : nullptr;
}

void ConnectionTable::remove(Connection& connection) {
  --open_;
  closed_.push_back(&connection);
}

void ConnectionTable::bury() {
  for (Connection* connection : closed_) {
    connection->recycle();
    free_.push_back(connection);
  }
  closed_.clear();
}

}  // namespace gserve::net
