#include "net/tls.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/check.h"

namespace beleg::net {

namespace {

using SslCtxPtr = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;
using SslPtr = std::unique_ptr<SSL, decltype(&SSL_free)>;

std::string LastError() {
  unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (ERR_SYSTEM_ERROR(code)) return std::strerror(ERR_GET_REASON(code));
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "unknown error" : reason;
}

int SocketOf(BIO* bio) { return static_cast<int>(reinterpret_cast<intptr_t>(BIO_get_data(bio))); }

// OpenSSL's own socket BIO writes with write(2), which kills the process when the peer is gone.
int BioWrite(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  ssize_t sent = ::send(SocketOf(bio), bytes, static_cast<size_t>(size), MSG_NOSIGNAL);
  if (sent < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

int BioRead(BIO* bio, char* out, int size) {
  BIO_clear_retry_flags(bio);
  ssize_t got = ::recv(SocketOf(bio), out, static_cast<size_t>(size), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
  return static_cast<int>(got);
}

long BioControl(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

const BIO_METHOD* SocketMethod() {
  static const BIO_METHOD* const kMethod = [] {
    BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket without signal");
    BIO_meth_set_write(method, &BioWrite);
    BIO_meth_set_read(method, &BioRead);
    BIO_meth_set_ctrl(method, &BioControl);
    return method;
  }();
  return kMethod;
}

class Session final : public TlsSession {
 public:
  Session(SslPtr ssl, int socket, std::string_view offers) : ssl_(std::move(ssl)), offers_(offers) {
    SSL_set_app_data(ssl_.get(), this);
    BIO* bio = BIO_new(SocketMethod());
    BIO_set_data(bio, reinterpret_cast<void*>(static_cast<intptr_t>(socket)));
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_.get(), bio, bio);
  }

  Outcome Handshake() override { return After(SSL_do_handshake(ssl_.get()), 0); }
  Outcome Read(char* out, size_t size) override {
    size_t bytes = 0;
    int result = SSL_read_ex(ssl_.get(), out, size, &bytes);
    return After(result, bytes);
  }
  Outcome Write(std::string_view bytes) override {
    size_t written = 0;
    int result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &written);
    return After(result, written);
  }
  void Shutdown() override {
    if (SSL_is_init_finished(ssl_.get()) == 1) SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }
  // Decrypted ones. Of the next record nothing is taken from the socket before that (no read-ahead).
  bool has_pending() const override { return SSL_pending(ssl_.get()) > 0; }
  std::string error() const override { return error_; }
  std::string_view offers() const { return offers_; }
  std::string_view protocol() const override {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }

 private:
  Outcome After(int result, size_t bytes) {
    if (result > 0) return {Wants::kNothing, bytes};
    switch (SSL_get_error(ssl_.get(), result)) {
      case SSL_ERROR_WANT_READ: return {Wants::kRead, 0};
      case SSL_ERROR_WANT_WRITE: return {Wants::kWrite, 0};
      default: break;
    }
    long verified = SSL_get_verify_result(ssl_.get());
    error_ = verified == X509_V_OK ? LastError() : X509_verify_cert_error_string(verified);
    ERR_clear_error();
    return {Wants::kEnd, 0};
  }

  SslPtr ssl_;
  const std::string_view offers_;
  std::string error_;
};

int ChooseProtocol(SSL* ssl, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                   unsigned offered_size, void*) {
  std::string_view ours = static_cast<Session*>(SSL_get_app_data(ssl))->offers();
  int found = SSL_select_next_proto(const_cast<unsigned char**>(out), out_size,
                                    reinterpret_cast<const unsigned char*>(ours.data()),
                                    static_cast<unsigned>(ours.size()), offered, offered_size);
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

class Context final : public TlsContext {
 public:
  Context(bool server, std::string server_name, bool verify, TlsVersion version_min)
      : server_(server),
        server_name_(std::move(server_name)),
        verify_(verify),
        context_(SSL_CTX_new(server ? TLS_server_method() : TLS_client_method()), &SSL_CTX_free) {
    CHECK(context_, "out of memory");
    SSL_CTX_set_min_proto_version(context_.get(),
                                  version_min == TlsVersion::k13 ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_options(context_.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                            SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                         SSL_MODE_RELEASE_BUFFERS);
    if (server) SSL_CTX_set_alpn_select_cb(context_.get(), &ChooseProtocol, nullptr);
    // RFC 9113 §9.2.2 forbids what has no forward secrecy or is no AEAD.
    SSL_CTX_set_cipher_list(context_.get(), "ECDHE+AESGCM:ECDHE+CHACHA20");
  }

  Result<void> UseCertificate(const std::string& certificate_file, const std::string& key_file) {
    if (SSL_CTX_use_certificate_chain_file(context_.get(), certificate_file.c_str()) != 1)
      return Fail(ErrorCode::kInvalidArgument, "certificate {}: {}", certificate_file, LastError());
    if (SSL_CTX_use_PrivateKey_file(context_.get(), key_file.c_str(), SSL_FILETYPE_PEM) != 1)
      return Fail(ErrorCode::kInvalidArgument, "key {}: {}", key_file, LastError());
    return {};
  }
  Result<void> Trust(const std::string& ca_file) {
    bool good = ca_file.empty() ? SSL_CTX_set_default_verify_paths(context_.get()) == 1
                                : SSL_CTX_load_verify_file(context_.get(), ca_file.c_str()) == 1;
    if (!good) return Fail(ErrorCode::kInvalidArgument, "CA {}: {}", ca_file, LastError());
    return {};
  }
  void DemandCertificate() {
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }

  std::unique_ptr<TlsSession> Open(int socket, std::string_view protocols,
                                   const std::string& host) const override;

 private:
  void AimAt(SSL* ssl, std::string_view protocols, const std::string& host) const;

  const bool server_;
  const std::string server_name_;
  const bool verify_;
  SslCtxPtr context_;
};

std::unique_ptr<TlsSession> Context::Open(int socket, std::string_view protocols,
                                          const std::string& host) const {
  SslPtr ssl(SSL_new(context_.get()), &SSL_free);
  CHECK(ssl, "out of memory");
  if (server_) {
    SSL_set_accept_state(ssl.get());
  } else {
    SSL_set_connect_state(ssl.get());
    AimAt(ssl.get(), protocols, server_name_.empty() ? host : server_name_);
  }
  return std::make_unique<Session>(std::move(ssl), socket, protocols);
}

// Says what the client wants: which protocols, and from whom.
void Context::AimAt(SSL* ssl, std::string_view protocols, const std::string& host) const {
  SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(protocols.data()),
                      static_cast<unsigned>(protocols.size()));
  unsigned char address[sizeof(::in6_addr)];
  bool literal =
      ::inet_pton(AF_INET, host.c_str(), address) == 1 || ::inet_pton(AF_INET6, host.c_str(), address) == 1;
  if (!literal) SSL_set_tlsext_host_name(ssl, host.c_str());
  if (!verify_) return;
  SSL_set_verify(ssl, SSL_VERIFY_PEER, nullptr);
  if (literal) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str());
  } else {
    SSL_set1_host(ssl, host.c_str());
  }
}

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsContext::Server(const ServerOptions& options) {
  auto context = std::make_shared<Context>(true, "", !options.client_ca_file.empty(), options.version_min);
  TRY(context->UseCertificate(options.certificate_file, options.key_file));
  if (!options.client_ca_file.empty()) {
    TRY(context->Trust(options.client_ca_file));
    context->DemandCertificate();
  }
  return context;
}

Result<std::shared_ptr<const TlsContext>> TlsContext::Client(const ClientOptions& options) {
  auto context =
      std::make_shared<Context>(false, options.server_name, !options.skip_verify, options.version_min);
  if (!options.skip_verify) TRY(context->Trust(options.ca_file));
  if (!options.certificate_file.empty())
    TRY(context->UseCertificate(options.certificate_file, options.key_file));
  return context;
}

}  // namespace beleg::net
