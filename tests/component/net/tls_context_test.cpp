// SPDX-License-Identifier: MIT
// Which certificates and keys can be served with, and what is said of the others.
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "common/tls_context.h"
#include "tests/component/net/tls_client.h"

namespace gserve::test {
namespace {

std::string wrong_with(const tls::Material& material) {
  const auto made = tls::Context::make(material);
  const auto* wrong = std::get_if<std::string>(&made);
  return wrong == nullptr ? "" : *wrong;
}

std::string encrypted_key() {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, key, EVP_aes_128_cbc(), nullptr, 0, nullptr, const_cast<char*>("secret"));
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  std::string pem(text, static_cast<std::size_t>(size));
  BIO_free(bio);
  EVP_PKEY_free(key);
  return pem;
}

class TlsContext : public ::testing::Test {
 protected:
  const Identity identity = make_identity("server");
  tls::Material material = material_for(identity);
  tls::Certificate& given = material.certificates.front();
};

TEST_F(TlsContext, IsMadeOfACertificateAndItsKey) {
  EXPECT_EQ(wrong_with(material), "");
  given.chain += "words between\n" + make_identity("intermediate").certificate;
  EXPECT_EQ(wrong_with(material), "");
  given.key = given.chain = identity.key + given.chain;
  EXPECT_EQ(wrong_with(material), "") << "both in one file";
}

TEST_F(TlsContext, NamesTheFileWithoutACertificate) {
  for (const char* chain : {"", "no certificate\n"}) {
    given.chain = chain;
    EXPECT_EQ(wrong_with(material), "there is no certificate in cert.pem; it must be in PEM format");
  }
  given.chain = identity.key;
  EXPECT_EQ(wrong_with(material), "there is no certificate in cert.pem; it must be in PEM format");
}

TEST_F(TlsContext, NamesTheFileWithADamagedCertificate) {
  given.chain.replace(100, 8, "????????");
  EXPECT_EQ(wrong_with(material).find("cannot read the certificates in cert.pem: "), 0U);
}

TEST_F(TlsContext, NamesTheFileWithoutAKey) {
  for (const std::string& key : {std::string(), identity.certificate}) {
    given.key = key;
    EXPECT_EQ(wrong_with(material),
              "there is no private key in key.pem that can be used; it must be in PEM format");
  }
}

TEST_F(TlsContext, RefusesAKeyThatIsAnothers) {
  given.key = make_identity("server").key;
  EXPECT_EQ(wrong_with(material), "the key in key.pem does not belong to the first certificate in cert.pem");
}

TEST_F(TlsContext, RefusesAKeyWithAPassphrase) {
  given.key = encrypted_key();
  EXPECT_EQ(
      wrong_with(material),
      "the key in key.pem is protected by a passphrase, which nobody is there to enter; write it without "
      "one: openssl pkey -in key.pem -out NEWFILE");
}

TEST_F(TlsContext, RefusesCiphersThatNobodyKnows) {
  material.ciphers = "NONSENSE";
  EXPECT_EQ(
      wrong_with(material),
      "--ciphers: 'NONSENSE' names no cipher that can be used; openssl ciphers -v shows what a list means");
  material.ciphers = "ECDHE+AESGCM";
  EXPECT_EQ(wrong_with(material), "");
}

TEST_F(TlsContext, RefusesAuthoritiesThatAreNone) {
  material.client_certificates = tls::ClientCertificates::required;
  material.client_authorities = "nobody";
  material.client_authorities_file = "ca.pem";
  EXPECT_EQ(wrong_with(material), "there is no certificate in ca.pem; it must be in PEM format");
}

TEST(TlsHosts, AreCoveredByNameOrByOneLabel) {
  EXPECT_TRUE(tls::covers("example.com", "example.com"));
  EXPECT_FALSE(tls::covers("example.com", "www.example.com"));
  EXPECT_TRUE(tls::covers("*.example.com", "www.example.com"));
  EXPECT_FALSE(tls::covers("*.example.com", "example.com"));
  EXPECT_FALSE(tls::covers("*.example.com", ".example.com"));
  EXPECT_FALSE(tls::covers("*.example.com", "a.b.example.com"));
  EXPECT_FALSE(tls::covers("*.example.com", "localhost"));
}

}  // namespace
}  // namespace gserve::test
