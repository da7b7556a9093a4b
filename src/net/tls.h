// TLS 1.2 and 1.3 (OpenSSL) for the ends of a SocketStream.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace beleg::net {

class TlsSession;

enum class TlsVersion { k12, k13 };

// Certificates, keys and rules; shared by the connections of a server or client. Threads: any.
class TlsContext {
 public:
  struct ServerOptions {
    std::string certificate_file;     // PEM, with its chain
    std::string key_file;             // PEM
    std::string client_ca_file = {};  // PEM; not empty: clients must show a certificate of it
    TlsVersion version_min = TlsVersion::k12;
  };
  struct ClientOptions {
    std::string ca_file = {};           // PEM; "": the system's
    std::string certificate_file = {};  // PEM, with key_file: shown to servers that ask
    std::string key_file = {};
    std::string server_name = {};  // other than the host that is connected to
    bool skip_verify = false;      // any certificate will do: only for tests and private networks
    TlsVersion version_min = TlsVersion::k12;
  };
  // kInvalidArgument names the file that cannot be used.
  static Result<std::shared_ptr<const TlsContext>> Server(const ServerOptions& options);
  static Result<std::shared_ptr<const TlsContext>> Client(const ClientOptions& options);
  virtual ~TlsContext() = default;

  // What this end offers by ALPN (RFC 7301) is `protocols`, one of the constants below. A client's `host` is what the
  // certificate must be for.
  virtual std::unique_ptr<TlsSession> Open(int socket, std::string_view protocols,
                                           const std::string& host) const = 0;
};

constexpr std::string_view kAlpnHttp2 = "\x02h2";
constexpr std::string_view kAlpnHttp1 = "\x08http/1.1";
constexpr std::string_view kAlpnBoth = "\x02h2\x08http/1.1";

// One connection. Reads and writes its non-blocking socket itself.
class TlsSession {
 public:
  enum class Wants { kNothing, kRead, kWrite, kEnd };
  struct Outcome {
    Wants wants = Wants::kNothing;  // kNothing: it is done; kRead, kWrite: again when the socket is so
    size_t bytes = 0;
  };
  virtual ~TlsSession() = default;
  virtual Outcome Handshake() = 0;
  virtual Outcome Read(char* out, size_t size) = 0;
  virtual Outcome Write(std::string_view bytes) = 0;
  // Tells the peer that no more comes.
  virtual void Shutdown() = 0;
  // Bytes have come that Read would give without the socket.
  virtual bool has_pending() const = 0;
  // Why the handshake failed.
  virtual std::string error() const = 0;
  virtual std::string_view protocol() const = 0;  // "h2"; "" when none was agreed on
};

}  // namespace beleg::net
