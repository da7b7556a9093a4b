// TLS for HTTP/1.1, HTTP/2 and gRPC on one port, with certificates made here.
#include "net/tls.h"

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>

#include "net/grpc_testing.h"
#include "net/http_client.h"
#include "net/inline_handler.h"
#include "net/testing.h"
#include "net/tls_testing.h"

namespace beleg::net {
namespace {

using namespace std::chrono_literals;

// True when a client that knows no newer version gets through its handshake.
bool ConnectsWithTls12(uint16_t port) {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
  BIO* connection = BIO_new_ssl_connect(context);
  BIO_set_conn_hostname(connection, fmt::format("127.0.0.1:{}", port).c_str());
  bool connected = BIO_do_connect(connection) == 1;
  BIO_free_all(connection);
  SSL_CTX_free(context);
  return connected;
}

TEST(Tls, CallsOfAllSizesGoThrough) {
  SelfSigned self;
  auto server = ServeCalls(EchoCall, {.tls = self.server()});
  auto client = ConnectTo(server->port(), {.tls = self.client()});
  for (size_t size : {0ul, 1ul, 20'000ul, 400'000ul, 4ul << 20}) {
    std::string message(size, 'm');
    auto reply = client->Call(kEchoMethod, {}, message);
    ASSERT_TRUE(reply.has_value()) << reply.error().message;
    EXPECT_TRUE(reply->message == message) << size;
  }
  EXPECT_EQ(server->counters().connections_accepted, 1);
}

TEST(Tls, ClientRefusesACertificateItDoesNotKnow) {
  SelfSigned self, other;
  auto server = ServeCalls(EchoCall, {.tls = self.server()});
  auto reply = ConnectTo(server->port(), {.tls = other.client()})->Call(kEchoMethod, {}, "x");
  EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(reply.error().message.find("certificate"), std::string::npos) << reply.error().message;
  auto wrong_name = TlsContext::Client({.ca_file = self.certificate_file(), .server_name = "elsewhere"});
  reply = ConnectTo(server->port(), {.tls = *wrong_name})->Call(kEchoMethod, {}, "x");
  EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);
  auto right_name = TlsContext::Client({.ca_file = self.certificate_file(), .server_name = "localhost"});
  EXPECT_TRUE(ConnectTo(server->port(), {.tls = *right_name})->Call(kEchoMethod, {}, "x").has_value());
  auto blind = TlsContext::Client({.skip_verify = true});
  EXPECT_TRUE(ConnectTo(server->port(), {.tls = *blind})->Call(kEchoMethod, {}, "x").has_value());
}

TEST(Tls, ServerMayDemandACertificate) {
  SelfSigned self;
  auto server = ServeCalls(EchoCall, {.tls = self.server(self.certificate_file())});
  EXPECT_FALSE(ConnectTo(server->port(), {.tls = self.client()})->Call(kEchoMethod, {}, "x").has_value());
  auto known = TlsContext::Client({.ca_file = self.certificate_file(),
                                   .certificate_file = self.certificate_file(),
                                   .key_file = self.key_file()});
  auto reply = ConnectTo(server->port(), {.tls = *known})->Call(kEchoMethod, {}, "x");
  EXPECT_TRUE(reply.has_value()) << reply.error().message;
}

TEST(Tls, ABlockingHttpClientSpeaksIt) {
  SelfSigned self, other;
  auto echo = [](HttpRequest& request) { return MakeResponse(200, "text/plain", request.body); };
  auto server = std::move(*HttpServer::Listen({.tls = self.server()}, Inline(echo)));
  std::string url = fmt::format("https://localhost:{}/echo", server->port());
  auto client = std::move(*HttpClient::Open(url, {.tls = self.client()}));
  for (size_t size : {0ul, 1ul, 20'000ul, 8ul << 20}) {
    std::string body(size, 'b');
    auto answer = client->Send({"POST", "", {}, body, ""});
    ASSERT_TRUE(answer.has_value()) << answer.error().message;
    EXPECT_TRUE(answer->body == body) << size;
  }
  EXPECT_EQ(server->counters().connections_accepted, 1) << "the connection is kept";
  auto stranger = (*HttpClient::Open(url, {.tls = other.client()}))->Get("");
  EXPECT_EQ(stranger.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(stranger.error().message.find("certificate"), std::string::npos) << stranger.error().message;
  auto system = (*HttpClient::Open(url))->Get("");
  EXPECT_EQ(system.error().code, ErrorCode::kUnavailable);
}

TEST(Tls, ABlockingHttpClientGivesUpOnASilentServer) {
  SelfSigned self;
  RawListener silent;
  auto client = std::move(*HttpClient::Open(fmt::format("https://127.0.0.1:{}", silent.port()),
                                            {.connect_timeout = 50ms, .tls = self.client()}));
  EXPECT_EQ(client->Get("/").error().code, ErrorCode::kDeadlineExceeded);
}

TEST(Tls, AnOlderVersionThanTheLeastIsRefused) {
  SelfSigned self;
  auto only13 = TlsContext::Server({self.certificate_file(), self.key_file(), "", TlsVersion::k13});
  auto server = ServeCalls(EchoCall, {.tls = *only13});
  EXPECT_TRUE(ConnectTo(server->port(), {.tls = self.client()})->Call(kEchoMethod, {}, "x").has_value());
  EXPECT_FALSE(ConnectsWithTls12(server->port()));
  EXPECT_TRUE(ConnectsWithTls12(ServeCalls(EchoCall, {.tls = self.server()})->port()));
}

TEST(Tls, PlainClientsAndSilentOnesAreTurnedAway) {
  SelfSigned self;
  auto server = ServeCalls(EchoCall, {.tls = self.server()});
  EXPECT_FALSE(ConnectTo(server->port())->Call(kEchoMethod, {}, "x").has_value());
  RawSocket plain(server->port());
  plain.Send("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
  plain.ReadAll();
  EXPECT_FALSE(plain.timed_out());
  auto impatient = HttpServer::Listen({.head_timeout = 50ms, .tls = self.server()}, {});
  RawSocket silent((*impatient)->port());
  silent.ReadAll();
  EXPECT_FALSE(silent.timed_out());
}

TEST(Tls, StopEndsConnectionsThatAreInTheirHandshake) {
  SelfSigned self;
  auto server = ServeCalls(EchoCall, {.tls = self.server()});
  RawSocket silent(server->port());
  while (server->counters().connections_open == 0) {}
  server->Stop(0ms);
  silent.ReadAll();
  EXPECT_FALSE(silent.timed_out());
}

TEST(Tls, FilesThatAreNoneAreNamed) {
  SelfSigned self, other;
  auto missing = TlsContext::Server({"/no/such/file", self.key_file()});
  EXPECT_EQ(missing.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(missing.error().message.find("/no/such/file"), std::string::npos);
  auto mixed = TlsContext::Server({self.certificate_file(), other.key_file()});
  EXPECT_EQ(mixed.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(TlsContext::Client({.ca_file = "/no/such/file"}).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace beleg::net
