// SPDX-License-Identifier: MIT
#include "supervisor/config/command_line.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include "supervisor/config/arguments.h"
#include "supervisor/config/words.h"

namespace gserve::config {
namespace {

/// Words of an environment variable, as a shell would split them.
CommandWords variable_words(const std::string& variable, const Environment& environment) {
  auto [words, wrong] = split_words(environment(variable).value_or(""));
  if (!wrong.empty()) refuse(kConfigurationError, variable + ": " + wrong);
  return {std::move(words), variable};
}

void append(std::vector<Assignment>& all, std::vector<Assignment> more) {
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

/// Assigns, and remembers who gave a setting the value that it has.
class Resolution {
 public:
  void apply(const std::vector<Assignment>& layer) {
    for (const Assignment& each : layer) {
      const std::string wrong = settings_.set(each.setting->name, each.value, each.source, each.origin);
      if (!wrong.empty()) refuse(kConfigurationError, invalid_value(each, wrong));
      last_[each.setting] = &each;
    }
  }

  Settings finish(const std::string& start) {
    for (const auto& [setting, assignment] : last_) {
      if (!setting->refusal.empty() && settings_.value(setting->name) != setting->builtin)
        refuse(kConfigurationError, not_supported(*assignment));
    }
    if (settings_.is_none("wsgi_app") && settings_.is_none("paste"))
      refuse(kConfigurationError, "No application module specified.");
    resolve_chdir(start);
    return std::move(settings_);
  }

 private:
  /// Symbolic links are resolved now, not by each worker: who is started later is of the same release as the
  /// others, wherever `current` points by then.
  void resolve_chdir(const std::string& start) {
    const std::string given = settings_.text("chdir");
    const auto last = last_.find(find_setting("chdir"));
    const std::string subject = last == last_.end() ? "--chdir" : last->second->subject;
    std::error_code error;
    const auto directory = std::filesystem::canonical(std::filesystem::path(start) / given, error);
    if (error || !std::filesystem::is_directory(directory, error)) {
      const std::string reason = error ? error.message() : "Not a directory";
      refuse(kConfigurationError, subject + ": cannot change to '" + given + "': " + reason);
    }
    const std::string wrong = settings_.set("chdir", directory.string(), settings_.source("chdir"),
                                            std::string(settings_.origin("chdir")));
    if (!wrong.empty()) refuse(kConfigurationError, subject + ": the directory's absolute path " + wrong);
  }

  Settings settings_;
  std::map<const Setting*, const Assignment*> last_;
};

}  // namespace

const Assignment* Layers::find(std::string_view name) const {
  for (const auto* layer : {&given, &defaults}) {
    const auto found = std::find_if(layer->rbegin(), layer->rend(),
                                    [&](const Assignment& each) { return each.setting->name == name; });
    if (found != layer->rend()) return &*found;
  }
  return nullptr;
}

std::variant<Layers, Ending> read_layers(const Invocation& invocation, const Environment& environment) {
  try {
    // The command line is read first, so that --help works whatever the environment holds; it is applied last.
    std::vector<Assignment> command_line = read_arguments({invocation.arguments, ""});
    Layers layers{environment_defaults(environment), {}};
    for (const char* variable : {"GUNICORN_CMD_ARGS", "GSERVE_CMD_ARGS"}) {
      append(layers.given, read_arguments(variable_words(variable, environment)));
    }
    append(layers.given, std::move(command_line));
    return layers;
  } catch (const Stop& stop) {
    return stop.ending;
  }
}

ParseOutcome resolve(const Layers& layers, const std::vector<FileValue>& file, const Invocation& invocation) {
  try {
    Resolution resolution;
    const std::vector<Assignment> from_file = file_assignments(file);
    resolution.apply(layers.defaults);
    resolution.apply(from_file);
    resolution.apply(layers.given);
    return resolution.finish(invocation.directory);
  } catch (const Stop& stop) {
    return stop.ending;
  }
}

ParseOutcome parse_command_line(const Invocation& invocation, const Environment& environment) {
  auto layers = read_layers(invocation, environment);
  if (auto* ending = std::get_if<Ending>(&layers)) return std::move(*ending);
  return resolve(std::get<Layers>(layers), {}, invocation);
}

}  // namespace gserve::config
