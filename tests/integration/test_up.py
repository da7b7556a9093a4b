"""`beleg up` as people run it: serve, collector and store in one tree, spans by way of the collector, any of the three killed."""

import base64
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

import pytest
import requests
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from harness import BINARY, START_LIMIT_S, free_port, wait_until
from load import Load

PORTS = ("--port", "--ledger-port", "--collector-grpc-port", "--collector-http-port", "--collector-metrics-port",
         "--store-port", "--store-grpc-port", "--otlp-port")
PARTS = ("serve", "collector", "store")
KILLS = int(os.environ.get("BELEG_UP_KILLS", "10"))  # of each part


class Up:
    """One running `beleg up` on ports that the kernel chose, but for the ledger's where it is given."""

    def __init__(self, folder, *arguments, ledger_port=0):
        self.data = pathlib.Path(folder) / "data"
        self.out = pathlib.Path(folder) / "up.out"
        self.arguments = arguments
        self.ports = [word for flag in PORTS for word in (flag, str(ledger_port if flag == "--ledger-port" else 0))]

    def __enter__(self):
        with open(self.out, "wb") as out:
            self.process = subprocess.Popen(
                [BINARY, "up", "--engine", "replay", "--data", self.data, *self.ports, *self.arguments], stdout=out, stderr=out)
        wait_until(lambda: self.process.poll() is not None or "\nRunning" in self.text(), START_LIMIT_S, "up runs")
        assert "\nRunning. " in self.text(), self.text()
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(150)  # `up` gives each part 40 s

    def text(self):
        return self.out.read_text()

    def run(self, part):
        """What the part says of itself; None while it is not ready."""
        try:
            return json.loads((self.data / "run" / f"{part}.json").read_text())
        except FileNotFoundError:
            return None

    def kill(self, part):
        killed = wait_until(lambda: self.run(part), 90, f"{part} runs")["pid"]
        os.kill(killed, signal.SIGKILL)

        def started_again():
            now = self.run(part)
            return now and now["pid"] != killed

        wait_until(started_again, 90, f"{part} again")

    def log(self, part):
        return (self.data / "run" / f"{part}.log").read_text(errors="replace")[-3000:]

    def sql(self, query):
        answer = requests.post(f"http://127.0.0.1:{self.run('store')['port']}/api/sql?limit=100000", data=query, timeout=60)
        answer.raise_for_status()
        assert "truncated" not in answer.json()
        return answer.json()["rows"]

    def spans(self, service):
        now_ms = int(time.time() * 1000)
        answer = requests.get(f"http://127.0.0.1:{self.run('store')['port']}/api/v1/spans", timeout=20, params={
            "service": service, "start": now_ms - 3_600_000, "end": now_ms + 1000, "limit": 1000})
        answer.raise_for_status()
        return answer.json()["spans"]


def send_spans(grpc_port, names):
    provider = TracerProvider(resource=Resource({"service.name": "worker", "deployment.region": "elsewhere"}))
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(f"127.0.0.1:{grpc_port}", insecure=True)))
    tracer = provider.get_tracer("test")
    for name in names:
        tracer.start_span(name, attributes={"n": 1}).end()
    provider.shutdown()


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    with Up(tmp_path_factory.mktemp("up"), "--region", "hetzner-nbg1-eu") as running:
        yield running


def test_spans_go_by_way_of_the_collector(up):
    ready = up.run("collector")
    send_spans(ready["otlp_grpc_port"], ["a", "b"])
    spans = wait_until(lambda: len(found := up.spans("worker")) == 2 and found, what="both spans in the store")
    assert {s["name"] for s in spans} == {"a", "b"}
    assert "hetzner-nbg1-eu" in json.dumps(spans[0]) and "elsewhere" not in json.dumps(spans[0]), "the collector's upsert"

    def metric(prefix):
        lines = requests.get(f"http://127.0.0.1:{ready['port']}/metrics", timeout=20).text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(prefix))

    wait_until(lambda: metric('otelcol_receiver_accepted_metric_points{receiver="prometheus"') > 10, what="serve's /metrics were read")
    wait_until(lambda: metric('otelcol_receiver_accepted_spans{receiver="otlp",transport="grpc"}') > 2, what="serve's own spans came too")
    wait_until(lambda: "beleg_exporter_spans_total" in requests.get(f"http://127.0.0.1:{up.run('serve')['port']}/metrics", timeout=20).text,
               what="serve's own spans went to the collector")


def test_each_part_witnesses_the_others_log(up):
    """The audit host's own log is cosigned by serve: here on the same host, so nobody calls that independent."""
    store = f"http://127.0.0.1:{up.run('store')['port']}"
    note = wait_until(lambda: requests.get(store + "/audit-log/audit/checkpoint", timeout=20), what="a cosigned checkpoint").text
    [line] = [json.loads(l) for l in (up.data / "run/serve.log").read_text().splitlines() if '"serve.witness_of_others"' in l]
    log_key = requests.get(store + "/audit-log/audit/vkey", timeout=20).text.strip()
    kept = up.data / "checkpoint"
    kept.write_text(note)
    done = subprocess.run([BINARY, "audit", "verify", kept, "--vkey", log_key, "--witness", line["vkey"]], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr
    assert requests.get(store + "/audit-log/audit/status", timeout=20).json()["independent_witness"] is None
    assert "no independent witness" in up.text()


def ask(up, times=1):
    with requests.Session() as session:
        for _ in range(times):
            answer = session.post(f"http://127.0.0.1:{up.run('serve')['port']}/v1/chat/completions", timeout=60, json={
                "model": "replay", "messages": [{"role": "user", "content": "hello"}]})
            assert answer.status_code == 200, answer.text
    return answer


def mirror_of_serve(up):
    """What serve says of the mirror that it was told of."""
    token = (up.data / "keys/ledger.token").read_text().strip()
    status = requests.get(f"http://127.0.0.1:{up.run('serve')['ledger_port']}/audit/status", timeout=20,
                          headers={"Authorization": f"Bearer {token}"}).json()
    [mirror] = [witness for witness in status["witnesses"] if witness["mirror"]]
    return mirror


def test_the_store_cosigns_as_serves_mirror_and_is_not_independent(up):
    ask(up)
    wait_until(lambda: mirror_of_serve(up)["size"] > 0, what="the mirror cosigned")
    mirror = mirror_of_serve(up)
    assert mirror["name"] == up.run("store")["vkey"].split("+")[0] and mirror["problem"] == "" and not mirror["independent"]
    assert requests.get(f"http://127.0.0.1:{up.run('serve')['port']}/health", timeout=20).json()["independent_witness"] is None


def test_entries_are_pruned_by_the_stores_word(tmp_path):
    with Up(tmp_path) as up:
        ask(up, 260)
        mirror_vkey = up.run("store")["vkey"]
        assert up.stop() == 0
        done = subprocess.run([BINARY, "ledger", "prune", "--ledger", up.data / "ledger", "--before-index", "256", "--mirror-vkey", mirror_vkey,
                               "--no-holds"], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and "entries from 256 on" in done.stdout, done.stdout + done.stderr
    with Up(tmp_path) as up:
        ask(up)


def test_an_old_copy_of_the_log_is_refused_and_mended_from_the_mirror(tmp_path):
    port = free_port()  # by which the store knows the log again
    with Up(tmp_path, ledger_port=port) as up:
        assert up.stop() == 0
        shutil.copytree(up.data / "ledger", tmp_path / "old")
    with Up(tmp_path, ledger_port=port) as up:
        ask(up, 3)
        assert up.stop() == 0
        shutil.rmtree(up.data / "ledger")
        shutil.copytree(tmp_path / "old", up.data / "ledger")
    refused = subprocess.run([BINARY, "up", "--engine", "replay", "--data", up.data, *up.ports], capture_output=True, text=True, timeout=120)
    assert refused.returncode == 2 and "this folder is an old copy of its log" in refused.stderr, refused.stderr
    subprocess.run([BINARY, "ledger", "restore", "--from", up.data / "mirror", "--ledger", up.data / "ledger"], check=True, timeout=60)
    with Up(tmp_path, ledger_port=port) as up:
        ask(up)


def test_answers_wait_for_the_mirror_where_that_is_asked_for(tmp_path):
    with Up(tmp_path, "--ack", "mirror") as up:
        claim = ask(up).headers["Audit-Finish"].split(".")[1]
        index = json.loads(base64.urlsafe_b64decode(claim + "=="))["index"]
        [log] = requests.get(f"http://127.0.0.1:{up.run('store')['port']}/api/ledger", timeout=20).json()["mirrors"]
        assert log["size"] > index, "the answer was given before its record was mirrored"


def test_its_configuration_is_there_to_be_read_and_validates(up):
    config = up.data / "collector" / "config.yaml"
    done = subprocess.run([BINARY, "collector", "validate", "--config", config], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


def test_a_changed_configuration_is_kept_and_used(tmp_path):
    with Up(tmp_path) as up:
        assert up.stop() == 0
        stops = [line for line in up.text().splitlines() if line.endswith("stopping ...")]
        assert stops == [f"{part}: stopping ..." for part in PARTS]
    config = tmp_path / "data" / "collector" / "config.yaml"
    config.write_text(config.read_text().replace("      - key: deployment.region",
                                                 "      - {key: rack, value: r7, action: upsert}\n      - key: deployment.region"))
    with Up(tmp_path) as up:
        send_spans(up.run("collector")["otlp_grpc_port"], ["c"])
        spans = wait_until(lambda: up.spans("worker"), what="span in the store")
        assert '"r7"' in json.dumps(spans)


def test_a_configuration_that_is_wrong_stops_up_and_says_where(tmp_path):
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("receivers:\n  jaegr:\nservice:\n  pipelines: {traces: {receivers: [jaegr], exporters: [x]}}\n")
    free = [word for flag in PORTS for word in (flag, "0")]
    done = subprocess.run([BINARY, "up", "--engine", "replay", "--data", tmp_path / "data", *free, "--collector-config", wrong],
                          capture_output=True, text=True, timeout=90)
    assert done.returncode == 2
    assert f'{wrong}:2:3: error: receivers: unknown type: "jaegr"' in done.stderr, done.stderr


def test_any_part_killed_under_load_loses_no_record_and_no_own_span(tmp_path):
    with Up(tmp_path) as up:
        load = Load(f"http://127.0.0.1:{up.run('serve')['port']}/v1/chat/completions", workers=4)
        for part in PARTS * KILLS:
            before = load.finished()
            wait_until(lambda: load.finished() >= before + 10, 60, f"load runs before {part} is killed")
            up.kill(part)
        before = load.finished()
        wait_until(lambda: load.finished() >= before + 10, 60, "load runs after the last kill")
        seen = {s.request_id for s in load.stop() if s.request_id}
        assert len(seen) > 40

        def in_store():
            rows = up.sql("select request_id, count(*) from records where type in ('request','lost','refused') group by request_id")
            return {row[0]: row[1] for row in rows}

        wait_until(lambda: seen <= set(in_store()), 60, "every record in the store")
        assert set(in_store().values()) == {1}
        spans = {row[0]: row[1] for row in up.sql("select request_id, count(*) from spans where kind = 'SERVER' group by request_id")}
        assert seen <= set(spans), f"{len(seen - set(spans))} requests without a span"
        assert set(spans.values()) == {1}, "every span once, whichever way it came"
        assert up.stop() == 0
