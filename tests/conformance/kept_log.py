"""A log that the real server wrote under load and kill -9, cosigned by a witness, and what its clients kept of it."""

import json
import pathlib
import shutil
import time

import c2sp_log
from evidence import check_everything
from harness import Part, Stack, free_port, plain_log, wait_until
from load import Load

WORKERS = 8


class Evidence:
    """FOLDER/public (the log), key (its private key), vkey, older-checkpoint, receipts (a JSON line a request: request_id, begin, finish, index, finished),
    proofs/ID.tlog-proof and ID.json."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.public = self.folder / "public"
        self.vkey = (self.folder / "vkey").read_text().strip()
        self.signer = c2sp_log.Signer((self.folder / "key").read_text())
        self.older_checkpoint = self.folder / "older-checkpoint"
        self.entries = c2sp_log.read_entries(self.public)
        self.size = len(self.entries)
        _, self.older_size, _ = c2sp_log.checkpoint_head(self.older_checkpoint.read_bytes())
        self.receipts = [json.loads(line) for line in (self.folder / "receipts").read_text().splitlines()]
        self.proofs = sorted((self.folder / "proofs").glob("*.tlog-proof"))

    def receipts_between(self, first, end):
        """The receipts of finished requests whose leaves are in [first, end), by their leaves."""
        found = [r for r in self.receipts if r["finished"] and first <= r["index"] < end]
        assert found, f"no client kept a receipt of the leaves {first} to {end}"
        return sorted(found, key=lambda r: r["index"])


def make(folder, records=700, kills=8):
    """Runs serve under load, kills it `kills` times, stops it in order; the log has at least `records` leaves and every kind of end."""
    folder = pathlib.Path(folder)
    stack = Stack(folder / "stack")
    stack.folder.mkdir(parents=True)
    witness = start_with_witness(stack)
    load = Load(stack.api + "/chat/completions", workers=WORKERS, tokens=8, delay_ms=1)
    try:
        for kill in range(kills):
            target = records * (kill + 1) // (kills + 1)
            wait_until(lambda: load.finished() >= target, 120, "load runs")
            if kill == kills // 2:
                stack.ledger_get("/audit/tip")  # a checkpoint that covers all of now
                shutil.copy(stack.public / "checkpoint", folder / "older-checkpoint")
            time.sleep(0.0013 * (kill * 7 % 50))  # another moment of the streams each time
            stack.serve.kill()
            stack.serve.start()
        wait_until(lambda: load.finished() >= records, 120, "load runs after the last kill")
    finally:
        seen = load.stop()
    keep_proofs(stack, folder / "proofs", [s for s in seen if s.finished])
    check_everything(stack, seen, WORKERS)
    witness.stop()
    with plain_log(stack.public) as log:
        shutil.copytree(log, folder / "public")
    shutil.copy(stack.folder / "ledger/cosigned/checkpoint", folder / "public/checkpoint")
    shutil.copy(stack.folder / "ledger" / "key", folder / "key")
    (folder / "vkey").write_text(stack.serve.run["vkey"] + "\n")
    (folder / "receipts").write_text("".join(json.dumps(
        {"request_id": s.request_id, "begin": s.begin, "finish": s.finish, "index": s.finish_index, "finished": s.finished}) + "\n"
        for s in seen if s.begin))
    shutil.rmtree(stack.folder)
    made = Evidence(folder)
    types = [json.loads(entry)["type"] for entry in made.entries]
    assert types.count("boot") == kills + 2 and "lost" in types, "no kill hit a stream: the log is an easy one"
    assert 0 < made.older_size < made.size
    assert (made.public / "checkpoint").read_text().count("\n\u2014 ") == 2, "the last checkpoint is not cosigned"
    return made


def start_with_witness(stack):
    """The log's key comes into being at the first start; then the witness is told of it."""
    stack.serve.start()
    stack.serve.stop()
    witness = Part(stack.folder, "witness", ["--data", stack.folder / "witness", "--listen", f"127.0.0.1:{free_port()}",
                                             "--log", stack.serve.run["vkey"]]).start()
    stack.serve.arguments += ["--witness", f"{witness.url}={witness.run['vkey']}"]
    stack.serve.start()
    return witness


def keep_proofs(stack, folder, finished):
    folder.mkdir()
    stack.ledger_get("/audit/tip")
    for s in (finished[0], finished[len(finished) // 2], finished[-1]):
        for name, path in ((f"{s.request_id}.tlog-proof", "proof"), (f"{s.request_id}.json", "record")):
            answer = stack.ledger_get(f"/audit/{path}/{s.request_id}")
            assert answer.status_code == 200, answer.text
            (folder / name).write_bytes(answer.content)


class Compat:
    """A log of an older format: tests/golden/compat/ledger-vN."""

    def __init__(self, folder):
        self.folder = folder
        self.vkey = json.loads((folder / "log.json").read_text())["vkey"]
        self.given = sorted(file for file in (folder / "given").glob("*") if file.suffix != ".json")
        self.pruned = not list((folder / "public/tile/entries").glob("000*"))
