"""A TCP relay that is a bad line: it can cut all connections with a reset, hold what passes, or let it drip."""

import socket
import struct
import threading
import time

CHUNK = 16_384


class Relay:
    def __init__(self, target):
        host, port = target.rsplit(":", 1)
        self.to = (host, int(port))
        self.bytes_per_s = None  # None: as fast as it goes
        self.passing = threading.Event()
        self.passing.set()
        self.lock = threading.Lock()
        self.open = set()  # sockets of both sides
        self.accepted = 0

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.target = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()
        self.passing.set()
        self.cut()

    def cut(self):
        """Resets every connection, in the middle of whatever it carries."""
        with self.lock:
            for one in self.open:
                try:
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    one.shutdown(socket.SHUT_RD)  # wakes its thread, which closes it: that sends the reset
                except OSError:
                    pass  # closed by its peer meanwhile

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
                far = socket.create_connection(self.to)
            except OSError:
                return
            with self.lock:
                self.open |= {near, far}
                self.accepted += 1  # from now on it is one that cut() cuts
            for pair in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _pump(self, source, sink):
        try:
            while data := source.recv(CHUNK):
                self.passing.wait()
                if self.bytes_per_s:
                    time.sleep(len(data) / self.bytes_per_s)
                sink.sendall(data)
        except OSError:
            pass
        with self.lock:
            for one in (source, sink):
                self.open.discard(one)
                one.close()
