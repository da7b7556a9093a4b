"""The tutorial's topology on two hosts: serve and collector on one, the store on the other, told apart by the cable between them."""

import json
import os
import subprocess
import sys
import time

import pytest

from harness import BINARY, wait_until
from hosts import two_hosts_or_skip
from topology import Topology

# The shape of the tutorial's configuration, in our own words; run_tutorial.py takes the original.
CONFIG = """
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 0.0.0.0:4317
      http:
        endpoint: 0.0.0.0:4318
processors:
  resource:
    attributes:
      - key: deployment.region
        value: "site-north"
        action: upsert
      - key: deployment.environment
        value: "rehearsal"
        action: upsert
  batch:
    timeout: 5s
    send_batch_size: 512
exporters:
  otlp:
    endpoint: "${SIGNOZ_IP}:4317"
    tls:
      insecure: true
  logging:
    verbosity: detailed
service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [resource, batch]
      exporters: [otlp, logging]
    metrics:
      receivers: [otlp]
      processors: [resource, batch]
      exporters: [otlp]
"""

REQUIRED = ["gen_ai.model.id", "gen_ai.usage.prompt_tokens", "gen_ai.usage.completion_tokens", "gen_ai.response.finish_reasons",
            "deployment.region"]

# The client's part, run on the audit host: ask the model, then look for the spans, until the batch's five seconds are over.
CLIENT = """
import json, os, sys, time, requests
from openai import OpenAI
api = f"http://{os.environ['HETZNER_GPU_IP']}:8000/v1"
answer = OpenAI(base_url=api, api_key="none", max_retries=0).chat.completions.create(
    model="replay", messages=[{"role": "user", "content": "REPLAY:TOKENS=5 hello"}])
def spans():
    now_ms = int(time.time() * 1000)
    return requests.get(f"http://{os.environ['SIGNOZ_IP']}:3301/api/v1/spans", timeout=60, params={
        "service": "vllm", "start": now_ms - 300_000, "end": now_ms, "limit": 20}).json()["spans"]
at_once = spans()
deadline = time.monotonic() + 60
while not (found := [s for s in spans() if s["attributes"].get("gen_ai.response.id") == answer.id and
                     s["resource"].get("deployment.region")]) and time.monotonic() < deadline:
    time.sleep(0.1)
print(json.dumps({"id": answer.id, "found": found, "at_once": at_once}))
"""


@pytest.fixture(scope="module")
def hosts():
    running = two_hosts_or_skip()
    yield running
    running.__exit__()


@pytest.fixture(scope="module")
def topology(hosts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("topology")
    config = folder / "otel-collector-config.yaml"
    config.write_text(CONFIG)
    with Topology(folder, hosts, config) as running:
        running.config = config
        yield running


def test_the_hosts_are_apart(hosts):
    """What the other tests mean by "another host": nothing is shared but the cable."""
    assert hosts.audit.run("curl", "-sS", "--max-time", "30", f"http://{hosts.inference.address}:1").returncode == 7, "refused: it is there"
    assert hosts.audit.must("ip", "-o", "-4", "address").count("inet ") == 2


def test_a_request_is_found_on_the_other_host_with_the_collectors_region(topology):
    done = topology.hosts.audit.run(sys.executable, "-c", CLIENT, env={**os.environ, **topology.environment()})
    assert done.returncode == 0, done.stderr + topology.collector.log()
    seen = json.loads(done.stdout)
    assert any(s["attributes"].get("gen_ai.response.id") == seen["id"] for s in seen["at_once"]), "found before the batch went"
    [span] = seen["found"]
    missing = [name for name in REQUIRED if name not in span["attributes"]]
    assert missing == []
    # serve was not told where it stands: this can only come from the collector's resource processor.
    assert span["resource"]["deployment.region"] == "site-north" and span["resource"]["deployment.environment"] == "rehearsal"
    assert span["verified"] is True and span["attributes"]["gen_ai.response.id"] in topology.collector.log_path.read_text(), "logging prints it"


def test_validate_names_the_variable_that_is_missing(topology):
    validate = [topology.collector.command[-1], "validate", "--config", topology.config]
    bare = {"PATH": "/usr/bin:/bin"}
    good = subprocess.run(validate, capture_output=True, text=True, timeout=30, env={**bare, "SIGNOZ_IP": "203.0.113.20"})
    assert good.returncode == 0, good.stderr
    bad = subprocess.run(validate, capture_output=True, text=True, timeout=30, env=bare)
    assert bad.returncode == 1 and "SIGNOZ_IP" in bad.stderr and f"{topology.config}:" in bad.stderr


def test_emit_reaches_the_store_through_the_collector(topology):
    inference, audit = topology.hosts.inference, topology.hosts.audit
    sent = inference.must(BINARY, "emit", "--endpoint", "http://127.0.0.1:4318")
    trace = sent.rsplit("trace_id=", 1)[1].strip()

    def found():
        text = audit.must("curl", "-sS", f"http://{audit.address}:3301/api/v1/traces/{trace}")
        return json.loads(text).get("spans")

    [span] = wait_until(found, what="span of emit")
    assert span["resource"]["deployment.region"] == "site-north"


def test_the_cable_is_pulled_and_nothing_is_lost(topology):
    """Requests go on while the hosts cannot reach each other; afterwards every record and every span is there, once."""
    inference, audit = topology.hosts.inference, topology.hosts.audit
    audit.must("ip", "link", "set", "cable", "down")
    ids = []
    for _ in range(20):
        answer = json.loads(inference.must("curl", "-sS", f"http://{inference.address}:8000/v1/completions", "-H", "content-type: application/json",
                                           "-d", json.dumps({"model": "replay", "prompt": "REPLAY:TOKENS=3 x"})))
        ids.append(answer["id"])
    audit.must("ip", "link", "set", "cable", "up")

    def regions():
        now_ms = int(time.time() * 1000)
        text = audit.must("curl", "-sS", f"http://{audit.address}:3301/api/v1/spans?service=vllm&start={now_ms - 300_000}&end={now_ms}&limit=1000")
        spans = [s for s in json.loads(text)["spans"] if s["attributes"].get("gen_ai.response.id") in ids and s["kind"] == "SERVER"]
        assert len(spans) <= len(ids), "a span is there twice"
        return sum(s["resource"].get("deployment.region") == "site-north" for s in spans)

    wait_until(lambda: regions() == len(ids), 60, "spans by way of the collector")
