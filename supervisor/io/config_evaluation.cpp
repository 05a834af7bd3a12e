// SPDX-License-Identifier: MIT
#include "supervisor/io/config_evaluation.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <exception>
#include <nlohmann/json.hpp>

#include "supervisor/io/memfd.h"

namespace gserve::io {
namespace {

using Json = nlohmann::json;
using Shape = config::FileValue::Shape;

constexpr std::size_t kMaxReply = std::size_t{16} << 20;

std::string request(const EvaluationOrder& order) {
  Json kinds = Json::object();
  for (const config::Setting& setting : config::table()) {
    if (setting.name == "config") continue;
    kinds[std::string(setting.name)] = setting.kind == config::Kind::callable ? "callable" : "value";
  }
  const double limit = std::chrono::duration<double>(order.limit).count();
  return Json{{"location", order.location}, {"kinds", kinds}, {"limit", limit}}.dump();
}

Shape shape_of(const std::string& name) {
  if (name == "dict") return Shape::dict;
  if (name == "callable") return Shape::callable;
  return name == "plain" ? Shape::plain : Shape::other;
}

config::Value value_of(const Json& json) {
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_integer()) return json.get<std::int64_t>();
  if (json.is_number()) return json.get<double>();
  if (json.is_string()) return json.get<std::string>();
  if (json.is_array()) return json.get<std::vector<std::string>>();
  return std::monostate{};
}

std::vector<config::FileValue> values_of(const Json& settings) {
  std::vector<config::FileValue> values;
  for (const Json& each : settings) {
    config::FileValue made;
    made.name = each.at("name").get<std::string>();
    made.shape = shape_of(each.at("shape").get<std::string>());
    made.value = value_of(each.at("value"));
    made.where = each.at("where").get<std::string>();
    if (config::find_setting(made.name) != nullptr) values.push_back(std::move(made));
  }
  return values;
}

}  // namespace

std::variant<ConfigEvaluation, std::string> ConfigEvaluation::start(ports::ProcessLauncher& launcher,
                                                                    const EvaluationOrder& order) {
  try {
    const UniqueFd question = make_sealed_memfd("gserve-config-request", request(order));
    UniqueFd reply = make_growing_memfd("gserve-config-reply");
    ports::ProcessSpec spec;
    spec.argv = {order.python, "-P", "-m", "gserve.config_file"};
    spec.environment = order.environment;
    spec.fds = {question.get(), reply.get()};
    spec.directory = order.directory;
    auto launched = launcher.launch(spec);
    if (auto* reason = std::get_if<std::string>(&launched)) return std::move(*reason);
    return ConfigEvaluation(std::get<ports::Process>(std::move(launched)), std::move(reply), order);
  } catch (const std::exception& error) {
    return "cannot read " + order.location + ": " + error.what();
  }
}

ConfigEvaluation::Result ConfigEvaluation::result(const core::ExitStatus& status) const {
  try {
    const std::string text = read_memfd(reply_.get(), kMaxReply);
    if (status != core::ExitStatus{}) {
      const bool late = text.starts_with("Timeout");  // the interpreter's own dump of where it was
      const std::string why = late ? "it does not end within " + core::describe(order_.limit)
                                   : "its interpreter has ended: " + core::describe(status);
      return "cannot read " + order_.location + ": " + why + (text.empty() ? "" : "\n" + text);
    }
    const Json reply = Json::parse(text);
    if (reply.contains("failure")) return reply.at("failure").get<std::string>();
    return values_of(reply.at("settings"));
  } catch (const std::exception& error) {
    return "cannot read " + order_.location + ": the answer of its interpreter is unusable: " + error.what();
  }
}

void ConfigEvaluation::kill() const {
  ::syscall(SYS_pidfd_send_signal, process_.pidfd.get(), SIGKILL, nullptr, 0);
}

}  // namespace gserve::io
