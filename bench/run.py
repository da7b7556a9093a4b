#!/usr/bin/env python3
"""Figures of this machine, printed beside what they are compared with. Benches, not tests: nothing here passes or fails.

    bench/run.py [--dir DIR] [audit] [audit_closed] [model] [ledger] [store] [collector]      all of them without a name

On shared cores trust factors and CPU seconds, not percents. BENCH_DRIVERS=DIR also runs the drivers in DIR/store (load.py and a
spangen built there) against the store, and DIR/collector/run.py against the collectors. BENCH_PAIRS, BENCH_REQUESTS, BENCH_SPANS,
BENCH_SECONDS change the amounts. `make otelcol` builds the OpenTelemetry Collector to run beside ours, `make bench-ledger` Tessera.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile

import requests

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/integration"))
import harness  # noqa: E402

BUILD = pathlib.Path(harness.BINARY).parent
PAIRS = int(os.environ.get("BENCH_PAIRS", "5"))
REQUESTS = int(os.environ.get("BENCH_REQUESTS", "20000"))
SPANS = int(os.environ.get("BENCH_SPANS", "300000"))
SECONDS = int(os.environ.get("BENCH_SECONDS", "3"))
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_mb(pid):
    return int(next(l for l in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if l.startswith("VmRSS")).split()[1]) / 1024


def tool(name, *arguments):
    done = subprocess.run([BUILD / name, *map(str, arguments)], capture_output=True, text=True)
    assert done.stdout, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def serve(folder, *arguments, prefix=()):
    part = harness.Part(folder, "serve", ["--port", 0, "--ledger", folder / "ledger", "--ledger-listen", "127.0.0.1:0", *arguments], prefix=prefix)
    return part.start()


def median(rows, key):
    return statistics.median(row[key] for row in rows)


AUDIT_PER_S = 1000
AUDIT_WORKERS = 64  # enough that the load stays open over a disk that stands still for some 60 ms
AUDIT_CPU_US_MAX = 60
AUDIT_WAIT_US_MAX = 1000
AUDIT_FORMS = {"whole": False, "stream": True}


def bench_audit():
    print(f"# auditing on against off: replay engine, 16 tokens, {AUDIT_PER_S} requests a second whether or not earlier ones are answered, "
          f"{REQUESTS} a run,\n# {PAIRS} interleaved pairs, the log on the disk of {OPTIONS.dir}; CPU: user and system of serve. A wait begins when the request was due")
    print("| form | audit | CPU us a request | p50 ms | p99 ms | groups a request | group write and fdatasync ms, mean | late |\n|---|---|---|---|---|---|---|---|")
    load = (AUDIT_WORKERS, REQUESTS, AUDIT_PER_S)
    verdicts = []
    for form, stream in AUDIT_FORMS.items():
        rows, disk = audit_pairs(lambda mode: one_audit_run(mode, stream, *load))
        for mode, runs in rows.items():
            print(f"| {form} | {mode} | {median(runs, 'cpu_us'):.0f} | {median(runs, 'p50_us') / 1000:.2f} | {median(runs, 'p99_us') / 1000:.2f} "
                  f"| {median(runs, 'groups'):.2f} | {median(runs, 'group_ms'):.2f} | {sum(run['late'] for run in runs)} |", flush=True)
        verdicts += audit_verdicts(form, rows, disk)
    print("\n".join(verdicts), flush=True)
    print_instructions()


def audit_pairs(run):
    """Runs of both modes, and the disk's own write and fdatasync before each pair; every second pair goes backwards."""
    rows, disk = {"closed": [], "off": []}, []
    for pair in range(PAIRS):
        with tempfile.TemporaryDirectory(dir=OPTIONS.dir, prefix="bench-disk-") as folder:
            disk.append(tool("src/ledger/ledger_bench", "disk", pathlib.Path(folder, "data"), 1, 4096, AUDIT_PER_S))
        for mode in ("closed", "off") if pair % 2 == 0 else ("off", "closed"):
            rows[mode].append(run(mode))
    return rows, disk


def audit_verdicts(form, rows, disk):
    cpu_us, wait_us = (sorted(on[key] - off[key] for on, off in zip(rows["closed"], rows["off"])) for key in ("cpu_us", "p50_us"))
    bound_us = AUDIT_WAIT_US_MAX + 2 * median(disk, "p50_us")
    return [f"{form}: CPU {spread(cpu_us)} us a request, {verdict(statistics.median(cpu_us), AUDIT_CPU_US_MAX)} {AUDIT_CPU_US_MAX}; "
            f"a bare write and fdatasync takes {median(disk, 'cpu_us'):.0f} at this rate",
            f"{form}: p50 {spread(wait_us)} us, {verdict(statistics.median(wait_us), bound_us)} {bound_us:.0f} = {AUDIT_WAIT_US_MAX} + 2 x the disk's "
            f"own write and fdatasync, p50 {median(disk, 'p50_us'):.0f}"]


def spread(differences):
    return f"{statistics.median(differences):+.0f} (of {len(differences)} pairs {differences[0]:+.0f} to {differences[-1]:+.0f})"


def verdict(value, bound):
    return "PASS: at most" if value <= bound else "OVER:"


def one_audit_run(mode, stream, *load):
    """load: workers, requests and, for open load, how many a second."""
    with tempfile.TemporaryDirectory(dir=OPTIONS.dir, prefix="bench-audit-") as name:
        folder = pathlib.Path(name)
        part = serve(folder, "--engine", "replay", "--audit", mode)
        url, body = part.url + "/v1/chat/completions", audit_body(folder, stream)
        tool("bench/http_load", url, body, load[0], 500)
        before, groups, group_s = cpu_seconds(part.process.pid), *ledger_groups(part.url)
        row = tool("bench/http_load", url, body, *load)
        assert row["failed"] == 0, row
        row["cpu_us"] = (cpu_seconds(part.process.pid) - before) / row["requests"] * 1e6
        groups_now, group_s_now = ledger_groups(part.url)
        row["groups"] = (groups_now - groups) / row["requests"]
        row["group_ms"] = (group_s_now - group_s) / max(groups_now - groups, 1) * 1000
        part.stop()
        return row


def audit_body(folder, stream):
    body = folder / "body"
    body.write_text(json.dumps({"model": "replay", "stream": stream, "messages": [{"role": "user", "content": "hello there"}]}))
    return body


def ledger_groups(url):
    """Commit groups so far, and the seconds that their writing took; zeros where nothing is audited."""
    lines = dict(line.rsplit(" ", 1) for line in requests.get(url + "/metrics", timeout=20).text.splitlines() if not line.startswith("#"))
    return float(lines.get("beleg_ledger_groups_total", 0)), float(lines.get("beleg_ledger_fsync_seconds_sum", 0))


INSTRUCTION_REQUESTS = (100, 600)  # the difference of two runs leaves out what a start costs
VALGRIND = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")


def print_instructions():
    """Under callgrind, which counts alike on every machine: user's instructions only, OpenSSL without the SHA instructions."""
    if not shutil.which("valgrind"):
        return print("no valgrind here to count instructions with")
    few, many = INSTRUCTION_REQUESTS
    for form, stream in AUDIT_FORMS.items():
        counts = {}
        for mode in ("closed", "off"):
            counts[mode] = (instructions(mode, stream, many) - instructions(mode, stream, few)) / (many - few)
        print(f"{form}: {counts['closed'] / 1000:.0f} thousand instructions a request audited, {counts['off'] / 1000:.0f} not, "
              f"{(counts['closed'] - counts['off']) / 1000:+.0f} (one client: begin and end are groups of their own)", flush=True)


def instructions(mode, stream, count):
    with tempfile.TemporaryDirectory(dir=OPTIONS.dir, prefix="bench-audit-") as name:
        folder = pathlib.Path(name)
        part = serve(folder, "--engine", "replay", "--audit", mode, prefix=VALGRIND)
        row = tool("bench/http_load", part.url + "/v1/chat/completions", audit_body(folder, stream), 1, count)
        assert row["failed"] == 0, row
        part.stop()
        return int(re.search(r"Collected : (\d+)", part.log_path.read_text())[1])


def bench_audit_closed():
    print(f"\n# auditing on against off, closed load: replay engine, 16 tokens, {REQUESTS} requests a run, {PAIRS} interleaved pairs")
    print("| form | clients | audit | requests/s | CPU us a request | p50 ms | p99 ms |\n|---|---|---|---|---|---|---|")
    for form, stream in AUDIT_FORMS.items():
        for workers in (1, 16, 64):
            count = max(REQUESTS if workers > 1 else REQUESTS // 10, 1)
            rows, _ = audit_pairs(lambda mode: one_audit_run(mode, stream, workers, count))
            for mode, runs in rows.items():
                print(f"| {form} | {workers} | {mode} | {median(runs, 'per_s'):.0f} | {median(runs, 'cpu_us'):.0f} "
                      f"| {median(runs, 'p50_us') / 1000:.2f} | {median(runs, 'p99_us') / 1000:.2f} |")
            added_us = sorted(on["cpu_us"] - off["cpu_us"] for on, off in zip(rows["closed"], rows["off"]))
            ratio = statistics.median(on["per_s"] / off["per_s"] for on, off in zip(rows["closed"], rows["off"]))
            print(f"| {form} | {workers} | on/off | {ratio:.2f}x | {spread(added_us)} | | |", flush=True)


def bench_model():
    demo = pathlib.Path(os.environ.get("BELEG_DEPS", ROOT / ".deps")) / "models/smollm2-135m-instruct.gguf"
    print("\n# the demo model: 64 tokens out, audit closed")
    print("| clients | tokens/s | p50 ms | RSS MB |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        part = serve(folder, "--model", demo, "--max-model-len", "1024")
        body = folder / "body"
        body.write_text(json.dumps({"model": "smollm2-135m-instruct", "max_tokens": 64, "ignore_eos": True, "temperature": 0,
                                    "messages": [{"role": "user", "content": "Tell me about receipts. " * 8}]}))
        for workers in (1, 4, 16):
            row = tool("bench/http_load", part.url + "/v1/chat/completions", body, workers, 4 * workers)
            print(f"| {workers} | {64 * row['per_s']:.1f} | {row['p50_us'] / 1000:.0f} | {rss_mb(part.process.pid):.0f} |", flush=True)
        part.stop()


DISK_BYTES = (700, 4096, 16384, 65536)
WANTED_PER_S = 10_000
TESSERA = ROOT / "build/tessera_bench"


def bench_ledger():
    print(f"\n# ledger: appends of 700-byte records, all on the disk of {OPTIONS.dir}; {SECONDS} s a run, {PAIRS} interleaved rounds, medians")
    print("# disk: write and fdatasync in a preallocated file, one after the other. durable: answered, its receipt signed. resolved: Tessera's\n"
          "# future is, which in its POSIX driver means synced and integrated. covered, published: by a signed checkpoint, one each 100 ms.\n"
          "# CPU: of the whole process, the load in it too")
    print("| what | a second | p50 ms | p99 ms | CPU us each |\n|---|---|---|---|---|")
    pairs = [(beleg, tessera, count) for beleg, tessera in (("durable", "resolved"), ("covered", "published")) for count in (64, 1024)]
    cases = {f"disk, {size} B": ("disk", size) for size in DISK_BYTES}
    cases[f"beleg durable, {WANTED_PER_S // 2} a second"] = ("rate", 700, WANTED_PER_S // 2)
    for beleg, tessera, count in pairs:
        cases[f"beleg {beleg}, {count} in flight"] = ("closed" if beleg == "durable" else beleg, 700, count)
        if TESSERA.exists():
            cases[f"Tessera {tessera}, {count} goroutines"] = ("tessera", 700, count, tessera)
    rows = interleaved(cases)
    most = max(median(rows[f"beleg durable, {count} in flight"], "per_s") for count in (64, 1024))
    rows |= interleaved({"disk, 4096 B, beside": ("disk", 4096), "beleg durable, half of its most": ("rate", 700, round(most / 2))})
    print_promises(rows, most)
    for beleg, tessera, count in pairs if TESSERA.exists() else ():
        print_ratio(rows, f"beleg {beleg}, {count} in flight", f"Tessera {tessera}, {count} goroutines")
    if not TESSERA.exists():
        print("no Tessera here to run beside: `make bench-ledger` builds it")


def print_promises(rows, most):
    refused = sum(run.get("refused", 0) for runs in rows.values() for run in runs)
    kept = all(run.get("order_kept", True) for runs in rows.values() for run in runs)
    print(f"order {'kept in every run' if kept else 'NOT KEPT'}; {refused} appends refused")
    print(f"most: {most:.0f} a second, {most / WANTED_PER_S:.1f} x the {WANTED_PER_S} wanted")
    for ours, disk in ((f"beleg durable, {WANTED_PER_S // 2} a second", "disk, 4096 B"),
                       ("beleg durable, half of its most", "disk, 4096 B, beside")):
        p99_ms, bound_ms = median(rows[ours], "p99_us") / 1000, 3 * median(rows[disk], "p99_us") / 1000 + 2
        print(f"{ours}: p99 {p99_ms:.2f} ms, {'within' if p99_ms <= bound_ms else 'OVER'} {bound_ms:.2f} ms = 3 x {disk}, p99, + 2 ms")


def interleaved(cases):
    """The runs of each case, which it prints a line of; every second round goes backwards."""
    rows = {name: [] for name in cases}
    for turn in range(PAIRS):
        for name, arguments in cases.items() if turn % 2 == 0 else reversed(cases.items()):
            rows[name].append(one_ledger_run(*arguments))
    for name, runs in rows.items():
        cpu = f"{median(runs, 'cpu_us'):.1f}" if "cpu_us" in runs[0] else ""
        print(f"| {name} | {median(runs, 'per_s'):.0f} | {median(runs, 'p50_us') / 1000:.2f} | {median(runs, 'p99_us') / 1000:.2f} | {cpu} |",
              flush=True)
    return rows


def one_ledger_run(what, size, *load):
    with tempfile.TemporaryDirectory(dir=OPTIONS.dir, prefix="bench-ledger-") as folder:
        program = [TESSERA] if what == "tessera" else [BUILD / "src/ledger/ledger_bench", what]
        arguments = [pathlib.Path(folder, "data"), SECONDS, size, *load]
        done = subprocess.run([*program, *map(str, arguments)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    os.sync()  # what this run left to write is not the next one's wait
    return json.loads(done.stdout)


def print_ratio(rows, ours, theirs):
    ratio = {key: statistics.median(a[key] / b[key] for a, b in zip(rows[ours], rows[theirs])) for key in ("per_s", "p50_us", "p99_us", "cpu_us")}
    print(f"{ours} / {theirs}: {ratio['per_s']:.2f}x the rate, {ratio['p50_us']:.3f}x the p50, {ratio['p99_us']:.3f}x the p99, "
          f"{ratio['cpu_us']:.2f}x the CPU")


def bench_store():
    print(f"\n# store: {SPANS} spans of about 20 attributes, durable acknowledgement")
    print("| spans a batch | connections | spans/s | CPU s per million | spans per CPU s | RSS MB | disk B/span |\n|---|---|---|---|---|---|---|")
    for per_batch, connections in ((1000, 4), (100, 4)):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            part = harness.Part(folder, "store", ["--data", folder / "data", "--listen", "127.0.0.1:0", "--otlp-listen", "127.0.0.1:0",
                                                "--otlp-grpc-listen", "127.0.0.1:0"]).start()
            url = f"http://127.0.0.1:{part.run['otlp_port']}/v1/traces"
            before = cpu_seconds(part.process.pid)
            row = tool("bench/span_load", url, SPANS, per_batch, connections)
            used = cpu_seconds(part.process.pid) - before
            disk = sum(f.stat().st_size for f in (folder / "data").rglob("*") if f.is_file())
            print(f"| {per_batch} | {connections} | {row['per_s']:.0f} | {used / row['spans'] * 1e6:.1f} | {row['spans'] / used:.0f} "
                  f"| {rss_mb(part.process.pid):.0f} | {disk / row['spans']:.0f} |", flush=True)
            if os.environ.get("BENCH_DRIVERS") and per_batch == 1000:
                bench_drivers(url, part.process.pid)
            part.stop()
    print("VictoriaTraces, not durable, on such a machine: 35,405 spans/s, 24.2 CPU s per million (July 2025 code)")


def bench_drivers(url, pid):
    drivers = pathlib.Path(os.environ["BENCH_DRIVERS"]) / "store"
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        subprocess.run(["g++", "-O2", "-std=c++17", drivers / "spangen.cpp", "-o", folder / "spangen"], check=True)
        with open(folder / "d.otlp", "wb") as out:
            subprocess.run([folder / "spangen", "--spans", str(SPANS)], stdout=out, check=True)
        subprocess.run([sys.executable, drivers / "load.py", folder / "d.otlp", url, "--pid", str(pid)], check=True)


COLLECTOR_CONFIG = """
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{port}"}}}}}}}}
processors:
  resource:
    attributes:
      - {{key: deployment.region, value: hetzner-nbg1-eu, action: upsert}}
      - {{key: deployment.environment, value: production, action: upsert}}
  batch: {{timeout: 5s, send_batch_size: 512}}
exporters: {{otlp: {{endpoint: "127.0.0.1:{backend}", compression: {compression}, tls: {{insecure: true}}}}}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{traces: {{receivers: [otlp], processors: [resource, batch], exporters: [otlp]}}}}
"""
OTELCOL = pathlib.Path(os.environ.get("BELEG_DEPS", ROOT / ".deps")) / "otelcol/otelcol"
# otelcol v0.165.0 with otlp, batch, resource, otlp_grpc; two shared cores, 740-byte spans, 2026-11-24.
OTELCOL_ELSEWHERE = {("none", 1): 32.9, ("none", 10): 7.6, ("none", 512): 4.7, ("gzip", 1): 34.6, ("gzip", 10): 12.5, ("gzip", 512): 9.3}


def bench_collector():
    names = ["beleg"] + (["otelcol"] if OTELCOL.exists() else [])
    print(f"\n# collector: OTLP/gRPC in, resource, batch 512, OTLP/gRPC out; on one core, {PAIRS} interleaved rounds, medians")
    print("| export | spans a request | collector | CPU s per million spans | spans/s | p50 / p99 ms a call | RSS MB |\n|---|---|---|---|---|---|---|")
    for compression in ("none", "gzip"):
        for per_request in (1, 10, 512):
            rows = {name: [] for name in names}
            for turn in range(PAIRS):
                for name in names if turn % 2 == 0 else reversed(names):
                    rows[name].append(one_collector_run(name, compression, per_request))
            for name, runs in rows.items():
                print(f"| {compression} | {per_request} | {name} | {median(runs, 'cpu_per_million'):.2f} | {median(runs, 'per_s'):.0f} "
                      f"| {median(runs, 'p50_us') / 1000:.2f} / {median(runs, 'p99_us') / 1000:.2f} | {median(runs, 'rss_mb'):.0f} |", flush=True)
            if "otelcol" not in names:
                print(f"| {compression} | {per_request} | otelcol v0.165.0, measured elsewhere, 2026-11-24 | {OTELCOL_ELSEWHERE[compression, per_request]} | | | |")
    if os.environ.get("BENCH_DRIVERS"):
        bench_collector_drivers(names)


def one_collector_run(name, compression, per_request):
    port, backend = harness.free_port(), harness.free_port()
    count = max(SPANS // (1 if per_request > 1 else 3), per_request)
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder, "config.yaml")
        config.write_text(COLLECTOR_CONFIG.format(port=port, backend=backend, compression=compression))
        command = [harness.BINARY, "collector"] if name == "beleg" else [OTELCOL]
        with open(pathlib.Path(folder, "log"), "w") as log:
            process = subprocess.Popen([*on_core(0), *command, "--config", config], stdout=log, stderr=log)
        try:
            harness.wait_until(lambda: listens(port), what="collector listens")
            load = [*on_core(1), BUILD / "bench/collector_load", f"127.0.0.1:{port}", backend]
            run_load(load, count // 10, per_request)
            before = cpu_seconds(process.pid)
            row = run_load(load, count, per_request)
            row["cpu_per_million"] = (cpu_seconds(process.pid) - before) / row["delivered"] * 1e6
            row["rss_mb"] = rss_mb(process.pid)
            return row
        finally:
            process.terminate()
            process.wait(30)


def run_load(load, count, per_request):
    done = subprocess.run([*map(str, load), str(max(count, per_request)), str(per_request), "16"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def on_core(number):
    """One core for the collector, another for the load, where there are two."""
    return ["taskset", "-c", str(number)] if os.cpu_count() > 1 else []


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def bench_collector_drivers(names):
    """The drivers that the peers were measured with (they bring their own backend; ports 4317 and 4318 must be free)."""
    for name in names:
        command = f"{harness.BINARY} collector --config {{config}}" if name == "beleg" else f"{OTELCOL} --config {{config}}"
        for config in ("nocomp.yaml", "base.yaml"):
            print(f"drivers: {name}, {config}", flush=True)
            subprocess.run([sys.executable, pathlib.Path(os.environ["BENCH_DRIVERS"]) / "collector/run.py", "--name", name, "--cmd", command,
                            "--suite", "throughput", "--config", config, "--sizes", "1,10,512"], check=True)


BENCHES = {"collector": bench_collector, "audit": bench_audit, "audit_closed": bench_audit_closed, "model": bench_model, "ledger": bench_ledger, "store": bench_store}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("benches", nargs="*", metavar="BENCH", help=f"{', '.join(BENCHES)}; all of them without one")
    parser.add_argument("--dir", default=BUILD, help="logs lie below it: names the disk that is measured")
    OPTIONS = parser.parse_args()
    if not os.path.isdir(OPTIONS.dir):
        parser.error(f"--dir {OPTIONS.dir}: no such folder")
    if unknown := [name for name in OPTIONS.benches if name not in BENCHES]:
        parser.error(f"no such bench: {', '.join(unknown)}")
    print(f"machine: {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, "
          f"{next(l for l in open('/proc/cpuinfo') if l.startswith('model name')).split(':')[1].strip()}")
    for name in OPTIONS.benches or BENCHES:
        BENCHES[name]()
