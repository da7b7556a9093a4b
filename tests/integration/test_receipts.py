"""What a client kept proves, and what it can ask for again."""

import subprocess

import pytest
import requests

from harness import BINARY, Stack, receipt_body, wait_until
from test_witness import Witnessed

CHAT = {"model": "replay", "messages": [{"role": "user", "content": "hi"}]}
GOOD, BAD, ERROR, UNKNOWN = 0, 1, 2, 3


def verify(*arguments):
    done = subprocess.run([BINARY, "audit", "verify", *map(str, arguments)], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def keys(tmp_path):
    with Stack(tmp_path, serve_args=["--api-key", "alice:one", "--api-key", "bob:two"]) as stack:
        yield stack


def ask(stack, path, key="one"):
    return requests.get(stack.serve.url + path, timeout=20, headers={"Authorization": f"Bearer {key}"})


def chat(stack, key="one", **body):
    return requests.post(stack.api + "/chat/completions", json={**CHAT, **body}, timeout=30,
                         headers={"Authorization": f"Bearer {key}"}, stream=body.get("stream", False))


def test_receipts_are_given_again_to_the_key_that_made_the_request(keys):
    answer = chat(keys)
    request_id = answer.json()["id"]
    again = ask(keys, f"/audit/receipts/{request_id}")
    assert again.status_code == 200, again.text
    body = again.json()
    assert body["state"] == "recorded" and body["secret"] == "given"
    assert body["begin"] == answer.headers["Audit-Begin"] and body["finish"] == answer.headers["Audit-Finish"]
    for path in (f"/audit/receipts/{request_id}", f"/audit/proof/{request_id}", f"/audit/record/{request_id}"):
        assert ask(keys, path).status_code == 200, path
        assert ask(keys, path, "two").status_code == 404, path
        assert ask(keys, path, "none").status_code == 401, path
    assert ask(keys, "/audit/receipts/" + "ab" * 16).status_code == 404
    assert ask(keys, "/audit/receipts/nonsense").status_code == 400


def test_refused_requests_have_receipts_too(keys):
    answer = chat(keys, model="none")
    assert answer.status_code == 404
    body = ask(keys, "/audit/receipts/" + answer.headers["X-Request-Id"]).json()
    assert body["begin"] is None and body["finish"] == answer.headers["Audit-Finish"] and body["secret"] == "given"


def test_an_open_request_has_its_begin_receipt(keys):
    answer = chat(keys, stream=True, messages=[{"role": "user", "content": "REPLAY:HANG"}])
    request_id = receipt_body(answer.headers["Audit-Begin"])["request_id"]
    body = ask(keys, f"/audit/receipts/{request_id}").json()
    assert body == {"request_id": request_id, "state": "open", "begin": answer.headers["Audit-Begin"], "finish": None,
                    "secret": "not yet"}
    assert ask(keys, f"/audit/receipts/{request_id}", "two").status_code == 404
    assert ask(keys, f"/audit/proof/{request_id}").status_code == 503
    answer.close()
    wait_until(lambda: ask(keys, f"/audit/receipts/{request_id}").json()["state"] == "recorded", what="its end")


def test_after_a_restart_the_finish_receipt_comes_from_the_log(keys, tmp_path):
    answer = chat(keys)
    request_id = answer.json()["id"]
    keys.serve.stop()
    keys.serve.start()
    body = ask(keys, f"/audit/receipts/{request_id}").json()
    assert body["state"] == "recorded" and body["begin"] is None and body["secret"] == "forgotten"
    assert receipt_body(body["finish"]) == receipt_body(answer.headers["Audit-Finish"])
    assert ask(keys, f"/audit/receipts/{request_id}", "two").status_code == 404
    kept = tmp_path / "kept.json"
    kept.write_text(ask(keys, f"/audit/receipts/{request_id}").text)
    code, text = verify(kept, "--vkey", keys.serve.run["vkey"], "--against", keys.public)
    assert code == GOOD and "it is leaf" in text, text


def test_kept_evidence_is_checked_offline_and_against_the_log(stack, tmp_path):
    answer = requests.post(stack.api + "/chat/completions", json=CHAT, timeout=20)
    request_id, vkey = answer.json()["id"], stack.serve.run["vkey"]
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "headers.txt").write_text("".join(f"{k}: {v}\n" for k, v in answer.headers.items()))
    (bundle / "a.tlog-proof").write_text(requests.get(f"{stack.serve.url}/audit/proof/{request_id}", timeout=20).text)
    (bundle / "a.json").write_text(requests.get(f"{stack.serve.url}/audit/record/{request_id}", timeout=20).text)
    code, text = verify(bundle, "--vkey", vkey)
    assert code == GOOD and text.count("GOOD") == 3, text
    ledger = f"http://127.0.0.1:{stack.ledger_port}"
    code, text = verify(bundle, "--vkey", vkey, "--against", ledger, "--ledger-token-file", stack.token)
    assert code == GOOD and "resolved at leaf" in text and "the log begins with this tree" in text, text
    assert verify(bundle, "--vkey", vkey, "--against", ledger)[0] == ERROR  # without the token nothing can be looked at
    # Of another log's key nothing is known; a changed entry is a contradiction.
    assert verify(bundle, "--vkey", "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")[0] == UNKNOWN
    (bundle / "a.json").write_text("{}")
    assert verify(bundle, "--vkey", vkey)[0] == BAD


def test_a_promise_that_is_over_is_an_omission(tmp_path):
    """The server dies with a request open, and its write-ahead log is emptied before it starts again."""
    with Stack(tmp_path, serve_args=["--request-timeout-seconds", "5"]) as stack:
        answer = requests.post(stack.api + "/chat/completions", stream=True, timeout=20,
                               json={**CHAT, "stream": True, "messages": [{"role": "user", "content": "REPLAY:HANG"}]})
        before = stack.ledger_get("/audit/tip").json()["size"]
        stack.serve.kill()  # before the five seconds are over, after which it would keep its promise
        kept = tmp_path / "kept.txt"
        kept.write_text("Audit-Begin: " + answer.headers["Audit-Begin"])
        promise = receipt_body(answer.headers["Audit-Begin"])
        assert promise["resolved_by_us"] - promise["time_us"] == 10_000_000
        vkey = stack.serve.run["vkey"]
        assert "not yet due" in verify(kept, "--vkey", vkey, "--against", stack.public)[1]
        published = int((stack.public / "checkpoint").read_text().splitlines()[1])
        assert published >= before
        for segment in (stack.folder / "ledger" / "wal").iterdir():
            segment.unlink()
        stack.serve.start()

        def judged():
            requests.post(stack.api + "/chat/completions", json=CHAT, timeout=20)
            return verify(kept, "--vkey", vkey, "--against", stack.public)

        code, text = wait_until(lambda: (j := judged())[0] != UNKNOWN and j, what="a record of later than the promise")
        assert code == BAD and "missing" in text and "prove the omission" in text, text


def test_a_request_ends_before_its_promise_is_due(tmp_path):
    with Stack(tmp_path, serve_args=["--request-timeout-seconds", "1"]) as stack:
        answer = requests.post(stack.api + "/chat/completions", timeout=60,
                               json={**CHAT, "messages": [{"role": "user", "content": "REPLAY:HANG"}]})
        assert answer.status_code == 504 and answer.json()["error"]["code"] == "request_timeout"
        record = stack.record(answer.headers["X-Request-Id"]).json()["record"]
        assert record["outcome"] == "failed" and record["error_type"] == "timeout" and record["status"] == 504
        stream = requests.post(stack.api + "/chat/completions", timeout=20, json={
            **CHAT, "stream": True, "messages": [{"role": "user", "content": "REPLAY:TOKENS=100000 REPLAY:DELAY_MS=5"}]})
        assert "request_timeout" in stream.text and ": audit-finish v1." in stream.text


def test_a_proof_comes_with_the_cosignatures_of_witnesses(tmp_path):
    with Witnessed(tmp_path, witnessed_args=["--witness-quorum", "2"]) as stack:
        request_id = requests.post(stack.api + "/chat/completions", json=CHAT, timeout=30).json()["id"]
        (tmp_path / "a.json").write_text(requests.get(f"{stack.serve.url}/audit/record/{request_id}", timeout=20).text)
        witnesses = ["--witness", stack.witness.run["vkey"], "--witness", stack.store.run["vkey"]]

        def proved():
            proof = requests.get(f"{stack.serve.url}/audit/proof/{request_id}", timeout=20).text
            (tmp_path / "a.tlog-proof").write_text(proof)
            code, text = verify(tmp_path / "a.tlog-proof", "--vkey", stack.vkey, *witnesses)
            assert code in (GOOD, UNKNOWN), text  # not every checkpoint is cosigned by both
            return code == GOOD and text

        assert wait_until(proved, what="a proof that both cosigned").count(" at 20") == 2
        policy = tmp_path / "policy"
        policy.write_text(f"log {stack.vkey}\nwitness W {stack.witness.run['vkey']}\nwitness M {stack.store.run['vkey']}\n"
                          "group both all W M\nquorum both\n")
        assert verify(tmp_path / "a.tlog-proof", "--policy", policy)[0] == GOOD
        # Without its cosignatures it is as good as the log's own word: not enough for this policy.
        lines = (tmp_path / "a.tlog-proof").read_text().splitlines(keepends=True)
        (tmp_path / "a.tlog-proof").write_text("".join(l for l in lines if not l.startswith("— beleg-witness") and not l.startswith("— beleg-mirror")))
        assert verify(tmp_path / "a.tlog-proof", "--policy", policy)[0] == UNKNOWN
        assert verify(tmp_path / "a.tlog-proof", "--vkey", stack.vkey)[0] == GOOD
