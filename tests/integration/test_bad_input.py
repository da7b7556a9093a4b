"""Bad input of every kind: one clear error that names the thing; nothing lost; nothing crashes."""

import gzip
import json
import os
import random
import re
import socket
import struct
import subprocess

import pytest
import requests

from harness import BINARY, DEMO_MODEL, Part, Stack, answer_to, fill, free_port, go_entries, request_id, wait_until

GOOD = {"model": "replay", "messages": [{"role": "user", "content": "hi"}]}


def post(stack, body, **headers):
    return requests.post(stack.api + "/chat/completions", data=body, timeout=60,
                         headers={"Content-Type": "application/json", **headers})


def still_answers(stack):
    return post(stack, json.dumps(GOOD)).status_code == 200


@pytest.mark.parametrize("body, words", [
    (b'{"model": "replay", "messages": [}', ("line 1", "column 34")),
    (b"", ("JSON",)),
    (b"[1, 2]", ("object",)),
    (b'{"model": "replay", "model": "x", "messages": []}', ("model",)),
    (b'{"model": "replay", "messages": [{"role": "user", "content": "\xff\xfe"}]}', ("JSON",)),
    (b'{"model": "replay", "messages": [{"role": "user", "content": "\\ud800"}]}', ("JSON",)),
    (b"[" * 100_000, ("JSON",)),
])
def test_malformed_json_is_placed(shared_stack, body, words):
    answer = post(shared_stack, body)
    assert answer.status_code == 400
    message = answer.json()["error"]["message"]
    assert all(w in message for w in words), message
    assert still_answers(shared_stack)


def test_four_megabytes_of_prompt_are_answered_or_refused_by_name(shared_stack):
    # The replay engine's context is 2^20 tokens, a word each: this prompt has more.
    body = '{"model":"replay","messages":[{"role":"user","content":"%s"}]}' % ("a " * (2 << 20))
    answer = post(shared_stack, body)
    assert answer.status_code == 400 and answer.json()["error"]["code"] == "context_length_exceeded"
    fits = '{"model":"replay","max_tokens":2,"messages":[{"role":"user","content":"%s"}]}' % ("a" * (4 << 20))
    assert post(shared_stack, fits).status_code == 200
    assert still_answers(shared_stack)


def test_a_body_over_the_limit_is_refused_before_it_is_read(shared_stack):
    head = answer_to(shared_stack, b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n").decode()
    assert head.startswith("HTTP/1.1 413")
    request_id = re.search(r"X-Request-Id: (\S+)", head)[1]
    record = shared_stack.record(request_id).json()["record"]
    assert record["type"] == "refused" and record["error_type"] == "request_too_large"
    assert still_answers(shared_stack)


def test_bytes_that_are_no_http_get_400(shared_stack):
    for seed in range(16):
        answer = answer_to(shared_stack, random.Random(seed).randbytes(512) + b"\r\n\r\n")
        assert answer == b"" or answer.startswith(b"HTTP/1.1 400"), seed
    assert still_answers(shared_stack)


@pytest.mark.parametrize("body, headers, status", [
    (b"\x0a\x05\x0a", {"Content-Type": "application/x-protobuf"}, 400),
    (b"\x1f\x8b nonsense", {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}, 400),
    (gzip.compress(b"x" * 300_000_000, 1), {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}, 413),
    (b'{"resourceSpans": 7}', {"Content-Type": "application/json"}, 400),
    (b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "zz"}]}]}]}', {"Content-Type": "application/json"}, 400),
    (b"", {"Content-Type": "text/plain"}, 415),
    (b"", {"Content-Type": "application/x-protobuf", "Content-Encoding": "rot13"}, 400),
])
def test_bad_telemetry_gets_otlps_own_error(shared_stack, body, headers, status):
    url = f"http://127.0.0.1:{shared_stack.otlp_port}/v1/traces"
    answer = requests.post(url, data=body, headers=headers, timeout=60)
    assert answer.status_code == status
    if headers["Content-Type"] == "application/json":
        assert answer.json()["message"]
    else:
        assert answer.content
    assert requests.post(url, data=b"", headers={"Content-Type": "application/x-protobuf"}, timeout=20).status_code == 200


def run(arguments, prefix=()):
    return subprocess.run([*prefix, BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=60)


def test_a_busy_port_is_named(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run(["serve", "--engine", "replay", "--port", port, "--ledger", tmp_path / "l", "--ledger-listen", "127.0.0.1:0"])
        assert done.returncode == 2 and str(port) in done.stderr, done.stderr
        done = run(["store", "--data", tmp_path / "s", "--listen", f"127.0.0.1:{port}", "--otlp-listen", "127.0.0.1:0", "--otlp-grpc-listen", "127.0.0.1:0"])
        assert done.returncode == 2 and str(port) in done.stderr, done.stderr


def test_a_second_instance_on_the_same_data_is_refused(stack):
    ledger = stack.folder / "ledger"
    done = run(["serve", "--engine", "replay", "--port", 0, "--ledger", ledger, "--ledger-listen", "127.0.0.1:0"])
    assert done.returncode == 2 and str(ledger) in done.stderr, done.stderr
    done = run(["store", "--data", stack.folder / "store", "--listen", "127.0.0.1:0", "--otlp-listen", "127.0.0.1:0", "--otlp-grpc-listen", "127.0.0.1:0"])
    assert done.returncode == 2 and str(stack.folder / "store") in done.stderr, done.stderr
    assert still_answers(stack)


def test_a_folder_without_permission_is_named(tmp_path):
    """As a user who may read everything, so that the program is found wherever it was built, and write nothing: root may write anywhere."""
    prefix = [] if os.getuid() != 0 else ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                                          "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    for command in (["serve", "--engine", "replay", "--port", 0, "--ledger", locked / "l", "--ledger-listen", "127.0.0.1:0"],
                    ["store", "--data", locked / "s", "--listen", "127.0.0.1:0", "--otlp-listen", "127.0.0.1:0", "--otlp-grpc-listen", "127.0.0.1:0"]):
        done = run(command, prefix)
        assert done.returncode == 2 and str(locked) in done.stderr, done.stderr


@pytest.mark.parametrize("content, words", [
    (b"", "GGUF"), (b"not a model at all" * 100, "GGUF"), (b"GGUF" + struct.pack("<IQQ", 3, 1 << 40, 1), "GGUF"),
])
def test_a_file_that_is_no_model_is_named(tmp_path, content, words):
    model = tmp_path / "broken.gguf"
    model.write_bytes(content)
    done = run(["serve", "--model", model, "--port", 0, "--ledger", tmp_path / "l", "--ledger-listen", "127.0.0.1:0"])
    assert done.returncode == 2 and "broken.gguf" in done.stderr and words in done.stderr, done.stderr


def test_a_truncated_model_says_how_much_is_missing(tmp_path):
    model = tmp_path / "short.gguf"
    with open(DEMO_MODEL, "rb") as source:
        model.write_bytes(source.read(20 << 20))
    done = run(["serve", "--model", model, "--port", 0, "--ledger", tmp_path / "l", "--ledger-listen", "127.0.0.1:0"])
    assert done.returncode == 2 and "short.gguf" in done.stderr and str(20 << 20) in done.stderr, done.stderr


def test_a_missing_model_and_a_missing_flag_are_named(tmp_path):
    done = run(["serve", "--model", tmp_path / "none.gguf", "--port", 0, "--ledger", tmp_path / "l", "--ledger-listen", "127.0.0.1:0"])
    assert done.returncode == 2 and "none.gguf" in done.stderr
    done = run(["serve", "--ledger", tmp_path / "l"])
    assert done.returncode == 2 and "model" in done.stderr
    done = run(["serve", "--engine", "replay", "--host", "0.0.0.0", "--port", 0, "--ledger", tmp_path / "l"])
    assert done.returncode == 2 and "--insecure-no-auth" in done.stderr
    done = run(["serve", "--no-such-flag"])
    assert done.returncode == 2 and "--no-such-flag" in done.stderr


def test_a_limit_on_the_size_of_files_is_no_room(tmp_path):
    """RLIMIT_FSIZE (ulimit -f, systemd's LimitFSIZE) would end the process by a signal."""
    with Stack(tmp_path) as stack:
        def chat():
            return requests.post(stack.api + "/chat/completions", timeout=20,
                                 json={"model": "replay", "messages": [{"role": "user", "content": "hi"}]})

        assert chat().status_code == 200
        subprocess.run(["prlimit", f"--pid={stack.serve.process.pid}", "--fsize=1:"], check=True)
        wait_until(lambda: chat().status_code == 503, what="no room")
        assert chat().json()["error"]["code"] == "ledger_unavailable"
        wait_until(lambda: "File too large" in requests.get(stack.serve.url + "/health", timeout=20).json().get("why", ""), what="why")
        subprocess.run(["prlimit", f"--pid={stack.serve.process.pid}", "--fsize=unlimited:"], check=True)
        wait_until(lambda: chat().status_code == 200, what="it heals")


def test_a_full_disk_refuses_work_and_heals(tmp_path):
    """A tmpfs of 48 MB stands in for the disk; the mark of 64 MB that the ledger keeps free is lowered for it."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(disk)], capture_output=True, text=True)
    assert mounted.returncode == 0, f"this test needs root to mount a tmpfs: {mounted.stderr}"
    serve = Part(tmp_path, "serve", ["--engine", "replay", "--port", free_port(), "--ledger", disk / "ledger",
                                     "--ledger-listen", f"127.0.0.1:{free_port()}", "--ledger-free-bytes-min", 4 << 20])
    answered = []

    def ask():
        answer = requests.post(serve.url + "/v1/chat/completions", json=GOOD, timeout=20)
        if answer.status_code == 200:
            answered.append(answer.json()["id"].removeprefix("chatcmpl-"))
        return answer

    try:
        serve.start()
        assert ask().status_code == 200
        ballast = disk / "ballast"
        fill(ballast)
        [refused] = wait_until(lambda: [a for a in [ask()] if a.status_code != 200], what="refusal")
        assert refused.status_code == 503 and refused.json()["error"]["code"] == "ledger_unavailable"
        health = requests.get(serve.url + "/health", timeout=20)
        assert health.status_code == 503 and health.json()["why"]
        ballast.unlink()
        wait_until(lambda: ask().status_code == 200, what="healed")
        assert serve.stop() == 0
        entries = go_entries(disk / "ledger" / "public", serve.run["vkey"])
        assert sorted(answered) == sorted(request_id(r) for r in entries if r["type"] == "request")
        assert entries[-1]["counters"]["no_room"] >= 1
    finally:
        if serve.process.poll() is None:
            serve.kill()
        subprocess.run(["umount", str(disk)], check=False)
