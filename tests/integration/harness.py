"""Starts the real binary and talks to it; what every integration test stands on.

Each part runs in a folder of its own, on ports the kernel chose, and says where it is in a run file once it is ready.
"""

import base64
import collections
import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

import requests

BINARY = os.environ.get("BELEG_BINARY", str(pathlib.Path(__file__).parents[2] / "build/dev/beleg"))
TLOGCHECK = os.environ.get("BELEG_TLOGCHECK", str(pathlib.Path(__file__).parents[2] / "build/tlogcheck"))
DEMO_MODEL = pathlib.Path(os.environ.get("BELEG_DEPS", pathlib.Path(__file__).parents[2] / ".deps")) / "models/smollm2-135m-instruct.gguf"
LIBFAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
START_LIMIT_S = 90
EXIT_DISK_FAILED = 74  # of serve and store: the state of the disk is unknown (ADR 0004)


def wait_until(condition, limit_s=60, what="condition"):
    """The first true value of condition(); fails loudly when it never comes. The limit is for what is broken, not for what is slow."""
    deadline = time.monotonic() + limit_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what}: not within {limit_s} s"
        time.sleep(0.02)


def wait_a_while(condition, limit_s):
    """Until condition(), or limit_s have passed: a call that comes too seldom is not broken this time."""
    deadline = time.monotonic() + limit_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)


class Part:
    """One running `beleg SUBCOMMAND`, or program, which must take the same --run-file; prefix is put before it."""

    def __init__(self, folder, name, arguments, env=None, prefix=(), program=None):
        self.folder = pathlib.Path(folder)
        self.name = name
        self.arguments = [str(a) for a in arguments]
        self.env = {**os.environ, **(env or {})}
        self.command = [*prefix, *(program or [BINARY, name])]
        self.run_file = self.folder / f"{name}.json"
        self.log_path = self.folder / f"{name}.log"
        self.process = None

    def start(self, wait=True):
        self.run_file.unlink(missing_ok=True)
        with open(self.log_path, "ab") as log:
            command = [*self.command, *self.arguments, "--run-file", str(self.run_file)]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=self.env)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self):
        def ready():
            assert self.process.poll() is None, f"{self.name} ended with {self.process.returncode}:\n{self.log()}"
            return self.run_file.exists()

        wait_until(ready, START_LIMIT_S, f"{self.name} ready")
        self.run = json.loads(self.run_file.read_text())
        self.url = f"http://127.0.0.1:{self.run['port']}"

    def log(self):
        return self.log_path.read_text(errors="replace")[-4000:]

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return self.process.returncode if self.process else None
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not stop:\n{self.log()}")


def free_port():
    """A port that only a program which is told of it can have, also while that program is down: see src/net/reserved_port.h."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    _held_ports.append(held)
    return held.getsockname()[1]


_held_ports = collections.deque(maxlen=400)  # more than one test's; a process may often have no more than 1,024 files


def answer_to(stack, request):
    """What serve says to these bytes, at least to the end of the head; nothing where it only closes."""
    answer = b""
    with socket.create_connection(("127.0.0.1", stack.serve.run["port"]), timeout=20) as s:
        s.sendall(request)
        while b"\r\n\r\n" not in answer and (piece := s.recv(4096)):
            answer += piece
    return answer


def fill(path):
    """Writes to path until the disk is full."""
    with open(path, "wb", buffering=0) as f:
        for size in (1 << 20, 4096):
            try:
                while True:
                    f.write(b"x" * size)
            except OSError:
                pass


class Stack:
    """serve and store side by side, as `up` runs them."""

    def __init__(self, folder, engine=("--engine", "replay"), serve_args=(), store_args=(), env=None):
        self.folder = pathlib.Path(folder)
        self.token = self.folder / "ledger.token"
        self.otlp_port, self.ledger_port, self.port = free_port(), free_port(), free_port()
        self.store_port = free_port()
        self.serve = Part(folder, "serve", [
            *engine, "--port", self.port, "--ledger", self.folder / "ledger",
            "--ledger-listen", f"127.0.0.1:{self.ledger_port}", "--ledger-token-file", self.token,
            "--otlp-traces-endpoint", f"http://127.0.0.1:{self.otlp_port}/v1/traces",
            "--region", "hetzner-nbg1-eu", "--environment", "test", *serve_args], env)
        self.store = Part(folder, "store", [
            "--data", self.folder / "store", "--listen", f"127.0.0.1:{self.store_port}",
            "--otlp-listen", f"127.0.0.1:{self.otlp_port}", "--otlp-grpc-listen", "127.0.0.1:0",
            "--read-wait-ms", 30_000, "--ledger", f"http://127.0.0.1:{self.ledger_port}",
            "--ledger-token-file", self.token, *store_args], env)

    def __enter__(self):
        self.serve.start()
        self.store.start()
        return self

    def __exit__(self, *_):
        try:
            if self.serve.process and self.serve.process.poll() is None:
                self.serve.stop()
        finally:
            if self.store.process and self.store.process.poll() is None:
                self.store.stop()

    @property
    def api(self):
        return self.serve.url + "/v1"

    @property
    def public(self):
        """The log's C2SP folder."""
        return self.folder / "ledger" / "public"

    def openai(self, **kwargs):
        from openai import OpenAI

        return OpenAI(base_url=self.api, api_key=kwargs.pop("api_key", "none"), max_retries=0, **kwargs)

    def ledger_get(self, path):
        token = self.token.read_text().strip()
        return requests.get(f"http://127.0.0.1:{self.ledger_port}{path}", timeout=20,
                            headers={"Authorization": f"Bearer {token}"})

    def spans(self, **params):
        now_ms = int(time.time() * 1000)
        query = {"service": "vllm", "start": now_ms - 3_600_000, "end": now_ms + 1000, "limit": 10_000, **params}
        answer = requests.get(self.store.url + "/api/v1/spans", params=query, timeout=20)
        answer.raise_for_status()
        return answer.json()["spans"]

    def record(self, request_id):
        return requests.get(f"{self.store.url}/api/records/{request_id}", timeout=20)

    def go_entries(self):
        """Checks the whole log with the independent Go program; gives its entries."""
        return go_entries(self.public, self.serve.run["vkey"])


@contextlib.contextmanager
def plain_log(folder):
    """A log's folder for programs that know plain entry bundles alone: a copy, where some lie compressed (docs/formats/ledger.md)."""
    if not any(pathlib.Path(folder).rglob("*.zst")):
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="beleg_plain_") as temp:
        copy = pathlib.Path(temp) / "log"
        shutil.copytree(folder, copy)
        subprocess.run([BINARY, "ledger", "unpack", "--ledger", str(copy)], check=True, capture_output=True, timeout=120)
        yield copy


def go_entries(folder, vkey):
    with plain_log(folder) as log:
        done = subprocess.run([TLOGCHECK, "--vkey", vkey, "--entries", str(log)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def request_id(record):
    """The id that a request, refused or lost record does not store, since it follows from it (docs/formats/record.md)."""
    boot = record.get("begun_boot", record["boot"])
    digest = hashlib.sha256(b"beleg/v1/request-id" + bytes.fromhex(boot) + struct.pack(">Q", record["seq"])
                            + bytes.fromhex(record["trace_id"]))
    return digest.hexdigest()[:32]


def unbase64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def receipt_body(header):
    """The JSON inside Audit-Begin or Audit-Finish (docs/formats/receipt.md)."""
    version, body, *_ = header.split(".")
    assert version == "v1"
    return json.loads(unbase64url(body))
