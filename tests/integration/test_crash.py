"""kill -9 in mid-stream, under load: every client that received a byte has its record, and strangers' tools accept the log."""

import os
import time

import pytest
import requests

from harness import request_id, wait_until
from load import Load

WORKERS = 8
KILLS = int(os.environ.get("BELEG_KILLS", "20"))


def check_everything(stack, seen):
    """Stops serve in order; then log, records and store against what the clients saw."""
    stack.serve.stop()
    entries = stack.go_entries()
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
    # Seqs are dense within a boot, but for what was begun and not yet durable when it was killed: at most one a worker.
    seqs = {}
    for record in entries:
        if record["type"] in ("request", "refused"):
            seqs.setdefault(record["boot"], []).append(record["seq"])
        if record["type"] == "lost":
            seqs.setdefault(record["begun_boot"], []).append(record["seq"])
    for boot, numbers in seqs.items():
        assert len(set(numbers)) == len(numbers) and max(numbers) - len(numbers) <= WORKERS, boot
    return by_id


def check_store(stack, by_id):
    stack.serve.start()
    newest = list(by_id)[-1]
    wait_until(lambda: stack.record(newest).status_code == 200, 60, "newest record in the store")
    rows = requests.post(stack.store.url + "/api/sql", timeout=60, data=(
        "select request_id, count(*) from records where type in ('request','lost','refused') group by request_id")).json()["rows"]
    in_store = {row[0]: row[1] for row in rows}
    assert set(by_id) <= set(in_store), f"{len(set(by_id) - set(in_store))} records are not in the store"
    assert set(in_store.values()) == {1}
    spans = requests.post(stack.store.url + "/api/sql", timeout=60, data=(
        "select request_id, count(*) from spans where kind = 'SERVER' group by request_id")).json()["rows"]
    assert {row[0] for row in spans} >= set(by_id) and {row[1] for row in spans} == {1}, "every span once"


def test_kill_serve_under_load(stack):
    load = Load(stack.api + "/chat/completions", workers=WORKERS)
    for round in range(KILLS):
        before = load.finished()
        wait_until(lambda: load.finished() >= before + 10, 60, "load runs")
        time.sleep(0.001 * (round * 7 % 50))  # a different moment of the streams each time
        stack.serve.kill()
        stack.serve.start()
    before = load.finished()
    wait_until(lambda: load.finished() >= before + 10, 60, "load runs after the last kill")
    seen = load.stop()
    by_id = check_everything(stack, seen)
    assert any(record["type"] == "lost" for _, record in by_id.values()), "no kill hit a stream: the test proves nothing"
    check_store(stack, by_id)


def test_kill_store_under_load(stack):
    load = Load(stack.api + "/chat/completions", workers=WORKERS)
    for _ in range(max(KILLS // 4, 2)):
        before = load.finished()
        wait_until(lambda: load.finished() >= before + 20, 60, "load runs")
        stack.store.kill()
        stack.store.start()
    seen = load.stop()
    by_id = check_everything(stack, seen)
    check_store(stack, by_id)


def test_store_away_under_load(stack):
    """The store is stopped for BELEG_OUTAGE_S seconds (60 in the long form): nothing is missing after, nothing is there twice."""
    load = Load(stack.api + "/chat/completions", workers=WORKERS)
    wait_until(lambda: load.finished() >= 20, 60, "load runs")
    stack.store.stop()
    time.sleep(float(os.environ.get("BELEG_OUTAGE_S", "5")))
    stack.store.start()
    before = load.finished()
    wait_until(lambda: load.finished() >= before + 20, 60, "load runs")
    seen = load.stop()
    by_id = check_everything(stack, seen)
    check_store(stack, by_id)
