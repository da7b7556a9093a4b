"""Real senders → collector → a backend in Python: every span and data point once, and all of it as it was sent."""

import base64
import os
import threading
import time

import grpc
import pytest
import requests
from google.protobuf import json_format
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from harness import wait_until
from senders import ATTRIBUTES, CONFIG, TRACES, Sink, any_values, attributes, collector, plain, send_grpc, send_http, telemetrygen


@pytest.fixture
def sink():
    with Sink() as running:
        yield running


@pytest.fixture
def running(tmp_path, sink):
    part = collector(tmp_path, sink.target).start()
    yield part
    part.stop()


def with_region(request):
    """What the resource processor makes of it."""
    changed = ExportTraceServiceRequest.FromString(request.SerializeToString())
    changed.resource_spans[0].resource.attributes.add(key="deployment.region").value.string_value = "hetzner-nbg1-eu"
    return changed


@pytest.mark.parametrize("send", [send_grpc, send_http])
def test_every_type_of_attribute_arrives_as_it_was_sent(running, sink, send):
    request = any_values()
    request.resource_spans[0].scope_spans[0].spans[0].end_time_unix_nano = 2**64 - 1  # whatever it means
    send(running, request)
    [got] = wait_until(sink.requests, what="request at the backend")
    # Bytes and not messages are compared: NaN is no equal of itself, and -0.0 is one of 0.0.
    assert got.SerializeToString(deterministic=True) == with_region(request).SerializeToString(deterministic=True)


def test_json_becomes_the_protobuf_that_it_says(running, sink):
    request = any_values()
    tree = json_format.MessageToDict(request, use_integers_for_enums=True)  # as OTLP/JSON has them
    for message in (span := tree["resourceSpans"][0]["scopeSpans"][0]["spans"][0], span["links"][0]):
        for field in ("traceId", "spanId", "parentSpanId"):  # OTLP/JSON has ids in hexadecimal
            if field in message:
                message[field] = base64.b64decode(message[field]).hex()
    answer = requests.post(f"http://{running.http}/v1/traces", json=tree, timeout=20)
    assert (answer.status_code, answer.json()) == (200, {"partialSuccess": {}})
    [got] = wait_until(sink.requests, what="request at the backend")
    assert got.SerializeToString(deterministic=True) == with_region(request).SerializeToString(deterministic=True)


@pytest.mark.parametrize("exporter", ["grpc", "http"])
def test_spans_of_the_sdk_arrive_once_and_whole(running, sink, exporter):
    provider = TracerProvider(resource=Resource.create({"service.name": "sdk", "deployment.region": "elsewhere"}))
    to = GrpcExporter(endpoint=f"http://{running.grpc}", insecure=True) if exporter == "grpc" else HttpExporter(f"http://{running.http}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(to))
    tracer, ids = provider.get_tracer("test", "1.2"), []
    for number in range(1_000):
        with tracer.start_as_current_span(f"span-{number}", attributes=ATTRIBUTES) as span:
            span.add_event("event", {"n": number})
            ids.append(span.get_span_context().span_id.to_bytes(8, "big"))
    assert provider.force_flush(20_000)
    provider.shutdown()
    wait_until(lambda: len(sink.spans()) >= len(ids), what="spans at the backend")
    running.stop()  # what is still inside would come now
    spans = sink.spans()
    assert sorted(span.span_id for _, _, span in spans) == sorted(ids)
    for resource, scope, span in spans:
        assert {key: plain(value) for key, value in attributes(span).items()} == ATTRIBUTES
        assert plain(attributes(resource)["deployment.region"]) == "hetzner-nbg1-eu", "upsert wins over what the sender says"
        assert (scope.name, scope.version) == ("test", "1.2") and span.name == f"span-{plain(attributes(span.events[0])['n'])}"


@pytest.mark.parametrize("flags", [(), ("--batch=false",), ("--otlp-http",)], ids=["grpc", "grpc-unbatched", "http"])
def test_traces_of_telemetrygen_arrive_once(running, sink, flags):
    # 1,600 spans: its own SDK drops what is over 2,048 at once.
    telemetrygen("traces", running.http if "--otlp-http" in flags else running.grpc, *flags, "--traces", "100", "--child-spans", "3", "--workers", "4",
                 "--telemetry-attributes", 'text="value"', "--telemetry-attributes", "whole=42", "--telemetry-attributes", "yes=true",
                 "--otlp-attributes", 'service.namespace="gen"')
    expected = 4 * 100 * (1 + 3)
    wait_until(lambda: len(sink.spans()) >= expected, 60, "spans at the backend")
    running.stop()
    spans = sink.spans()
    assert len(spans) == expected and len({(span.trace_id, span.span_id) for _, _, span in spans}) == expected
    for resource, _, span in spans:
        found = attributes(span)
        assert found["text"].string_value == "value" and plain(found["whole"]) in (42, "42") and plain(found["yes"]) is True
        assert {"service.namespace": "gen", "deployment.region": "hetzner-nbg1-eu"}.items() <= {k: plain(v) for k, v in attributes(resource).items()}.items()
    own = {span.span_id for _, _, span in spans}
    assert all(span.parent_span_id in own for _, _, span in spans if span.parent_span_id), "children came with their parents"


@pytest.mark.parametrize("kind", ["Gauge", "Sum", "Histogram"])
def test_metrics_of_telemetrygen_arrive_once(running, sink, kind):
    telemetrygen("metrics", running.grpc, "--metrics", "200", "--workers", "3", "--metric-type", kind, "--otlp-metric-name", "own.name",
                 "--telemetry-attributes", 'text="value"')
    wait_until(lambda: len(sink.data_points()) >= 600, 60, "data points at the backend")
    running.stop()
    points = sink.data_points()
    assert len(points) == 600
    assert {metric.name for _, metric, _ in points} == {"own.name"}
    assert {metric.WhichOneof("data") for _, metric, _ in points} == {kind.lower()}
    assert all(plain(attributes(point)["text"]) == "value" and point.time_unix_nano for _, _, point in points)
    assert all(plain(attributes(resource)["deployment.region"]) == "hetzner-nbg1-eu" for resource, _, _ in points)


def numbered(first, count):
    """A request of spans whose ids are numbers from 1 on."""
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    for number in range(first, first + count):
        spans.add(trace_id=b"t" * 16, span_id=number.to_bytes(8, "big"), name="n")
    return request


class Sender:
    """Sends numbered spans at a rate until stop(); what was refused is sent again, as a client does."""

    def __init__(self, target, spans_per_s, spans_per_request=10):
        self.target, self.period_s, self.count = target, spans_per_request / spans_per_s, spans_per_request
        self.acknowledged, self.refused = 0, 0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        with grpc.insecure_channel(self.target) as channel:
            export, next_at = channel.unary_unary(TRACES), time.monotonic()
            while not self.stopping.is_set():
                try:
                    export(numbered(self.acknowledged + 1, self.count).SerializeToString(), timeout=20)
                    self.acknowledged += self.count
                except grpc.RpcError:
                    self.refused += 1
                next_at += self.period_s
                self.stopping.wait(max(next_at - time.monotonic(), 0))

    def stop(self):
        self.stopping.set()
        self.thread.join(60)
        assert not self.thread.is_alive()
        return self.acknowledged


def numbers(sink):
    return [int.from_bytes(span.span_id, "big") for _, _, span in sink.spans()]


def test_an_outage_of_the_backend_loses_nothing(running, sink):
    """BELEG_OUTAGE_S seconds (60 in the long form) at 1,000 spans/s, with other refusals before and after."""
    outage_s = float(os.environ.get("BELEG_OUTAGE_S", "5"))
    sender = Sender(running.grpc, 1_000)
    wait_until(lambda: len(sink.spans()) >= 1_000, what="spans before the outage")
    sink.refusals += [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.ABORTED]
    sink.stop()
    at_stop = sender.acknowledged
    wait_until(lambda: sender.acknowledged >= at_stop + outage_s * 1_000, outage_s * 2 + 20, "spans taken while the backend is away")
    sink.start()
    back = sender.acknowledged
    wait_until(lambda: sender.acknowledged >= back + 1_000, what="spans after the outage")
    sent = sender.stop()
    running.stop()
    arrived = numbers(sink)
    twice = len(arrived) - len(set(arrived))
    print(f"{outage_s} s outage at 1,000 spans/s: {sent} spans acknowledged, {len(set(arrived))} arrived, {twice} twice, "
          f"{sender.refused} requests refused")
    assert set(range(1, sent + 1)) <= set(arrived), "acknowledged and lost"
    assert sender.refused == 0, "1,000 spans/s for a minute fit into the queue"
    assert twice <= 600, "only what was on the way when the backend went may come twice"


def test_a_full_queue_is_told_to_the_sender_and_loses_nothing(tmp_path, sink):
    small = collector(tmp_path, sink.target, config=CONFIG.replace(
        "    retry_on_failure", "    sending_queue: {{queue_size: 3, num_consumers: 1}}\n    retry_on_failure").replace("512", "10")).start()
    sink.stop()
    sender = Sender(small.grpc, 2_000)
    wait_until(lambda: sender.refused >= 5, what="refusals")
    sink.start()
    wait_until(lambda: len(sink.spans()) >= 200, what="spans after the outage")
    sent = sender.stop()
    small.stop()
    assert set(range(1, sent + 1)) <= set(numbers(sink))


def test_stop_sends_what_is_inside(running, sink):
    for number in range(1, 301):
        send_grpc(running, numbered(number, 1))
    assert running.stop() == 0
    assert sorted(numbers(sink)) == list(range(1, 301))
