// SPDX-License-Identifier: MIT
#include "supervisor/io/tls_library.h"

#include <dlfcn.h>

#include <filesystem>

#include "common/tls_check.h"

namespace gserve::io {

std::string check_tls(const tls::Material& material, const std::string& binary_directory) {
  const std::filesystem::path directory =
      std::filesystem::path(binary_directory).parent_path() / "lib/gserve";
  const std::string path = directory / tls::kCheckLibrary;
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  void* symbol = library != nullptr ? ::dlsym(library, tls::kCheckSymbol) : nullptr;
  if (symbol == nullptr) {
    return std::string("cannot load the library that TLS needs: ") + ::dlerror() +
           "; install gserve whole, and after an installation run 'gservectl upgrade'";
  }
  std::string wrong;
  reinterpret_cast<tls::Check*>(symbol)(material, wrong);
  return wrong;
}

}  // namespace gserve::io
