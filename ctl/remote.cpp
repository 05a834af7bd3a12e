// SPDX-License-Identifier: MIT
#include "ctl/remote.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace gserve::ctl {
namespace {

/// As one word for the shell there, which gets the whole command as one text (ssh(1)).
std::string quoted(const std::string& word) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '/' || c == '+' || c == '=' || c == '@' || c == ':';
  };
  if (!word.empty() && std::all_of(word.begin(), word.end(), plain)) return word;
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

}  // namespace

std::vector<std::string> remote_command(const std::string& host, const std::vector<std::string>& arguments,
                                        bool terminal) {
  std::vector<std::string> line{"ssh"};
  if (terminal) line.emplace_back("-t");
  line.insert(line.end(), {"--", host, "gservectl"});
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (word == "-H" || word == "--host") {
      ++i;  // its value
    } else if (!word.starts_with("-H") && !word.starts_with("--host=")) {
      line.push_back(quoted(word));
    }
  }
  return line;
}

std::string run_remotely(const std::string& host, const std::vector<std::string>& arguments) {
  const bool terminal = isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
  std::vector<std::string> line = remote_command(host, arguments, terminal);
  std::vector<char*> argv;
  for (std::string& word : line) argv.push_back(word.data());
  argv.push_back(nullptr);
  execvp(argv.front(), argv.data());
  return "cannot run ssh for -H " + host + ": " + std::generic_category().message(errno);
}

}  // namespace gserve::ctl
