"""OTLP from the real SDK into the store, and out again; restart without loss."""

import gzip
import json
import time

import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

ATTRIBUTES = {"text": "grüße €", "whole": 2**53, "part": 0.1, "yes": True, "list": ["a", "b"], "numbers": [1, 2], "empty": ""}


def emit(stack, count, service="sdk"):
    provider = TracerProvider(resource=Resource.create({"service.name": service, "deployment.region": "eu"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"http://127.0.0.1:{stack.otlp_port}/v1/traces")))
    tracer = provider.get_tracer("test")
    ids = []
    for number in range(count):
        with tracer.start_as_current_span(f"span-{number}", attributes=ATTRIBUTES) as span:
            ids.append(f"{span.get_span_context().span_id:016x}")
    provider.shutdown()
    return ids


def test_spans_of_the_sdk_are_found_whole(stack):
    ids = emit(stack, 50)
    spans = stack.spans(service="sdk")
    assert sorted(s["span_id"] for s in spans) == sorted(ids)
    for name, value in ATTRIBUTES.items():
        assert spans[0]["attributes"][name] == value, name
    assert spans[0]["resource"]["deployment.region"] == "eu"
    assert stack.spans(service="nobody") == []


def test_acknowledged_spans_survive_kill_and_are_there_once(stack):
    ids = emit(stack, 200)
    stack.store.kill()
    stack.store.start()
    assert sorted(s["span_id"] for s in stack.spans(service="sdk")) == sorted(ids)


def span_request(trace="5b8efff798038103d269b633813fc60c", span="eee19b7ec3c1b174"):
    now = str(time.time_ns())
    return {"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "json"}}]},
            "scopeSpans": [{"spans": [{"traceId": trace, "spanId": span, "name": "n", "kind": 2,
                                       "startTimeUnixNano": now, "endTimeUnixNano": now,
                                       "attributes": [{"key": "n", "value": {"intValue": "9007199254740993"}}]}]}]}]}


def test_json_and_gzip_are_taken(stack):
    url = f"http://127.0.0.1:{stack.otlp_port}/v1/traces"
    answer = requests.post(url, json=span_request(), timeout=20)
    assert answer.status_code == 200 and answer.json() in ({}, {"partialSuccess": {}})
    body = gzip.compress(json.dumps(span_request(span="eee19b7ec3c1b175")).encode())
    assert requests.post(url, data=body, timeout=20, headers={"Content-Type": "application/json", "Content-Encoding": "gzip"}).status_code == 200
    assert requests.post(url, data=ExportTraceServiceRequest().SerializeToString(), timeout=20,
                         headers={"Content-Type": "application/x-protobuf"}).status_code == 200
    spans = stack.spans(service="json")
    assert len(spans) == 2 and spans[0]["attributes"]["n"] in (9007199254740993, "9007199254740993")


def test_a_span_sent_again_is_there_once(stack):
    url = f"http://127.0.0.1:{stack.otlp_port}/v1/traces"
    request = span_request()
    for _ in range(3):
        assert requests.post(url, json=request, timeout=20).status_code == 200
    assert len(stack.spans(service="json")) == 1


def test_sql_reads_and_nothing_else(stack):
    sql = stack.store.url + "/api/sql"
    assert requests.post(sql, data="select 1 as one", timeout=20).json() == {"columns": ["one"], "rows": [[1]]}
    for query in ("drop table spans", "copy spans to '/tmp/x.csv'", "select * from read_csv('/etc/passwd')", "select 1; select 2",
                  "attach 'x.db'", "select nonsense from spans", "set memory_limit='10GB'", "insert into spans select * from spans"):
        answer = requests.post(sql, data=query, timeout=20)
        assert answer.status_code == 400 and answer.json()["error"]["message"], query


def test_bad_parameters_are_named(stack):
    for params, name in (({"start": "soon"}, "start"), ({"limit": "-1"}, "limit"), ({"end": "1e3x"}, "end")):
        answer = requests.get(stack.store.url + "/api/v1/spans", params=params, timeout=20)
        assert answer.status_code == 400 and answer.json()["error"]["parameter"] == name
    assert stack.record("chatcmpl-" + "0" * 32).status_code == 404
    assert stack.record("what").status_code == 400
    assert requests.get(stack.store.url + "/nothing", timeout=20).status_code == 404
