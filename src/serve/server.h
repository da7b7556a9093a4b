// Server: one model behind the OpenAI API, its ledger, and the exporter of its spans, put together.
//
// Routes of the API port: POST /v1/chat/completions, /v1/completions; GET /v1/models[/ID], /health, /ping, /version, /metrics,
// and what own_requests_api.h has below /audit. /health, /ping, /version and /metrics ask for no key (probes and scrapers have none).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "engine/engine.h"
#include "ledger/ledger.h"
#include "net/http_server.h"
#include "record/otel_mapping.h"
#include "serve/audit_trail.h"
#include "serve/span_peer.h"
#include "witness/client.h"
#include "witness/cosigner.h"
#include "witness/known_logs.h"

namespace beleg::serve {

struct ServerOptions {
  net::Endpoint listen{"127.0.0.1", 8000};
  net::Endpoint ledger_listen{"127.0.0.1", 8001};
  int listen_socket = -1,
      ledger_listen_socket = -1;  // taken over from a predecessor (net/hand_over.h); -1: none
  size_t threads = 1;             // event loops of the API
  size_t body_bytes_max = 64 << 20;
  AuditMode audit = AuditMode::kClosed;  // others are said on /health and in each answer
  std::chrono::seconds request_time_max{
      1'800};  // then a request is ended; its begin receipt promises a record a minute later
  std::string ledger_dir;
  uint64_t ledger_free_bytes_min = 64 << 20;
  bool ledger_compress_closed_days = false;
  std::string origin;
  std::vector<std::string> api_keys;  // ApiKeys::Parse
  std::string ledger_token;           // asked on the ledger port; "": none
  std::vector<witness::WitnessAddress> witnesses;
  std::optional<witness::WitnessAddress> mirror;  // of the audit host's store
  bool mirror_required = false;  // no start when it cannot be asked whether this log is an old copy
  size_t witness_quorum = 1;
  std::optional<std::chrono::milliseconds>
      mirror_ack;  // --ack=mirror: how long a request waits for the mirror; it needs `mirror`
  witness::KnownLogs
      witnessed_logs;  // of other hosts, cosigned here: POST /witness/add-checkpoint on the ledger port
  OtlpProtocol otlp_protocol = OtlpProtocol::kHttpProtobuf;
  std::string otlp_endpoint;  // SpanPeer::Open; "": spans are not exported
  net::HttpHeaders otlp_headers;
  record::Semconv semconv = record::Semconv::kDup;
  std::string service_name = "vllm";
  std::string region, environment, version, build;
  std::map<std::string, std::string> settings;  // for the config record; no secrets
  std::chrono::milliseconds drain{30'000};      // how long Stop lets running requests end
  std::chrono::milliseconds stop_grace{
      200};  // for requests on their way on a kept connection when Stop begins
};

class Server {
 public:
  // Opens the ledger (which recovers), writes boot, model and config, then listens.
  static Result<std::unique_ptr<Server>> Open(ServerOptions options, std::unique_ptr<engine::Engine> engine);
  virtual ~Server() = default;  // Stop

  virtual uint16_t port() const = 0;
  virtual uint16_t ledger_port() const = 0;  // 0: audit is off
  // What a successor takes over, in this order: the API's, the ledger's. Empty: audit is off.
  virtual std::vector<int> listen_sockets() const = 0;
  virtual const std::string& vkey() const = 0;

  // In order: no new requests, running ones end or are cut at the deadline (and recorded), shutdown record, a last try of the
  // exporter, checkpoint.
  virtual void Stop() = 0;
};

// The key by which the server of this ledger's folder cosigns other hosts' logs (witnessed_logs); made when there is none.
Result<std::unique_ptr<witness::Cosigner>> OpenWitnessKey(const std::string& ledger_dir, Rng& rng);

}  // namespace beleg::serve
