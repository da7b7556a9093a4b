"""A new binary takes over the ports of the running one: no client is refused, no stream is cut, nothing is lost."""

import requests

from evidence import check_everything, check_store
from harness import Part, Stack, receipt_body, wait_until
from load import Seen, Workers

WORKERS = 6
TAKE_OVERS = 3


class StrictLoad(Workers):
    """Each client keeps its connection, sends one chat after another, and counts anything but a whole answer as a failure."""

    def __init__(self, url):
        self.url, self.seen, self.failures = url, [], []
        super().__init__(WORKERS, self._work)

    def stop(self):
        super().stop()
        return self.seen

    def _work(self, number):
        stream = number % 2 == 0
        body = {"model": "replay", "stream": stream, "max_tokens": 30,
                "messages": [{"role": "user", "content": "REPLAY:TOKENS=30 REPLAY:DELAY_MS=2"}]}
        session = requests.Session()
        while not self.stopping.is_set():
            seen = Seen()
            try:
                answer = session.post(self.url, json=body, timeout=60)
                seen.request_id = receipt_body(answer.headers["Audit-Begin"])["request_id"]
                seen.bytes, seen.finished = len(answer.content), True
                assert answer.status_code == 200 and (not stream or b"data: [DONE]" in answer.content)
                finish = answer.headers.get("Audit-Finish") or answer.text.split(": audit-finish ")[1].split("\n")[0]
                seen.finish_index = receipt_body(finish)["index"]
                self.seen.append(seen)
            except (requests.RequestException, OSError, AssertionError, KeyError, IndexError) as failure:
                self.failures.append(repr(failure))


def test_take_over_under_load(tmp_path):
    # A client that the machine keeps from running still gets its last answer: each connection is kept until it has one.
    with Stack(tmp_path, serve_args=["--stop-grace-ms", "60000"]) as stack:
        take_over_under_load(stack)


def take_over_under_load(stack):
    load = StrictLoad(stack.api + "/chat/completions")
    for n in range(TAKE_OVERS):
        before = len(load.seen)
        wait_until(lambda: len(load.seen) >= before + 20, 60, "load runs")
        predecessor = stack.serve
        stack.serve = Part(stack.folder, "serve", [*predecessor.arguments, "--take-over"])
        stack.serve.run_file = stack.folder / f"serve-{n}.json"
        stack.serve.start()
        assert predecessor.process.wait(60) == 0
        assert stack.serve.run["port"] == predecessor.run["port"]
        assert stack.serve.run["ledger_port"] == predecessor.run["ledger_port"]
    before = len(load.seen)
    wait_until(lambda: len(load.seen) >= before + 20, 60, "load runs")
    seen = load.stop()
    assert not load.failures, load.failures[:3]
    by_id = check_everything(stack, seen, WORKERS)
    assert not [r for _, r in by_id.values() if r["type"] == "lost"]
    assert len({r["boot"] for _, r in by_id.values()}) == TAKE_OVERS + 1
    check_store(stack, by_id)


def test_take_over_of_nobody_is_a_plain_start(stack):
    stack.serve.stop()
    stack.serve.arguments.append("--take-over")
    stack.serve.start()
    assert requests.get(stack.serve.url + "/health", timeout=20).status_code == 200
