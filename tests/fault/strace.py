"""strace as the hand that breaks system calls of a running process."""

import os
import re
import subprocess

from harness import wait_until

# What reads and writes of files are made of; sockets have calls of their own.
CALLS = "pwrite64,fdatasync,fsync,openat,mkdir,rename,unlink,statfs,fallocate,ftruncate,pread64,getdents64"


class Strace:
    """strace on process and all its threads, until it ends. inject: as strace's -e inject=, or None to look on only."""

    def __init__(self, pid, log_path, inject=None):
        self.log_path = log_path
        command = ["strace", "--follow-forks", "--decode-fds=path", f"--attach={pid}", f"--output={log_path}", f"--trace={CALLS}"]
        self.process = subprocess.Popen(command + ([f"--inject={inject}"] if inject else []), stderr=subprocess.PIPE, text=True)
        said = self.process.stderr.readline()
        assert "attached" in said, said

    def hits(self):
        """How many calls it broke so far; of a process that it killed, how many threads."""
        with open(self.log_path, errors="replace") as log:
            return sum("(INJECTED)" in line or "(DELAYED)" in line or "+++ killed by" in line for line in log)

    def calls(self, folder):
        """(thread, call) for each call so far that named something in folder."""
        with open(self.log_path, errors="replace") as log:
            for line in log:
                match = re.match(r"(\d+) +(\w+)\(", line)
                if match and os.fspath(folder) in line:
                    yield match[1], match[2]

    def detach_when(self, settled):
        """Detaches after settled(), if it broke anything; and that again, for a call may be broken while it goes."""
        self._wait(settled)
        self.detach()
        self._wait(settled)

    def _wait(self, settled):
        if self.hits():
            wait_until(settled, what="what follows from the broken call")

    def detach(self):
        """Nothing is broken after it. What hits() counts is final, and may be more than before."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:  # told to stop while its process ends, strace waits for the process and that for strace
            self.process.kill()
            self.process.wait()
        self.process.stderr.close()
