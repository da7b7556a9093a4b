"""A load of chat requests that remembers what each client saw."""

import json
import threading
import time

import requests

from harness import receipt_body


class Seen:
    """What one client can prove it saw."""

    def __init__(self):
        self.begin = None        # the begin receipt, as it came
        self.finish = None       # the finish receipt
        self.request_id = None   # from the begin receipt
        self.bytes = 0           # of the answer
        self.finished = False    # saw the end of the answer, and no error before it
        self.finish_index = None


class Workers:
    """count threads that run work(number) until stop(); work looks at self.stopping."""

    def __init__(self, count, work):
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(count)]
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive()


class Load(Workers):
    """workers threads, each sending one request after another until stop()."""

    def __init__(self, url, workers=8, stream=True, tokens=30, delay_ms=2, api_key=None):
        self.url = url
        self.body = {"model": "replay", "stream": stream, "max_tokens": tokens,
                     "messages": [{"role": "user", "content": f"REPLAY:TOKENS={tokens} REPLAY:DELAY_MS={delay_ms}"}]}
        self.seen = []
        self.lock = threading.Lock()
        super().__init__(workers, self._work)

    def stop(self):
        super().stop()
        return self.seen

    def finished(self):
        with self.lock:
            return sum(s.finished for s in self.seen)

    def _work(self, _):
        session = requests.Session()
        while not self.stopping.is_set():
            seen = Seen()
            try:
                self._one(session, seen)
            except (requests.RequestException, OSError):
                session = requests.Session()
                self.stopping.wait(0.02)
            if seen.bytes or seen.request_id:
                with self.lock:
                    self.seen.append(seen)

    def _one(self, session, seen):
        with session.post(self.url, json=self.body, stream=True, timeout=30) as answer:
            if answer.status_code != 200:
                self.stopping.wait(0.02)
                return
            seen.begin = answer.headers["Audit-Begin"]
            seen.request_id = receipt_body(seen.begin)["request_id"]
            seen.bytes, failed = 1, False  # a head is a byte of the answer
            for line in answer.iter_lines():
                seen.bytes += len(line)
                if line.startswith(b": audit-finish "):
                    self._keep_finish(seen, line.decode().removeprefix(": audit-finish "))
                failed = failed or line.startswith(b'data: {"error"')  # the server says that there is no record of the end
                if line == b"data: [DONE]":
                    seen.finished = not failed
            if not self.body["stream"]:
                self._keep_finish(seen, answer.headers["Audit-Finish"])
                seen.finished = True

    def _keep_finish(self, seen, receipt):
        seen.finish = receipt
        seen.finish_index = receipt_body(receipt)["index"]
