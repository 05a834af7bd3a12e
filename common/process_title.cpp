// SPDX-License-Identifier: MIT
#include "common/process_title.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>

namespace gserve {
namespace {

/// Where the kernel has put the arguments and, right behind, the environment; all 0: not known.
struct Areas {
  std::uintptr_t arguments = 0;
  std::uintptr_t arguments_end = 0;
  std::uintptr_t environment = 0;
  std::uintptr_t environment_end = 0;
};

/// Fields 48 to 51 of proc_pid_stat(5).
Areas find_areas() {
  std::ifstream file("/proc/self/stat");
  std::string text;
  std::getline(file, text);
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream fields(text.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < 48; ++field) fields >> skipped;
  Areas areas;
  fields >> areas.arguments >> areas.arguments_end >> areas.environment >> areas.environment_end;
  return fields ? areas : Areas{};
}

/// The variables elsewhere, for good: whoever asks for one later gets a pointer into the copies.
void move_environment() {
  std::size_t count = 0;
  while (environ[count] != nullptr) ++count;
  auto** moved = new char*[count + 1]();
  for (std::size_t i = 0; i < count; ++i) moved[i] = ::strdup(environ[i]);
  environ = moved;
}

}  // namespace

void set_process_title(std::string_view title, bool take_environment) {
  const Areas areas = find_areas();
  std::size_t room = areas.arguments_end - areas.arguments;
  if (room == 0) return;
  if (take_environment && title.size() >= room && areas.environment == areas.arguments_end) {
    move_environment();
    room = areas.environment_end - areas.arguments;
  }
  // NOLINTNEXTLINE(performance-no-int-to-ptr): the kernel tells addresses as numbers
  auto* memory = reinterpret_cast<char*>(areas.arguments);
  const std::size_t length = std::min(title.size(), room - 1);
  std::memset(memory, 0, std::max(length + 1, areas.arguments_end - areas.arguments));
  std::memcpy(memory, title.data(), length);
}

}  // namespace gserve
