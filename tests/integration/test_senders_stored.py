"""Real senders → collector → store: every span once, and all that was said of it, as the store's API gives it back."""

import base64
import json
import math
import pathlib

import pytest
import requests
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from harness import Part, free_port, wait_until
from senders import ATTRIBUTES, any_values, collector, send_grpc, send_http, telemetrygen


class Line:
    """store ← collector, both fresh."""

    def __init__(self, folder):
        self.grpc_port = free_port()
        self.store = Part(folder, "store", ["--data", pathlib.Path(folder) / "store", "--listen", "127.0.0.1:0", "--otlp-listen", "127.0.0.1:0",
                                            "--otlp-grpc-listen", f"127.0.0.1:{self.grpc_port}"])
        self.collector = collector(folder, f"127.0.0.1:{self.grpc_port}")

    def __enter__(self):
        self.store.start()
        self.collector.start()
        return self

    def __exit__(self, *_):
        self.collector.stop()
        self.store.stop()

    def spans(self, service):
        answer = requests.get(self.store.url + "/api/v1/spans", params={"service": service, "limit": 10_000}, timeout=30)
        answer.raise_for_status()
        return json.loads(answer.content)["spans"]

    def wait_spans(self, service, count):
        wait_until(lambda: len(self.spans(service)) >= count, 60, f"{count} spans of {service}")
        spans = self.spans(service)
        assert len(spans) == count, "a span came twice"
        return spans


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    with Line(tmp_path_factory.mktemp("line")) as running:
        yield running


def as_json(value):
    """An AnyValue as docs/api/store.md says: plain values, bytes as base64, what JSON has no number for by its name."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [as_json(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {pair.key: as_json(pair.value) for pair in value.kvlist_value.values}
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    if kind == "double_value" and not math.isfinite(value.double_value):
        return "NaN" if math.isnan(value.double_value) else "Infinity" if value.double_value > 0 else "-Infinity"
    return getattr(value, kind)


@pytest.mark.parametrize("send", [send_grpc, send_http])
def test_every_type_of_attribute_is_given_back(line, send):
    request = any_values(service := f"every-type-{send.__name__}")
    send(line.collector, request)
    [got] = line.wait_spans(service, 1)
    [resource_spans] = request.resource_spans
    [span] = resource_spans.scope_spans[0].spans
    wanted = {pair.key: as_json(pair.value) for pair in span.attributes}
    assert got["attributes"].items() >= wanted.items(), {k: (v, got["attributes"].get(k)) for k, v in wanted.items() if got["attributes"].get(k) != v}
    for name, value in wanted.items():  # 1 and True and 1.0 are equal to Python, not to a reader
        assert type(got["attributes"][name]) is type(value), name
    assert math.copysign(1, got["attributes"]["double.minus.zero"]) == -1
    assert got["resource"] == {"service.name": service, "deployment.region": "hetzner-nbg1-eu"}
    assert (got["trace_id"], got["span_id"], got["parent_span_id"]) == (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
    assert (got["name"], got["kind"], got["status"], got["status_message"]) == ("größe €", "CLIENT", "ERROR", "failed")
    assert (got["start_unix_ns"], got["duration_ns"]) == (span.start_time_unix_nano, span.end_time_unix_nano - span.start_time_unix_nano)
    assert got["events"] == [{"time_unix_ns": 7, "name": "event", "attributes": {"event.bytes": "AA=="}}]


@pytest.mark.parametrize("exporter", ["grpc", "http"])
def test_spans_of_the_sdk_are_found_once(line, exporter):
    service = f"sdk-{exporter}"
    to = (GrpcExporter(endpoint=f"http://{line.collector.grpc}", insecure=True) if exporter == "grpc"
          else HttpExporter(f"http://{line.collector.http}/v1/traces"))
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(to))
    ids = []
    for number in range(1_000):
        with provider.get_tracer("test").start_as_current_span(f"span-{number}", attributes=ATTRIBUTES) as span:
            ids.append(f"{span.get_span_context().span_id:016x}")
    provider.shutdown()
    spans = line.wait_spans(service, len(ids))
    assert sorted(s["span_id"] for s in spans) == sorted(ids)
    for span in spans:
        assert span["attributes"].items() >= ATTRIBUTES.items()
        assert span["resource"]["deployment.region"] == "hetzner-nbg1-eu" and span["resource"]["telemetry.sdk.language"] == "python"


@pytest.mark.parametrize("flags", [(), ("--otlp-http",)], ids=["grpc", "http"])
def test_traces_of_telemetrygen_are_found_once(line, flags):
    service = f"gen{len(flags)}"
    telemetrygen("traces", line.collector.http if flags else line.collector.grpc, *flags, "--service", service, "--traces", "100",
                 "--child-spans", "3", "--workers", "4", "--telemetry-attributes", 'text="value"', "--telemetry-attributes", "yes=true")
    spans = line.wait_spans(service, 1_600)
    assert len({(s["trace_id"], s["span_id"]) for s in spans}) == 1_600
    assert all(s["attributes"]["text"] == "value" and s["attributes"]["yes"] is True for s in spans)


@pytest.mark.parametrize("kind", ["Gauge", "Sum", "Histogram"])
def test_metrics_of_telemetrygen_are_found_once(line, kind):
    name = f"own.{kind.lower()}"
    telemetrygen("metrics", line.collector.grpc, "--metrics", "200", "--workers", "3", "--metric-type", kind, "--otlp-metric-name", name,
                 "--telemetry-attributes", 'text="value"')

    def series():
        answer = requests.get(line.store.url + "/api/metrics", params={"name": name, "limit": 100_000}, timeout=30)
        return answer.json()["series"] if answer.status_code == 200 else []

    wait_until(lambda: sum(len(one["points"]) for one in series()) >= 600, 60, "points in the store")
    assert sum(len(one["points"]) for one in series()) == 600
    for one in series():
        assert one["type"] == kind.lower() and one["attributes"]["text"] == "value"
        assert one["resource"]["deployment.region"] == "hetzner-nbg1-eu"
        assert all("count" in point if kind == "Histogram" else "value" in point for point in one["points"])
