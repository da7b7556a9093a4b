"""Each system call of an append fails in turn, or is the last thing that the process did.

After each: serve goes on or has stopped with exit 74, it starts again, strangers' tools accept the log, and whatever a client saw is in it.
"""

import json
import time

import pytest
import requests

from evidence import check_everything
from harness import EXIT_DISK_FAILED, receipt_body, wait_a_while, wait_until
from load import Load
from strace import Strace

WORKERS = 4
OCCURRENCES = (1, 2, 3, 5, 8, 13)  # of the call in one thread, counted from the start of the load

# All that strace shows of a process under load with files (test_no_call_is_forgotten holds this list to it).
APPEND_CALLS = {"pwrite64", "fdatasync", "fsync", "openat", "mkdir", "rename", "unlink", "statfs"}


def test_no_call_is_forgotten(stack, tmp_path):
    load = Load(stack.api + "/chat/completions", workers=WORKERS)
    trace = Strace(stack.serve.process.pid, tmp_path / "trace")
    before = load.finished()
    wait_until(lambda: load.finished() >= before + 50, 60, "load runs")
    trace.detach()
    load.stop()
    seen = {call for _, call in trace.calls(stack.folder / "ledger")}
    assert seen >= {"pwrite64", "fdatasync", "rename"}, "strace saw no append: the test proves nothing"
    assert seen - {"pread64", "getdents64"} <= APPEND_CALLS | {"fallocate", "ftruncate"}


@pytest.mark.parametrize("fault", ["error=EIO", "error=ENOSPC", "signal=SIGKILL"])
@pytest.mark.parametrize("call", sorted(APPEND_CALLS))
def test_call_breaks(stack, tmp_path, call, fault):
    seen, hits = [], 0
    for nth in OCCURRENCES:
        load = Load(stack.api + "/chat/completions", workers=WORKERS)
        hits += break_once(stack, load, tmp_path / f"trace.{nth}", f"{call}:{fault}:when={nth}", fault)
        seen += load.stop()
        if stack.serve.process.poll() is not None:
            stack.serve.start()
        check_everything(stack, seen, WORKERS)
        stack.serve.start()
    assert hits, "no call was broken: the test proves nothing"


@pytest.mark.parametrize("stream", [False, True])
def test_no_room_for_a_begin_ends_its_answer_at_once(stack, tmp_path, stream):
    """The answer would take half a minute: the engine runs beside the begin, and must not go on when that is refused."""
    question = {"model": "replay", "stream": stream, "messages": [{"role": "user", "content": "REPLAY:DELAY_MS=100 REPLAY:TOKENS=300"}]}
    strace = Strace(stack.serve.process.pid, tmp_path / "trace", "pwrite64:error=ENOSPC")
    asked = time.monotonic()
    answer = requests.post(stack.api + "/chat/completions", json=question, timeout=60)
    took_s = time.monotonic() - asked
    hits = strace.hits()
    strace.detach()
    assert hits and answer.status_code == 503 and "Audit-Begin" not in answer.headers, answer.text
    assert took_s < 20
    question["messages"][0]["content"] = "hello"
    wait_until(lambda: requests.post(stack.api + "/chat/completions", json=question, timeout=60).status_code == 200, 30, "room again")


@pytest.mark.parametrize("stream", [False, True])
def test_a_request_that_finds_no_room_is_counted_as_refused_alone(stack, tmp_path, stream):
    """Its generation is over when its begin is refused, since both come to the ledger at once."""
    question = {"model": "replay", "stream": stream, "messages": [{"role": "user", "content": "hello"}]}
    strace = Strace(stack.serve.process.pid, tmp_path / "trace", "pwrite64:error=ENOSPC")
    answer = requests.post(stack.api + "/chat/completions", json=question, timeout=60)
    hits = strace.hits()
    strace.detach()
    assert hits and answer.status_code == 503, answer.text
    successes = [line for line in requests.get(stack.serve.url + "/metrics", timeout=20).text.splitlines()
                 if line.startswith("vllm:request_success_total{") and not line.endswith(" 0")]
    assert successes == []


def test_a_stream_that_is_done_before_its_begin_is_on_disk_comes_whole_after_it(stack, tmp_path):
    delay_s = 0.5
    question = {"model": "replay", "stream": True, "stream_options": {"include_usage": True}, "messages": [{"role": "user", "content": "hello"}]}
    strace = Strace(stack.serve.process.pid, tmp_path / "trace", f"fdatasync:delay_enter={int(delay_s * 1e6)}")
    asked = time.monotonic()
    with requests.post(stack.api + "/chat/completions", json=question, timeout=60, stream=True) as answer:
        head_s = time.monotonic() - asked
        lines = [line for line in answer.iter_lines(decode_unicode=True) if line]
    strace.detach()
    assert strace.hits() and head_s > delay_s and answer.status_code == 200
    assert receipt_body(answer.headers["Audit-Begin"])["request_id"] == answer.headers["X-Request-Id"].removeprefix("chatcmpl-")
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    assert deltas[0]["role"] == "assistant" and chunks[-1]["usage"]["completion_tokens"] > 0
    assert len("".join(delta.get("content") or "" for delta in deltas).split()) == chunks[-1]["usage"]["completion_tokens"]
    assert lines[-2].startswith(": audit-finish ") and lines[-1] == "data: [DONE]"
    assert stack.record(answer.headers["X-Request-Id"]).json()["record"]["outcome"] == "ok"


def break_once(stack, load, trace_path, inject, fault):
    """Under load until the fault hit and either ended serve or let it answer again. Gives the number of hits."""
    serve = stack.serve.process
    wait_until(lambda: load.finished() >= 3, 60, "load runs")
    strace = Strace(serve.pid, trace_path, inject)
    wait_a_while(lambda: serve.poll() is not None or strace.hits(), 3)
    answered = load.finished()

    def stopped_or_goes_on():
        return serve.poll() is not None or fault != "signal=SIGKILL" and load.finished() >= answered + 2 * WORKERS

    strace.detach_when(stopped_or_goes_on)
    ended = serve.poll()
    if ended is None:
        return strace.hits()
    assert ended == (-9 if fault == "signal=SIGKILL" else EXIT_DISK_FAILED), stack.serve.log()
    return 1
