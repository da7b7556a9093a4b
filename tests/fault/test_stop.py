"""SIGTERM under load, a clock set back, a disk that fills and empties: every client's bytes have their record."""

import subprocess

import pytest
import requests

from evidence import check_everything, check_store
from harness import LIBFAKETIME, Stack, fill, wait_until
from load import Load

WORKERS = 8


def run_on(load, count=20):
    before = load.finished()
    wait_until(lambda: load.finished() >= before + count, 60, "load runs")


def test_sigterm_lets_what_runs_end(stack):
    load = Load(stack.api + "/chat/completions", workers=WORKERS)
    for _ in range(5):
        run_on(load)
        assert stack.serve.stop() == 0
        stack.serve.start()
    seen = load.stop()
    by_id = check_everything(stack, seen, WORKERS)
    assert all(s.finished for s in seen), "a stream was cut by an orderly stop"
    assert not [r for _, r in by_id.values() if r["type"] == "lost"]
    check_store(stack, by_id)


@pytest.mark.parametrize("stop", ["stop", "kill"])
def test_a_clock_set_back_changes_times_alone(tmp_path, stop):
    offset = tmp_path / "offset"
    set_clock(offset, "+0")
    env = {"LD_PRELOAD": LIBFAKETIME, "FAKETIME_TIMESTAMP_FILE": str(offset), "FAKETIME_NO_CACHE": "1",
           "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    with Stack(tmp_path, env=env) as stack:
        load = Load(stack.api + "/chat/completions", workers=WORKERS)
        run_on(load)
        for shift in ("-3600", "+7200", "-86400"):
            set_clock(offset, shift)
            run_on(load)
            getattr(stack.serve, stop)()
            stack.serve.start()
            run_on(load)
        seen = load.stop()
        by_id = check_everything(stack, seen, WORKERS)
        times = [r["time_us"] for _, r in sorted(by_id.values(), key=lambda e: e[0])]
        assert times != sorted(times), "the clock was never set back: the test proves nothing"
        for _, record in by_id.values():
            durations = {k: v for k, v in record.items() if k.endswith("_us") and k not in ("time_us", "start_us")}
            assert all(0 <= v < 60_000_000 for v in durations.values()), record
        stack.serve.start()
        wait_until(lambda: stack.record(list(by_id)[-1]).status_code == 200, 60, "newest record in the store")


def set_clock(offset, shift):
    """In one step: each look at the clock reads the file."""
    written = offset.with_suffix(".new")
    written.write_text(shift)
    written.rename(offset)


def test_a_disk_that_fills_and_empties(tmp_path):
    """A tmpfs of 48 MB stands in for the disk of the ledger, under load all the time."""
    disk = tmp_path / "ledger"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(disk)], capture_output=True, text=True)
    assert mounted.returncode == 0, f"this test needs root to mount a tmpfs: {mounted.stderr}"
    try:
        with Stack(tmp_path, serve_args=("--ledger-free-bytes-min", 4 << 20)) as stack:
            load = Load(stack.api + "/chat/completions", workers=WORKERS)
            for _ in range(3):
                run_on(load)
                fill(disk / "ballast")
                wait_until(lambda: refuses(stack), what="full disk stops the answers")
                (disk / "ballast").unlink()
                run_on(load)
            check_store(stack, check_everything(stack, load.stop(), WORKERS))
    finally:
        subprocess.run(["umount", str(disk)], check=False)


def refuses(stack):
    answer = requests.post(stack.api + "/chat/completions", timeout=60, json={"model": "replay", "messages": [{"role": "user", "content": "hi"}]})
    return answer.status_code == 503
