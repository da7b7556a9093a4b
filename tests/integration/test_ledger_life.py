"""A log's life after mishaps: an old copy, a lost disk, a lost key, a new key, pruned entries. On the real binary."""

import hashlib
import re
import shutil
import subprocess

import requests

from harness import BINARY, TLOGCHECK, Stack, free_port, go_entries, wait_until


def ledger(*arguments):
    return subprocess.run([BINARY, "ledger", *map(str, arguments)], capture_output=True, text=True, timeout=120)


def done(*arguments):
    result = ledger(*arguments)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def fsck(place, vkey):
    return subprocess.run([BINARY, "audit", "fsck", str(place), "--vkey", vkey], capture_output=True, text=True, timeout=120)


def hold(stack, *arguments):
    return subprocess.run([BINARY, "audit", "hold", *arguments, "--store", stack.store.url], capture_output=True, text=True, timeout=60)


def hold_records(stack):
    """Of the audit host's own log, read by Go; its store is stopped."""
    vkey = requests.get(stack.store.url + "/audit-log/audit/vkey", timeout=20).text.strip()
    stack.store.stop()
    entries = go_entries(stack.folder / "store/log/public", vkey)
    return [entry for entry in entries if entry["type"] == "hold"]


def assert_one_build(*logs):
    """Servers and commands say in their boot records what they were made of, and it is the same binary."""
    boots = [entry for entries in logs for entry in entries if entry["type"] == "boot"]
    names = {boot["service_name"] for boot in boots}
    assert "beleg-ledger" in names and len(names) > 1, names
    assert {boot["build"] for boot in boots} == {subprocess.run([BINARY, "--version"], capture_output=True, text=True).stdout.split("(")[1].split(")")[0]}


class Mirrored(Stack):
    """serve asks the store's mirror at its start, and is cosigned by it."""

    def __enter__(self):
        self.serve.start()  # keys come into being; then each side is told the other's
        self.vkey = self.serve.run["vkey"]
        self.store.start()
        self.mirror = f"{self.store.url}/mirror"
        self.mirror_vkey = self.store.run["vkey"]
        wait_until(lambda: self.mirrored_size() > 0, what="the mirror has the log")
        self.serve.stop()
        self.serve.arguments += ["--mirror", f"{self.mirror}={self.mirror_vkey}"]
        self.serve.start()
        self.model = requests.get(self.api + "/models", timeout=20).json()["data"][0]["id"]
        return self

    @property
    def dir(self):
        return self.folder / "ledger"

    def state(self):
        return requests.get(self.store.url + "/api/ledger", timeout=20).json()

    def mirrored_size(self):
        mirrors = self.state()["mirrors"]
        return mirrors[0]["size"] if mirrors else 0

    def ask(self, times=1):
        with requests.Session() as session:
            for _ in range(times):
                answer = session.post(self.api + "/chat/completions", timeout=60, json={
                    "model": self.model, "messages": [{"role": "user", "content": "hello"}]})
                assert answer.status_code == 200, answer.text
        return answer

    def all_mirrored(self):
        size = requests.get(self.serve.url + "/health", timeout=20).json()["records"]
        wait_until(lambda: self.mirrored_size() >= size, what="all of it is mirrored")


def test_an_old_copy_is_refused_and_mended(tmp_path):
    with Mirrored(tmp_path) as stack:
        stack.ask()
        stack.serve.stop()
        shutil.copytree(stack.dir, tmp_path / "backup")
        stack.serve.start()
        stack.ask(3)
        stack.all_mirrored()
        stack.serve.stop()
        newest = (stack.public / "checkpoint").read_text().split("\n")[1:3]
        shutil.rmtree(stack.dir)
        shutil.copytree(tmp_path / "backup", stack.dir)

        stack.serve.start(wait=False)
        assert stack.serve.process.wait(30) == 2
        log = stack.serve.log()
        assert re.search(r"has \d+ leaves \(its newest record is of 20..-..-..T..:..:..Z\), but .* \(the last at 20..", log), log
        way_back = re.search(r"beleg (ledger restore --from \S+ --ledger \S+)", log)
        assert way_back, log
        print(done(*way_back.group(1).split()[1:]))

        assert (stack.public / "checkpoint").read_text().split("\n")[1:3] == newest
        assert "nothing to restore" in done(*way_back.group(1).split()[1:])
        stack.serve.start()
        stack.ask()
        stack.all_mirrored()
        assert not stack.state()["findings"]
        entries = stack.go_entries()
        assert sum("restored_from_size" in e.get("settings", {}) for e in entries if e["type"] == "config") == 1
        assert not [e for e in entries if e["type"] == "lost"]


def test_a_lost_disk_comes_back_with_the_key_and_not_without(tmp_path):
    with Mirrored(tmp_path) as stack:
        stack.ask(2)
        stack.serve.stop()
        wait_until(lambda: str(stack.mirrored_size()) == (stack.public / "checkpoint").read_text().split("\n")[1],
                   what="the last checkpoint is mirrored")
        shutil.copy(stack.dir / "key", tmp_path / "kept-key")
        entries = stack.go_entries()
        shutil.rmtree(stack.dir)

        refused = ledger("restore", "--from", stack.mirror, "--ledger", stack.dir)
        assert refused.returncode == 2 and "beleg ledger new" in refused.stderr and not stack.dir.exists()
        done("restore", "--from", stack.mirror, "--ledger", stack.dir, "--key", tmp_path / "kept-key")
        assert stack.go_entries() == entries
        stack.serve.start()
        stack.ask()
        stack.all_mirrored()
        assert not stack.state()["findings"]

        # The key is lost as well: a log of another name says what it goes on from.
        vkey = done("new", "--ledger", tmp_path / "second", "--continues", stack.mirror, "--continues-vkey", stack.vkey).strip()
        [link] = [e for e in go_entries(tmp_path / "second/public", vkey) if "continues_vkey" in e.get("settings", {})]
        assert link["settings"]["continues_vkey"] == stack.vkey and int(link["settings"]["continues_size"]) >= len(entries)
        assert_one_build(entries, go_entries(tmp_path / "second/public", vkey))


def test_a_mirror_that_cannot_be_asked_warns_or_refuses(tmp_path):
    with Mirrored(tmp_path) as stack:
        stack.store.stop()
        stack.serve.stop()
        stack.serve.start()
        stack.ask()
        stack.serve.stop()
        stack.serve.arguments.append("--mirror-required")
        stack.serve.start(wait=False)
        assert stack.serve.process.wait(30) == 2
        assert "--mirror-required" in stack.serve.log()
        stack.store.start()
        stack.serve.start()


def test_a_new_key_is_followed_from_the_old_one(tmp_path):
    with Mirrored(tmp_path) as stack:
        stack.ask()
        stack.serve.stop()
        done("rotate-key", "--ledger", stack.dir, "--overlap", "90")
        stack.serve.start()
        second = stack.serve.run["vkey"]
        assert second != stack.vkey
        stack.ask()
        stack.all_mirrored()  # by a store that pinned the first key
        compared = subprocess.run([BINARY, "audit", "reconcile", f"http://127.0.0.1:{stack.ledger_port}", "--vkey", stack.vkey,
                                   "--ledger-token-file", stack.token, "--serve", stack.serve.url, "--store", stack.store.url],
                                  capture_output=True, text=True, timeout=120)
        assert compared.returncode == 0, compared.stdout + compared.stderr
        for vkey in (stack.vkey, second):
            assert go_entries(stack.public, vkey)
            assert fsck(stack.public, vkey).returncode == 0
        stack.serve.stop()

        done("rotate-key", "--ledger", stack.dir, "--overlap", "0")
        stack.serve.start()
        third = stack.serve.run["vkey"]
        stack.ask()
        stack.all_mirrored()
        stack.serve.stop()
        assert not (stack.dir / f"key.{second.split('+')[1]}").exists(), "its overlap was none"
        for vkey in (stack.vkey, second, third):
            checked = fsck(stack.public, vkey)
            assert checked.returncode == 0, checked.stdout
        assert_one_build(go_entries(stack.public, third))
        assert done("keys", "--from", stack.public, "--vkey", stack.vkey).split() == [stack.vkey, second, third]
        refused = subprocess.run([TLOGCHECK, "--vkey", second, str(stack.public)], capture_output=True, text=True, timeout=60)
        assert refused.returncode == 1, "strangers' tools do not follow by themselves"
        # The proof of each change is a file that they read, too.
        for number, vkey in ((1, stack.vkey), (2, second)):
            subprocess.run([TLOGCHECK, "--vkey", vkey, "--proof", stack.public / f"keys/{number:03}.tlog-proof"], check=True, timeout=60)


def test_a_mirror_follows_a_log_whose_old_key_signs_no_more(tmp_path):
    with Mirrored(tmp_path) as stack:
        stack.serve.stop()
        done("rotate-key", "--ledger", stack.dir, "--overlap", "0")
        stack.serve.start()
        stack.ask()
        stack.all_mirrored()
        assert stack.state()["mirrors"][0]["vkey"] == stack.serve.run["vkey"]
        wait_until(lambda: not stack.ledger_get("/audit/status").json()["witnesses"][0]["problem"], 60, "it is cosigned again")
        stack.store.stop()
        stack.store.start()  # reads its copy, pinned to a key that did not sign it
        stack.ask()
        stack.all_mirrored()
        # The log moves to another URL, which shows its new key alone: the copy's pinned one leads there.
        stack.serve.stop()
        stack.store.stop()
        old, stack.ledger_port = stack.ledger_port, free_port()
        for part in (stack.serve, stack.store):
            part.arguments = [argument.replace(f"127.0.0.1:{old}", f"127.0.0.1:{stack.ledger_port}") for argument in part.arguments]
        stack.store.start()
        stack.serve.start()
        stack.ask()
        stack.all_mirrored()
        stack.serve.stop()
        copy = f"{stack.mirror}/{hashlib.sha256(stack.vkey.split('+')[0].encode()).hexdigest()}"
        for vkey in (stack.vkey, stack.serve.run["vkey"]):
            checked = fsck(copy, vkey)
            assert checked.returncode == 0, checked.stdout + checked.stderr
        # The new key's copy of the log is restored like any.
        shutil.copy(stack.dir / "key", tmp_path / "kept-key")
        shutil.rmtree(stack.dir)
        done("restore", "--from", stack.mirror, "--ledger", stack.dir, "--key", tmp_path / "kept-key")
        stack.serve.start()
        assert stack.serve.run["vkey"].split("+")[1] == (tmp_path / "kept-key").read_text().split("+")[3]


def test_a_key_that_others_may_read_is_refused(tmp_path):
    with Stack(tmp_path) as stack:
        stack.serve.stop()
        (tmp_path / "ledger/key").chmod(0o644)
        stack.serve.start(wait=False)
        assert stack.serve.process.wait(30) == 2
        assert "ledger/key: others than its owner" in stack.serve.log()


def test_pruned_entries_are_at_the_mirror_and_proofs_stay_good(tmp_path):
    with Mirrored(tmp_path) as stack:
        answer = stack.ask()
        record_id = answer.json()["id"].split("-")[1]
        kept = tmp_path / "kept.tlog-proof"
        kept.write_bytes(stack.ledger_get(f"/audit/proof/{record_id}").content)
        entry = tmp_path / "kept.json"
        entry.write_bytes(stack.ledger_get(f"/audit/record/{record_id}").content)
        stack.ask(300)
        stack.all_mirrored()
        stack.serve.stop()

        assert ledger("prune", "--ledger", stack.dir, "--before-index", 256).returncode == 2, "who has them?"
        stranger = ledger("prune", "--ledger", stack.dir, "--before-index", 256, "--mirror-vkey", stack.mirror_vkey[:-2] + "A=")
        assert stranger.returncode == 2
        covered = ("prune", "--ledger", stack.dir, "--before-index", 300, "--mirror-vkey", stack.mirror_vkey)
        unasked = ledger(*covered)
        assert unasked.returncode == 2 and "on hold" in unasked.stderr, "nobody was asked for holds"

        # The auditor puts the request on hold; it stays until that is lifted. Both acts are on record.
        added = hold(stack, "add", "case-17", "--request", record_id)
        assert added.returncode == 0 and "1 records" in added.stdout, added.stdout + added.stderr
        assert hold(stack, "add", "case-17").returncode == 2, "the name is taken"
        assert "case-17: 1 records" in hold(stack, "list").stdout
        kept_back = done(*covered, "--holds-from", stack.mirror)
        assert "nothing to prune" in kept_back and "the hold case-17 keeps entry" in kept_back, kept_back
        assert (stack.public / "tile/entries/000").exists()

        # A store without a log keeps no holds: it does not start over one that is set, and tells nobody that nothing is on hold.
        stack.store.stop()
        stack.store.arguments.append("--no-log")
        stack.store.start(wait=False)
        assert stack.store.process.wait(60) == 2
        assert "--no-log" in stack.store.log() and "1 holds are set, case-17 first" in stack.store.log()
        stack.store.arguments.remove("--no-log")
        stack.store.start()
        lifted = hold(stack, "lift", "case-17")
        assert lifted.returncode == 0, lifted.stderr
        assert "nothing is on hold" in hold(stack, "list").stdout

        stack.store.stop()
        stack.store.arguments.append("--no-log")
        stack.store.start()
        unknown = ledger(*covered, "--holds-from", stack.mirror)
        assert unknown.returncode == 2 and "does not say what is on hold" in unknown.stderr, unknown.stdout + unknown.stderr
        stack.store.stop()
        stack.store.arguments.remove("--no-log")
        stack.store.start()

        out = done(*covered, "--holds-from", stack.mirror)
        assert "entries from 256 on" in out, out
        assert not (stack.public / "tile/entries/000").exists() and (stack.public / "tile/0/000").exists()
        assert "nothing to prune" in done("prune", "--ledger", stack.dir, "--before-index", 256, "--from", stack.mirror)

        checked = fsck(stack.public, stack.vkey)
        assert checked.returncode == 0 and "from        256" in checked.stdout, checked.stdout
        subprocess.run([TLOGCHECK, "--vkey", stack.vkey, "--proof", kept, "--entry", entry], check=True, timeout=60)
        stack.serve.start()
        gone = stack.ledger_get("/tile/entries/000")
        assert gone.status_code == 404 and "mirror has them" in gone.text
        assert stack.ledger_get(f"/audit/record/{record_id}").status_code == 404
        stack.ask()
        stack.all_mirrored()
        assert stack.record(record_id).status_code == 200, "the store has it"
        stack.serve.stop()

        # Entries that are gone without a word are a finding.
        (stack.public / "tile/entries/001").unlink(missing_ok=True)
        for partial in (stack.public / "tile/entries").glob("001.p/*"):
            partial.unlink()
        assert fsck(stack.public, stack.vkey).returncode == 1

        held = hold_records(stack)
        assert [(r["name"], r["action"], r["request_id"], r["items"]) for r in held] == [
            ("case-17", "set", record_id, 1), ("case-17", "released", record_id, 1)]
