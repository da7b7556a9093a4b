"""Our gRPC against Python's (grpcio, the C core), Go's and C++'s, both directions, by the small program tests/peers/grpc_peer."""
import concurrent.futures
import os
import subprocess
import threading

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from harness import wait_until
from relay import Relay

PEER = os.environ["BELEG_GRPC_PEER"]  # our end
GO_PEER = os.environ["BELEG_GO_PEER"]  # tests/peers/go
CPP_PEER = os.environ["BELEG_CPP_PEER"]  # tests/peers/grpcpp
ECHO = "/beleg.test.Peer/Echo"


class Peer:
    """Our server in a process of its own."""

    def __enter__(self):
        self.process = subprocess.Popen([PEER, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.target = "127.0.0.1:" + self.process.stdout.readline().split()[1]
        return self

    def __exit__(self, *_):
        self.stop()

    def line(self):
        return self.process.stdout.readline().strip()

    def stop(self):
        if self.process.poll() is None:
            self.process.stdin.write("\n")
            self.process.stdin.close()
            assert self.process.wait(30) == 0


@pytest.fixture
def peer():
    with Peer() as running:
        yield running


def method(channel, path=ECHO):
    return channel.unary_unary(path)  # no serializer: bytes in, bytes out


@pytest.mark.parametrize("size", [0, 1, 1_000, 16_384, 400_000, 4 << 20])
@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_message_comes_back(peer, size, compression):
    with grpc.insecure_channel(peer.target, compression=compression,
                               options=[("grpc.max_receive_message_length", -1)]) as channel:
        message = os.urandom(size // 2) + bytes(size - size // 2)
        answer, call = method(channel).with_call(message, timeout=30, metadata=[("x-a", "1"), ("x-b-bin", b"\0\xff")])
        assert answer == message
        assert dict(call.initial_metadata()) == {"x-a": "1", "x-b-bin": b"\0\xff"}
        assert dict(call.trailing_metadata()) == {"x-a": "1", "x-b-bin": b"\0\xff"}


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK])
def test_every_status_arrives(peer, code):
    with grpc.insecure_channel(peer.target) as channel:
        with pytest.raises(grpc.RpcError) as failure:
            method(channel, "/beleg.test.Peer/Fail")(f"{code.value[0]} größer\n100%".encode(), timeout=30)
        assert failure.value.code() is code
        assert failure.value.details() == "größer\n100%"
        assert b"google.rpc.RetryInfo" in dict(failure.value.trailing_metadata())["grpc-status-details-bin"]


def test_unknown_method_and_compression_are_unimplemented(peer):
    with grpc.insecure_channel(peer.target) as channel:
        with pytest.raises(grpc.RpcError) as failure:
            method(channel, "/beleg.test.Peer/Nothing")(b"", timeout=30)
        assert failure.value.code() is grpc.StatusCode.UNIMPLEMENTED
        with pytest.raises(grpc.RpcError) as failure:
            method(channel)(b"x" * 1_000, timeout=30, compression=grpc.Compression.Deflate)
        assert failure.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_message_over_4_mib_is_resource_exhausted(peer):
    with grpc.insecure_channel(peer.target) as channel:
        for size in (4 << 20) + 1, 20 << 20:
            with pytest.raises(grpc.RpcError) as failure:
                method(channel)(bytes(size), timeout=30)
            assert failure.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert failure.value.details() == f"grpc: received message larger than max ({size} vs. 4194304)"
        assert method(channel)(b"still works", timeout=30) == b"still works"


def test_deadline_and_cancel_reach_the_handler(peer):
    with grpc.insecure_channel(peer.target) as channel:
        assert method(channel)(b"connected", timeout=30) == b"connected"  # so that the deadline is the handler's alone
        with pytest.raises(grpc.RpcError) as failure:
            method(channel, "/beleg.test.Peer/Slow")(b"", timeout=2)
        assert failure.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert peer.line() == "cancelled"
        call = method(channel, "/beleg.test.Peer/Slow").future(b"", timeout=30)
        method(channel)(b"the first has been sent", timeout=30)
        call.cancel()
        assert peer.line() == "cancelled"


def test_thousand_calls_at_once(peer):
    with grpc.insecure_channel(peer.target) as channel:
        calls = [method(channel).future(b"%d" % i * 100, timeout=60) for i in range(1_000)]
        assert [call.result() for call in calls] == [b"%d" % i * 100 for i in range(1_000)]


def test_stop_ends_running_calls_well_and_sends_goaway(peer):
    with grpc.insecure_channel(peer.target) as channel:
        slow = method(channel, "/beleg.test.Peer/Slow").future(b"", timeout=2)
        assert method(channel)(b"x", timeout=30) == b"x"
        threading.Thread(target=peer.stop).start()
        with pytest.raises(grpc.RpcError) as failure:
            slow.result()
        assert failure.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED  # and not broken by the stop
        assert peer.process.wait(30) == 0


def test_sdk_exporter(peer):
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"http://{peer.target}", insecure=True)))
    with provider.get_tracer("test").start_as_current_span("span"):
        pass
    assert provider.force_flush(60_000)
    assert peer.line().startswith("exported ")
    provider.shutdown()


class Handler(grpc.GenericRpcHandler):
    """The same methods, served by Python."""

    def service(self, details):
        def echo(message, context):
            metadata = dict(details.invocation_metadata)
            if metadata.get("x-text") != "value" or metadata.get("x-raw-bin") != b"\0\xff":
                context.abort(grpc.StatusCode.INTERNAL, "metadata was lost")
            return message

        def fail(_, context):
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "größer 100%")

        def slow(message, context):
            ended = threading.Event()
            context.add_callback(ended.set)
            ended.wait(30)
            return message

        found = {"Echo": echo, "Fail": fail, "Slow": slow}.get(details.method.rsplit("/", 1)[1])
        return grpc.unary_unary_rpc_method_handler(found) if found else None


@pytest.fixture
def python_server():
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(8), handlers=[Handler()], compression=grpc.Compression.Gzip)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(0)


@pytest.fixture(params=[GO_PEER, CPP_PEER], ids=["go", "c++"])
def foreign_server(request):
    process = subprocess.Popen([request.param, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    yield "127.0.0.1:" + process.stdout.readline().split()[1]
    process.kill()
    process.wait()


def call(target, path, count=1, size=10, compression="none", timeout_ms=30_000):
    out = subprocess.run([PEER, "call", target, path, str(count), str(size), compression, str(timeout_ms)],
                         capture_output=True, text=True, timeout=120)
    assert out.returncode == 0, out.stderr
    return out.stdout.strip()


@pytest.mark.parametrize("compression", ["none", "gzip"])
@pytest.mark.parametrize("size", [0, 1_000, 400_000, 4_000_000])
def test_own_client_against_python(python_server, size, compression):
    assert call(python_server, ECHO, 20, size, compression) == "0  x20"


def test_own_client_makes_a_thousand_calls(python_server):
    assert call(python_server, ECHO, 1_000, 100) == "0  x1000"


def test_own_client_reads_status_deadline_and_limits(python_server):
    assert call(python_server, "/beleg.test.Peer/Fail") == "9 größer 100% x1"
    assert call(python_server, "/beleg.test.Peer/Nothing").startswith("12 ")
    # Whoever is first: our timer, or the server's answer.
    assert call(python_server, "/beleg.test.Peer/Slow", timeout_ms=300) in ("error DEADLINE_EXCEEDED x1", "4 Deadline Exceeded x1")
    assert call(python_server, ECHO, 1, 5 << 20).startswith("8 ")


@pytest.mark.parametrize("client", [GO_PEER, CPP_PEER], ids=["go", "c++"])
def test_foreign_client_finds_nothing_wrong(peer, client):
    out = subprocess.run([client, "call", peer.target], capture_output=True, text=True, timeout=120)
    assert (out.stdout, out.stderr) == ("ok\n", "")


@pytest.mark.parametrize("count, size, compression", [(1_000, 100, "none"), (50, 400_000, "gzip"), (50, 400_000, "none")])
def test_own_client_against_foreign_server(foreign_server, count, size, compression):
    assert call(foreign_server, ECHO, count, size, compression) == f"0  x{count}"


def test_own_client_reads_foreign_status_deadline_and_limits(foreign_server):
    assert call(foreign_server, "/beleg.test.Peer/Fail") == "9 größer 100% x1"
    assert call(foreign_server, "/beleg.test.Peer/Nothing").startswith("12 ")
    assert "eadline" in call(foreign_server, "/beleg.test.Peer/Slow", timeout_ms=300).lower()
    assert call(foreign_server, ECHO, 1, 5 << 20).startswith("8 ")


def test_own_client_lives_through_resets(python_server):
    with Relay(python_server) as relay:
        process = subprocess.Popen([PEER, "call", relay.target, ECHO, "3000", "20000", "none", "30000"], stdout=subprocess.PIPE, text=True)
        for connection in range(1, 6):
            wait_until(lambda: relay.accepted >= connection, what="connection")
            threading.Event().wait(0.05)  # some calls on the way
            relay.cut()
        out, _ = process.communicate(timeout=60)
    outcomes = dict(line.rsplit(" x", 1) for line in out.splitlines())
    assert set(outcomes) <= {"0 ", "error UNAVAILABLE"}, out
    assert int(outcomes["0 "]) >= 1_000, "it came back and went on"


def test_own_server_lives_through_resets(peer):
    with Relay(peer.target) as relay, grpc.insecure_channel(relay.target, options=[("grpc.initial_reconnect_backoff_ms", 50)]) as channel:
        ok, unavailable = 0, 0
        for round in range(10):
            calls = [method(channel).future(b"m" * 50_000, timeout=30) for _ in range(100)]
            calls.append(method(channel, "/beleg.test.Peer/Slow").future(b"", timeout=30))
            calls[round].exception()
            relay.cut()
            for call in calls:
                if call.exception() is None:
                    ok += 1
                else:
                    assert call.exception().code() is grpc.StatusCode.UNAVAILABLE
                    unavailable += 1
            grpc.channel_ready_future(channel).result(20)
        assert ok and unavailable, "no reset hit a call: the test proves nothing"
    with grpc.insecure_channel(peer.target) as channel:
        assert method(channel)(b"still works", timeout=30) == b"still works"


def test_a_slow_line_is_waited_for_and_a_dead_one_is_not(peer, python_server):
    with Relay(peer.target) as relay, grpc.insecure_channel(relay.target) as channel:
        relay.bytes_per_s = 1 << 20
        assert method(channel)(b"m" * 400_000, timeout=30) == b"m" * 400_000
    with Relay(python_server) as relay:
        relay.bytes_per_s = 1 << 20
        assert call(relay.target, ECHO, 1, 400_000) == "0  x1"
        relay.passing.clear()
        assert call(relay.target, ECHO, 40, 400_000, timeout_ms=500) == "error DEADLINE_EXCEEDED x40"


def test_a_peer_that_does_not_read_holds_up_nobody_else(peer):
    with Relay(peer.target) as relay, grpc.insecure_channel(relay.target, options=[("grpc.max_receive_message_length", -1)]) as stuck:
        method(stuck)(b"", timeout=30)
        relay.passing.clear()
        held = [method(stuck).future(bytes(4 << 20), timeout=60) for _ in range(20)]
        with grpc.insecure_channel(peer.target) as channel:
            calls = [method(channel).future(b"m" * 1_000, timeout=30) for _ in range(1_000)]
            assert all(call.result() == b"m" * 1_000 for call in calls)
        relay.passing.set()
        assert all(len(call.result()) == 4 << 20 for call in held)
