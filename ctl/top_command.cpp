// SPDX-License-Identifier: MIT
#include "ctl/top_command.h"

#include <unistd.h>

#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include "ctl/exit_codes.h"
#include "ctl/process_size.h"
#include "ctl/screen.h"
#include "ctl/text.h"
#include "ctl/top_keys.h"
#include "ctl/top_model.h"
#include "ctl/top_view.h"

namespace gserve::ctl {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// How busy a worker is, is a matter of many looks.
constexpr milliseconds kLook{100};

class Top {
 public:
  Top(Session& session, Instance instance)
      : session_(session),
        instance_(std::move(instance)),
        interval_(std::chrono::duration_cast<Clock::duration>(
            std::chrono::duration<double>(session.arguments().interval))) {}

  int run() {
    if (const auto failure = connect()) return session_.fail(*failure);
    const bool keys =
        session_.terminal().interactive && !session_.arguments().json && isatty(STDIN_FILENO) == 1;
    if (keys) screen_ = std::make_unique<Screen>(session_.out());
    const auto failure = loop();
    screen_.reset();
    return failure ? session_.fail(*failure) : kExitDone;
  }

 private:
  std::optional<Failure> connect() {
    auto opened = session_.open(instance_, kPatience, &supervisor_);
    if (auto* failure = std::get_if<Failure>(&opened)) return std::move(*failure);
    client_ = std::get<std::unique_ptr<BusClient>>(std::move(opened));
    return std::nullopt;
  }

  /// Looks and draws until somebody or something ends it.
  std::optional<Failure> loop() {
    const unsigned most = session_.arguments().count;
    if (auto failure = look()) return failure;
    draw();  // what needs two looks is not known yet
    Clock::time_point next_frame = Clock::now() + interval_;
    for (unsigned frames = 1; most == 0 || frames < most;) {
      const bool over = session_.deadline() && Clock::now() >= *session_.deadline();
      if (over || !wait(std::min(next_frame, Clock::now() + kLook))) return std::nullopt;
      if (auto failure = look()) return failure;
      hear();
      if (Clock::now() < next_frame) continue;
      draw();
      next_frame += interval_;
      ++frames;
    }
    return std::nullopt;
  }

  /// An upgrade ends connections, and the same supervisor is there again.
  std::optional<Failure> look() {
    Result<Status> answer = client_->status();
    const auto* failure = std::get_if<Failure>(&answer);
    if (failure != nullptr && failure->kind == Failure::Kind::lost) {
      if (auto again = connect()) return again;
      answer = client_->status();
      failure = std::get_if<Failure>(&answer);
    }
    if (failure != nullptr) return *failure;
    model_.look(std::get<Status>(answer), Clock::now());
    status_ = std::get<Status>(std::move(answer));
    return std::nullopt;
  }

  /// False: it is over.
  bool wait(Clock::time_point until) {
    if (!screen_) {
      std::this_thread::sleep_until(until);
      return static_cast<bool>(session_.out());
    }
    for (const Press& press : decode_keys(screen_->read_keys(until))) {
      if (const auto order = keys_.press(press, pids())) carry_out(*order);
      draw_screen();
    }
    return !keys_.quit() && !screen_->ended();
  }

  std::vector<std::uint32_t> pids() const {
    std::vector<std::uint32_t> pids;
    for (const TopRow& row : frame_.rows) pids.push_back(row.worker.pid);
    return pids;
  }

  void carry_out(const TopOrder& order) {
    const Result<JobId> job = submit(order);
    const auto* failure = std::get_if<Failure>(&job);
    message_ =
        failure != nullptr ? failure->reason : "job " + std::to_string(std::get<JobId>(job)) + " began";
  }

  Result<JobId> submit(const TopOrder& order) {
    if (order.command == Command::scale) return client_->scale(order.scale);
    if (order.command == Command::worker_restart) return client_->restart_worker(order.pid);
    return client_->reload();
  }

  /// What the supervisor says of jobs, anybody's.
  void hear() {
    for (;;) {
      const auto next = client_->next_event(Clock::now());
      const auto* event = std::get_if<std::optional<JobEvent>>(&next);
      if (event == nullptr || !*event) return;
      const JobEvent& said = **event;
      message_ = "job " + std::to_string(said.job) + ": " + (said.finished ? said.result : said.text);
      if (!said.reason.empty()) message_ += ": " + said.reason.substr(0, said.reason.find('\n'));
    }
  }

  /// Pids mean the same here and there only if the supervisor's does.
  TopModel::Sizes sizes() const {
    TopModel::Sizes sizes;
    if (supervisor_ <= 0 || static_cast<std::uint32_t>(supervisor_) != status_.pid) return sizes;
    for (const WorkerStatus& worker : status_.workers) {
      if (const auto bytes = pss_bytes(static_cast<pid_t>(worker.pid))) sizes[worker.pid] = *bytes;
    }
    return sizes;
  }

  void draw() {
    frame_ = model_.frame(sizes());
    if (screen_) return draw_screen();
    session_.out() << (session_.arguments().json ? json_top(frame_) : separator_ + render_top(frame_))
                   << std::flush;
    separator_ = "\n";
  }

  void draw_screen() {
    const std::string question = keys_.question();
    const std::size_t chosen = keys_.chosen(frame_.rows.size());
    session_.out() << render_top_screen(frame_, chosen, question.empty() ? message_ : question,
                                        standard_output())
                   << std::flush;
  }

  Session& session_;
  const Instance instance_;
  const Clock::duration interval_;
  std::unique_ptr<BusClient> client_;
  pid_t supervisor_ = 0;
  std::unique_ptr<Screen> screen_;  // null: no keys
  TopModel model_;
  TopKeys keys_;
  TopFrame frame_;
  Status status_;
  std::string message_;
  std::string separator_;
};

}  // namespace

int show_top(Session& session, const Instance& instance) {
  return Top(session, instance).run();
}

}  // namespace gserve::ctl
