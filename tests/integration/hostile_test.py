"""Clients that break off, lie about sizes, or speak another language."""

import concurrent.futures
import contextlib
import random
import socket
import threading

import grpc
import pytest

from api import Api, Code
from assay.v1 import study_pb2, trial_pb2
from bad_requests_test import create, measurement
from running_server import RunningServer, eventually


@pytest.fixture(scope="module")
def server():
    """Listens on TCP, for who speaks no gRPC."""
    with RunningServer("--min-free-bytes", "0", grpc="127.0.0.1:0") as running:
        running.api.call("StudyService/Create", create(name="s", budget=dict(max_parallel=1)))
        running.api.call("TrialService/Suggest", study="s", client_id="holder", wait=30)
        yield running
        assert running.runs, running.log[-4000:]
        assert running.api.problems() == []


def answers(server):
    assert server.api.call("StudyService/Get", study="s", timeout=20).spec.name == "s"
    assert server.get("/healthz")[0] == 200


def becomes(server, metric, value):
    """Figures are taken once a second: an old one may pass for a new one."""
    seen = []

    def is_there():
        seen.append(server.metric(metric))
        return seen[-1] == value
    eventually(is_there, 20, lambda: f"{metric} {value}, last {seen[-3:]}")


def nobody_watches(server):
    """Seven of our own tell the next figure from the last."""
    streams = [server.api.stream("StudyService/Watch", study="s") for _ in range(7)]
    for stream in streams:
        next(stream)
    becomes(server, "assay_watchers", 7)
    for stream in streams:
        stream.cancel()
    becomes(server, "assay_watchers", 0)


def endpoint(address):
    host, port = address.rsplit(":", 1)
    return host, int(port)


# --- Deadlines and broken calls ----------------------------------------------

def test_one_millisecond_is_deadline_exceeded(server):
    request = trial_pb2.SuggestRequest(study="s", client_id="hasty", wait=1)
    for _ in range(50):
        code, _ = server.api.outcome("TrialService/Suggest", request, timeout=0.001)
        assert code == Code.DEADLINE_EXCEEDED
    becomes(server, "assay_waiting_suggests", 0)
    answers(server)


def test_an_ask_whose_client_left_early_does_not_wait():
    """Large writes keep the disk busy, so that calls end while theirs is in the queue."""
    with RunningServer("--min-free-bytes", "0") as server:
        calls = server.api
        calls.call("StudyService/Create", create(name="s", budget=dict(max_parallel=1)))
        calls.call("StudyService/Create", create(name="slow"))
        calls.call("TrialService/Suggest", study="s", client_id="holder", wait=30)
        for i in range(50):
            busy = [calls.future("StudyService/Update", study_pb2.UpdateStudyRequest(
                study="slow", note="n" * 900_000)) for _ in range(3)]
            calls.outcome("TrialService/Suggest", trial_pb2.SuggestRequest(
                study="s", client_id=f"hasty {i}", wait=60), timeout=0.005)
            for call in busy:
                call.result()
        # Seven of our own tell the next figure from the last.
        patient = [calls.future("TrialService/Suggest", trial_pb2.SuggestRequest(
            study="s", client_id=f"patient {i}", wait=60)) for i in range(7)]
        becomes(server, "assay_waiting_suggests", 7)
        for call in patient:
            call.cancel()


def test_a_deadline_in_the_past(server):
    code, _ = server.api.outcome("StudyService/Get", study_pb2.GetStudyRequest(study="s"),
                                 timeout=-1)
    assert code == Code.DEADLINE_EXCEEDED


def test_watchers_that_break_off_leave_nothing(server):
    for _ in range(200):
        stream = server.api.stream("StudyService/Watch", study="s")
        next(stream)
        stream.cancel()
    nobody_watches(server)


def test_watchers_that_vanish_with_their_connection_leave_nothing(server):
    for _ in range(20):
        client = Api(server.grpc)
        for stream in [client.stream("StudyService/Watch", study="s") for _ in range(10)]:
            next(stream)
        client.close()
    nobody_watches(server)


def test_watchers_that_break_off_while_much_is_sent_leave_nothing(server):
    calls = server.api
    calls.call("StudyService/Create", create(name="busy", parameters=[]))
    requests = [trial_pb2.EnqueueRequest(study="busy", note="n" * 1000) for _ in range(2000)]
    for call in [calls.future("TrialService/Enqueue", request) for request in requests]:
        call.result()
    for messages in range(1, 6):
        for _ in range(10):
            stream = calls.stream("StudyService/Watch", study="busy")
            for _ in range(min(messages, 4)):
                next(stream)
            stream.cancel()
            export = calls.stream("StudyService/Export", study="busy")
            next(export)
            export.cancel()
    nobody_watches(server)


def test_a_watch_ends_with_its_study(server):
    server.api.call("StudyService/Create", create(name="short"))
    stream = server.api.stream("StudyService/Watch", study="short")
    next(stream)
    server.api.call("StudyService/Delete", study="short")
    with pytest.raises(grpc.RpcError) as error:
        list(stream)
    assert error.value.code() == Code.NOT_FOUND


def test_more_watchers_than_the_limit_are_refused_and_the_limit_recovers(server):
    nobody_watches(server)
    streams = [server.api.stream("StudyService/Watch", study="s") for _ in range(1000)]
    for stream in streams:
        next(stream)
    code, details = server.api.outcome(
        "StudyService/Watch", study_pb2.WatchStudyRequest(study="s"))
    assert code == Code.RESOURCE_EXHAUSTED and "1000" in details
    answers(server)
    for stream in streams:
        stream.cancel()
    nobody_watches(server)


def test_askers_that_leave_do_not_get_trials(server):
    calls = [server.api.future("TrialService/Suggest", trial_pb2.SuggestRequest(
        study="s", client_id=f"left {i}", wait=60)) for i in range(100)]
    becomes(server, "assay_waiting_suggests", 100)
    for call in calls:
        call.cancel()
    becomes(server, "assay_waiting_suggests", 0)
    server.api.call("StudyService/Update", study="s", budget=dict(max_parallel=2))
    answer = server.api.call("TrialService/Suggest", study="s", client_id="stayed", wait=30)
    assert len(answer.assignments) == 1
    server.api.call("TrialService/Fail", trial_id=answer.assignments[0].trial.id, attempt=1,
                    kind=trial_pb2.FailRequest.HAND_BACK)
    assert server.api.call("StudyService/Get", study="s").counts.running == 1


# --- Sizes -------------------------------------------------------------------

@pytest.mark.parametrize("method", ["StudyService/Create", "TrialService/Report",
                                    "WorkerService/Connect", "StudyService/Watch"])
def test_a_message_of_100_mb_is_refused(server, method):
    content = b"\x0a" + b"\x80\x80\x80\x32" + b"x" * (100 << 20)
    request = [content] if method == "WorkerService/Connect" else content
    code, details = server.api.outcome(method, request, timeout=60)
    assert code == Code.RESOURCE_EXHAUSTED
    assert "larger than max" in details and str(16 << 20) in details
    answers(server)


def test_a_message_just_below_the_limit_is_taken(server):
    """Up to the checks of its content."""
    request = create(note="n" * ((16 << 20) - 1000))
    code, details = server.api.outcome("StudyService/Create", request)
    assert code == Code.INVALID_ARGUMENT and "1 MiB" in details


def test_an_unknown_method_is_unimplemented(server):
    for method in ("/assay.v1.StudyService/Nothing", "/assay.v2.StudyService/Get", "/x"):
        call = server.api.channel.unary_unary(
            method, request_serializer=bytes, response_deserializer=bytes)
        with pytest.raises(grpc.RpcError) as error:
            call(b"", timeout=20)
        assert error.value.code() == Code.UNIMPLEMENTED


def test_fields_that_nobody_knows_are_ignored(server):
    request = study_pb2.GetStudyRequest(study="s").SerializeToString()
    unknown = b"\xba\x3e\x03abc"  # Field 999.
    assert server.api.call("StudyService/Get", request + unknown).spec.name == "s"


# --- Other languages ---------------------------------------------------------

def noise(seed):
    generator = random.Random(seed)
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    start = generator.choice([b"", preface, preface + b"\0\0\0\x04\0\0\0\0\0",
                              b"GET /metrics HTTP/1.1\r\n", b"POST / HTTP/1.1\r\nHost: localhost\r\n"
                              b"Content-Length: 99999999999\r\n\r\n", b"\x16\x03\x01\x02\0\x01"])
    return start + generator.randbytes(generator.choice([0, 1, 9, 100, 5000, 100_000]))


def send(address, content):
    """Sends it, reads a little if there is anything, and breaks off."""
    with socket.create_connection(endpoint(address), timeout=10) as connection:
        connection.settimeout(0.05)
        try:
            connection.sendall(content)
            connection.recv(1000)
        except OSError:
            pass  # Refused, or nothing to say: both are fine.


@pytest.mark.parametrize("port", ["grpc", "http"])
def test_random_bytes(server, port):
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda seed: send(getattr(server, port), noise(seed)), range(300)))
    answers(server)


@pytest.mark.parametrize("head", [
    b"GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n",
], ids=["Host", "Origin"])
def test_a_foreign_page_gets_nothing_over_http(server, head):
    with socket.create_connection(endpoint(server.http), timeout=10) as connection:
        connection.sendall(head)
        assert connection.recv(100).startswith(b"HTTP/1.1 403")


def test_a_head_without_end_is_refused(server):
    with socket.create_connection(endpoint(server.http), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000)
        assert connection.recv(100).startswith(b"HTTP/1.1 431")


# --- Many --------------------------------------------------------------------

@contextlib.contextmanager
def strangers(address, count):
    """Connections that say nothing."""
    with contextlib.ExitStack() as connections:
        for _ in range(count):
            connections.enter_context(socket.create_connection(endpoint(address), 10))
        yield


def test_1000_silent_connections_to_grpc_hinder_nobody(server):
    with strangers(server.grpc, 1000):
        answers(server)
        other = Api(server.grpc)
        assert other.call("ServerService/Info", timeout=20).version
        other.close()


def test_1000_silent_connections_to_http_are_closed_in_ten_seconds(server):
    def is_healthy():
        try:
            return server.get("/healthz")[0] == 200
        except OSError:
            return False  # Closed at once: no room now.

    with strangers(server.http, 1000):
        assert server.api.call("StudyService/Get", study="s", timeout=20).id
        eventually(is_healthy, 40, "an answer over HTTP")


def test_200_channels_at_once(server):
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        def ask(_):
            client = Api(server.grpc)
            try:
                return client.call("StudyService/Get", study="s", timeout=60).id
            finally:
                client.close()
        assert len(set(pool.map(ask, range(200)))) == 1


def test_a_client_that_does_not_read_hinders_nobody(server):
    """Watch sends one message at a time: a full window parks that stream only."""
    calls = server.api
    calls.call("StudyService/Create", create(name="big", parameters=[]))
    for call in [calls.future("TrialService/Enqueue", trial_pb2.EnqueueRequest(
            study="big", note="n" * 60_000)) for _ in range(100)]:
        call.result()
    deaf = Api(server.grpc, options=[("grpc.http2.lookahead_bytes", 1024)])
    streams = [deaf.stream("StudyService/Export", study="big") for _ in range(50)]
    for stream in streams:
        next(stream)
    answers(server)
    deaf.close()
    nobody_watches(server)


def test_what_is_reported_under_attack_is_kept(server):
    """A well-behaved client beside all of it."""
    calls = server.api
    calls.call("StudyService/Create", create(name="calm"))
    trial = calls.call("TrialService/Suggest", study="calm", client_id="c",
                       wait=30).assignments[0].trial.id
    stop = threading.Event()

    def attack():
        seed = 0
        while not stop.is_set():
            seed += 1
            send(server.grpc, noise(seed))
            server.api.outcome("TrialService/Report", b"\xff" * seed, timeout=5)

    attackers = [threading.Thread(target=attack) for _ in range(4)]
    for attacker in attackers:
        attacker.start()
    try:
        for step in range(1, 201):
            calls.call("TrialService/Report", trial_id=trial, attempt=1,
                       measurement=measurement(sequence=step, step=step))
    finally:
        stop.set()
        for attacker in attackers:
            attacker.join()
    curve = calls.call("TrialService/Curve", trial_id=trial).measurements
    assert [point.step for point in curve] == list(range(1, 201))
