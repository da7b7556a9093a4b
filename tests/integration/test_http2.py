"""The OpenAI port over HTTP/2: the real clients, streams of one connection beside each other, and the record behind each."""

import json
import socket
import subprocess
import threading

import h2.connection
import h2.errors
import h2.events
import httpx2
import pytest

from harness import receipt_body, request_id, wait_until


def body(tokens=5, delay_ms=0, **more):
    return {"model": "replay", "max_tokens": tokens, **more,
            "messages": [{"role": "user", "content": f"REPLAY:TOKENS={tokens} REPLAY:DELAY_MS={delay_ms}"}]}


@pytest.fixture
def http2():
    with httpx2.Client(http1=False, http2=True, timeout=60, limits=httpx2.Limits(max_connections=1)) as client:
        yield client


def outcome(stack, request):
    answer = stack.record(request)
    return answer.status_code == 200 and answer.json()["record"]["outcome"]


def test_curl_gets_stream_receipts_and_trace(shared_stack):
    done = subprocess.run(["curl", "-sS", "--http2-prior-knowledge", "-D", "-", shared_stack.api + "/chat/completions", "-H",
                           "content-type: application/json", "-d", json.dumps(body(stream=True))], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    head, _, text = done.stdout.replace("\r\n", "\n").partition("\n\n")
    status, *lines = head.splitlines()
    fields = dict(line.split(": ", 1) for line in lines)
    assert status.strip() == "HTTP/2 200" and fields["content-type"].startswith("text/event-stream") and fields["traceparent"]
    begin = receipt_body(fields["audit-begin"])
    events = [line for line in text.splitlines() if line]
    assert events[-1] == "data: [DONE]"
    finish = receipt_body(events[-2].removeprefix(": audit-finish "))
    assert finish["request_id"] == begin["request_id"] and begin["request_id"] in fields["x-request-id"]
    assert outcome(shared_stack, begin["request_id"]) == "ok"


def test_the_openai_client_works_unchanged(shared_stack, http2):
    client = shared_stack.openai(http_client=http2)
    raw = client.chat.completions.with_raw_response.create(**body())
    assert raw.http_response.http_version == "HTTP/2"
    finish = receipt_body(raw.headers["Audit-Finish"])
    assert finish["request_id"] in raw.parse().id and raw.parse().usage.completion_tokens == 5
    pieces = list(client.chat.completions.create(**body(), stream=True))
    assert "".join(p.choices[0].delta.content or "" for p in pieces) == raw.parse().choices[0].message.content
    assert shared_stack.record(raw.parse().id).json()["index"] == finish["index"]


def test_streams_of_one_connection_run_beside_each_other(shared_stack, http2):
    """One slow stream, sixteen more meanwhile: each comes to its end and has its record."""
    url, seen = shared_stack.api + "/chat/completions", []

    def run():
        with http2.stream("POST", url, json=body(30, 10, stream=True)) as answer:
            request = receipt_body(answer.headers["Audit-Begin"])["request_id"]
            seen.append((request, "data: [DONE]" in list(answer.iter_lines())))

    with http2.stream("POST", url, json=body(200, 10, stream=True)) as slow:
        threads = [threading.Thread(target=run) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert [done for _, done in seen] == [True] * 16
        assert "data: [DONE]" in list(slow.iter_lines())
    for request, _ in seen:
        assert outcome(shared_stack, request) == "ok"


class Connection:
    """HTTP/2 frame by frame, for what the ordinary client never does."""

    def __init__(self, url):
        self.address = url.removeprefix("http://")
        self.socket = socket.create_connection(self.address.split(":"), timeout=30)
        self.h2 = h2.connection.H2Connection()
        self.h2.initiate_connection()
        self.data, self.heads, self.ended = {}, {}, set()

    def post(self, value):
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, [(":method", "POST"), (":scheme", "http"), (":authority", self.address), (":path", "/v1/chat/completions")])
        self.h2.send_data(stream, json.dumps(value).encode(), end_stream=True)
        self.data[stream] = b""
        return stream

    def read_until(self, condition):
        while not condition():
            self.socket.sendall(self.h2.data_to_send())
            for event in self.h2.receive_data(self.socket.recv(65_536)):
                if isinstance(event, h2.events.ResponseReceived):
                    self.heads[event.stream_id] = dict(event.headers)
                if isinstance(event, h2.events.DataReceived):
                    self.data[event.stream_id] += event.data
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                if isinstance(event, h2.events.StreamEnded):
                    self.ended.add(event.stream_id)


def test_a_reset_stream_is_cancelled_and_its_neighbour_goes_on(shared_stack):
    connection = Connection(shared_stack.serve.url)
    kept, given_up = connection.post(body(60, 10, stream=True)), connection.post(body(1000, 10, stream=True))
    connection.read_until(lambda: connection.data[given_up].count(b"data: ") > 5)
    connection.h2.reset_stream(given_up, h2.errors.ErrorCodes.CANCEL)
    connection.read_until(lambda: kept in connection.ended)
    assert b"data: [DONE]" in connection.data[kept]
    for stream, wanted in ((kept, "ok"), (given_up, "cancelled")):
        request = receipt_body(connection.heads[stream][b"audit-begin"].decode())["request_id"]
        wait_until(lambda: outcome(shared_stack, request) == wanted, what=f"outcome {wanted}")


def test_errors_have_their_status_and_their_record(shared_stack, http2):
    answer = http2.post(shared_stack.api + "/chat/completions", json=body(temperature=9))
    assert (answer.http_version, answer.status_code) == ("HTTP/2", 400)
    assert answer.json()["error"]["param"] == "temperature"
    assert shared_stack.record(answer.headers["X-Request-Id"]).json()["record"]["type"] == "refused"
    assert http2.get(shared_stack.serve.url + "/nothing").status_code == 404
    assert "vllm:generation_tokens_total" in http2.get(shared_stack.serve.url + "/metrics").text


def test_a_connection_that_goes_cancels_what_it_carried(stack):
    client = httpx2.Client(http1=False, http2=True, timeout=60)
    with client.stream("POST", stack.api + "/chat/completions", json=body(1000, 10, stream=True)) as answer:
        begin = receipt_body(answer.headers["Audit-Begin"])["request_id"]
        next(answer.iter_lines())
        client.close()  # the connection itself
    wait_until(lambda: outcome(stack, begin) == "cancelled", what="record of the request that was left")
    stack.serve.stop()
    assert [r["outcome"] for r in stack.go_entries() if r["type"] == "request" and request_id(r) == begin] == ["cancelled"]
