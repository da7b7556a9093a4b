"""Entry bundles of closed days lie compressed, in the ledger's folder and in the mirror's copy, and every reader reads the log as before."""

import hashlib
import json
import shutil
import subprocess

import pytest
import requests

from harness import LIBFAKETIME, TLOGCHECK, go_entries, wait_until
from test_ledger_life import Mirrored, done, fsck
from test_reconcile import reconcile

REQUESTS = 600  # two full bundles and a partial one, with what else is on record


def names_of(folder):
    """The full bundles' files; good while they change."""
    return [file.name for file in sorted((folder / "tile/entries").glob("???*")) if file.is_file()]


def bundles_of(folder):
    """The full bundles' files: name → bytes."""
    return {name: (folder / "tile/entries" / name).read_bytes() for name in names_of(folder)}


def go_over_http(url, vkey, token=None):
    arguments = ["--vkey", vkey, "--entries", *(["--token-file", str(token)] if token else []), url]
    checked = subprocess.run([TLOGCHECK, *arguments], capture_output=True, text=True, timeout=120)
    assert checked.returncode == 0, checked.stdout[-2000:] + checked.stderr[-2000:]
    return [json.loads(line) for line in checked.stdout.splitlines() if line.startswith("{")]


class Yesterday(Mirrored):
    """A log that was written yesterday and mirrored; then today begins, and the bundles of both are compressed."""

    def __init__(self, folder):
        # Not by a file: libfaketime reads that again and again, and gives the true time to a thread that asks meanwhile.
        super().__init__(folder, env={"LD_PRELOAD": LIBFAKETIME, "FAKETIME": "-86400", "FAKETIME_DONT_FAKE_MONOTONIC": "1"})

    def __enter__(self):
        super().__enter__()
        first = self.ask()
        self.record_id = first.json()["id"].split("-")[1]
        self.ask(REQUESTS)
        self.all_mirrored()
        self.origin = self.vkey.split("+")[0]
        self.copy = self.folder / "store/mirror" / self.origin
        self.copy_url = f"{self.mirror}/{hashlib.sha256(self.origin.encode()).hexdigest()}"
        self.log_url = f"http://127.0.0.1:{self.ledger_port}"
        self.plain = bundles_of(self.public)
        assert list(self.plain) == ["000", "001"] and bundles_of(self.copy) == self.plain
        self.serve.stop()
        wait_until(lambda: str(self.mirrored_size()) == (self.public / "checkpoint").read_text().split("\n")[1],
                   what="the last checkpoint is mirrored")
        self.store.stop()
        shutil.copytree(self.dir, self.folder / "backup")
        return self

    def today(self):
        for part in (self.store, self.serve):
            part.env.pop("LD_PRELOAD", None)
        self.store.start()
        self.serve.start()
        for folder in (self.public, self.copy):
            wait_until(lambda: names_of(folder) == ["000.zst", "001.zst"], what=f"{folder} is compressed")


@pytest.fixture
def yesterday(tmp_path):
    with Yesterday(tmp_path) as stack:
        yield stack


def test_every_reader_reads_a_compressed_log(yesterday):
    stack = yesterday
    stack.today()
    assert json.loads((stack.dir / "log.json").read_text())["format"] == 3
    small, large = (sum(map(len, files.values())) for files in (bundles_of(stack.public), stack.plain))
    assert small * 2 < large, f"{large} bytes became {small}"
    stack.ask(3)
    stack.all_mirrored()

    # Plain over HTTP, here and there; strangers check it there.
    for name, plain in stack.plain.items():
        assert stack.ledger_get(f"/tile/entries/{name}").content == plain
        assert requests.get(f"{stack.copy_url}/tile/entries/{name}", timeout=20).content == plain
        assert stack.ledger_get(f"/tile/entries/{name}.zst").status_code == 400
        assert requests.get(f"{stack.copy_url}/tile/entries/{name}.zst", timeout=20).status_code == 400
    entries = go_over_http(stack.log_url, stack.vkey, stack.token)
    assert go_over_http(stack.copy_url, stack.vkey)[:len(entries)] == entries[:stack.mirrored_size()]
    assert len([e for e in entries if e["type"] == "request"]) == REQUESTS + 4
    for place in (stack.dir, stack.public, stack.copy, stack.copy_url):
        checked = fsck(place, stack.vkey)
        assert checked.returncode == 0, checked.stdout + checked.stderr
    code, report = reconcile(stack)
    assert code == 0 and report["requests"] == REQUESTS + 4, report
    assert stack.ledger_get(f"/audit/proof/{stack.record_id}").status_code == 200
    assert stack.ledger_get(f"/audit/record/{stack.record_id}").content in stack.plain["000"]

    # An old copy of yesterday, plain, is mended from the compressed mirror's folder; the lost index is made again.
    stack.serve.stop()
    stack.store.stop()
    shutil.rmtree(stack.dir)
    shutil.copytree(stack.folder / "backup", stack.dir)
    assert "restored" in done("restore", "--from", stack.copy, "--ledger", stack.dir)
    stack.store.start()
    stack.serve.start()
    assert stack.ledger_get(f"/audit/record/{stack.record_id}").status_code == 200
    stack.ask()
    stack.all_mirrored()
    assert not stack.state()["findings"]


def test_a_compressed_log_is_pruned_unpacked_and_damaged(yesterday):
    stack = yesterday
    stack.today()
    stack.serve.stop()
    stack.store.stop()
    # Somebody's program reads the folder: a copy is unpacked, or the log itself, with what keeps it so.
    entries = go_entries(stack.public, stack.vkey)
    assert list(bundles_of(stack.public)) == ["000.zst", "001.zst"], "the log itself is left"
    for folder, public in ((stack.dir, stack.public), (stack.copy, stack.copy)):
        assert "2 entry bundles" in done("unpack", "--ledger", folder)
        assert bundles_of(public) == stack.plain
    assert json.loads((stack.dir / "log.json").read_text())["format"] == 1
    for part in (stack.store, stack.serve):
        part.arguments.append("--keep-bundles-plain")
        part.start()
    stack.ask()
    stack.all_mirrored()
    assert bundles_of(stack.public) == bundles_of(stack.copy) == stack.plain
    for part in (stack.serve, stack.store):
        part.stop()
        part.arguments.remove("--keep-bundles-plain")
    stack.today()
    stack.serve.stop()

    # What is damaged is named, and no more than that is lost.
    damaged = stack.folder / "damaged"
    shutil.copytree(stack.public, damaged)
    (damaged / "tile/entries/001.zst").write_bytes((damaged / "tile/entries/001.zst").read_bytes()[:1000])
    checked = fsck(damaged, stack.vkey)
    assert checked.returncode == 1 and "tile/entries/001.zst: zstd: " in checked.stdout, checked.stdout + checked.stderr
    assert checked.stdout.count("FOUND") == 1

    out = done("prune", "--ledger", stack.dir, "--before-index", 256, "--mirror-vkey", stack.mirror_vkey, "--holds-from", stack.mirror)
    assert "entries from 256 on" in out, out
    assert list(bundles_of(stack.public)) == ["001.zst"]
    checked = fsck(stack.public, stack.vkey)
    assert checked.returncode == 0 and "from        256" in checked.stdout, checked.stdout
    stack.serve.start()
    assert stack.ledger_get("/tile/entries/000").status_code == 404
    assert stack.ledger_get("/tile/entries/001").content == stack.plain["001"]
    assert requests.get(f"{stack.copy_url}/tile/entries/000", timeout=20).content == stack.plain["000"]
    assert go_over_http(stack.copy_url, stack.vkey)[:len(entries)] == entries
