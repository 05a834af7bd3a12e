// SPDX-License-Identifier: MIT
// Who is who over TLS: certificates of servers and clients, protocols, and sessions that are resumed.
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "tests/component/net/client.h"
#include "tests/component/net/tls_settings.h"

namespace gserve::test {
namespace {

TEST(Tls, ChoosesTheCertificateByTheNameThatIsAskedFor) {
  const Identity exact = make_identity("exact");
  const Identity wild = make_identity("wild");
  tls::Material material = material_for(server_identity());
  material.certificates.push_back({"*.example.com", wild.certificate, wild.key, "", ""});
  material.certificates.push_back({"www.example.com", exact.certificate, exact.key, "", ""});
  TestServer server(hello_or_echo, with(material));
  const std::array<std::pair<const char*, const char*>, 6> cases{{{"www.example.com", "exact"},
                                                                  {"WWW.Example.com", "exact"},
                                                                  {"api.example.com", "wild"},
                                                                  {"a.b.example.com", "server"},
                                                                  {"example.com", "server"},
                                                                  {"", "server"}}};
  for (const auto& [host, name] : cases) {
    TlsClient client(server.port(), {.host = host});
    EXPECT_EQ(client.server_name(), name) << host;
    client.get("/hello");
    EXPECT_EQ(client.read_response().body, "hello");
  }
}

TEST(Tls, AgreesOnHttp11Only) {
  TestServer server(hello_or_echo, with_tls());
  EXPECT_EQ(TlsClient(server.port(), {.protocols = "\x02h2\x08http/1.1"}).protocol(), "http/1.1");
  const TlsClient other(server.port(), {.protocols = "\x02h2"});
  EXPECT_FALSE(other.connected());
  EXPECT_EQ(other.failure(), "tlsv1 alert no application protocol");
}

class ClientCertificates : public ::testing::Test {
 protected:
  tls::Material material(tls::ClientCertificates demand) {
    tls::Material material = material_for(server_identity());
    const Identity other = make_identity("other");
    material.certificates.push_back({"other.test", other.certificate, other.key, "", ""});
    material.client_authorities = authority.certificate;
    material.client_certificates = demand;
    return material;
  }

  static void tell(net::Exchange& exchange) {
    std::string facts;
    for (const auto& [name, value] : exchange.client_facts()) {
      if (std::string_view(name) != "SSL_CLIENT_CERT") facts += std::string(name) + "=" + value + "\n";
    }
    answer(exchange, facts);
  }

  const Identity authority = make_identity("authority");
  const Identity known = make_identity("alice", &authority);
  const Identity stranger = make_identity("mallory");
};

TEST_F(ClientCertificates, AreRequired) {
  TestServer server(tell, with(material(tls::ClientCertificates::required)));
  for (const char* host : {"", "other.test"}) {
    TlsClient client(server.port(), {.host = host, .identity = &known});
    client.get("/");
    const std::string body = client.read_response().body;
    EXPECT_EQ(count(body,
                    "SSL_CLIENT_VERIFY=SUCCESS\nSSL_CLIENT_S_DN=CN=alice\nSSL_CLIENT_I_DN=CN=authority\n"
                    "SSL_CLIENT_M_SERIAL="),
              1)
        << body;
  }
  TlsClient without(server.port());  // with TLS 1.3 the client hears of it when it reads
  EXPECT_TRUE(without.closed());
  EXPECT_EQ(without.failure(), "tlsv13 alert certificate required");
  TlsClient unknown(server.port(), {.identity = &stranger});
  EXPECT_TRUE(unknown.closed());
  EXPECT_TRUE(wait_for_text(server.log_fd(), "failed: peer did not return a certificate"));
  EXPECT_TRUE(wait_for_text(server.log_fd(), "failed: self-signed certificate"));
}

TEST_F(ClientCertificates, AreOptional) {
  TestServer server(tell, with(material(tls::ClientCertificates::optional)));
  TlsClient without(server.port());
  without.get("/");
  EXPECT_EQ(without.read_response().body, "SSL_CLIENT_VERIFY=NONE\n");
  TlsClient unknown(server.port(), {.identity = &stranger});
  EXPECT_TRUE(unknown.closed());
}

TEST_F(ClientCertificates, AreNotAskedFor) {
  TestServer server(tell, with(material(tls::ClientCertificates::none)));
  TlsClient client(server.port(), {.identity = &known});
  client.get("/");
  const Response response = client.read_response();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "");
}

class Resumption : public ::testing::TestWithParam<int> {
 protected:
  /// Whether a second server resumes the session that a first one has begun.
  static bool resumes(const tls::Material& first, const tls::Material& second) {
    TestServer one(hello_or_echo, with(first));
    TestServer other(hello_or_echo, with(second));
    TlsClient begin(one.port(), {.version = GetParam()});
    begin.get("/hello");
    begin.read_response();
    ssl_session_st* session = begin.session();
    TlsClient again(other.port(), {.version = GetParam(), .session = session});
    TlsClient::release_session(session);
    again.get("/hello");
    EXPECT_EQ(again.read_response().body, "hello");
    return again.resumed();
  }
};

TEST_P(Resumption, WorksAtEveryServerWithTheSameTicketKey) {
  tls::Material material = material_for(server_identity());
  material.ticket_key.assign(tls::kTicketKeySize, 'k');
  EXPECT_TRUE(resumes(material, material));
}

TEST_P(Resumption, FailsHarmlesslyAtAnotherServer) {
  tls::Material material = material_for(server_identity());
  EXPECT_FALSE(resumes(material, material));
}

INSTANTIATE_TEST_SUITE_P(Versions, Resumption, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION));

}  // namespace
}  // namespace gserve::test
