#!/usr/bin/env python3
"""Runs the tutorial's own configuration and scripts, cut unchanged from a copy of its text, on two hosts.

    run_tutorial.py TEXT                       the collector's YAML, audit_client.py and emit_test_span.py on serve + collector | store
    run_tutorial.py TEXT --running             the scripts alone, against a `beleg up` that runs here on its default ports

Exit 0 when the YAML validates, audit_client.py found all five attributes and the response's id is a record's id, emit_test_span.py
ran, and deployment.region on the span is the YAML's, which no one else on these hosts knows.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

from harness import DEMO_MODEL, wait_until
from hosts import TwoHosts
from topology import Topology

REGION = "hetzner-nbg1-eu"  # of the tutorial's YAML
BATCH_S = 5  # so long a span waits in it


def cut(text, name):
    match = re.search(r"```\w+\n# filename: " + re.escape(name) + r"\n(.*?)```", text, re.S)
    assert match, f"{name} is not in the text"
    return match[1]


def run_scripts(folder, text, env, prefix=()):
    """The scripts' outputs by name."""
    outputs = {}
    for name in ("emit_test_span.py", "audit_client.py"):
        (folder / name).write_text(cut(text, name))
        done = subprocess.run([*prefix, sys.executable, folder / name], capture_output=True, text=True, env={**os.environ, **env}, timeout=180)
        print(done.stdout, done.stderr, sep="\n")
        assert done.returncode == 0, f"{name} ended with {done.returncode}"
        outputs[name] = done.stdout
    assert "trace_id=" in outputs["emit_test_span.py"], "emit_test_span.py printed no trace id"
    return outputs


def check_audit(output, get_json):
    """Everything was found, and there is a record behind it; gives the response's id."""
    assert "Response received" in output and output.count("  PASS  ") == 5 and "All required audit attributes confirmed" in output, \
        "audit_client.py did not find everything"
    response_id = json.loads(re.search(r"Response received: (\{.*?\n\})", output, re.S)[1])["id"]
    found = get_json(f"/api/records/{response_id}")
    print(f"record of {response_id}: leaf {found['index']} of {found['origin']}, outcome {found['record']['outcome']}")
    return response_id


def on_two_hosts(text, folder, model):
    config = folder / "otel-collector-config.yaml"
    config.write_text(cut(text, config.name))
    with TwoHosts() as hosts:
        engine = ("--model", DEMO_MODEL, "--served-model-name", model, "--max-model-len", 1024)
        with Topology(folder, hosts, config, engine) as topology:
            audit = hosts.audit
            validate = hosts.inference.run(topology.collector.command[-1], "validate", "--config", config,
                                           env={**os.environ, "SIGNOZ_IP": audit.address})
            print(validate.stdout, validate.stderr, sep="\n")
            assert validate.returncode == 0, "the YAML does not validate"

            def get_json(path):
                return json.loads(audit.must("curl", "-sSf", f"http://{audit.address}:3301{path}"))

            def spans():
                now_ms = int(time.time() * 1000)
                return get_json(f"/api/v1/spans?service=vllm&start={now_ms - 300_000}&end={now_ms}&limit=1000")["spans"]

            # The scripts look at once, and a span waits in the YAML's batch for five seconds: a first request goes before them.
            body = json.dumps({"model": model, "messages": [{"role": "user", "content": "Hello."}], "max_tokens": 4})
            audit.must("curl", "-sSf", f"http://{hosts.inference.address}:8000/v1/chat/completions", "-H", "content-type: application/json", "-d", body)
            came = wait_until(lambda: [s for s in spans() if s["resource"].get("deployment.region")], BATCH_S + 15, "span by way of the collector")
            assert {s["resource"]["deployment.region"] for s in came} == {REGION}
            print(f"spans by way of the collector: {', '.join(sorted(s['name'] for s in came))}; deployment.region {REGION}\n")
            outputs = run_scripts(folder, text, {**topology.environment(), "MODEL_ID": model}, audit.prefix)
            check_audit(outputs["audit_client.py"], get_json)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=pathlib.Path)
    parser.add_argument("--running", action="store_true")
    parser.add_argument("--model", help="what the scripts ask for; default: the tutorial's on two hosts, the demo's with --running")
    arguments = parser.parse_args()
    text = arguments.text.read_text()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        if not arguments.running:
            return on_two_hosts(text, folder, arguments.model or "facebook/opt-125m")
        env = {"MODEL_ID": arguments.model or "smollm2-135m-instruct", "HETZNER_GPU_IP": "127.0.0.1", "SIGNOZ_IP": "127.0.0.1"}
        outputs = run_scripts(folder, text, env)
        check_audit(outputs["audit_client.py"], lambda path: json.loads(subprocess.run(
            ["curl", "-sSf", f"http://127.0.0.1:3301{path}"], capture_output=True, text=True, check=True).stdout))


if __name__ == "__main__":
    main()
