#!/usr/bin/env python3
"""Makes tests/golden/otlp/: OTLP trace requests as the official protobuf classes (PyPI opentelemetry-proto) write them.

    .deps/venv/bin/python tests/golden/otlp_peer.py            writes the files anew (same seed, same bytes)
    .deps/venv/bin/python tests/golden/otlp_peer.py --check    fails if a file is not what the classes write now

NAME.bin is an ExportTraceServiceRequest. NAME.json is the same as OTLP/JSON: protobuf's own JSON mapping, but ids in hex.
*_foreign.bin has fields that beleg skips (unknown ones, dropped counts, schema URLs); its JSON is without them.
"""
import argparse
import base64
import json
import pathlib
import random
import sys

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

FOLDER = pathlib.Path(__file__).parent / "otlp"
WORDS = ["vllm", "chat", "gen_ai.request.model", "größer", "日本", "😀", "line\nend", "quote\"back\\slash", "", "\x01\x7f"]
DOUBLES = [0.0, -0.0, 1.0, 0.1, -2.5e-300, 1.7976931348623157e308, 5e-324, float("inf"), float("-inf"), float("nan")]
INTS = [0, 1, -1, 2**31, -2**31, 2**53 + 1, 2**63 - 1, -2**63]


def set_value(value, chance, depth=0):
    kind = chance.choice(["string", "bool", "int", "double", "bytes", "none"] + ["array", "kvlist"] * (depth < 4))
    if kind == "string":
        value.string_value = chance.choice(WORDS)
    elif kind == "bool":
        value.bool_value = chance.random() < 0.5
    elif kind == "int":
        value.int_value = chance.choice(INTS)
    elif kind == "double":
        value.double_value = chance.choice(DOUBLES)
    elif kind == "bytes":
        value.bytes_value = chance.randbytes(chance.randrange(5))
    elif kind == "array":
        value.array_value.SetInParent()
        for _ in range(chance.randrange(4)):
            set_value(value.array_value.values.add(), chance, depth + 1)
    elif kind == "kvlist":
        value.kvlist_value.SetInParent()
        add_attributes(value.kvlist_value.values, chance, 3, depth + 1)
    else:
        value.SetInParent()


def add_attributes(attributes, chance, count_max, depth=0):
    for _ in range(chance.randrange(count_max + 1)):
        entry = attributes.add(key=chance.choice(WORDS))
        set_value(entry.value, chance, depth)


def add_span(spans, chance):
    span = spans.add(trace_id=chance.randbytes(16), span_id=chance.randbytes(8), name=chance.choice(WORDS),
                     kind=chance.choice(Span.SpanKind.values()), start_time_unix_nano=chance.randrange(2**63),
                     end_time_unix_nano=chance.choice([0, 2**63 - 1]), flags=chance.choice([0, 1, 2**32 - 1]))
    if chance.random() < 0.5:
        span.parent_span_id = chance.randbytes(8)
        span.trace_state = "vendor=value,other=1"
        span.status.code = chance.choice(Status.StatusCode.values()[1:])
        span.status.message = chance.choice(WORDS)
    add_attributes(span.attributes, chance, 6)
    for _ in range(chance.randrange(3)):
        event = span.events.add(time_unix_nano=chance.randrange(2**63), name=chance.choice(WORDS))
        add_attributes(event.attributes, chance, 2)
    for _ in range(chance.randrange(3)):
        link = span.links.add(trace_id=chance.randbytes(16), span_id=chance.randbytes(8), flags=chance.choice([0, 256]))
        link.trace_state = chance.choice(["", "k=v"])
        add_attributes(link.attributes, chance, 2)


def random_request(seed):
    chance = random.Random(seed)
    request = ExportTraceServiceRequest()
    for number in range(chance.randrange(1, 4)):
        group = request.resource_spans.add()
        group.resource.attributes.add(key="service.name").value.string_value = f"service {number}"
        add_attributes(group.resource.attributes, chance, 4)
        for _ in range(chance.randrange(1, 3)):
            scope = group.scope_spans.add()
            scope.scope.name = f"scope {number}"
            scope.scope.version = chance.choice(["", "1.2"])
            add_attributes(scope.scope.attributes, chance, 2)
            for _ in range(chance.randrange(3)):
                add_span(scope.spans, chance)
    return request


def all_types_request():
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    span = scope.spans.add(trace_id=bytes(range(1, 17)), span_id=bytes(range(1, 9)), name="all types")
    for i, word in enumerate(WORDS):
        span.attributes.add(key=f"string{i}").value.string_value = word
    for i, number in enumerate(INTS):
        span.attributes.add(key=f"int{i}").value.int_value = number
    for i, number in enumerate(DOUBLES):
        span.attributes.add(key=f"double{i}").value.double_value = number
    span.attributes.add(key="true").value.bool_value = True
    span.attributes.add(key="false").value.bool_value = False
    span.attributes.add(key="bytes").value.bytes_value = bytes(range(256))
    span.attributes.add(key="none").value.SetInParent()
    inner = span.attributes.add(key="nested").value
    for _ in range(10):
        inner = inner.array_value.values.add() if inner.WhichOneof("value") else inner.kvlist_value.values.add(key="k").value
    inner.int_value = 7
    return request


def with_foreign_fields(request):
    """The same bytes with fields at each level that beleg skips."""
    foreign = ExportTraceServiceRequest()
    foreign.CopyFrom(request)
    for group in foreign.resource_spans:
        group.schema_url = "https://opentelemetry.io/schemas/1.37.0"
        group.resource.dropped_attributes_count = 1
        for scope in group.scope_spans:
            scope.schema_url = "https://opentelemetry.io/schemas/1.37.0"
            scope.scope.dropped_attributes_count = 2
            for span in scope.spans:
                span.dropped_attributes_count = span.dropped_events_count = span.dropped_links_count = 3
                for part in [*span.events, *span.links]:
                    part.dropped_attributes_count = 4
                # Field 500, a string, from a newer version of the format.
                span.MergeFromString(b"\xa2\x1f\x06future")
    return foreign.SerializeToString() + b"\xa2\x1f\x06future"


def hex_ids(tree):
    """protobuf's JSON mapping writes ids as base64; OTLP wants hex."""
    if isinstance(tree, list):
        return [hex_ids(item) for item in tree]
    if not isinstance(tree, dict):
        return tree
    return {key: base64.b64decode(value).hex() if key in ("traceId", "spanId", "parentSpanId") else hex_ids(value)
            for key, value in tree.items()}


def to_json(request):
    tree = hex_ids(json_format.MessageToDict(request, use_integers_for_enums=True))
    return (json.dumps(tree, ensure_ascii=False, indent=1) + "\n").encode()


def goldens():
    requests = {f"random{seed}": random_request(seed) for seed in range(1, 5)}
    requests["all_types"] = all_types_request()
    for name, request in requests.items():
        yield f"{name}.bin", request.SerializeToString()
        yield f"{name}.json", to_json(request)
    yield "random1_foreign.bin", with_foreign_fields(requests["random1"])
    yield "random1_foreign.json", to_json(requests["random1"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = []
    FOLDER.mkdir(exist_ok=True)
    for name, content in goldens():
        path = FOLDER / name
        if not check:
            path.write_bytes(content)
        elif not path.exists() or path.read_bytes() != content:
            stale.append(name)
    if stale:
        sys.exit(f"not as the protobuf classes write them: {', '.join(stale)}")


if __name__ == "__main__":
    main()
