"""The store's own log: what it acknowledged is there after any of its system calls failed or was the last."""

import itertools

import pytest
import requests

from harness import EXIT_DISK_FAILED, wait_a_while, wait_until
from load import Workers
from strace import Strace

SENDERS = 4
SPANS_EACH = 20


class Senders(Workers):
    """Sends requests of SPANS_EACH spans, one sender one request at a time; keeps the trace ids that were acknowledged."""

    def __init__(self, stack):
        self.url = f"http://127.0.0.1:{stack.otlp_port}/v1/traces"
        self.acknowledged, self.numbers = [], itertools.count(1)
        super().__init__(SENDERS, self._work)

    def _work(self, _):
        while not self.stopping.is_set():
            trace_id = f"{next(self.numbers):032x}"
            spans = [{"traceId": trace_id, "spanId": f"{i + 1:016x}", "name": "fault", "startTimeUnixNano": "1795500000000000000",
                      "endTimeUnixNano": "1795500000001000000"} for i in range(SPANS_EACH)]
            try:
                answer = requests.post(self.url, json={"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}, timeout=20)
                if answer.status_code == 200:
                    self.acknowledged.append(trace_id)
                    continue
            except requests.RequestException:
                pass
            self.stopping.wait(0.02)


@pytest.mark.parametrize("fault", ["error=EIO", "error=ENOSPC", "signal=SIGKILL"])
@pytest.mark.parametrize("call", ["pwrite64", "fdatasync"])
def test_call_breaks(stack, tmp_path, call, fault):
    senders, hits = Senders(stack), 0
    for nth in (1, 2, 5):
        store = stack.store.process
        before = len(senders.acknowledged)
        wait_until(lambda: len(senders.acknowledged) >= before + 10, 60, "spans are acknowledged")
        strace = Strace(store.pid, tmp_path / f"trace.{nth}", f"{call}:{fault}:when={nth}")
        wait_a_while(lambda: store.poll() is not None or strace.hits(), 5)
        taken = len(senders.acknowledged)

        def stopped_or_goes_on():
            return store.poll() is not None or fault != "signal=SIGKILL" and len(senders.acknowledged) >= taken + 2 * SENDERS

        strace.detach_when(stopped_or_goes_on)
        hits += strace.hits()
        if store.poll() is not None:
            assert store.poll() in (-9, EXIT_DISK_FAILED), stack.store.log()
            stack.store.start()
    before = len(senders.acknowledged)
    wait_until(lambda: len(senders.acknowledged) >= before + 10, 60, "spans are acknowledged after the last fault")
    senders.stop()
    assert hits, "no call was broken: the test proves nothing"
    stack.store.kill()
    stack.store.start()
    rows = requests.post(stack.store.url + "/api/sql?limit=100000", timeout=60, data=(
        "select trace_id, count(*), count(distinct span_id) from spans where name = 'fault' group by trace_id")).json()["rows"]
    counts = {row[0]: row[1:] for row in rows}
    missing = [t for t in senders.acknowledged if counts.get(t) != [SPANS_EACH, SPANS_EACH]]
    assert not missing, f"{len(missing)} of {len(senders.acknowledged)} acknowledged requests are not whole in the store, or there twice"
