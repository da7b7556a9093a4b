"""--audit=open: answers go on while the log takes nothing, loudly, and the log says so afterwards."""

import shutil
import subprocess

import requests

from harness import BINARY, Part, free_port, go_entries, wait_until

CHAT = {"model": "replay", "messages": [{"role": "user", "content": "hi"}]}


def test_requests_without_a_record_are_told_and_explained(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(disk)], capture_output=True, text=True)
    assert mounted.returncode == 0, f"this test needs root to mount a tmpfs: {mounted.stderr}"
    serve = Part(tmp_path, "serve", ["--engine", "replay", "--port", 0, "--ledger", disk / "ledger", "--audit", "open",
                                     "--ledger-listen", f"127.0.0.1:{free_port()}", "--ledger-free-bytes-min", 4 << 20])
    try:
        serve.start()

        def chat(**body):
            return requests.post(serve.url + "/v1/chat/completions", json={**CHAT, **body}, timeout=20)

        def health():
            return requests.get(serve.url + "/health", timeout=20)

        recorded = chat()
        assert recorded.headers["Audit-Mode"] == "open" and "Audit-Finish" in recorded.headers
        assert health().json()["audit"] == "open" and requests.get(serve.url + "/v1/models", timeout=20).headers["Audit-Mode"] == "open"

        with open(disk / "filler", "wb") as filler:
            filler.write(b"x" * (shutil.disk_usage(disk).free - (2 << 20)))
        wait_until(lambda: health().json()["status"] != "ok", what="the ledger refuses")
        assert health().status_code == 200 and "why" in health().json()
        answers = [chat(), chat(stream=True), chat(model="none")]
        assert [a.status_code for a in answers] == [200, 200, 404]
        for answer in answers:
            assert answer.headers["Audit-Record"] == "none" and "Audit-Begin" not in answer.headers
        assert "audit-finish" not in answers[1].text and answers[1].text.rstrip().endswith("data: [DONE]")
        assert health().json()["requests_without_record"] == 3
        assert "serve.answering_without_records" in serve.log()

        (disk / "filler").unlink()
        wait_until(lambda: health().json()["status"] == "ok", what="the ledger has room again")
        assert "Audit-Finish" in chat().headers
        assert serve.stop() == 0
        entries = go_entries(disk / "ledger/public", serve.run["vkey"])
        kinds = [e["type"] for e in entries]
        assert entries[0]["audit_mode"] == "open" and entries[kinds.index("config")]["settings"]["audit"] == "open"
        [told] = [e for e in entries if e["type"] == "unrecorded"]
        assert told["requests"] == 3 and told["error"] == "RESOURCE_EXHAUSTED"
        assert (told["first_seq"], told["last_seq"]) == (2, 4)
        # It stands before the first record after the gap.
        after = [e["seq"] for e in entries[entries.index(told):] if e["type"] == "request"]
        assert after == [5] and entries[-1]["highest_seq"] == 5
        # An auditor is told, though nothing contradicts anything.
        reconciled = subprocess.run([BINARY, "audit", "reconcile", str(disk / "ledger"), "--vkey", serve.run["vkey"]],
                                    capture_output=True, text=True, timeout=60)
        assert reconciled.returncode == 0 and "3 requests were answered or refused without a record" in reconciled.stdout, reconciled.stdout
    finally:
        serve.stop()
        subprocess.run(["umount", str(disk)], check=True)
