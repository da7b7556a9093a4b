#!/usr/bin/env python3
"""Writes the `test` lines of third_party/pins.txt anew: the newest test clients and all they need.

Run it on Debian 12 (the wheels are chosen for its Python and this machine's CPU), then `make setup-test`,
`make integration`, and read the difference before committing it.
"""
import pathlib
import subprocess
import sys
import tempfile

import pins

CLIENTS = ["openai", "requests", "opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http",
           "opentelemetry-exporter-otlp-proto-grpc", "grpcio", "opentelemetry-proto", "h2", "pytest"]


def download(folder):
    venv, wheels = folder / "venv", folder / "wheels"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    subprocess.run([venv / "bin/python", "-m", "pip", "download", "--quiet", "--only-binary=:all:",
                    "--dest", wheels, *CLIENTS], check=True)
    for wheel in sorted(wheels.iterdir()):
        name, version = wheel.name.split("-")[:2]
        yield pins.Pin("test", name.lower().replace("_", "-"), version, pins.sha256(wheel))


def main():
    kept = [line for line in pins.PINS.read_text().splitlines() if not line.startswith("test ")]
    with tempfile.TemporaryDirectory() as folder:
        new = [f"{pin.kind} {pin.name:<38} {pin.version:<12} {pin.hash}" for pin in download(pathlib.Path(folder))]
    pins.PINS.write_text("\n".join(kept + new) + "\n")
    print(f"{len(new)} test wheels pinned in {pins.PINS}")


if __name__ == "__main__":
    main()
