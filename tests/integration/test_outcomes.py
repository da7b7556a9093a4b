"""Every way a request can end is a record, and never a wrong one."""

import socket

import requests

from harness import receipt_body, wait_until

CHAT = {"model": "replay", "messages": [{"role": "user", "content": "REPLAY:HANG"}]}


def records(stack, kind):
    return [r for r in stack.go_entries() if r["type"] == kind]


def test_a_client_that_leaves_a_stream_is_cancelled(stack):
    body = {**CHAT, "stream": True, "messages": [{"role": "user", "content": "REPLAY:TOKENS=100000 REPLAY:DELAY_MS=5"}]}
    with requests.post(stack.api + "/chat/completions", json=body, stream=True, timeout=20) as answer:
        request_id = receipt_body(answer.headers["Audit-Begin"])["request_id"]
        for _, line in zip(range(6), answer.iter_lines()):
            assert line is not None
    record = wait_until(lambda: stack.record(request_id).status_code == 200, what="record") and stack.record(request_id).json()["record"]
    assert record["outcome"] == "cancelled" and record["error_type"] == "client_disconnected"
    assert 0 < record["output_tokens"] < 100000


def test_a_client_that_leaves_before_the_answer_is_cancelled(stack):
    body = b'{"model":"replay","messages":[{"role":"user","content":"REPLAY:HANG"}]}'
    with socket.create_connection(("127.0.0.1", stack.serve.run["port"])) as s:
        s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                  b"Content-Length: %d\r\n\r\n" % len(body) + body)
        wait_until(lambda: "vllm:num_requests_running{engine=\"0\",model_name=\"replay\"} 1" in
                   requests.get(stack.serve.url + "/metrics", timeout=20).text, what="running")
    wait_until(lambda: "} 0" in [l for l in requests.get(stack.serve.url + "/metrics", timeout=20).text.splitlines()
                                 if l.startswith("vllm:num_requests_running")][0], what="cancelled")
    stack.serve.stop()
    [record] = records(stack, "request")
    assert record["outcome"] == "cancelled" and record["status"] == 499


def test_an_engine_failure_is_a_failed_record(stack):
    body = {**CHAT, "messages": [{"role": "user", "content": "REPLAY:TOKENS=9 REPLAY:FAIL_AT=3"}]}
    answer = requests.post(stack.api + "/chat/completions", json=body, timeout=20)
    assert answer.status_code == 500 and answer.json()["error"]["type"] == "server_error"
    record = stack.record(answer.headers["X-Request-Id"]).json()["record"]
    assert record["outcome"] == "failed" and record["error_type"] == "engine_error"

    answer = requests.post(stack.api + "/chat/completions", json={**body, "stream": True}, timeout=20)
    assert '"error":{' in answer.text and answer.text.rstrip().endswith("data: [DONE]")
    assert '"finish_reason":"stop"' not in answer.text


def test_requests_open_at_the_stop_are_recorded(tmp_path):
    from harness import Stack

    with Stack(tmp_path, serve_args=["--drain-seconds", "0"]) as stack:
        answer = requests.post(stack.api + "/chat/completions", json={**CHAT, "stream": True}, stream=True, timeout=20)
        request_id = receipt_body(answer.headers["Audit-Begin"])["request_id"]
        assert stack.serve.stop() == 0
        kinds = [r["type"] for r in stack.go_entries()]
        assert kinds[-1] == "shutdown"
        [record] = records(stack, "request")
        assert record["outcome"] == "cancelled" and request_id


def test_each_request_seen_by_a_client_is_one_record(stack):
    """P3: finished, refused, failed; what never was a request is only counted."""
    good = {"model": "replay", "messages": [{"role": "user", "content": "hi"}]}
    url = stack.api + "/chat/completions"
    ids = [requests.post(url, json=good, timeout=20).json()["id"] for _ in range(5)]
    ids += [requests.post(url, data=b"{", timeout=20).headers["X-Request-Id"] for _ in range(3)]
    assert requests.get(stack.serve.url + "/nothing", timeout=20).status_code == 404
    stack.serve.stop()
    entries = stack.go_entries()
    assert len([r for r in entries if r["type"] == "request"]) == 5
    assert len([r for r in entries if r["type"] == "refused"]) == 3
    assert sorted(r["seq"] for r in entries if r["type"] in ("request", "refused")) == list(range(1, 9))
    counters = entries[-1]["counters"]
    assert (counters["accepted"], counters["answered"], counters["refused"], counters["unknown_path"]) == (5, 5, 3, 1)
    assert len(set(ids)) == 8
