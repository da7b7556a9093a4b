"""kill -9 in mid-stream, under load: every client that received a byte has its record, and strangers' tools accept the log."""

import os
import time

from evidence import check_everything, check_store
from harness import wait_until
from load import Load

WORKERS = 8
KILLS = int(os.environ.get("BELEG_KILLS", "20"))


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
    by_id = check_everything(stack, seen, WORKERS)
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
    by_id = check_everything(stack, seen, WORKERS)
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
    by_id = check_everything(stack, seen, WORKERS)
    check_store(stack, by_id)
