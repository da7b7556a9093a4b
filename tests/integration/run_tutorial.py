#!/usr/bin/env python3
"""Runs the tutorial's own scripts, cut unchanged from a copy of its text, against a running beleg.

    run_tutorial.py TEXT [--model NAME] [--api-port 8000] [--span-port 3301]

The scripts have ports of their own in them (3301; 8000 by VLLM_PORT): start `beleg up` with its defaults first.
Exit 0 when audit_client.py found all five attributes and the response's id is a record's id, and emit_test_span.py ran.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.request


def cut(text, name):
    match = re.search(r"```python\n# filename: " + re.escape(name) + r"\n(.*?)```", text, re.S)
    assert match, f"{name} is not in the text"
    return match[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=pathlib.Path)
    parser.add_argument("--model", default="smollm2-135m-instruct")
    parser.add_argument("--api-port", default="8000")
    arguments = parser.parse_args()
    text = arguments.text.read_text()
    folder = pathlib.Path(tempfile.mkdtemp())
    env = {**os.environ, "MODEL_ID": arguments.model, "VLLM_PORT": arguments.api_port, "HETZNER_GPU_IP": "127.0.0.1", "SIGNOZ_IP": "127.0.0.1"}
    outputs = {}
    for name in ("emit_test_span.py", "audit_client.py"):
        (folder / name).write_text(cut(text, name))
        done = subprocess.run([sys.executable, folder / name], capture_output=True, text=True, env=env, timeout=180)
        print(done.stdout, done.stderr, sep="\n")
        if done.returncode != 0:
            return f"{name} ended with {done.returncode}"
        outputs[name] = done.stdout
    audit = outputs["audit_client.py"]
    if "Response received" not in audit or audit.count("  PASS  ") != 5 or "All required audit attributes confirmed" not in audit:
        return "audit_client.py did not find everything"
    response_id = json.loads(re.search(r"Response received: (\{.*?\n\})", audit, re.S)[1])["id"]
    with urllib.request.urlopen(f"http://127.0.0.1:3301/api/records/{response_id}", timeout=20) as answer:
        found = json.load(answer)
    print(f"record of {response_id}: leaf {found['index']} of {found['origin']}, outcome {found['record']['outcome']}")
    return 0 if "trace_id=" in outputs["emit_test_span.py"] else "emit_test_span.py printed no trace id"


if __name__ == "__main__":
    sys.exit(main())
