"""What the tutorial's client does, in our own words, against a real model; then the record, proven by strangers' tools."""

import re
import shutil
import subprocess
import time

import pytest
import requests

from harness import BINARY, DEMO_MODEL, Stack, go_entries, receipt_body

REQUIRED = ["gen_ai.model.id", "gen_ai.usage.prompt_tokens", "gen_ai.usage.completion_tokens",
            "gen_ai.response.finish_reasons", "deployment.region"]


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    with Stack(tmp_path_factory.mktemp("real"), engine=("--model", DEMO_MODEL, "--max-model-len", 1024)) as stack:
        yield stack


def test_a_request_is_found_at_once_with_all_that_an_audit_needs(real):
    model = real.openai().models.list().data[0].id
    answer = real.openai().chat.completions.create(model=model, max_tokens=24, messages=[
        {"role": "user", "content": "Summarize the EU AI Act in one sentence."}])
    now_ms = int(time.time() * 1000)
    spans = requests.get(real.store.url + "/api/v1/spans", timeout=20, params={
        "service": "vllm", "start": now_ms - 300_000, "end": now_ms, "limit": 20}).json()["spans"]
    [span] = [s for s in spans if s["attributes"].get("gen_ai.response.id") == answer.id]
    attributes = span["attributes"]
    assert [name for name in REQUIRED if name not in attributes] == []
    assert attributes["gen_ai.model.id"] == model == answer.model
    assert attributes["gen_ai.usage.prompt_tokens"] == answer.usage.prompt_tokens
    assert attributes["gen_ai.usage.completion_tokens"] == answer.usage.completion_tokens
    assert attributes["gen_ai.response.finish_reasons"] == [answer.choices[0].finish_reason]
    assert span["verified"] is True
    names = {s["name"] for s in spans if s["trace_id"] == span["trace_id"]}
    assert {"queue", "prefill", "decode"} <= names


def test_the_check_command_passes_and_fails_honestly(real):
    good = subprocess.run([BINARY, "audit", "check", "--base-url", real.api, "--store", real.store.url],
                          capture_output=True, text=True, timeout=300)
    assert good.returncode == 0, good.stdout + good.stderr
    for name in REQUIRED:
        assert re.search(rf"PASS +{re.escape(name)} = ", good.stdout), name
    bad = subprocess.run([BINARY, "audit", "check", "--base-url", real.api, "--store", "http://127.0.0.1:9"],
                         capture_output=True, text=True, timeout=300)
    assert bad.returncode == 2, bad.stdout + bad.stderr


def test_prove_and_verify_work_offline(real, tmp_path):
    model = real.openai().models.list().data[0].id
    raw = requests.post(real.api + "/completions", timeout=60, json={"model": model, "prompt": "One, two,", "max_tokens": 4})
    answer, vkey = raw.json(), real.serve.run["vkey"]
    proved = subprocess.run([BINARY, "audit", "prove", answer["id"], "--ledger", f"http://127.0.0.1:{real.ledger_port}",
                             "--ledger-token-file", real.token, "--vkey", vkey, "--out", tmp_path],
                            capture_output=True, text=True, timeout=60)
    assert proved.returncode == 0, proved.stdout + proved.stderr
    [proof], [entry] = tmp_path.glob("*.tlog-proof"), tmp_path.glob("*.json")
    assert proof.stem == entry.stem and proof.stem in answer["id"]
    verify = [BINARY, "audit", "verify", proof, "--entry", entry, "--vkey", vkey]
    assert subprocess.run(verify, capture_output=True, timeout=60).returncode == 0
    receipt = tmp_path / "receipt"
    receipt.write_text(raw.headers["Audit-Finish"])
    assert subprocess.run([BINARY, "audit", "verify", receipt, "--vkey", vkey], capture_output=True, timeout=60).returncode == 0
    assert receipt_body(raw.headers["Audit-Finish"])["request_id"] in answer["id"]
    entry.write_bytes(entry.read_bytes().replace(b'"outcome":"ok"', b'"outcome":"no"'))
    assert subprocess.run(verify, capture_output=True, timeout=60).returncode == 1


def test_fsck_and_the_go_verifier_agree(real, tmp_path):
    vkey = real.serve.run["vkey"]
    copy = tmp_path / "log"
    real.serve.stop()  # a log that grows meanwhile is no copy of one moment
    shutil.copytree(real.public, copy)
    real.serve.start()
    entries = go_entries(copy, vkey)
    assert entries[0]["type"] == "boot" and {"model", "config", "key", "request"} <= {e["type"] for e in entries}
    fsck = [BINARY, "audit", "fsck", copy, "--vkey", vkey]
    good = subprocess.run(fsck, capture_output=True, text=True, timeout=60)
    assert good.returncode == 0, good.stdout + good.stderr
    bundle = max((copy / "tile/entries").rglob("*"), key=lambda path: path.stat().st_size if path.is_file() else 0)
    data = bytearray(bundle.read_bytes())
    data[len(data) // 2] ^= 1
    bundle.write_bytes(data)
    assert subprocess.run(fsck, capture_output=True, timeout=60).returncode == 1
    with pytest.raises(AssertionError):
        go_entries(copy, vkey)


def test_emit_sends_what_the_tutorial_sends(real):
    done = subprocess.run([BINARY, "emit", "--endpoint", f"http://127.0.0.1:{real.otlp_port}"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    trace = done.stdout.rsplit("trace_id=", 1)[1].strip()
    [span] = [s for s in real.spans() if s["trace_id"] == trace]
    assert span["name"] == "llm.generate" and span["attributes"]["gen_ai.usage.prompt_tokens"] == 42
