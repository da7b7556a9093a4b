"""`beleg collector` between real senders and an OTLP backend in Python that keeps what it gets."""

import concurrent.futures
import gzip
import math
import os
import subprocess
import threading

import grpc
import requests
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics_pb
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as trace_pb

from harness import Part, free_port

TELEMETRYGEN = os.environ["BELEG_TELEMETRYGEN"]  # tests/peers/telemetrygen
TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
METRICS = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"

CONFIG = """
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: "127.0.0.1:{grpc}"}}
      http: {{endpoint: "127.0.0.1:{http}"}}
processors:
  resource:
    attributes:
      - {{key: deployment.region, value: hetzner-nbg1-eu, action: upsert}}
  batch: {{timeout: 100ms, send_batch_size: 512}}
exporters:
  otlp:
    endpoint: "{backend}"
    tls: {{insecure: true}}
    timeout: 60s  # a slow backend that is asked again has everything twice
    retry_on_failure: {{initial_interval: 100ms, max_interval: 1s}}
service:
  telemetry: {{metrics: {{address: "127.0.0.1:{metrics}"}}}}
  pipelines:
    traces: {{receivers: [otlp], processors: [resource, batch], exporters: [otlp]}}
    metrics: {{receivers: [otlp], processors: [resource, batch], exporters: [otlp]}}
"""


def collector(folder, backend, config=CONFIG, **values):
    """A collector between free ports and backend, not yet started; .grpc and .http are HOST:PORT of its receivers."""
    ports = {"grpc": free_port(), "http": free_port(), "metrics": free_port()}
    path = folder / "collector.yaml"
    path.write_text(config.format(backend=backend, **ports, **values))
    part = Part(folder, "collector", ["--config", path])
    part.grpc, part.http = f"127.0.0.1:{ports['grpc']}", f"127.0.0.1:{ports['http']}"
    part.metrics_url = f"http://127.0.0.1:{ports['metrics']}/metrics"
    return part


class Sink(grpc.GenericRpcHandler):
    """An OTLP/gRPC backend: keeps each request's bytes as they came; can be stopped and started on its port."""

    def __init__(self):
        self.traces, self.metrics = [], []  # bytes of requests, in the order of their coming
        self.refusals = []  # gRPC codes for the next requests, one each
        self.lock = threading.Lock()
        self.port = free_port()
        self.target = f"127.0.0.1:{self.port}"
        self.server = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(4), handlers=[self],
                                  options=[("grpc.max_receive_message_length", 64 << 20), ("grpc.so_reuseport", 0)])
        self.server.add_insecure_port(self.target)
        self.server.start()

    def stop(self):
        if self.server:
            self.server.stop(0).wait()
            self.server = None

    def service(self, details):
        kept = {TRACES: self.traces, METRICS: self.metrics}.get(details.method)
        if kept is None:
            return None

        def export(message, context):
            with self.lock:
                refusal = self.refusals.pop(0) if self.refusals else None
                if refusal is None:
                    kept.append(message)
            if refusal is not None:
                context.abort(refusal, "as the test says")
            return b""

        return grpc.unary_unary_rpc_method_handler(export)

    def requests(self):
        with self.lock:
            return [trace_pb.ExportTraceServiceRequest.FromString(message) for message in self.traces]

    def spans(self):
        """(resource, scope, span) of each span that came."""
        return [(r.resource, s.scope, span) for request in self.requests() for r in request.resource_spans
                for s in r.scope_spans for span in s.spans]

    def metric_requests(self):
        with self.lock:
            return [metrics_pb.ExportMetricsServiceRequest.FromString(message) for message in self.metrics]

    def data_points(self):
        """(resource, metric, point) of each data point that came."""
        return [(r.resource, metric, point) for request in self.metric_requests() for r in request.resource_metrics
                for s in r.scope_metrics for metric in s.metrics
                for point in getattr(metric, metric.WhichOneof("data")).data_points]


def attributes(owner):
    """Attributes as {key: AnyValue}; a key that stands twice is an error."""
    found = {}
    for pair in owner.attributes:
        assert pair.key not in found, f"{pair.key} stands twice"
        found[pair.key] = pair.value
    return found


def plain(value):
    """An AnyValue as the SDK's user wrote it."""
    kind = value.WhichOneof("value")
    return [plain(item) for item in value.array_value.values] if kind == "array_value" else getattr(value, kind)


# What an SDK can say.
ATTRIBUTES = {"text": "grüße €", "empty": "", "whole": 2**63 - 1, "least": -2**63, "part": 0.1, "yes": True, "no": False,
              "texts": ["a", "b"], "numbers": [1, -2**63], "parts": [0.5, -0.0], "truths": [True, False]}


def any_values(service="every-type"):
    """A span with an attribute of every type that OTLP knows, and the values that break carelessness."""
    request = trace_pb.ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add(schema_url="https://example.org/schema")
    resource_spans.resource.attributes.add(key="service.name").value.string_value = service
    resource_spans.resource.dropped_attributes_count = 3
    scope_spans = resource_spans.scope_spans.add(schema_url="https://example.org/scope")
    scope_spans.scope.name, scope_spans.scope.version = "scope", "1.0"
    scope_spans.scope.attributes.add(key="scope.flag").value.bool_value = True
    span = scope_spans.spans.add(trace_id=os.urandom(16), span_id=os.urandom(8), parent_span_id=os.urandom(8), trace_state="a=1,b=2",
                                 name="größe €", kind=3, start_time_unix_nano=1, end_time_unix_nano=2**63 - 1, flags=0x101,
                                 dropped_attributes_count=1, dropped_events_count=2, dropped_links_count=3)
    span.status.code, span.status.message = 2, "failed"

    def add(key):
        return span.attributes.add(key=key).value

    add("string").string_value = "grüße\0 €"
    add("string.empty").string_value = ""
    add("bool.true").bool_value, add("bool.false").bool_value = True, False
    add("int.min").int_value, add("int.max").int_value, add("int.zero").int_value = -2**63, 2**63 - 1, 0
    for key, value in {"0.1": 0.1, "max": 1.7976931348623157e308, "tiny": 5e-324, "minus.zero": -0.0, "nan": math.nan, "inf": math.inf}.items():
        add(f"double.{key}").double_value = value
    add("bytes").bytes_value, add("bytes.empty").bytes_value = bytes(range(256)), b""
    add("nothing").SetInParent()  # a value without content
    texts = add("array").array_value
    for item in ("a", "", "b"):
        texts.values.add().string_value = item
    add("array.empty").array_value.SetInParent()
    mixed = add("array.mixed").array_value
    mixed.values.add().int_value = 1
    mixed.values.add().bytes_value = b"\xff"
    mixed.values.add().array_value.values.add().bool_value = False
    deep = add("kvlist").kvlist_value
    deep.values.add(key="one").value.int_value = 1
    for _ in range(20):
        deep = deep.values.add(key="deeper").value.kvlist_value
    deep.values.add(key="").value.double_value = -1.5
    event = span.events.add(name="event", time_unix_nano=7, dropped_attributes_count=9)
    event.attributes.add(key="event.bytes").value.bytes_value = b"\0"
    link = span.links.add(trace_id=os.urandom(16), span_id=os.urandom(8), trace_state="c=3", flags=1)
    link.attributes.add(key="link.int").value.int_value = -1
    return request


def send_grpc(running, request):
    with grpc.insecure_channel(running.grpc) as channel:
        channel.unary_unary(TRACES)(request.SerializeToString(), timeout=20)


def send_http(running, request):
    answer = requests.post(f"http://{running.http}/v1/traces", data=gzip.compress(request.SerializeToString()), timeout=20,
                           headers={"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"})
    assert answer.status_code == 200, answer.content


def telemetrygen(signal, endpoint, *flags):
    done = subprocess.run([TELEMETRYGEN, signal, "--otlp-endpoint", endpoint, "--otlp-insecure", "--rate", "0", *flags],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
