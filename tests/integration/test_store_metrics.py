"""OTLP over gRPC and HTTP from the real SDK into the store: traces and metrics, kept through kill -9, found again."""

import gzip
import http.server
import threading
import time

import grpc
import pytest
import requests
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpanExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetricExporter
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from harness import Part, Stack, free_port, wait_until

ATTRIBUTES = {"text": "grüße €", "whole": 2**53, "part": 0.1, "yes": True, "list": ["a", "b"], "numbers": [1, 2], "empty": ""}
RESOURCE = Resource.create({"service.name": "sdk", "deployment.region": "eu"})


class Store(Part):
    """A store alone, with no log to mirror."""

    def __init__(self, folder, *arguments):
        super().__init__(folder, "store", ["--data", folder / "data", "--listen", "127.0.0.1:0", "--otlp-listen", "127.0.0.1:0",
                                           "--otlp-grpc-listen", "127.0.0.1:0", *arguments])

    @property
    def grpc(self):
        return f"http://127.0.0.1:{self.run['otlp_grpc_port']}"

    @property
    def http(self):
        return f"http://127.0.0.1:{self.run['otlp_port']}"

    def channel(self):
        return grpc.insecure_channel(f"127.0.0.1:{self.run['otlp_grpc_port']}")

    def get(self, path, **params):
        answer = requests.get(self.url + path, params=params, timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def series(self, name, **params):
        return self.get("/api/metrics", name=name, **params)["series"]


@pytest.fixture
def store(tmp_path):
    part = Store(tmp_path).start()
    yield part
    part.stop()


def emit_spans(exporter, count):
    provider = TracerProvider(resource=RESOURCE)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    ids = []
    for number in range(count):
        with tracer.start_as_current_span(f"span-{number}", attributes=ATTRIBUTES) as span:
            ids.append(f"{span.get_span_context().span_id:016x}")
    provider.shutdown()
    return sorted(ids)


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_spans_over_grpc_are_found_whole_and_survive_kill(store, compression):
    ids = emit_spans(GrpcSpanExporter(store.grpc, insecure=True, compression=compression), 300)
    store.kill()
    store.start()
    spans = store.get("/api/v1/spans", service="sdk", limit=1000)["spans"]
    assert sorted(span["span_id"] for span in spans) == ids
    for name, value in ATTRIBUTES.items():
        assert spans[0]["attributes"][name] == value, name
    assert spans[0]["resource"]["deployment.region"] == "eu"


def emit_metrics(exporter):
    """Two exports of a counter, an up-down counter, a gauge and both kinds of histogram."""
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
    views = [View(instrument_name="sizes", aggregation=ExponentialBucketHistogramAggregation())]
    provider = MeterProvider([reader], RESOURCE, views=views)
    meter = provider.get_meter("test")
    counter = meter.create_counter("requests", unit="1", description="Requests.")
    open_now = meter.create_up_down_counter("open")
    gauge = meter.create_gauge("temperature", unit="Cel")
    latency = meter.create_histogram("latency", unit="s", explicit_bucket_boundaries_advisory=[0.1, 1.0])
    sizes = meter.create_histogram("sizes", unit="By")
    for turn in (1, 2):
        for route in ("chat", "models"):
            counter.add(turn, {"route": route, "whole": 7, "flags": ["a", "b"]})
        open_now.add(-1)
        gauge.set(20.5 + turn)
        for seconds in (0.05, 0.5, 0.5, 5):
            latency.record(seconds, {"route": "chat"})
        for size in (0, 1, 3, 1000):
            sizes.record(size)
        provider.force_flush()
    provider.shutdown()


@pytest.mark.parametrize("door", ["grpc", "http"])
def test_metrics_of_the_sdk_are_kept_and_grouped_by_series(store, door):
    begun_us = time.time() * 1e6
    emit_metrics(GrpcMetricExporter(store.grpc, insecure=True) if door == "grpc" else HttpMetricExporter(store.http + "/v1/metrics"))
    store.kill()
    store.start()
    names = {m["name"]: m for m in store.get("/api/metrics")["metrics"]}
    assert {"requests", "open", "temperature", "latency", "sizes"} <= set(names)
    assert names["requests"]["type"] == "sum" and names["requests"]["series"] == 2 and names["temperature"]["unit"] == "Cel"

    requests_, = [s for s in store.series("requests") if s["attributes"]["route"] == "chat"]
    assert requests_["attributes"] == {"flags": ["a", "b"], "route": "chat", "whole": 7}
    assert requests_["resource"]["deployment.region"] == "eu" and requests_["service"] == "sdk" and requests_["scope"] == "test"
    assert requests_["monotonic"] and requests_["temporality"] == "CUMULATIVE" and requests_["description"] == "Requests."
    values = [point["value"] for point in requests_["points"]]
    assert values == sorted(values) and values[0] == 1 and values[-1] == 3
    now_us = time.time() * 1e6
    assert all(begun_us - 1 < point["time_unix_us"] < now_us and point["start_unix_us"] <= point["time_unix_us"]
               for point in requests_["points"])

    open_now, = store.series("open")
    assert not open_now["monotonic"] and open_now["points"][-1]["value"] == -2
    temperature, = store.series("temperature")
    assert temperature["type"] == "gauge" and [p["value"] for p in temperature["points"]][:2] == [21.5, 22.5]

    latency, = store.series("latency")
    last = latency["points"][-1]
    assert last["bounds"] == [0.1, 1.0] and last["counts"] == [2, 4, 2] and last["count"] == 8
    assert last["sum"] == pytest.approx(12.1) and last["min"] == 0.05 and last["max"] == 5
    sizes, = store.series("sizes")
    last = sizes["points"][-1]
    assert sizes["type"] == "exponential_histogram" and last["count"] == 8 and sum(last["counts"]) == 8
    assert len(last["counts"]) == len(last["bounds"]) + 1 and last["bounds"] == sorted(last["bounds"])
    below_2 = sum(count for bound, count in zip(last["bounds"], last["counts"]) if bound < 2)
    assert below_2 == 4  # two of 0, two of 1


def test_metrics_are_chosen_by_time_service_step_and_limit(store):
    begun_ms = int(time.time() * 1000)
    emit_metrics(GrpcMetricExporter(store.grpc, insecure=True))
    now_ms = int(time.time() * 1000) + 1
    points = store.series("temperature")[0]["points"]
    assert store.series("temperature", start=begun_ms, end=now_ms, service="sdk")[0]["points"] == points
    assert store.series("temperature", service="nobody") == [] and store.series("temperature", end=begun_ms) == []
    assert store.series("temperature", step=86_400_000)[0]["points"][-1] == points[-1]
    limited = store.get("/api/metrics", name="temperature", limit=1)
    assert limited["truncated"] and limited["series"][0]["points"] == points[-1:]
    for params, name in (({"start": "soon"}, "start"), ({"limit": "0"}, "limit"), ({"step": "-5"}, "step"), ({"end": "1e3"}, "end")):
        answer = requests.get(store.url + "/api/metrics", params={"name": "x", **params}, timeout=20)
        assert answer.status_code == 400 and answer.json()["error"]["parameter"] == name
    sql = requests.post(store.url + "/api/sql", data="SELECT DISTINCT unit FROM metrics WHERE name = 'temperature'", timeout=20)
    assert sql.json()["rows"] == [["Cel"]]


def trace_request(*names, trace_id=b"\1" * 16):
    request = trace_service_pb2.ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    for name in names:
        spans.add(trace_id=trace_id, span_id=name.encode().rjust(8, b"\2"), name=name, start_time_unix_nano=time.time_ns())
    return request


def test_rejected_spans_and_points_are_said_in_partial_success(store):
    request = trace_request("a", "b")
    request.resource_spans[0].scope_spans[0].spans[1].trace_id = b"short"
    channel = store.channel()
    answer = trace_service_pb2_grpc.TraceServiceStub(channel).Export(request, timeout=20)
    assert answer.partial_success.rejected_spans == 1 and "trace_id" in answer.partial_success.error_message
    body = requests.post(store.http + "/v1/traces", data=gzip.compress(request.SerializeToString()), timeout=20,
                         headers={"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"})
    said = trace_service_pb2.ExportTraceServiceResponse.FromString(body.content)
    assert body.status_code == 200 and said.partial_success.rejected_spans == 1
    assert [s["name"] for s in store.get("/api/v1/spans")["spans"]] == ["a"]

    metrics = metrics_service_pb2.ExportMetricsServiceRequest()
    histogram = metrics.resource_metrics.add().scope_metrics.add().metrics.add(name="h").histogram
    histogram.data_points.add(time_unix_nano=time.time_ns(), count=1, bucket_counts=[1, 0], explicit_bounds=[1.0])
    histogram.data_points.add(time_unix_nano=time.time_ns(), count=1, bucket_counts=[1], explicit_bounds=[1.0, 2.0])
    answer = metrics_service_pb2_grpc.MetricsServiceStub(channel).Export(metrics, timeout=20)
    assert answer.partial_success.rejected_data_points == 1 and "bucket_counts" in answer.partial_success.error_message
    assert len(store.series("h")) == 1


def test_logs_are_refused_clearly(store):
    with pytest.raises(grpc.RpcError) as refused:
        logs_service_pb2_grpc.LogsServiceStub(store.channel()).Export(logs_service_pb2.ExportLogsServiceRequest(), timeout=20)
    assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert requests.post(store.http + "/v1/logs", data=b"", timeout=20).status_code == 404


def test_exporter_finds_its_store_again(tmp_path):
    """The real exporter's retry: what it sends while the store is away arrives once the store is back."""
    store = Store(tmp_path)
    store.arguments[store.arguments.index("--otlp-grpc-listen") + 1] = f"127.0.0.1:{free_port()}"  # the same at each start
    store.start()
    provider = TracerProvider(resource=RESOURCE)
    provider.add_span_processor(BatchSpanProcessor(GrpcSpanExporter(store.grpc, insecure=True, timeout=120)))
    store.kill()
    with provider.get_tracer("test").start_as_current_span("while it was away"):
        pass
    flush = threading.Thread(target=provider.shutdown)
    flush.start()
    store.start()
    flush.join(120)
    assert [span["name"] for span in store.get("/api/v1/spans")["spans"]] == ["while it was away"]
    store.stop()


def test_key_is_asked_over_grpc_too(tmp_path):
    store = Store(tmp_path, "--api-key", "secret").start()
    stub = trace_service_pb2_grpc.TraceServiceStub(store.channel())
    with pytest.raises(grpc.RpcError) as refused:
        stub.Export(trace_request("a"), timeout=20)
    assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED
    stub.Export(trace_request("a"), timeout=20, metadata=[("authorization", "Bearer secret")])
    store.stop()


class Capture(http.server.ThreadingHTTPServer):
    """Stands where a collector would: takes what serve exports, to be sent on by the test."""

    def __init__(self, port):
        self.exports = []
        super().__init__(("127.0.0.1", port), self.Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            self.server.exports.append(trace_service_pb2.ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass


OVERLAY = {"deployment.region": "hetzner-fsn1-eu", "service.environment": "staging"}


@pytest.mark.parametrize("first", ["record", "copy"])
def test_what_a_collector_adds_is_on_own_spans_in_any_order_and_after_kill(tmp_path, first):
    stack = Stack(tmp_path)
    capture = Capture(stack.otlp_port)
    ledger = stack.store.arguments[stack.store.arguments.index("--ledger"):]
    store = Store(tmp_path)
    stack.serve.start()
    try:
        stack.openai().chat.completions.create(model="replay", messages=[{"role": "user", "content": "hi"}])
        spans_of = lambda: [span for r in capture.exports for rs in r.resource_spans for ss in rs.scope_spans for span in ss.spans]
        wait_until(lambda: any(span.kind == 2 for span in spans_of()), what="serve's export")
        if first == "record":
            store.arguments += ledger
        store.start()
        if first == "record":
            own = wait_until(lambda: store.get("/api/v1/spans")["spans"], what="spans of the mirrored record")
            assert all(span["verified"] and "service.environment" not in span["resource"] for span in own)
        stub = trace_service_pb2_grpc.TraceServiceStub(store.channel())
        for export in capture.exports:
            for resource_spans in export.resource_spans:
                kept = [a for a in resource_spans.resource.attributes if a.key not in OVERLAY]
                del resource_spans.resource.attributes[:]
                resource_spans.resource.attributes.extend(kept)
                for key, value in OVERLAY.items():
                    resource_spans.resource.attributes.add(key=key).value.string_value = value
            stub.Export(export, timeout=20)
        if first == "copy":
            assert not any(span["verified"] for span in store.get("/api/v1/spans")["spans"])
            store.arguments += ledger
            store.kill()
            store.start()
        for _ in range(2):
            spans = store.get("/api/v1/spans", service="vllm")["spans"]
            assert len(spans) == len(spans_of()) == len({span["span_id"] for span in spans})
            for span in spans:
                assert span["verified"] and OVERLAY.items() <= span["resource"].items(), span
            store.kill()
            store.start()
    finally:
        store.stop()
        stack.serve.stop()
        capture.shutdown()
