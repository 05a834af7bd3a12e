// SPDX-License-Identifier: MIT
#include "supervisor/io/tls_files.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include "common/tls_context.h"
#include "common/unique_fd.h"
#include "supervisor/config/sni_certificate.h"
#include "supervisor/io/tls_library.h"

namespace gserve::io {
namespace {

constexpr std::size_t kMostBytes = std::size_t{4} << 20;  // more is no list of certificates

/// What is wrong, in one line; leaves the loading.
struct Wrong {
  std::string reason;
};

std::string system_reason() {
  return std::generic_category().message(errno);
}

/// Files that settings name.
class Files {
 public:
  explicit Files(const config::Settings& settings) : directory_(settings.text("chdir")) {}

  std::string path(const std::string& name) const { return (directory_ / name).string(); }

  /// What the file holds; `flag` is who asks for it.
  std::string read(const std::string& flag, const std::string& path) const {
    const auto refuse = [&](const std::string& reason) {
      throw Wrong{flag + ": cannot read " + path + ": " + reason};
    };
    // Without O_NONBLOCK a named pipe would hold the service up.
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat status {};
    if (file.get() < 0 || ::fstat(file.get(), &status) != 0) refuse(system_reason());
    if (!S_ISREG(status.st_mode)) refuse("it is not a regular file");
    std::string text;
    std::array<char, 16384> room;
    ssize_t n = 0;
    while ((n = ::read(file.get(), room.data(), room.size())) > 0) {
      text.append(room.data(), static_cast<std::size_t>(n));
      if (text.size() > kMostBytes) refuse("it is larger than 4 MiB");
    }
    if (n < 0) refuse(system_reason());
    return text;
  }

 private:
  std::filesystem::path directory_;
};

tls::Certificate load_certificate(const Files& files, const std::string& chain_flag, const std::string& chain,
                                  const std::string& key_flag, const std::string& key) {
  tls::Certificate certificate;
  certificate.chain_file = files.path(chain);
  certificate.key_file = key.empty() ? certificate.chain_file : files.path(key);
  certificate.chain = files.read(chain_flag, certificate.chain_file);
  certificate.key = key.empty() ? certificate.chain : files.read(key_flag, certificate.key_file);
  return certificate;
}

std::string text_or_empty(const config::Settings& settings, const char* name) {
  return settings.is_none(name) ? std::string() : settings.text(name);
}

/// TLS is on where gunicorn has it on; half of what it needs is an error, and never plain HTTP.
bool wanted(const config::Settings& settings) {
  if (!settings.is_none("certfile")) return true;
  if (!settings.is_none("keyfile"))
    throw Wrong{"--keyfile needs --certfile, the certificate that the key is for"};
  if (!settings.list("sni_certs").empty())
    throw Wrong{"--sni-cert needs --certfile, the certificate for clients that ask for no host"};
  if (settings.integer("cert_reqs") != 0)
    throw Wrong{"--cert-reqs needs --certfile: only with TLS do clients show certificates"};
  return false;
}

tls::Material read_material(const config::Settings& settings) {
  const Files files(settings);
  tls::Material material;
  material.certificates.push_back(load_certificate(files, "--certfile", settings.text("certfile"),
                                                   "--keyfile", text_or_empty(settings, "keyfile")));
  for (const std::string& text : settings.list("sni_certs")) {
    const auto [host, chain, key, wrong] = config::parse_sni_certificate(text);
    const std::string flag = "--sni-cert " + host;
    material.certificates.push_back(load_certificate(files, flag, chain, flag, key));
    material.certificates.back().host = host;
  }
  material.client_certificates = static_cast<tls::ClientCertificates>(settings.integer("cert_reqs"));
  if (!settings.is_none("ca_certs")) {
    material.client_authorities_file = files.path(settings.text("ca_certs"));
    material.client_authorities = files.read("--ca-certs", material.client_authorities_file);
  } else if (material.client_certificates != tls::ClientCertificates::none) {
    throw Wrong{"--cert-reqs needs --ca-certs, the authorities that sign clients' certificates"};
  }
  material.ciphers = text_or_empty(settings, "ciphers");
  return material;
}

/// The workers of a generation share it, so that each one can resume what another began.
std::string new_ticket_key() {
  std::string key(tls::kTicketKeySize, '\0');
  if (::getrandom(key.data(), key.size(), 0) != static_cast<ssize_t>(key.size()))
    throw Wrong{"cannot make a key for TLS session tickets: " + system_reason()};
  return key;
}

std::string hexadecimal(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text.append({kDigits[byte >> 4], kDigits[byte & 15]});
  }
  return text;
}

std::string encode(const tls::Material& material) {
  nlohmann::json certificates = nlohmann::json::array();
  for (const tls::Certificate& each : material.certificates) {
    certificates.push_back({{"host", each.host},
                            {"chain", each.chain},
                            {"key", each.key},
                            {"chain_file", each.chain_file},
                            {"key_file", each.key_file}});
  }
  const nlohmann::json object = {{"certificates", std::move(certificates)},
                                 {"client_authorities", material.client_authorities},
                                 {"client_authorities_file", material.client_authorities_file},
                                 {"client_certificates", static_cast<int>(material.client_certificates)},
                                 {"ciphers", material.ciphers},
                                 {"ticket_key", hexadecimal(material.ticket_key)}};
  // Around the PEM blocks there may be text in any encoding; nobody reads it.
  return object.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

}  // namespace

TlsMaterial load_tls(const config::Settings& settings, const std::string& binary_directory) try {
  if (!wanted(settings)) return {};
  tls::Material material = read_material(settings);
  material.ticket_key = new_ticket_key();
  if (std::string wrong = check_tls(material, binary_directory); !wrong.empty())
    return {{}, std::move(wrong)};
  return {encode(material), {}};
} catch (const Wrong& wrong) {
  return {{}, wrong.reason};
}

}  // namespace gserve::io
