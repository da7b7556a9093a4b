"""A log's key is changed while people hold evidence of before: whatever key they pinned, it stays good, and nobody else's becomes so."""

import shutil
import subprocess

import requests

from harness import BINARY, Stack, go_entries

CHAT = {"model": "replay", "messages": [{"role": "user", "content": "hi"}]}


def beleg(*arguments, code=0):
    done = subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert done.returncode == code, f"{arguments}\n{done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


class Auditor:
    """Keeps what clients got in one folder, and takes proofs of it."""

    def __init__(self, stack, folder):
        self.stack, self.folder = stack, folder
        self.log = f"http://127.0.0.1:{stack.ledger_port}"
        self.token = ["--ledger-token-file", stack.token]

    def keep(self, name, vkey):
        """Receipts and checkpoint as text, record and proof by `prove`."""
        folder = self.folder / name
        folder.mkdir()
        answer = requests.post(self.stack.api + "/chat/completions", json=CHAT, timeout=20)
        (folder / "headers").write_text(f"Audit-Begin: {answer.headers['Audit-Begin']}\nAudit-Finish: {answer.headers['Audit-Finish']}\n")
        said = beleg("audit", "prove", answer.headers["X-Request-Id"], "--ledger", self.log, *self.token, "--vkey", vkey, "--out", folder)
        (folder / "checkpoint.note").write_text(self.stack.ledger_get("/checkpoint").text)
        return folder, said


def test_evidence_of_both_keys_is_good_from_either(tmp_path):
    receipts = tmp_path / "receipts"
    receipts.mkdir()
    with Stack(tmp_path) as stack:
        auditor = Auditor(stack, receipts)
        old = stack.serve.run["vkey"]
        before, _ = auditor.keep("before", old)
        stack.serve.stop()
        stolen = tmp_path / "stolen"
        shutil.copytree(stack.folder / "ledger", stolen)
        beleg("ledger", "rotate-key", "--ledger", stack.folder / "ledger", "--overlap", 0)
        stack.serve.start()
        new = stack.serve.run["vkey"]
        after, said = auditor.keep("after", old)
        assert old != new and "which follows from the pinned" in said and (after / "keys.tlog-proof").exists()

        # Both ways: offline with the kept proofs, from the log by URL or folder, and over all that there is.
        keys = tmp_path / "keys"
        assert beleg("ledger", "keys", "--from", auditor.log, "--token-file", stack.token, "--vkey", old, "--out", keys).split() == [old, new]
        assert beleg("ledger", "keys", "--from", keys, "--vkey", new).split() == [old, new]
        for vkey in (old, new):
            pinned = ("--vkey", vkey)
            for more in (["--keys", keys], ["--keys", auditor.log, *auditor.token], ["--against", auditor.log, *auditor.token],
                         ["--against", stack.public]):
                said = beleg("audit", "verify", before, after / "headers", after / "checkpoint.note", *pinned, *more)
                assert "UNKNOWN" not in said and "key" in said, said
            assert "BAD" not in beleg("audit", "verify", after, *pinned), "this folder brings the proofs along"
            told = beleg("audit", "reconcile", auditor.log, *auditor.token, *pinned, "--serve", stack.serve.url, "--store", stack.store.url,
                         "--receipts", receipts)
            assert "OK: all that was compared agrees" in told
            beleg("audit", "check", "--base-url", stack.api, "--store", stack.store.url, *pinned)
            beleg("audit", "fsck", stack.public, *pinned)

        # Without them: the receipt alone says nothing of its key, a checkpoint does; each is told what to get.
        other = beleg("audit", "verify", before / "headers", "--vkey", new, code=1)
        assert "BAD" in other and "beleg ledger keys --from LOG" in other
        assert "UNKNOWN" in beleg("audit", "verify", before / "checkpoint.note", "--vkey", new, code=3)
        stack.serve.stop()
        forged_chain_is_refused(stack, stolen, old, new, keys, tmp_path)
        assert [e["replaces"] for e in go_entries(stack.public, new) if e["type"] == "key" and e["reason"] == "rotation"] == [old]


def forged_chain_is_refused(stack, stolen, old, new, keys, tmp_path):
    """Who stole the old key names a key of his own, by our own command on a copy of the log."""
    beleg("ledger", "rotate-key", "--ledger", stolen, "--overlap", 0)
    chain = stolen / "public/keys/001.tlog-proof"
    [_, evil] = beleg("ledger", "keys", "--from", stolen, "--vkey", old).split()
    for vkey in (old, new):
        assert evil not in beleg("ledger", "keys", "--from", keys, "--vkey", vkey)
        told = beleg("audit", "verify", chain, "--vkey", vkey, "--keys", keys, code=1)
        assert "no key that is trusted leads to this one" in told
    # With both chains whoever pinned the new key stays with the true one, and whoever has the old one alone is told of two.
    head = tmp_path / "evil.note"
    head.write_text((stolen / "public/checkpoint").read_text())
    assert "UNKNOWN" in beleg("audit", "verify", head, "--vkey", new, "--keys", keys, "--keys", chain, code=3)
    assert "one of the two is forged" in beleg("audit", "verify", head, "--vkey", old, "--keys", keys, "--keys", chain, code=1)
    assert new == beleg("ledger", "keys", "--from", chain, "--vkey", new).strip(), "the new key's holders are led nowhere"
    assert "no signature of" in beleg("audit", "reconcile", stolen, "--vkey", new, code=1)
    # Laid beside the true log it is found. Who has the old key alone follows the one of the lower leaf, which depends on the beats, and is told.
    copy = tmp_path / "copy"
    shutil.copytree(stack.public, copy)
    shutil.copy(chain, copy / "keys/002.tlog-proof")
    assert "FOUND  keys/002.tlog-proof" in beleg("audit", "fsck", copy, "--vkey", new, code=1)
    assert "one of the two is forged" in beleg("audit", "reconcile", copy, "--vkey", old, code=1)
    assert "one of the two is forged" in beleg("audit", "verify", head, "--vkey", old, "--keys", chain, "--against", stack.public, code=1)
    truncated = tmp_path / "truncated"
    truncated.write_bytes(chain.read_bytes()[:-20])
    assert f"{truncated}" in beleg("audit", "verify", head, "--vkey", old, "--keys", truncated, code=1)
