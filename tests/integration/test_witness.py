"""Witnesses, the mirror's cosignature, and what happens to a log that was rewritten or restored: on the real binary."""

import base64
import hashlib
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import time

import requests

from harness import Part, Stack, free_port, go_entries, receipt_body, wait_until

# Other implementations: litewitness, and a Go program around Tessera and an ssh-agent (tests/peers/witness).
PEERS = pathlib.Path(os.environ.get("BELEG_WITNESS_PEER", pathlib.Path(__file__).parents[2] / "build/witness_peer"))
PEER, LITEWITNESS = PEERS / "witness_peer", PEERS / "litewitness"


def cosigners(note):
    """Names of a note's signature lines."""
    return [line.split(" ")[1] for line in note.split("\n\n", 1)[1].splitlines()]


def size_of(note):
    return int(note.split("\n")[1])


def witness_part(folder, vkey, **kwargs):
    folder.mkdir(exist_ok=True)
    return Part(folder, "witness", ["--data", folder / "data", "--listen", f"127.0.0.1:{free_port()}", "--log", vkey], **kwargs)


def ask(stack, text="hello"):
    return requests.post(stack.api + "/chat/completions", timeout=60, json={
        "model": stack.model, "messages": [{"role": "user", "content": text}]})


class Witnessed(Stack):
    """serve and store, where serve asks the store's mirror and a witness of its own."""

    def __init__(self, folder, witnessed_args=(), **kwargs):
        super().__init__(folder, **kwargs)
        self.witnessed_args = witnessed_args

    def __enter__(self):
        # Keys come into being at the first start; after that each side is told the other's.
        self.serve.start()
        self.vkey = self.serve.run["vkey"]
        self.serve.stop()
        self.witness = witness_part(self.folder / "witness", self.vkey).start()
        self.store.start()
        self.serve.arguments += ["--witness", f"{self.witness.url}={self.witness.run['vkey']}",
                                 "--mirror", f"{self.store.url}/mirror={self.store.run['vkey']}", *self.witnessed_args]
        self.serve.start()
        self.model = requests.get(self.api + "/models", timeout=20).json()["data"][0]["id"]
        return self

    def __exit__(self, *args):
        super().__exit__(*args)
        self.witness.stop()

    def status(self):
        return self.ledger_get("/audit/status").json()

    def names(self):
        return {self.witness.run["vkey"].split("+")[0], self.store.run["vkey"].split("+")[0]}


def test_checkpoints_are_cosigned_by_witness_and_mirror(tmp_path):
    begun_unix_s = time.time() - 1
    with Witnessed(tmp_path) as stack:
        assert ask(stack).status_code == 200
        size = requests.get(stack.serve.url + "/health", timeout=20).json()["records"]

        def covered():
            note = stack.ledger_get("/audit/checkpoint").text
            return "\n\n" in note and size_of(note) >= size and set(cosigners(note)) >= stack.names() and note

        wait_until(covered, what="a checkpoint cosigned by both")
        assert set(cosigners(stack.ledger_get("/checkpoint").text)) >= stack.names()
        status = stack.status()
        assert [w["problem"] for w in status["witnesses"]] == ["", ""]
        assert status["independent_witness"] is None, "both are on this host, which proves nothing"

        # The copy of the audit host, as monitors read it.
        origin_hash = hashlib.sha256(stack.vkey.split("+")[0].encode()).hexdigest()
        def copied():
            """The copy's entries; nothing where it grew between the two questions, after which it has this partial bundle no more."""
            copy = requests.get(f"{stack.store.url}/mirror/{origin_hash}/checkpoint", timeout=20).text
            assert stack.store.run["vkey"].split("+")[0] in cosigners(copy)
            entries = requests.get(f"{stack.store.url}/mirror/{origin_hash}/tile/entries/000.p/{size_of(copy)}", timeout=20)
            return entries.status_code == 200 and entries.content

        assert b'"type":"boot"' in wait_until(copied, what="the copy's entries")
        seen = requests.get(f"{stack.witness.url}/{origin_hash}/checkpoint", timeout=20).text
        assert stack.witness.run["vkey"].split("+")[0] in cosigners(seen)
        mirror = requests.get(stack.store.url + "/api/ledger", timeout=20).json()["mirrors"][0]
        assert mirror["cosigned_unix_s"] >= begun_unix_s and not mirror["silent"]

    # The shutdown record's checkpoint is cosigned before the process ends.
    kept = (tmp_path / "ledger/cosigned/checkpoint").read_text()
    assert size_of(kept) == size_of((stack.public / "checkpoint").read_text())
    assert list((tmp_path / "ledger/cosigned/archive").iterdir())
    assert list((tmp_path / "witness/data/logs" / origin_hash / "archive").iterdir())


def test_requests_go_on_while_no_witness_answers(tmp_path):
    with Witnessed(tmp_path) as stack:
        stack.witness.kill()
        assert ask(stack).status_code == 200
        wait_until(lambda: any(w["problem"] for w in stack.status()["witnesses"]), what="the problem is told")
        stack.witness.start()
        wait_until(lambda: not any(w["problem"] for w in stack.status()["witnesses"]), 60, "it cosigns again")


def test_restored_log_does_not_start(tmp_path):
    with Witnessed(tmp_path) as stack:
        stack.serve.stop()
        shutil.copytree(tmp_path / "ledger", tmp_path / "backup")
        stack.serve.start()
        assert ask(stack).status_code == 200
        stack.serve.stop()
        shutil.rmtree(tmp_path / "ledger")
        shutil.copytree(tmp_path / "backup", tmp_path / "ledger")
        stack.serve.start(wait=False)
        assert stack.serve.process.wait(30) == 2
        assert "old copy" in stack.serve.log()
        assert not requests.get(stack.store.url + "/api/ledger", timeout=20).json()["findings"], "nothing was forked"


def rewritten_checkpoint(key_file, size):
    """A checkpoint of another history, signed with the log's real key."""
    origin = key_file.read_text().split("+")[2]
    text = f"{origin}\n{size}\n{base64.b64encode(hashlib.sha256(b'another history').digest()).decode()}\n"
    return subprocess.run([PEER, "sign", key_file], input=text, capture_output=True, text=True, check=True).stdout


def test_rewritten_history_with_the_real_key_is_refused_by_witness_and_mirror(tmp_path):
    with Witnessed(tmp_path) as stack:
        assert ask(stack).status_code == 200
        stack.serve.stop()
        size = size_of((stack.public / "checkpoint").read_text())
        note = rewritten_checkpoint(tmp_path / "ledger/key", size)
        for url in (stack.witness.url, stack.store.url + "/mirror"):
            answer = requests.post(url + "/add-checkpoint", data=f"old 0\n\n{note}".encode(), timeout=20)
            assert (answer.status_code, answer.text) == (409, f"{size}\n")
            assert answer.headers["content-type"] == "text/x.tlog.size"
            answer = requests.post(url + "/add-checkpoint", data=f"old {size}\n\n{note}".encode(), timeout=20)
            assert answer.status_code == 409, "another root of the size that is known"
        ledger = requests.get(stack.store.url + "/api/ledger", timeout=20).json()
        assert ledger["mirrors"][0]["diverged"]
        assert [f["kind"] for f in ledger["findings"]] == ["rewritten"]


def test_answers_wait_for_the_mirror(tmp_path):
    with Witnessed(tmp_path, witnessed_args=["--ack", "mirror", "--ack-timeout-ms", "20000"]) as stack:
        answer = ask(stack)
        assert answer.status_code == 200
        # The copy has the record when the client has the answer: no waiting here.
        index = int(receipt_body(answer.headers["Audit-Finish"])["index"])
        origin_hash = hashlib.sha256(stack.vkey.split("+")[0].encode()).hexdigest()
        copy = requests.get(f"{stack.store.url}/mirror/{origin_hash}/checkpoint", timeout=20).text
        assert size_of(copy) > index

        # So has it the record of a refusal.
        refused = requests.post(stack.api + "/chat/completions", json={"model": "none", "messages": []}, timeout=20)
        assert refused.status_code in (400, 404) and "Audit-Mirror" not in refused.headers
        index = receipt_body(refused.headers["Audit-Finish"])["index"]
        copy = requests.get(f"{stack.store.url}/mirror/{origin_hash}/checkpoint", timeout=20).text
        assert size_of(copy) > int(index)

        stack.serve.stop()
        stack.serve.arguments[-1] = "3000"
        stack.serve.start()
        stack.store.kill()
        # A refusal holds no answer, so it keeps its status when the mirror does not confirm it, and says so.
        began = time.monotonic()
        unconfirmed = requests.post(stack.api + "/chat/completions", json={"model": "none", "messages": []}, timeout=20)
        assert unconfirmed.status_code == refused.status_code
        assert unconfirmed.headers["Audit-Mirror"] == "unconfirmed" and "Audit-Finish" in unconfirmed.headers
        assert time.monotonic() - began >= 3, "it waited"
        withheld = ask(stack)
        assert withheld.status_code == 503
        assert withheld.json()["error"]["code"] == "mirror_unavailable"
        health = requests.get(stack.serve.url + "/health", timeout=20)
        assert health.status_code == 503 and health.json()["status"] == "refusing" and "mirror" in health.json()["why"]
        stack.store.start()
        wait_until(lambda: requests.get(stack.serve.url + "/health", timeout=20).status_code == 200, what="the mirror is well again")
        wait_until(lambda: ask(stack).status_code == 200, 60, "answers again")
        outcomes = [r["outcome"] for r in stack.go_entries() if r["type"] == "request"]
        assert "failed" in outcomes and outcomes.count("ok") >= 2
        assert not [r for r in stack.go_entries() if r["type"] == "lost"]


def test_origins_are_held_to_the_manifest(tmp_path):
    manifest = tmp_path / "manifest.json"
    stranger = "missing.example+98af023b+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
    key = base64.b64decode(stranger.split("+", 2)[2])
    key_id = hashlib.sha256(b"missing.example\n" + key).hexdigest()[:8]
    missing = f"missing.example+{key_id}+{stranger.split('+', 2)[2]}"
    manifest.write_text(json.dumps({"origins": [{"vkey": missing, "opened": "2026-01-01"}]}))
    with Stack(tmp_path, store_args=["--manifest", manifest]) as stack:
        def kinds():
            answer = requests.get(stack.store.url + "/api/ledger", timeout=20).json()
            return sorted(f["kind"] for f in answer["findings"])

        wait_until(lambda: kinds() == ["not_mirrored", "unknown"], what="both findings")
        # A bad edit of it keeps the one of before, and is told.
        manifest.write_text('{"origins": [')
        wait_until(lambda: kinds() == ["manifest", "not_mirrored", "unknown"], what="the bad edit is a finding")
        # The operator opens the log that is there, and closes the other.
        entries = [{"vkey": stack.serve.run["vkey"], "opened": "2026-01-01"}, {"vkey": missing, "opened": "2026-01-01", "closed": "2026-01-31"}]
        manifest.write_text(json.dumps({"origins": entries}))
        wait_until(lambda: kinds() == [], what="all is well")
        log_key = requests.get(stack.store.url + "/audit-log/audit/vkey", timeout=20).text.strip()
    changes = [r["settings"] for r in go_entries(tmp_path / "store/log/public", log_key) if "manifest_change" in r.get("settings", {})]
    mine = stack.serve.run["vkey"]
    assert changes[0] == {"manifest_change": "opened", "manifest_origin": "missing.example", "manifest_vkey": missing, "manifest_opened": "2026-01-01"}
    assert sorted(changes[1:], key=lambda c: c["manifest_change"]) == [
        {**changes[0], "manifest_change": "closed", "manifest_closed": "2026-01-31"},
        {"manifest_change": "opened", "manifest_origin": mine.split("+")[0], "manifest_vkey": mine, "manifest_opened": "2026-01-01"}]


def litewitness(folder, vkey):
    """torchwood's witness, with a key in an ssh-agent and our log in its database; its process and URL=VKEY."""
    folder.mkdir()
    agent = subprocess.Popen([PEER, "agent", folder / "s"], stdout=subprocess.PIPE, text=True)
    fingerprint = agent.stdout.readline().strip()
    log = open(folder / "log", "w+")
    port = free_port()
    command = [LITEWITNESS, "-name", "lite.example/w", "-db", folder / "db", "-ssh-agent", folder / "s",
               "-listen", f"127.0.0.1:{port}", "-key", fingerprint]
    process = subprocess.Popen(command, stdout=log, stderr=log)

    def vkey_of_log():
        assert process.poll() is None, (folder / "log").read_text()
        return [line.split("vkey=")[1].split()[0].strip('"') for line in (folder / "log").read_text().splitlines(keepends=True)
                if "vkey=" in line and line.endswith("\n")]

    own = wait_until(vkey_of_log, what="litewitness")[0]
    with sqlite3.connect(folder / "db", timeout=60) as db:
        origin = vkey.split("+")[0]
        db.execute("INSERT INTO log VALUES (?, 0, ?)", (origin, base64.b64encode(hashlib.sha256(b"").digest()).decode()))
        db.execute("INSERT INTO key VALUES (?, ?)", (origin, vkey))
    return [process, agent], f"http://127.0.0.1:{port}={own}"


def test_litewitness_cosigns_our_log_and_refuses_another_history(tmp_path):
    with Stack(tmp_path) as stack:
        vkey = stack.serve.run["vkey"]
        processes, address = litewitness(tmp_path / "lite", vkey)
        try:
            stack.serve.stop()
            stack.serve.arguments += ["--witness", address]
            stack.serve.start()
            stack.model = requests.get(stack.api + "/models", timeout=20).json()["data"][0]["id"]
            for _ in range(3):
                assert ask(stack).status_code == 200
                size = requests.get(stack.serve.url + "/health", timeout=20).json()["records"]
                wait_until(lambda: size_of(stack.ledger_get("/audit/checkpoint").text) >= size, what="cosigned by litewitness")
            assert "lite.example/w" in cosigners(stack.ledger_get("/audit/checkpoint").text)
            stack.serve.stop()
            size = size_of((stack.public / "checkpoint").read_text())
            note = rewritten_checkpoint(tmp_path / "ledger/key", size)
            url = address.split("=")[0]
            answer = requests.post(url + "/add-checkpoint", data=f"old 0\n\n{note}".encode(), timeout=20)
            assert (answer.status_code, answer.text) == (409, f"{size}\n")
            answer = requests.post(url + "/add-checkpoint", data=f"old {size}\n\n{note}".encode(), timeout=20)
            assert answer.status_code == 422
        finally:
            for process in processes:
                process.kill()
                process.wait()


def test_our_witness_cosigns_a_log_of_tessera(tmp_path):
    port = free_port()
    key_file = tmp_path / "data/key"
    # The witness's key comes first, then the log's, then the witness that knows it.
    first = Part(tmp_path, "witness", ["--data", tmp_path / "data", "--listen", f"127.0.0.1:{port}", "--name", "w.example/beleg"]).start()
    assert key_file.stat().st_mode & 0o777 == 0o600
    log = subprocess.Popen([PEER, "tessera", tmp_path / "log", f"http://127.0.0.1:{port}", first.run["vkey"], "400"],
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    vkey = log.stdout.readline().strip()
    first.stop()
    witness = Part(tmp_path, "witness", [*first.arguments, "--log", vkey]).start()
    try:
        _, errors = log.communicate("\n", timeout=90)
        assert log.returncode == 0, errors[-3000:]
        note = (tmp_path / "log/checkpoint").read_text()
        assert size_of(note) == 400
        assert cosigners(note) == ["example.com/tessera", "w.example/beleg"]
        metrics = requests.get(witness.url + "/metrics", timeout=20).text
        grown = [line for line in metrics.splitlines() if line.startswith("beleg_witness_requests_total") and 'status="200"' in line]
        assert float(grown[0].split()[-1]) >= 3, "it saw the log grow"
    finally:
        witness.stop()
