"""Who looks at a log, each a column of the table. A verifier says None when it accepts, else why it does not."""

import base64
import hashlib
import http.server
import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading

import requests

import attacks
import c2sp_log
from harness import BINARY, TLOGCHECK, Part, request_id, unbase64url

ROOT = pathlib.Path(__file__).parents[2]
PEERS = os.environ.get("BELEG_LOG_PEERS", str(ROOT / "build/logpeers"))
SPICY = os.environ.get("BELEG_SPICY", str(ROOT / "build/spicy"))
CHECK_LOG = ROOT / "docs/check_log.py"
LIMIT_S = 60


def ask(command, accepted="ok: size "):
    """Runs a verifier. It accepts when it exits with 0 *and* says so. It may not hang, die, or be unable to look (beleg's 2)."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=LIMIT_S)
    said = (done.stdout + done.stderr).strip()
    assert done.returncode in (0, 1, 3), f"{command}: exit {done.returncode}: {said[-500:]}"  # 3: beleg can say neither
    if done.returncode == 0 and accepted in said:
        return None
    lines = said.splitlines() or [f"exit {done.returncode}"]
    return next((line for line in lines if line.startswith(("FOUND", "FAILED ", "peers:", "tlogcheck:"))), lines[-1])


def x_mod(evidence, folder):
    return ask([TLOGCHECK, "--vkey", evidence.vkey, folder])


def peer(name):
    return lambda evidence, folder: ask([PEERS, "--with", name, "--vkey", evidence.vkey, folder])


def python(evidence, folder):
    return ask([sys.executable, CHECK_LOG, evidence.vkey, folder])


def beleg_fsck(evidence, folder):
    return ask([BINARY, "audit", "fsck", folder, "--vkey", evidence.vkey], "OK: every entry, tile, root and signature is right")


def older_checkpoint(evidence, folder):
    """Three programs that were given the older checkpoint; they must agree."""
    old = evidence.older_checkpoint
    answers = {
        "x/mod": ask([TLOGCHECK, "--vkey", evidence.vkey, "--old", old, folder]),
        "merkle": ask([PEERS, "--with", "merkle", "--vkey", evidence.vkey, "--old", old, folder]),
        "check_log.py": ask([sys.executable, CHECK_LOG, evidence.vkey, folder, old]),
    }
    assert len({answer is None for answer in answers.values()}) == 1, f"holders of one checkpoint differ: {answers}"
    return answers["x/mod"]


class Mirror:
    """`beleg store`, which has copied a log and then meets what was made of it."""

    def __init__(self, evidence, seen, folder):
        """seen: the log's folder as it was when the mirror last looked."""
        self.evidence, self.folder, self.round = evidence, pathlib.Path(folder), 0
        self.server = LogServer(evidence.vkey)
        why = self._meet(self.folder / "seen", seen)
        assert why is None, why

    def __call__(self, evidence, log):
        self.round += 1
        data = self.folder / str(self.round)
        shutil.copytree(self.folder / "seen", data)
        return self._meet(data, log)

    def close(self):
        self.server.close()

    def _meet(self, data, log):
        data.mkdir(parents=True, exist_ok=True)
        self.server.folder = log
        store = Part(data, "store", ["--data", data / "store", "--listen", "127.0.0.1:0", "--otlp-listen", "127.0.0.1:0", "--otlp-grpc-listen", "127.0.0.1:0",
                                     "--ledger", self.server.url, "--ledger-vkey", self.evidence.vkey])
        store.start()
        try:
            requests.get(store.url + "/api/v1/spans", params={"service": "vllm"}, timeout=30)  # waits for a round with the log
            problem = requests.get(store.url + "/api/ledger", timeout=30).json()["mirrors"][0]["problem"]
        finally:
            store.stop()
        self._check_copy(data, None if problem else log)
        return problem or None

    def _check_copy(self, data, log):
        """Whatever became of the log: the copy is whole, and begins with what was seen."""
        copy, = (data / "store" / "mirror").glob("*/checkpoint")
        why = x_mod(self.evidence, copy.parent)
        assert why is None, f"the mirror's copy: {why}"
        seen, = (self.folder / "seen" / "store" / "mirror").glob("*/checkpoint")
        before, after = c2sp_log.read_entries(seen.parent), c2sp_log.read_entries(copy.parent)
        assert after[:len(before)] == before, "the mirror's copy is another log"
        if log is None:
            assert after == before, "the mirror took what it refused"


class Witness:
    """`beleg witness`, which has cosigned a log's checkpoint and is asked for a cosignature of what was made of the log."""

    def __init__(self, evidence, seen, folder):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True)
        self.part = Part(folder, "witness", ["--data", folder / "witness", "--listen", "127.0.0.1:0", "--log", evidence.vkey])
        self.part.start()
        self.known = 0
        why = self(evidence, seen)
        assert why is None, why

    def __call__(self, evidence, folder):
        """As a server submits: from the size that the witness knows, with the best proof that the log's entries give."""
        note = (folder / "checkpoint").read_bytes()
        _, size, _ = c2sp_log.checkpoint_head(note)
        entries = readable_entries(folder)
        hashes = [c2sp_log.leaf_hash(entries.get(index, b"")) for index in range(size)]
        old = min(self.known, size)
        proof = c2sp_log.consistency_proof(hashes, old) if 0 < old < size else []
        lines = [f"old {old}", *(base64.b64encode(node).decode() for node in proof), "", ""]
        answer = requests.post(self.part.url + "/add-checkpoint", data="\n".join(lines).encode() + note, timeout=30)
        if answer.status_code != 200:
            return f"status {answer.status_code}: {answer.text.strip()}"
        self.known = size
        return None

    def close(self):
        self.part.stop()


class LogServer:
    """Serves a folder as a ledger's listener would."""

    def __init__(self, vkey):
        outer = self
        self.folder, self.vkey = None, vkey  # folder: as it is now

        class Handler(http.server.SimpleHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                if self.path not in ("/audit/tip", "/audit/vkey"):
                    return super().do_GET()
                origin, size, _ = c2sp_log.checkpoint_head((outer.folder / "checkpoint").read_bytes())
                tip = json.dumps({"size": size, "origin": origin, "vkey": outer.vkey})
                self.answer(tip if self.path == "/audit/tip" else outer.vkey + "\n")

            def answer(self, text):
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def translate_path(self, path):
                return str(outer.folder / path.lstrip("/"))

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()


def finish_receipt(evidence, folder):
    """Clients with the finish receipts of both victims: the leaf that the receipt names must have its hash."""
    entries = readable_entries(folder)
    for receipt in (attacks.victim(evidence), attacks.young_victim(evidence)):
        why = kept_receipt(evidence, receipt["finish"])
        assert why is None, why
        claim = body(receipt["finish"])
        entry = entries.get(claim["index"])
        if entry is None:
            return f"leaf {claim['index']} is missing"
        if c2sp_log.leaf_hash(entry).hex() != claim["leaf_hash"]:
            return f"leaf {claim['index']} is another one"
    return None


def begin_receipt(evidence, folder):
    """Clients with the begin receipts of both victims: some record of the log must be of their request."""
    entries = readable_entries(folder)
    ids = set()
    for entry in entries.values():
        try:
            ids.add(request_id(json.loads(entry)))
        except (ValueError, KeyError):
            pass  # no record of a request
    for receipt in (attacks.victim(evidence), attacks.young_victim(evidence)):
        why = kept_receipt(evidence, receipt["begin"])
        assert why is None, why
        if body(receipt["begin"])["request_id"] not in ids:
            return "no record of the request"
    return None


def kept_receipt(evidence, receipt, vkey=None):
    """None when the log's key signed it."""
    file = evidence.folder / "receipt"
    file.write_text(receipt + "\n")
    return beleg_verify(file, vkey or evidence.vkey)


def beleg_verify(file, vkey):
    return ask([BINARY, "audit", "verify", file, "--vkey", vkey], str(file))


def other_vkey(vkey):
    """A key of the same name that signed nothing: the base point of the curve as public key."""
    name = vkey.split("+", 2)[0]
    key = b"\1" + bytes([0x58]) + bytes([0x66]) * 31
    key_id = hashlib.sha256(name.encode() + b"\n" + key).hexdigest()[:8]
    return f"{name}+{key_id}+{base64.b64encode(key).decode()}"


def body(receipt):
    return json.loads(unbase64url(receipt.split(".")[1]))


def readable_entries(folder):
    """index → entry, for what can be read: a holder of a receipt wants one leaf and not the log."""
    _, size, _ = c2sp_log.checkpoint_head((folder / "checkpoint").read_bytes())
    entries = {}
    for first in range(0, size, c2sp_log.WIDTH):
        file = folder / c2sp_log.bundle_path(first, size)
        if file.exists():
            entries.update(enumerate(c2sp_log.split_bundle(file.read_bytes()), first))
    return entries


# Programs that get the log and its key alone.
OF_A_LOG = {
    "Go `x/mod`": x_mod,
    "`merkle`": peer("merkle"),
    "Tessera `fsck`": peer("tessera"),
    "torchwood": peer("torchwood"),
    "`check_log.py`": python,
    "`beleg audit fsck`": beleg_fsck,
}


def all_verifiers(mirror, witness):
    """And those who hold more of it: what, is the column's name."""
    return {**OF_A_LOG, "an older checkpoint": older_checkpoint, "the mirror": mirror, "a witness": witness,
            "a finish receipt": finish_receipt, "a begin receipt": begin_receipt}
