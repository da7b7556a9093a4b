"""Two hosts on one machine: network namespaces joined by a cable, so that an address is what it says.

Needs iproute2 and the right to make namespaces: root's, or a kernel that lets users have their own.
"""

import os
import subprocess
import warnings

import pytest

ADDRESSES = ("198.51.100.10", "198.51.100.20")  # TEST-NET-2: no machine has them


class Host:
    """A network namespace that lives as long as its process; prefix makes a command run inside."""

    def __init__(self, address, beside=None):
        self.address = address
        own_user = os.geteuid() != 0
        enter_user = ["--user", "--preserve-credentials"] if own_user else []
        make = ["unshare", "--net"] + (["--user", "--map-root-user"] if own_user and beside is None else [])
        if own_user and beside is not None:  # the cable can only join namespaces of one user namespace
            make = ["nsenter", f"--target={beside.pid}", *enter_user, *make]
        self.process = subprocess.Popen([*make, "sh", "-c", "echo ready; exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise PermissionError(self.process.stderr.read().strip() or "no reason given")
        self.pid = self.process.pid
        self.prefix = ["nsenter", f"--target={self.pid}", *enter_user, "--net"]

    def run(self, *command, **options):
        return subprocess.run([*self.prefix, *map(str, command)], capture_output=True, text=True, timeout=options.pop("timeout", 60), **options)

    def must(self, *command, **options):
        done = self.run(*command, **options)
        if done.returncode != 0:
            raise PermissionError(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
        return done.stdout

    def close(self):
        self.process.stdin.close()  # ends cat, and with it the namespace
        self.process.wait(60)


class TwoHosts:
    """inference and audit, each reachable from the other by its address."""

    def __enter__(self):
        self.inference = Host(ADDRESSES[0])
        self.audit = Host(ADDRESSES[1], beside=self.inference)
        self.inference.must("ip", "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", self.audit.pid)
        for host in (self.inference, self.audit):
            host.must("ip", "address", "add", f"{host.address}/24", "dev", "cable")
            for device in ("lo", "cable"):
                host.must("ip", "link", "set", device, "up")
        return self

    def __exit__(self, *_):
        for host in (self.audit, self.inference):
            host.close()


def two_hosts_or_skip():
    """Entered TwoHosts; a loud skip where the machine does not let us."""
    hosts = TwoHosts()
    try:
        return hosts.__enter__()
    except (PermissionError, FileNotFoundError) as why:
        warnings.warn(f"THE TOPOLOGY IS NOT TESTED HERE: no network namespaces: {why}")
        pytest.skip(f"no network namespaces here: {why}")
