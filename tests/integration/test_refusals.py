"""Every answer that a client gets is one record, or one count in the heartbeats: which of the two docs/formats/record.md says ("refused")."""

import collections
import concurrent.futures
import socket
import subprocess
import threading

import requests

from harness import DEMO_MODEL, Part, fill, free_port, go_entries, request_id, wait_until

KEY = "sk-one"


class Clients:
    """Requests, and what came back: by request id where the server gave one, else by status alone."""

    def __init__(self, serve):
        self.serve = serve
        self.recorded = {}
        self.counted = collections.Counter()
        self.lock = threading.Lock()

    def note(self, status, header):
        with self.lock:
            if header:
                assert header not in self.recorded
                self.recorded[header] = status
            else:
                self.counted[status] += 1
        return status

    def ask(self, path="/v1/chat/completions", method="post", key=KEY, **arguments):
        answer = requests.request(method, self.serve.url + path, timeout=120, headers={"Authorization": f"Bearer {key}"}, **arguments)
        self.note(answer.status_code, answer.headers.get("X-Request-Id"))
        return answer

    def chat(self, **fields):
        body = {"model": "demo", "max_tokens": 2, "messages": [{"role": "user", "content": "hi"}], **fields}
        return self.ask(json=body)

    def raw(self, text):
        with socket.create_connection(("127.0.0.1", self.serve.run["port"]), timeout=20) as s:
            s.sendall(text)
            answer = b""
            while b"\r\n\r\n" not in answer:
                part = s.recv(4096)
                assert part, "an answer comes before the end"
                answer += part
        lines = answer.split(b"\r\n\r\n")[0].decode().split("\r\n")
        ids = [line.split(": ")[1] for line in lines if line.lower().startswith("x-request-id: ")]
        return self.note(int(lines[0].split()[1]), ids[0] if ids else None)


def refuse_each(clients):
    """Each refusal that has one cause and needs no load: the same each time."""
    assert clients.chat(model="none").status_code == 404
    assert clients.ask(data=b"{").status_code == 400
    for wrong in ({"max_tokens": -1}, {"temperature": "hot"}, {"messages": "hi"}, {"tools": [{"type": "function"}], "tool_choice": "required"},
                  {"messages": [{"role": "user", "content": "word " * 4000}]}):
        assert clients.chat(**wrong).status_code == 400, wrong
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
    assert clients.raw(f"{head}Content-Length: 999999999999\r\n\r\n".encode()) == 413
    assert clients.raw(f"{head}Transfer-Encoding: chunked\r\n\r\nno chunk\r\n".encode()) == 400


def turn_away(clients):
    """One is computed, one waits, and there is no place for more: told when to come again. Gives how many."""
    def waiting():
        metrics = requests.get(clients.serve.url + "/metrics", timeout=20).text
        return [line for line in metrics.splitlines() if line.startswith("vllm:num_requests_waiting{") and line.endswith(" 1")]

    long = {"model": "demo", "max_tokens": 900, "ignore_eos": True, "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    with concurrent.futures.ThreadPoolExecutor(1) as pool, clients.ask(json=long, stream=True) as computed:
        lines = computed.iter_lines()  # kept: without it the connection closes
        next(lines)
        waits = pool.submit(clients.chat)
        wait_until(waiting, what="a second one waits")
        refused = [clients.chat() for _ in range(3)]
        assert [a.status_code for a in refused] == [429] * 3
        assert all(a.headers["Retry-After"] and a.json()["error"]["code"] == "rate_limit_exceeded" for a in refused)
        computed.close()
        assert waits.result().status_code == 200
    return len(refused)


def test_each_answer_is_a_record_or_a_count(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(disk)], capture_output=True, text=True)
    assert mounted.returncode == 0, f"this test needs root to mount a tmpfs: {mounted.stderr}"
    serve = Part(tmp_path, "serve", [
        "--model", DEMO_MODEL, "--served-model-name", "demo", "--max-model-len", 1024, "--max-num-seqs", 1, "--max-waiting", 1,
        "--api-key", f"one:{KEY}", "--port", free_port(), "--ledger", disk / "ledger", "--ledger-listen", f"127.0.0.1:{free_port()}",
        "--ledger-free-bytes-min", 4 << 20])
    try:
        serve.start()
        clients = Clients(serve)
        assert clients.chat().status_code == 200
        refuse_each(clients)

        turned_away = turn_away(clients)

        # What never became a request.
        assert clients.ask(key="wrong", json={}).status_code == 401
        assert clients.raw(b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n") == 401
        assert clients.raw(b"NOT HTTP AT ALL\r\n\r\n") == 400
        assert clients.ask("/v1/nothing").status_code == 404
        assert clients.ask(method="get").status_code == 405
        fill(disk / "ballast")
        wait_until(lambda: clients.chat().status_code == 503, what="no room")
        (disk / "ballast").unlink()
        wait_until(lambda: clients.chat().status_code == 200, what="room again")

        assert serve.stop() == 0
        entries = go_entries(disk / "ledger/public", serve.run["vkey"])
        in_log = {request_id(e): e for e in entries if e["type"] in ("request", "refused")}
        assert {i.removeprefix("chatcmpl-"): status for i, status in clients.recorded.items()} == {i: e["status"] for i, e in in_log.items()}
        refused = [e for e in in_log.values() if e["type"] == "refused"]
        words = collections.Counter((e["status"], e["error_type"]) for e in refused)
        assert words == {(404, "model_not_found"): 1, (400, "invalid_request"): 6, (400, "context_length_exceeded"): 1, (413, "request_too_large"): 1,
                         (429, "rate_limited"): turned_away}, words
        counters = entries[-1]["counters"]
        assert (counters["refused"], counters["cancelled"], counters["answered"]) == (len(refused), 1, len(in_log) - len(refused) - 1), counters
        assert (counters["unauthenticated"], counters["unreadable"], counters["unknown_path"]) == (2, 1, 2), counters
        assert counters["no_room"] == clients.counted[503] >= 1, (counters, clients.counted)
        assert clients.counted == {401: 2, 400: 1, 404: 1, 405: 1, 503: counters["no_room"]}
    finally:
        if serve.process and serve.process.poll() is None:
            serve.kill()
        subprocess.run(["umount", str(disk)], check=False)
