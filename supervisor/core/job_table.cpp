// SPDX-License-Identifier: MIT
#include "supervisor/core/job_table.h"

#include <algorithm>

namespace gserve::core {

void JobTable::restore(JobId next, const std::vector<JobRecord>& records) {
  next_ = next;
  for (const JobRecord& record : records) {
    jobs_.emplace(record.job.id, record.job);
    if (record.finished) finished_.emplace_back(*record.finished, record.job.id);
  }
  std::sort(finished_.begin(), finished_.end());
}

std::vector<JobRecord> JobTable::records() const {
  std::map<JobId, TimePoint> ends;
  for (const auto& [when, id] : finished_) ends.emplace(id, when);
  std::vector<JobRecord> records;
  for (const auto& [id, job] : jobs_) {
    records.push_back({job, std::nullopt});
    if (const auto end = ends.find(id); end != ends.end()) records.back().finished = end->second;
  }
  return records;
}

JobId JobTable::open(JobKind kind, RequestId request) {
  const JobId id = next_++;
  jobs_.emplace(id, JobView{id, kind, JobState::running, "", ""});
  if (request != 0) outbox_.push(JobAccepted{request, id});
  return id;
}

void JobTable::refuse(RequestId request, const std::string& reason) {
  outbox_.log(LogLevel::warning, reason);
  if (request != 0) outbox_.push(JobRefused{request, reason});
}

bool JobTable::progress(JobId id, const std::string& text) {
  JobView& job = jobs_.at(id);
  if (job.progress == text) return false;
  job.progress = text;
  outbox_.push(JobProgress{id, text});
  return true;
}

void JobTable::finish(JobId id, JobState result, const std::string& reason, TimePoint now) {
  JobView& job = jobs_.at(id);
  job.state = result;
  job.reason = reason;
  ++counts_[{job.kind, result}];
  finished_.emplace_back(now, id);
  outbox_.push(JobFinished{id, result, reason});
}

std::vector<JobCount> JobTable::counts() const {
  std::vector<JobCount> counts;
  for (const auto& [what, count] : counts_) counts.push_back({what.first, what.second, count});
  return counts;
}

void JobTable::restore_counts(const std::vector<JobCount>& counts) {
  for (const JobCount& each : counts) counts_[{each.kind, each.result}] = each.count;
}

std::optional<JobView> JobTable::find(JobId id) const {
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return std::nullopt;
  return found->second;
}

void JobTable::prune(TimePoint now) {
  while (!finished_.empty() && now - finished_.front().first >= kKept) {
    jobs_.erase(finished_.front().second);
    finished_.pop_front();
  }
}

}  // namespace gserve::core
