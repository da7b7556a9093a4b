"""The start after a crash is itself broken at each system call; the next start finds everything."""

import json
import os
import re
import shutil
import signal

import pytest

from evidence import check_everything
from harness import wait_until
from load import Load
from strace import CALLS

WORKERS = 4


def killed_in_mid_stream(stack):
    load = Load(stack.api + "/chat/completions", workers=WORKERS)
    wait_until(lambda: load.finished() >= 10, 60, "load runs")
    stack.serve.kill()
    return load.stop()


def start_under_strace(stack, trace_path, inject):
    """One start that may fail, under strace. Gives what strace wrote of it."""
    command = stack.serve.command
    stack.serve.command = ["strace", "--follow-forks", "--decode-fds=path", f"--output={trace_path}", f"--trace={CALLS}",
                           *([f"--inject={inject}"] if inject else []), *command]
    try:
        stack.serve.start(wait=False)
        wait_until(lambda: stack.serve.process.poll() is not None or stack.serve.run_file.exists(), 60, "start ends in some way")
        if stack.serve.process.poll() is None:
            os.kill(json.loads(stack.serve.run_file.read_text())["pid"], signal.SIGKILL)
            stack.serve.process.wait(60)
    finally:
        stack.serve.command = command
    return trace_path.read_text(errors="replace")


def start_calls(trace, folder):
    """For each call that named something in folder: which of the calls of that name in its thread those were, from 1."""
    counts, places = {}, {}
    for line in trace.splitlines():
        match = re.match(r"(\d+) +(\w+)\(", line)
        if match:
            counts[match.groups()] = counts.get(match.groups(), 0) + 1
            if str(folder) in line:
                places.setdefault(match[2], []).append(counts[match.groups()])
    return places


@pytest.mark.parametrize("fault", ["error=EIO", "error=ENOSPC", "signal=SIGKILL"])
def test_a_start_that_breaks_loses_nothing(stack, tmp_path, fault):
    seen = killed_in_mid_stream(stack)
    kept = tmp_path / "kept"
    shutil.copytree(stack.folder / "ledger", kept, ignore=shutil.ignore_patterns("*.sock"))
    calls = start_calls(start_under_strace(stack, tmp_path / "trace", None), stack.folder / "ledger")
    assert "fdatasync" in calls and "pread64" in calls, calls
    for call, numbers in sorted(calls.items()):
        for nth in sorted({numbers[0], numbers[len(numbers) // 2], numbers[-1]}):
            shutil.rmtree(stack.folder / "ledger")
            shutil.copytree(kept, stack.folder / "ledger")
            start_under_strace(stack, tmp_path / f"trace.{call}.{nth}", f"{call}:{fault}:when={nth}")
            stack.serve.start()
            check_everything(stack, seen, WORKERS)
    stack.serve.start()
