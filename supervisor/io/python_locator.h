// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>

namespace gserve::io {

/// Where to look for the interpreter that runs the workers.
struct PythonSearch {
  std::string requested;         // --python: a path, or a name on PATH; empty: not given
  std::string start_directory;   // what a relative path is relative to
  std::string binary_directory;  // where the gserve binary stands
  std::map<std::string, std::string> environment;
};

/// Either an absolute path (symbolic links untouched: a virtual environment's interpreter is one) or one
/// clear line.
struct LocatedPython {
  std::string path;
  std::string error;
};

/// One whose file is named as a version before 3.11 is passed over.
///
/// `requested`, else $VIRTUAL_ENV/bin/python3, else python3 beside the gserve binary, else python3 on PATH.
LocatedPython locate_python(const PythonSearch& search);

}  // namespace gserve::io
