// SPDX-License-Identifier: MIT
#pragma once

#include "worker/net/server.h"
#include "worker/wsgi/py_ref.h"

namespace gserve::wsgi {

/// A scoreboard's memfd, mapped for this process.
class ScoreboardMapping {
 public:
  ScoreboardMapping() = default;
  ScoreboardMapping(const ScoreboardMapping&) = delete;
  ScoreboardMapping& operator=(const ScoreboardMapping&) = delete;
  ~ScoreboardMapping() { unmap(); }
  /// Maps `fd`, which may be closed afterwards. Throws std::system_error.
  void map(int fd);
  void unmap();
  scoreboard::Layout* layout() const { return layout_; }

 private:
  scoreboard::Layout* layout_ = nullptr;
};

/// Reads the dict that the Python package makes (gserve/server_settings.py) into `config`. A key that is not
/// there keeps the default. False with an exception set.
bool read_server_config(PyObject* dict, net::ServerConfig& config, ScoreboardMapping& scoreboard);

}  // namespace gserve::wsgi
