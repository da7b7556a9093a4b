#include "app/default_collector.h"

namespace beleg::app {

// Nothing is lost while the store is away: what does not fit into the queue is refused, and serve keeps it in its log.
const std::string_view kDefaultCollectorConfig =
    R"(# The collector's configuration under `beleg up`, written here when it was missing. It is yours to change: start `beleg up`
# again afterwards. Without this file the default is written anew. Checked by: beleg collector validate --config FILE
# The BELEG_ variables are set by `beleg up`; what stands behind ":-" is their usual value.
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: "127.0.0.1:${env:BELEG_COLLECTOR_GRPC_PORT:-4317}"
      http:
        endpoint: "127.0.0.1:${env:BELEG_COLLECTOR_HTTP_PORT:-4318}"
  prometheus:
    config:
      scrape_configs:
        - job_name: vllm
          scrape_interval: 5s
          static_configs:
            - targets: ["127.0.0.1:${env:BELEG_SERVE_PORT:-8000}"]

processors:
  resource:
    attributes:
      - key: deployment.region
        value: "${env:BELEG_REGION:-local}"
        action: upsert
      - key: deployment.environment
        value: "${env:BELEG_ENVIRONMENT:-local}"
        action: upsert
  batch:
    timeout: 200ms
    send_batch_size: 512

exporters:
  otlp:
    endpoint: "127.0.0.1:${env:BELEG_STORE_GRPC_PORT:-14317}"
    tls:
      insecure: true
    retry_on_failure:
      initial_interval: 200ms
      max_interval: 5s

service:
  telemetry:
    metrics:
      readers:
        - pull:
            exporter:
              prometheus:
                host: 127.0.0.1
                port: ${env:BELEG_COLLECTOR_METRICS_PORT:-8888}
  pipelines:
    traces:
      receivers: [otlp]
      processors: [resource, batch]
      exporters: [otlp]
    metrics:
      receivers: [otlp, prometheus]
      processors: [resource, batch]
      exporters: [otlp]
)";

}  // namespace beleg::app
