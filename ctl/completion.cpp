// SPDX-License-Identifier: MIT
#include "ctl/completion.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string_view>

#include "ctl/bus_client.h"
#include "ctl/discovery.h"
#include "ctl/text.h"

namespace gserve::ctl {
namespace {

// A person waits at the keyboard.
constexpr std::chrono::milliseconds kPatience{300};

class Completer {
 public:
  Completer(const std::vector<CommandDescription>& commands, const Lookup& lookup)
      : commands_(commands), lookup_(lookup), command_(&find("")) {}

  std::vector<Candidate> run(const std::vector<std::string>& words) {
    for (std::size_t i = 0; i + 1 < words.size(); ++i) read(words[i]);
    std::vector<Candidate> all = words.empty() ? here("") : offers(words.back());
    const std::string beginning = words.empty() || words.back() == "=" ? "" : words.back();
    std::erase_if(all, [&](const Candidate& candidate) {
      return candidate.word != kFiles && !candidate.word.starts_with(beginning);
    });
    return all;
  }

 private:
  const CommandDescription& find(const std::string& name) const {
    return *std::find_if(commands_.begin(), commands_.end(),
                         [&](const CommandDescription& command) { return command.name == name; });
  }

  const OptionDescription* option(std::string_view flag) const {
    for (const CommandDescription* place : {command_, &find("")}) {
      for (const OptionDescription& each : place->options) {
        if (std::find(each.flags.begin(), each.flags.end(), flag) != each.flags.end()) return &each;
      }
    }
    return nullptr;
  }

  /// A word that is complete. Bash cuts "--name=shop" into three.
  void read(const std::string& word) {
    if (awaited_ != nullptr) {
      if (word == "=") return;
      note(*awaited_, word);
      awaited_ = nullptr;
      return;
    }
    if (word.starts_with("-")) return read_option(word);
    const std::string name = command_->name.empty() ? word : command_->name + " " + word;
    const auto found = std::find_if(commands_.begin(), commands_.end(),
                                    [&](const CommandDescription& command) { return command.name == name; });
    if (found != commands_.end()) {
      command_ = &*found;
    } else {
      ++positionals_;
    }
  }

  void read_option(const std::string& word) {
    const auto equals = word.find('=');
    const OptionDescription* found = option(word.substr(0, equals));
    if (found == nullptr || found->value.empty()) return;
    if (equals == std::string::npos) {
      awaited_ = found;
    } else {
      note(*found, word.substr(equals + 1));
    }
  }

  void note(const OptionDescription& option, const std::string& value) {
    const auto is = [&](const char* flag) {
      return std::find(option.flags.begin(), option.flags.end(), flag) != option.flags.end();
    };
    if (is("--name")) addressee_.name = value;
    if (is("--socket")) addressee_.socket = value;
    if (is("--host")) elsewhere_ = true;
  }

  std::vector<Candidate> offers(const std::string& word) const {
    if (awaited_ != nullptr) return values(awaited_->value);
    const auto equals = word.find('=');
    if (!word.starts_with("-")) return here(word);
    if (equals == std::string::npos) return options();
    const OptionDescription* found = option(word.substr(0, equals));
    std::vector<Candidate> all = found == nullptr ? std::vector<Candidate>() : values(found->value);
    for (Candidate& candidate : all) {
      if (candidate.word != kFiles) candidate.word.insert(0, word.substr(0, equals + 1));
    }
    return all;
  }

  std::vector<Candidate> options() const {
    std::vector<Candidate> all;
    for (const CommandDescription* place : {command_, &find("")}) {
      for (const OptionDescription& each : place->options) {
        for (const std::string& flag : each.flags) all.push_back({flag, each.help});
      }
      if (command_->name.empty()) break;  // both are the same
    }
    return all;
  }

  /// Commands, where one is expected, else what the command is about.
  std::vector<Candidate> here(const std::string& word) const {
    std::vector<Candidate> all;
    const std::string before = command_->name.empty() ? "" : command_->name + " ";
    for (const CommandDescription& each : commands_) {
      if (each.name.size() <= before.size() || !each.name.starts_with(before)) continue;
      const std::string rest = each.name.substr(before.size());
      if (rest.find(' ') == std::string::npos) all.push_back({rest, each.help});
    }
    if (!all.empty() || positionals_ >= command_->positionals.size()) return all;
    return word.starts_with("-") ? all : values(command_->positionals[positionals_]);
  }

  std::vector<Candidate> values(const std::string& kind) const {
    if (kind == "STATE") return {{"ready", ""}, {"running", ""}, {"stopped", ""}};
    if (kind == "PATH") return {{kFiles, ""}};
    if (elsewhere_) return {};  // what runs here means nothing there
    if (kind == "NAME") return lookup_.instances();
    if (kind == "PID") return lookup_.workers(addressee_);
    if (kind == "ID") return lookup_.incidents(addressee_);
    return {};
  }

  const std::vector<CommandDescription>& commands_;
  const Lookup& lookup_;
  const CommandDescription* command_;
  const OptionDescription* awaited_ = nullptr;  // the word before wants a value
  std::size_t positionals_ = 0;                 // seen so far
  Addressee addressee_;
  bool elsewhere_ = false;
};

/// The instance that is meant, or the only one; null: nobody can tell, or it does not answer.
std::unique_ptr<BusClient> connect(const std::vector<std::string>& roots, const Addressee& addressee) {
  std::string socket = addressee.socket;
  if (socket.empty()) {
    std::vector<Instance> live = discover(roots).live;
    if (!addressee.name.empty())
      std::erase_if(live, [&](const Instance& instance) { return instance.name != addressee.name; });
    if (live.size() != 1) return nullptr;
    socket = live.front().socket;
  }
  Result<Connection> connection = connect_to(socket);
  if (std::holds_alternative<Failure>(connection)) return nullptr;
  auto client = BusClient::open(std::get<Connection>(std::move(connection)), kPatience);
  if (std::holds_alternative<Failure>(client)) return nullptr;
  return std::get<std::unique_ptr<BusClient>>(std::move(client));
}

}  // namespace

std::vector<Candidate> complete(const std::vector<CommandDescription>& commands,
                                const std::vector<std::string>& words, const Lookup& lookup) {
  return Completer(commands, lookup).run(words);
}

Lookup lookup_in(const std::vector<std::string>& roots) {
  Lookup lookup;
  lookup.instances = [roots] {
    std::vector<Candidate> found;
    for (const Instance& instance : discover(roots).live) found.push_back({instance.name, instance.socket});
    return found;
  };
  lookup.workers = [roots](const Addressee& addressee) {
    std::vector<Candidate> found;
    const auto client = connect(roots, addressee);
    if (!client) return found;
    const Result<Status> answer = client->status();
    if (const auto* status = std::get_if<Status>(&answer)) {
      for (const WorkerStatus& worker : status->workers)
        found.push_back({std::to_string(worker.pid), worker.pool + ", " + worker.state});
    }
    return found;
  };
  lookup.incidents = [roots](const Addressee& addressee) {
    std::vector<Candidate> found;
    const auto client = connect(roots, addressee);
    if (!client) return found;
    const auto answer = client->incidents();
    if (const auto* incidents = std::get_if<std::vector<IncidentSummary>>(&answer)) {
      for (const IncidentSummary& each : *incidents)
        found.push_back({std::to_string(each.id), each.kind + ": " + each.reason});
    }
    return found;
  };
  return lookup;
}

std::string render_candidates(const std::vector<Candidate>& candidates) {
  std::string text;
  for (const Candidate& candidate : candidates) {
    text += line(candidate.word) + (candidate.description.empty() ? "" : "\t" + line(candidate.description)) +
            "\n";
  }
  return text;
}

}  // namespace gserve::ctl
