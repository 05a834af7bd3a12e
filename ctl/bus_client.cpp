// SPDX-License-Identifier: MIT
#include "ctl/bus_client.h"

#include <systemd/sd-bus.h>
#include <unistd.h>

#include <cerrno>
#include <sstream>
#include <system_error>
#include <utility>

#include "common/control_contract.h"
#include "ctl/bus_decode.h"

namespace gserve::ctl {
namespace {

struct MessageUnref {
  void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
};
using MessagePtr = std::unique_ptr<sd_bus_message, MessageUnref>;

struct BusError {
  sd_bus_error value{};
  BusError() = default;
  BusError(const BusError&) = delete;
  BusError& operator=(const BusError&) = delete;
  ~BusError() { sd_bus_error_free(&value); }
};

/// Makes `bus` a client over `socket`, which it takes over. No bus daemon is behind it: no Hello, no match
/// rules.
int start_client(sd_bus* bus, UniqueFd socket) {
  if (const int r = sd_bus_set_fd(bus, socket.get(), socket.get()); r < 0) return r;
  socket.release();
  return sd_bus_start(bus);
}

Failure not_understood() {
  return {Failure::Kind::refused,
          "the answer of the supervisor is not understood: is it of another version?"};
}

/// What sd_bus_call fails with when it was not the supervisor that answered with an error.
bool is_transport_error(int error) {
  return error == ETIMEDOUT || error == ECONNRESET || error == ENOTCONN || error == EPIPE ||
         error == ESHUTDOWN;
}

/// "10 s", "0.5 s".
std::string seconds_text(std::uint64_t usec) {
  std::ostringstream text;
  text << static_cast<double>(usec) / 1e6 << " s";
  return text.str();
}

int append_nothing(sd_bus_message*) {
  return 0;
}

int read_job_id(sd_bus_message* reply, JobId& id) {
  return sd_bus_message_read(reply, "t", &id);
}

}  // namespace

struct BusClient::Events {
  std::deque<JobEvent> queue;

  static int on_signal(sd_bus_message* message, void* userdata, sd_bus_error*) {
    auto& queue = static_cast<Events*>(userdata)->queue;
    const char* first = nullptr;
    const char* second = nullptr;
    JobId job = 0;
    if (sd_bus_message_is_signal(message, control::kInterface, "JobProgress") > 0) {
      if (sd_bus_message_read(message, "ts", &job, &first) > 0) queue.push_back({job, false, first, "", ""});
    } else if (sd_bus_message_is_signal(message, control::kInterface, "JobFinished") > 0) {
      if (sd_bus_message_read(message, "tss", &job, &first, &second) > 0) {
        queue.push_back({job, true, "", first, second});
      }
    }
    return 0;
  }
};

BusClient::BusClient(sd_bus* bus, uid_t owner, std::chrono::milliseconds patience)
    : bus_(bus),
      owner_(owner),
      patience_usec_(static_cast<std::uint64_t>(std::chrono::microseconds(patience).count())),
      events_(std::make_unique<Events>()) {}

BusClient::~BusClient() {
  sd_bus_close(bus_);
  sd_bus_unref(bus_);
}

Result<std::unique_ptr<BusClient>> BusClient::open(Connection connection,
                                                   std::chrono::milliseconds patience) {
  sd_bus* bus = nullptr;
  int r = sd_bus_new(&bus);
  if (r < 0) return Failure{Failure::Kind::refused, std::generic_category().message(-r)};
  std::unique_ptr<BusClient> client(new BusClient(bus, connection.uid, patience));
  r = start_client(bus, std::move(connection.socket));
  if (r >= 0) r = sd_bus_add_filter(bus, nullptr, Events::on_signal, client->events_.get());
  if (r >= 0) r = client->await_handshake(std::chrono::steady_clock::now() + patience);
  if (r < 0) return client->explain(-r);
  return client;
}

/// A call would wait for the handshake first, and for that as long as sd-bus likes: 90 s.
int BusClient::await_handshake(Deadline deadline) {
  while (sd_bus_is_ready(bus_) <= 0) {
    const int processed = sd_bus_process(bus_, nullptr);
    if (processed < 0) return processed;
    if (processed > 0) continue;
    const int wait = poll_timeout(deadline);
    if (wait == 0) return -ETIMEDOUT;
    if (const int r = sd_bus_wait(bus_, static_cast<std::uint64_t>(wait) * 1000); r < 0 && r != -EINTR)
      return r;
  }
  return 0;
}

Failure BusClient::explain(int error) const {
  const std::string text = std::generic_category().message(error);
  if (error == ETIMEDOUT) {
    return {Failure::Kind::no_answer, "the supervisor did not answer within " + seconds_text(patience_usec_)};
  }
  if (geteuid() != 0 && geteuid() != owner_) {
    return {Failure::Kind::refused, "the supervisor closed the connection: only root and uid " +
                                        std::to_string(owner_) + " may control it"};
  }
  return {Failure::Kind::lost, "connection to the supervisor lost: " + text};
}

/// Calls `method` with what `append(message)` writes; what `read(reply, value)` makes of the reply.
template <typename Append, typename Read>
auto BusClient::call(const char* method, Append append, Read read) {
  using Value = typename Read::Value;
  using Answer = Result<Value>;
  sd_bus_message* raw = nullptr;
  int r =
      sd_bus_message_new_method_call(bus_, &raw, nullptr, control::kObjectPath, control::kInterface, method);
  const MessagePtr message(raw);
  if (r >= 0) r = append(raw);
  if (r < 0) return Answer(explain(-r));
  BusError error;
  r = sd_bus_call(bus_, message.get(), patience_usec_, &error.value, &raw);
  if (r < 0 && !is_transport_error(-r) && error.value.message != nullptr) {
    return Answer(Failure{Failure::Kind::refused, error.value.message});
  }
  if (r < 0) return Answer(explain(-r));
  const MessagePtr reply(raw);
  Value value{};
  if (read.function(reply.get(), value) < 0) return Answer(not_understood());
  return Answer(std::move(value));
}

namespace {

/// A reader together with the type it fills.
template <typename T>
struct Reader {
  using Value = T;
  int (*function)(sd_bus_message*, T&);
};

constexpr Reader<Status> kReadStatus{read_status};
constexpr Reader<Job> kReadJob{read_job};
constexpr Reader<std::vector<SettingInForce>> kReadSettings{read_settings};
constexpr Reader<JobId> kReadJobId{read_job_id};
constexpr Reader<std::vector<IncidentSummary>> kReadIncidents{read_incidents};
constexpr Reader<Incident> kReadIncident{read_incident};

}  // namespace

Result<Status> BusClient::status() {
  return call("GetStatus", append_nothing, kReadStatus);
}

Result<Job> BusClient::job(JobId id) {
  return call(
      "GetJob", [id](sd_bus_message* m) { return sd_bus_message_append(m, "t", id); }, kReadJob);
}

Result<std::vector<IncidentSummary>> BusClient::incidents() {
  return call("ListIncidents", append_nothing, kReadIncidents);
}

Result<Incident> BusClient::incident(std::uint64_t id) {
  return call(
      "GetIncident", [id](sd_bus_message* m) { return sd_bus_message_append(m, "t", id); }, kReadIncident);
}

Result<std::vector<SettingInForce>> BusClient::config() {
  return call("GetConfig", append_nothing, kReadSettings);
}

Result<JobId> BusClient::stop(bool quick) {
  const char* mode = quick ? "quick" : "graceful";
  return call(
      "Stop", [mode](sd_bus_message* m) { return sd_bus_message_append(m, "s", mode); }, kReadJobId);
}

Result<JobId> BusClient::reload() {
  return call("Reload", append_nothing, kReadJobId);
}

Result<JobId> BusClient::rollback() {
  return call("Rollback", append_nothing, kReadJobId);
}

Result<JobId> BusClient::refork() {
  return call("Refork", append_nothing, kReadJobId);
}

Result<JobId> BusClient::restart() {
  return call("Restart", append_nothing, kReadJobId);
}

Result<JobId> BusClient::restart_worker(std::uint32_t pid) {
  return call(
      "RestartWorker", [pid](sd_bus_message* m) { return sd_bus_message_append(m, "u", pid); }, kReadJobId);
}

Result<JobId> BusClient::kill_worker(std::uint32_t pid) {
  return call(
      "KillWorker", [pid](sd_bus_message* m) { return sd_bus_message_append(m, "u", pid); }, kReadJobId);
}

Result<JobId> BusClient::reopen_logs() {
  return call("ReopenLogs", append_nothing, kReadJobId);
}

Result<JobId> BusClient::upgrade(const std::string& binary) {
  return call(
      "Upgrade", [&](sd_bus_message* m) { return sd_bus_message_append(m, "s", binary.c_str()); },
      kReadJobId);
}

Result<JobId> BusClient::scale(const ScaleTarget& target) {
  const auto append = [&](sd_bus_message* m) {
    return sd_bus_message_append(m, "sib", "", target.count, static_cast<int>(target.relative));
  };
  return call("Scale", append, kReadJobId);
}

Result<std::optional<JobEvent>> BusClient::next_event(Deadline deadline) {
  while (events_->queue.empty()) {
    const int processed = sd_bus_process(bus_, nullptr);
    if (processed < 0) return explain(-processed);
    if (processed > 0) continue;
    const int wait = poll_timeout(deadline);
    if (wait == 0) return std::nullopt;
    const auto usec = wait < 0 ? UINT64_MAX : static_cast<std::uint64_t>(wait) * 1000;
    if (const int r = sd_bus_wait(bus_, usec); r < 0 && r != -EINTR) return explain(-r);
  }
  JobEvent event = std::move(events_->queue.front());
  events_->queue.pop_front();
  return event;
}

}  // namespace gserve::ctl
