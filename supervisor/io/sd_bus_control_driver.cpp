// SPDX-License-Identifier: MIT
#include <systemd/sd-bus.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "supervisor/io/sd_bus_control_guard.h"
#include "supervisor/io/sd_bus_control_objects.h"

namespace gserve::io {
namespace {

// There are two parties on a connection: the supervisor, under these names, and the client, under a unique
// name.
constexpr char kDriver[] = "org.freedesktop.DBus";
constexpr char kService[] = "io.gserve";
constexpr char kServiceUnique[] = ":1.0";

std::string client_name(const ControlSession& session) {
  return ":1." + std::to_string(session.caller.peer);
}

/// The unique name behind `name`, empty if nobody has it.
std::string owner_of(std::string_view name, const ControlSession& session) {
  if (name == kDriver) return kDriver;
  if (name == kService || name == kServiceUnique) return kServiceUnique;
  const std::string client = client_name(session);
  return name == client ? client : std::string();
}

ControlSession& session_of(void* userdata) {
  return *static_cast<ControlSession*>(userdata);
}

int hello(sd_bus_message* call, void* userdata, sd_bus_error* error) {
  return guarded(error, [&] {
    return sd_bus_reply_method_return(call, "s", client_name(session_of(userdata)).c_str());
  });
}

/// AddMatch and RemoveMatch: every client gets every signal anyway, there are so few.
int ignore_match(sd_bus_message* call, void*, sd_bus_error* error) {
  return guarded(error, [&] { return sd_bus_reply_method_return(call, ""); });
}

int get_name_owner(sd_bus_message* call, void* userdata, sd_bus_error* error) {
  return guarded(error, [&] {
    const char* name = nullptr;
    if (const int r = sd_bus_message_read(call, "s", &name); r < 0) return r;
    const std::string owner = owner_of(name, session_of(userdata));
    if (owner.empty()) {
      return sd_bus_error_setf(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER, "name \"%.255s\" has no owner here",
                               name);
    }
    return sd_bus_reply_method_return(call, "s", owner.c_str());
  });
}

int name_has_owner(sd_bus_message* call, void* userdata, sd_bus_error* error) {
  return guarded(error, [&] {
    const char* name = nullptr;
    if (const int r = sd_bus_message_read(call, "s", &name); r < 0) return r;
    return sd_bus_reply_method_return(call, "b",
                                      static_cast<int>(!owner_of(name, session_of(userdata)).empty()));
  });
}

int list_names(sd_bus_message* call, void* userdata, sd_bus_error* error) {
  return guarded(error, [&] {
    return sd_bus_reply_method_return(call, "as", 4, kDriver, kService, kServiceUnique,
                                      client_name(session_of(userdata)).c_str());
  });
}

int list_activatable_names(sd_bus_message* call, void*, sd_bus_error* error) {
  return guarded(error, [&] { return sd_bus_reply_method_return(call, "as", 0); });
}

const sd_bus_vtable kDriverVtable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD_WITH_ARGS("Hello", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", name), hello,
                            SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS("AddMatch", SD_BUS_ARGS("s", rule), SD_BUS_NO_RESULT, ignore_match,
                            SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS("RemoveMatch", SD_BUS_ARGS("s", rule), SD_BUS_NO_RESULT, ignore_match,
                            SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS("GetNameOwner", SD_BUS_ARGS("s", name), SD_BUS_RESULT("s", owner), get_name_owner,
                            SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS("NameHasOwner", SD_BUS_ARGS("s", name), SD_BUS_RESULT("b", has_owner),
                            name_has_owner, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS("ListNames", SD_BUS_NO_ARGS, SD_BUS_RESULT("as", names), list_names,
                            SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS("ListActivatableNames", SD_BUS_NO_ARGS, SD_BUS_RESULT("as", names),
                            list_activatable_names, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_VTABLE_END,
};

}  // namespace

int add_driver_object(sd_bus* bus, ControlSession* session) {
  return sd_bus_add_object_vtable(bus, nullptr, "/org/freedesktop/DBus", kDriver, kDriverVtable, session);
}

}  // namespace gserve::io
