"""The collector alone: real clients with TLS, JSON of every field, and the tutorial's own configuration.

BELEG_TUTORIAL names a copy of the tutorial's text; without it the test of its configuration is skipped.
"""

import http.server
import json
import os
import pathlib
import re
import subprocess
import threading

import grpc
import pytest
import requests
from google.protobuf import json_format
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from harness import BINARY, Part, wait_until

REQUESTS = {"traces": trace_service_pb2.ExportTraceServiceRequest, "metrics": metrics_service_pb2.ExportMetricsServiceRequest,
            "logs": logs_service_pb2.ExportLogsServiceRequest}


class Sink:
    """A destination of OTLP/HTTP that keeps what it gets: (path, bytes)."""

    def __enter__(self):
        self.taken = taken = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                taken.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}"


def collector(folder, sink, tls=""):
    config = folder / "config.yaml"
    config.write_text(f"""
receivers:
  otlp:
    protocols:
      http: {{endpoint: "127.0.0.1:0"}}
      grpc: {{endpoint: "127.0.0.1:0"{tls}}}
exporters:
  otlphttp: {{endpoint: "{sink.url}", compression: none}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    traces: {{receivers: [otlp], exporters: [otlphttp]}}
    metrics: {{receivers: [otlp], exporters: [otlphttp]}}
    logs: {{receivers: [otlp], exporters: [otlphttp]}}
""")
    return Part(folder, "collector", ["--config", config]).start()


def fill(message, choice, depth=0):
    """Sets every field, of each oneof the choice-th. Left out is what only profiles have."""
    for field in message.DESCRIPTOR.fields:
        if field.name.endswith("_strindex"):
            continue
        if field.containing_oneof and len(field.containing_oneof.fields) > 1:
            options = [option for option in field.containing_oneof.fields if not option.name.endswith("_strindex")]
            if options[choice % len(options)] is not field:
                continue
        if field.message_type:
            if field.message_type.name == "AnyValue" and depth > 12:
                continue
            inner = getattr(message, field.name)
            many = hasattr(inner, "add")
            fill(inner.add() if many else inner, choice, depth + 1)
            if not many:
                inner.SetInParent()
            continue
        value = value_of(field, choice)
        if value is None:
            continue
        if isinstance(getattr(message, field.name), (str, bytes, int, float, bool)):
            setattr(message, field.name, value)
        else:
            getattr(message, field.name).extend([value, value])


def value_of(field, choice):
    if field.name in ("trace_id", "span_id", "parent_span_id"):
        return bytes(range(1, 17 if field.name == "trace_id" else 9))
    kind = field.cpp_type
    if kind == field.CPPTYPE_STRING:
        return f"{field.name} €" if field.type == field.TYPE_STRING else b"\x00\xff" + field.name.encode()
    if kind == field.CPPTYPE_BOOL:
        return True
    if kind in (field.CPPTYPE_DOUBLE, field.CPPTYPE_FLOAT):
        return [0.1, -2.5, float("inf")][choice % 3]
    if kind == field.CPPTYPE_ENUM:
        return 2
    if field.type in (field.TYPE_SINT32, field.TYPE_SFIXED64, field.TYPE_INT64):
        return -field.number - 1_000_000
    return field.number + (2**53 if field.type in (field.TYPE_FIXED64, field.TYPE_UINT64) else 0)


def otlp_json(message):
    """As the specification has it: ids in hex, enums as numbers."""
    def hex_ids(node):
        if isinstance(node, list):
            return [hex_ids(item) for item in node]
        if not isinstance(node, dict):
            return node
        return {key: bytes(range(1, 17 if key == "traceId" else 9)).hex() if key in ("traceId", "spanId", "parentSpanId") else hex_ids(value)
                for key, value in node.items()}

    return hex_ids(json_format.MessageToDict(message, use_integers_for_enums=True))


@pytest.mark.parametrize("signal", REQUESTS)
@pytest.mark.parametrize("names", ["camel", "snake"])
def test_json_of_every_field_arrives_as_the_same_protobuf(tmp_path, signal, names):
    with Sink() as sink:
        part = collector(tmp_path, sink)
        try:
            for choice in range(7):
                want = REQUESTS[signal]()
                fill(want, choice)
                text = json.dumps(otlp_json(want), allow_nan=False)
                if names == "snake":
                    text = re.sub(r'"([a-z]+(?:[A-Z][a-z]*)+)":', lambda m: '"' + re.sub("[A-Z]", lambda c: "_" + c[0].lower(), m[1]) + '":', text)
                answer = requests.post(f"http://127.0.0.1:{part.run['otlp_port']}/v1/{signal}", data=text.encode(), timeout=20,
                                       headers={"content-type": "application/json"})
                assert (answer.status_code, answer.json()) == (200, {"partialSuccess": {}}), answer.text
                wait_until(lambda: len(sink.taken) > choice, what="the request at the destination")
                path, body = sink.taken[choice]
                assert path == f"/v1/{signal}"
                assert REQUESTS[signal].FromString(body) == want
        finally:
            part.stop()


def make_certificate(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-keyout", folder / "key.pem", "-out", folder / "own.pem", "-subj", "/CN=collector",
                    "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)


def export_one(target, credentials):
    exporter = OTLPSpanExporter(target, credentials=credentials, timeout=60)
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    provider.get_tracer("test").start_span("over TLS").end()
    provider.shutdown()


def test_pythons_grpc_exporter_speaks_tls_with_it(tmp_path):
    make_certificate(tmp_path)
    tls = f", tls: {{cert_file: {tmp_path}/own.pem, key_file: {tmp_path}/key.pem}}"
    with Sink() as sink:
        part = collector(tmp_path, sink, tls)
        try:
            target = f"https://localhost:{part.run['otlp_grpc_port']}"
            export_one(target, grpc.ssl_channel_credentials((tmp_path / "own.pem").read_bytes()))
            wait_until(lambda: sink.taken, what="the span at the destination")
            assert b"over TLS" in sink.taken[0][1]
            plain = subprocess.run(["curl", "-s", "--max-time", "20", "--http2-prior-knowledge", target.replace("https", "http")], timeout=60)
            assert plain.returncode != 0, "without TLS nothing is answered"
        finally:
            part.stop()


@pytest.mark.skipif("BELEG_TUTORIAL" not in os.environ, reason="BELEG_TUTORIAL names no copy of the tutorial")
def test_the_tutorials_configuration_validates_as_it_is(tmp_path):
    text = pathlib.Path(os.environ["BELEG_TUTORIAL"]).read_text()
    config = tmp_path / "otel-collector-config.yaml"
    config.write_text(re.search(r"```yaml\n# filename: otel-collector-config.yaml\n(.*?)```", text, re.S)[1])
    link = tmp_path / "otelcol-contrib"
    link.symlink_to(BINARY)
    unset = {name: value for name, value in os.environ.items() if name != "SIGNOZ_IP"}

    def validate(environment):
        return subprocess.run([link, "validate", f"--config={config}"], env=environment, capture_output=True, text=True, timeout=30)

    good = validate({**unset, "SIGNOZ_IP": "203.0.113.7"})
    assert good.returncode == 0 and good.stdout.endswith(": valid\n"), good.stderr
    assert "error" not in good.stderr
    bad = validate(unset)
    assert bad.returncode == 1
    line = 1 + config.read_text().splitlines().index('    endpoint: "${SIGNOZ_IP}:4317"')
    assert f'{config}:{line}:15: error: exporters::otlp::endpoint: environment variable "SIGNOZ_IP" is not set' in bad.stderr
    assert bad.stderr.count(": error: ") == 1
