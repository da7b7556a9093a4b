"""Everything that tells of a log's requests tells the same, or `beleg audit reconcile` names the difference."""

import json
import shutil
import subprocess

import pytest
import requests

from harness import BINARY, Stack, answer_to, go_entries, wait_until

CHAT = {"model": "replay", "messages": [{"role": "user", "content": "hi"}]}


def reconcile(stack, *arguments):
    done = subprocess.run(
        [BINARY, "audit", "reconcile", f"http://127.0.0.1:{stack.ledger_port}", "--ledger-token-file", str(stack.token),
         "--vkey", stack.serve.run["vkey"], "--serve", stack.serve.url, "--store", stack.store.url, "--json", *map(str, arguments)],
        capture_output=True, text=True, timeout=120)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def refused_in_every_way(stack):
    """Each refusal that is a record; gives how many."""
    url = stack.api + "/chat/completions"
    statuses = [requests.post(url, json={**CHAT, "model": "none"}, timeout=20).status_code,
                requests.post(url, data=b"{", timeout=20).status_code,
                requests.post(url, json={**CHAT, "max_tokens": -1}, timeout=20).status_code,
                requests.post(url, json={**CHAT, "messages": [{"role": "user", "content": "a " * (2 << 20)}]}, timeout=60).status_code]
    too_large = answer_to(stack, b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n")
    statuses.append(int(too_large.split()[1]))
    assert statuses == [404, 400, 400, 400, 413]
    return len(statuses)


def test_what_agrees_is_found_to_agree_and_put_on_record(stack, tmp_path):
    receipts = tmp_path / "receipts"
    receipts.mkdir()
    for i in range(5):
        answer = requests.post(stack.api + "/chat/completions", json=CHAT, timeout=20)
        (receipts / f"{i}.txt").write_text(f"{answer.headers['Audit-Begin']}\n{answer.headers['Audit-Finish']}\n")
    refused = refused_in_every_way(stack)
    code, report = reconcile(stack, "--receipts", receipts)
    assert code == 0 and report["ok"], report
    assert report["requests"] == 5 + refused and report["spans"] == 5 + refused and report["receipts"] == 10
    # The outcome stands in the audit host's own log, which strangers' tools verify.
    vkey = requests.get(stack.store.url + "/audit-log/audit/vkey", timeout=20).text.strip()
    stack.store.stop()
    entries = go_entries(stack.folder / "store/log/public", vkey)
    assert [e["type"] for e in entries[:3]] == ["boot", "key", "config"]
    assert entries[report["record_index"]]["type"] == "reconcile"
    assert entries[report["record_index"]]["requests"] == 5 + refused
    # The command looked at the store, and that is on record, too.
    assert [e["requests"] for e in entries if e["type"] == "read" and e["what"] == "sql"] and entries[-1]["type"] == "shutdown"


@pytest.mark.parametrize("option", ["--receipts", "--ledger-token-file", "--keys"])
def test_an_argument_that_is_not_there_is_no_finding(tmp_path, option):
    vkey = "example.org/log+98af023b+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
    done = subprocess.run([BINARY, "audit", "reconcile", str(tmp_path), "--vkey", vkey, option, str(tmp_path / "none")],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and str(tmp_path / "none") in done.stderr, done.stderr


def test_what_never_was_a_request_is_counted(stack):
    assert requests.get(stack.serve.url + "/nothing", timeout=20).status_code == 404
    assert requests.get(stack.api + "/chat/completions", timeout=20).status_code == 405
    assert answer_to(stack, b"NOT HTTP AT ALL\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    assert answer_to(stack, b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n").startswith(b"HTTP/1.1 501 ")
    too_large = b"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n"
    assert answer_to(stack, too_large).startswith(b"HTTP/1.1 413 ")
    requests.post(stack.api + "/chat/completions", json=CHAT, timeout=20)
    stack.serve.stop()
    counters = stack.go_entries()[-1]["counters"]
    assert counters["unknown_path"] == 3 and counters["unreadable"] == 2, counters


def test_a_store_that_missed_spans_is_told_and_sent_them(stack):
    for _ in range(3):
        requests.post(stack.api + "/chat/completions", json=CHAT, timeout=20)
    # A span of nobody's: it names a leaf that does not bear it out.
    origin = stack.serve.run["vkey"].split("+")[0]
    span = {"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331", "name": "chat replay", "kind": 2,
            "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": "1700000000000001000",
            "attributes": [{"key": "audit.log.origin", "value": {"stringValue": origin}},
                           {"key": "audit.log.index", "value": {"intValue": "0"}}]}
    body = {"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {"name": "x"}, "spans": [span]}]}]}
    sent = requests.post(f"http://127.0.0.1:{stack.otlp_port}/v1/traces", json=body, timeout=20)
    assert sent.status_code == 200
    code, report = reconcile(stack)
    assert code == 1 and report["gaps"] == {"spans_without_record": 1}, report
    assert any(f["kind"] == "spans_without_record" and origin in f["text"] for f in report["findings"])


def test_kills_leave_nothing_unexplained(stack):
    from load import Load

    load = Load(stack.api + "/chat/completions", workers=4)
    for _ in range(3):
        before = load.finished()
        wait_until(lambda: load.finished() >= before + 10, 60, "load runs")
        stack.serve.kill()
        stack.serve.start()
    load.stop()
    code, report = reconcile(stack)
    assert code == 0, report


def test_the_server_cosigns_the_audit_hosts_own_log(tmp_path):
    """Each host is a witness of the other's log: a store that rewrites its own is refused."""
    stack = Stack(tmp_path)
    stack.serve.start()
    stack.store.start()
    log_key = requests.get(stack.store.url + "/audit-log/audit/vkey", timeout=20).text.strip()
    stack.store.stop()
    stack.serve.stop()
    stack.serve.arguments += ["--witness-log", log_key]
    stack.serve.start()
    [line] = [json.loads(l) for l in stack.serve.log_path.read_text().splitlines() if '"serve.witness_of_others"' in l]
    witness = f"http://127.0.0.1:{stack.ledger_port}/witness={line['vkey']}"
    stack.store.arguments += ["--log-witness", witness]
    stack.serve.stop()
    with stack:
        wait_until(lambda: requests.get(stack.store.url + "/audit-log/audit/checkpoint", timeout=20).status_code == 200, what="cosigned")
        note = tmp_path / "checkpoint"
        note.write_text(requests.get(stack.store.url + "/audit-log/audit/checkpoint", timeout=20).text)
        done = subprocess.run([BINARY, "audit", "verify", str(note), "--vkey", log_key, "--witness", line["vkey"]],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and "cosigned by" in done.stdout, done.stdout + done.stderr
        # The log is put back to what it was: it must not grow from there.
        stack.store.stop()
        shutil.copytree(stack.folder / "store/log", stack.folder / "older")
        stack.store.start()
        assert requests.get(stack.store.url + "/api/records", timeout=20).status_code == 200
        stack.store.stop()
        shutil.rmtree(stack.folder / "store/log")
        (stack.folder / "older").rename(stack.folder / "store/log")
        stack.store.start(wait=False)
        assert stack.store.process.wait(60) == 2 and "would fork it" in stack.store.log(), stack.store.log()
