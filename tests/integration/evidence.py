"""What must be true of log, records and store after any fault, against what the clients saw."""

import subprocess

import requests

from harness import BINARY, request_id, wait_until


def check_everything(stack, seen, workers):
    """Stops serve in order; then log, records and store against what the clients saw. Gives the records by request id."""
    stack.serve.stop()
    entries = stack.go_entries()
    fsck = subprocess.run([BINARY, "audit", "fsck", str(stack.public), "--vkey", stack.serve.run["vkey"]],
                          capture_output=True, text=True, timeout=120)
    assert fsck.returncode == 0, fsck.stdout + fsck.stderr
    by_id = {}
    for index, record in enumerate(entries):
        if record["type"] in ("request", "lost", "refused"):
            assert request_id(record) not in by_id, "one request, two records"
            by_id[request_id(record)] = (index, record)
    assert seen
    missing = [s.request_id for s in seen if s.request_id not in by_id]
    assert not missing, f"{len(missing)} of {len(seen)} requests that a client saw have no record"
    for s in seen:
        index, record = by_id[s.request_id]
        if s.finished:
            assert record["type"] == "request" and record["outcome"] == "ok", record
            assert s.finish_index == index
    check_seqs(entries, workers)
    return by_id


def check_seqs(entries, workers):
    """Seqs are dense within a boot, but for what was refused for want of room, and for what was begun and not yet durable
    when the process was killed: at most one a worker."""
    seqs, no_room = {}, {}
    for record in entries:
        if record["type"] in ("request", "refused", "lost"):
            seqs.setdefault(record.get("begun_boot", record["boot"]), []).append(record["seq"])
        if "counters" in record:
            no_room[record["boot"]] = record["counters"].get("no_room", 0)
    for boot, numbers in seqs.items():
        assert len(set(numbers)) == len(numbers)
        assert max(numbers) - len(numbers) <= workers + no_room.get(boot, 0), boot


def check_store(stack, by_id):
    stack.serve.start()
    newest = list(by_id)[-1]
    wait_until(lambda: stack.record(newest).status_code == 200, 60, "newest record in the store")
    rows = requests.post(stack.store.url + "/api/sql?limit=100000", timeout=60, data=(
        "select request_id, count(*) from records where type in ('request','lost','refused') group by request_id")).json()["rows"]
    in_store = {row[0]: row[1] for row in rows}
    assert set(by_id) <= set(in_store), f"{len(set(by_id) - set(in_store))} records are not in the store"
    assert set(in_store.values()) == {1}
    spans = requests.post(stack.store.url + "/api/sql?limit=100000", timeout=60, data=(
        "select request_id, count(*) from spans where kind = 'SERVER' group by request_id")).json()["rows"]
    assert {row[0] for row in spans} >= set(by_id) and {row[1] for row in spans} == {1}, "every span once"
