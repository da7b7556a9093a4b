"""The tutorial's picture: serve and collector on one host, the store on another."""

import pathlib

from harness import BINARY, Part

LEDGER_PORT = 8001


class Topology:
    """serve and `otelcol-contrib` on hosts.inference, the store on hosts.audit, on the tutorial's own ports.

    config: the collector's YAML as a file; SIGNOZ_IP is in its environment.
    """

    def __init__(self, folder, hosts, config, engine=("--engine", "replay")):
        folder = pathlib.Path(folder)
        self.hosts = hosts
        inference, audit = hosts.inference, hosts.audit
        token = folder / "ledger.token"
        open_wide = "--insecure-no-auth"  # as in the tutorial
        self.serve = Part(folder, "serve", [
            *engine, "--host", inference.address, "--port", 8000, open_wide, "--ledger", folder / "ledger",
            "--ledger-listen", f"{inference.address}:{LEDGER_PORT}", "--ledger-token-file", token,
            "--otlp-traces-endpoint", "http://127.0.0.1:4317"], prefix=inference.prefix)
        self.store = Part(folder, "store", [
            "--data", folder / "store", "--listen", f"{audit.address}:3301", "--otlp-grpc-listen", f"{audit.address}:4317", open_wide,
            "--ledger", f"http://{inference.address}:{LEDGER_PORT}", "--ledger-token-file", token], prefix=audit.prefix)
        program = folder / "otelcol-contrib"
        program.symlink_to(BINARY)
        self.collector = Part(folder, "collector", ["--config", config], env={"SIGNOZ_IP": audit.address}, prefix=inference.prefix,
                              program=[program])
        self.parts = (self.serve, self.store, self.collector)

    def __enter__(self):
        try:
            for part in self.parts:
                part.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for part in (self.serve, self.collector, self.store):
            part.stop()

    def environment(self):
        """What the tutorial's scripts read."""
        return {"HETZNER_GPU_IP": self.hosts.inference.address, "SIGNOZ_IP": self.hosts.audit.address, "VLLM_PORT": "8000"}
