// TLS for HTTP/1.1, HTTP/2 and gRPC on one port, with certificates made here.
#include "net/tls.h"

#include <cstdio>
#include <filesystem>

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "net/grpc_testing.h"
#include "net/testing.h"

namespace beleg::net {
namespace {

using namespace std::chrono_literals;

// A key and a certificate for "localhost" and 127.0.0.1, signed by itself.
class SelfSigned {
 public:
  SelfSigned()
      : folder_(std::filesystem::temp_directory_path() /
                fmt::format("tls-test-{}-{}", ::getpid(), fmt::ptr(this))) {
    std::filesystem::create_directory(folder_);
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3'600);
    X509_set_pubkey(certificate, key);
    X509_NAME* name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test"), -1,
                               -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_EXTENSION* names =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
    X509_add_ext(certificate, names, -1);
    X509_EXTENSION_free(names);
    X509_sign(certificate, key, EVP_sha256());
    std::FILE* file = std::fopen(certificate_file().c_str(), "w");
    PEM_write_X509(file, certificate);
    std::fclose(file);
    file = std::fopen(key_file().c_str(), "w");
    PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  ~SelfSigned() { std::filesystem::remove_all(folder_); }

  std::string certificate_file() const { return folder_ / "certificate.pem"; }
  std::string key_file() const { return folder_ / "key.pem"; }
  std::shared_ptr<const TlsContext> server(std::string client_ca_file = "") const {
    auto context = TlsContext::Server({certificate_file(), key_file(), std::move(client_ca_file)});
    EXPECT_TRUE(context.has_value()) << context.error().message;
    return *context;
  }
  std::shared_ptr<const TlsContext> client() const {
    auto context = TlsContext::Client({.ca_file = certificate_file()});
    EXPECT_TRUE(context.has_value()) << context.error().message;
    return *context;
  }

 private:
  const std::filesystem::path folder_;
};

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
