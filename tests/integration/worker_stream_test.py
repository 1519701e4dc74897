"""Workers that do not keep to the protocol of their stream."""

import itertools
import queue

import grpc
import pytest

from api import Code
from assay.v1 import trial_pb2, worker_pb2
from bad_requests_test import MAX64, MEGABYTE, MIN64, NAN, create, measurement
from running_server import eventually

Message = worker_pb2.WorkerMessage
Finish = worker_pb2.Finish
INVALID = Code.INVALID_ARGUMENT


class Worker:
    """A stream of our own: sends what it is told to, collects what comes."""

    _count = itertools.count()

    def __init__(self, calls, name=None):
        # Nobody else has the name, nor the runner of that name.
        self.name = name or f"worker {next(self._count)}"
        self._outgoing = queue.Queue()
        self._stream = calls.connect(iter(self._outgoing.get, None), timeout=60)

    def send(self, **content):
        self._outgoing.put(Message(**content))

    def send_raw(self, content):
        self._outgoing.put(content)

    def send_hello(self, **fields):
        self.send(hello=dict(
            dict(name=self.name, instance="i", slots=1, runners=[self.name]), **fields))

    def greet(self, **fields):
        self.send_hello(**fields)
        return self.receive("welcome")

    def receive(self, kind):
        """The next message of this kind."""
        for message in self._stream:
            if message.WhichOneof("message") == kind:
                return getattr(message, kind)
        raise AssertionError(f"the stream ended before a {kind}")

    def end(self):
        """(code, details) with which the server ends the stream."""
        try:
            for _ in self._stream:
                pass
        except grpc.RpcError as error:
            return error.code(), error.details()
        return Code.OK, ""

    def cancel(self):
        self._stream.cancel()


@pytest.fixture
def worker(server):
    stream = Worker(server.api)
    yield stream
    stream.cancel()


@pytest.fixture
def attempt(server, worker):
    """(trial, attempt) of an assignment that the worker holds."""
    server.api.call("StudyService/Create", create(
        name=worker.name, trial=dict(runner=dict(name=worker.name), max_attempts=1),
        budget=dict(max_trials=1)))
    worker.greet()
    assignment = worker.receive("assignment")
    return assignment.trial.id, assignment.attempt


def known(server, name):
    """A worker as the server knows it."""
    workers = server.api.call("WorkerService/List").workers
    return next(worker for worker in workers if worker.name == name)


# --- Hello -------------------------------------------------------------------

@pytest.mark.parametrize("content", [
    dict(measurements={}), dict(finish={}), dict(log={}), dict(heartbeat={}),
    dict(draining={}), {}], ids=lambda content: next(iter(content), "nothing"))
def test_hello_has_to_be_first(worker, content):
    worker.send(**content)
    code, details = worker.end()
    assert code == INVALID and "hello" in details


def test_a_second_hello_is_refused(worker):
    worker.greet()
    worker.send_hello()
    code, details = worker.end()
    assert code == INVALID and "second hello" in details


def test_an_empty_message_is_refused(worker):
    worker.greet()
    worker.send()
    assert worker.end()[0] == INVALID


@pytest.mark.parametrize("fields, words", [
    (dict(name=""), ["hello.name", "0 bytes", "256"]),
    (dict(name=MEGABYTE), ["hello.name", "1048576 bytes"]),
    (dict(instance=""), ["hello.instance", "0 bytes"]),
    (dict(instance="i" * 257), ["hello.instance", "257"]),
    (dict(slots=0), ["hello.slots", "0", "1 to 1024"]),
    (dict(slots=-1), ["hello.slots", "-1"]),
    (dict(slots=1025), ["hello.slots", "1025"]),
    (dict(slots=2**31 - 1), ["hello.slots", "2147483647"]),
    (dict(slots=1024, gpus=[dict(index=i) for i in range(2000)]), ["hello.gpus", "2000", "1024"]),
    (dict(gpus=[dict(name=MEGABYTE)]), ["hello.gpus", "1048576"]),
    (dict(runners=["r"] * 1001), ["hello.runners", "1001", "1000"]),
    (dict(runners=[MEGABYTE]), ["hello.runners", "1048576"]),
    (dict(runners=[""]), ["hello.runners", "0 bytes"]),
    (dict(version=MEGABYTE), ["hello.version", "1048576"]),
    (dict(slots=2, held=[dict(trial_id=1, attempt=1, slot=3)]), ["hello.held.slot: 3", "0 to slots, 2"]),
    (dict(held=[dict(trial_id=1, attempt=1, slot=-1)]), ["hello.held.slot: -1"]),
], ids=lambda value: str(value)[:40])
def test_a_bad_hello_is_refused(worker, fields, words):
    worker.send_hello(**fields)
    code, details = worker.end()
    assert code == INVALID
    assert not [word for word in words if word not in details], details


def test_two_workers_of_one_name(server, worker):
    worker.greet(instance="first")
    second = Worker(server.api, worker.name)
    second.send_hello(instance="second")
    code, details = second.end()
    assert code == Code.ALREADY_EXISTS and worker.name in details
    assert known(server, worker.name).instance == "first"


def test_a_newer_stream_of_the_same_instance_replaces_the_older(server, worker):
    worker.greet()
    newer = Worker(server.api, worker.name)
    newer.greet()
    code, details = worker.end()
    assert code == Code.ABORTED and "newer" in details
    newer.cancel()


def test_what_it_does_not_hold_is_to_be_killed(worker):
    held = [dict(trial_id=trial, attempt=number)
            for trial, number in [(99999, 1), (0, 0), (MAX64, 2**31 - 1), (MIN64, -(2**31))]]
    welcome = worker.greet(held=held + held)
    assert len(welcome.verdicts) == len(held)
    assert not any(verdict.go_on for verdict in welcome.verdicts)


def test_20_000_held_attempts_are_answered(server, worker):
    welcome = worker.greet(held=[dict(trial_id=i, attempt=7) for i in range(20_000)])
    assert len(welcome.verdicts) == 20_000
    assert server.api.call("ServerService/Info", timeout=20).version


def test_bytes_that_do_not_parse_end_the_stream(server, worker):
    worker.greet()
    worker.send_raw(b"\x0a\x05\x0a\x03caf\xe9")
    worker.end()
    eventually(lambda: not known(server, worker.name).connected)


def test_streams_that_break_off_leave_no_worker(server):
    for i in range(100):
        worker = Worker(server.api)
        if i % 3:
            worker.send_hello()
        if i % 2:
            worker.send(heartbeat={})
        worker.cancel()
    eventually(lambda: server.metric("assay_workers") == 0)
    assert not any(w.connected for w in server.api.call("WorkerService/List").workers)


# --- Reports -----------------------------------------------------------------

@pytest.mark.parametrize("fields, words", [
    (dict(sequence=0), ["sequence", "0"]),
    (dict(sequence=-1), ["sequence", "-1"]),
    (dict(sequence=MAX64), ["sequence", str(MAX64)]),
    (dict(sequence=1, step=-1), ["step", "-1"]),
    (dict(sequence=1, metrics={}), ["metrics", "missing"]),
    (dict(sequence=1, metrics={f"m{i}": 1 for i in range(65)}), ["metrics", "65"]),
    (dict(sequence=1, elapsed_seconds=NAN), ["elapsed_seconds", "nan"]),
], ids=lambda value: str(value)[:40])
def test_a_bad_measurement_ends_the_stream(server, worker, attempt, fields, words):
    trial, number = attempt
    worker.send(measurements=dict(trial_id=trial, attempt=number, measurements=[
        measurement(sequence=1), measurement(**fields)]))
    code, details = worker.end()
    assert code == INVALID
    assert not [word for word in words if word not in details], details
    assert not server.api.call("TrialService/Curve", trial_id=trial).measurements


@pytest.mark.parametrize("trial_id, number", [
    (None, 2), (None, 0), (None, -1), (99999, 1), (0, 1), (MIN64, 1)])
def test_measurements_of_what_it_does_not_hold_are_answered_with_a_kill(
        worker, attempt, trial_id, number):
    trial = attempt[0] if trial_id is None else trial_id
    worker.send(measurements=dict(
        trial_id=trial, attempt=number, measurements=[measurement(sequence=1)]))
    stop = worker.receive("stop")
    assert (stop.trial_id, stop.attempt, stop.kill) == (trial, number, True)
    assert stop.reason


def test_a_heartbeat_for_what_it_does_not_hold_is_answered_with_a_kill(worker, attempt):
    worker.send(heartbeat=dict(held=[
        dict(trial_id=attempt[0], attempt=attempt[1]), dict(trial_id=99999, attempt=1)]))
    stop = worker.receive("stop")
    assert (stop.trial_id, stop.kill) == (99999, True)


@pytest.mark.parametrize("slot", [-1, 2, 2**31 - 1])
@pytest.mark.parametrize("kind", ["heartbeat", "finish"])
def test_a_slot_that_it_does_not_have_is_refused(server, worker, attempt, kind, slot):
    held = dict(trial_id=attempt[0], attempt=attempt[1], slot=slot)
    if kind == "finish":
        worker.send(finish=dict(held, kind=Finish.FAILED))
    else:
        worker.send(heartbeat=dict(held=[held]))
    code, details = worker.end()
    field = "finish.slot" if kind == "finish" else "heartbeat.held.slot"
    assert code == INVALID and f"{field}: {slot}; 0 to slots, 1" in details
    ran, = server.api.call("TrialService/Get", trial_id=attempt[0]).attempt_list
    assert (ran.outcome, ran.slot) == (trial_pb2.Attempt.RUNNING, 0)


def test_the_slot_of_a_heartbeat_is_kept_with_its_gpu(server, worker):
    server.api.call("StudyService/Create", create(
        name=worker.name, trial=dict(runner=dict(name=worker.name)), budget=dict(max_trials=1)))
    worker.greet(gpus=[dict(index=3, name="H100")])
    assigned = worker.receive("assignment")
    held = dict(trial_id=assigned.trial.id, attempt=assigned.attempt, slot=1)

    def ran():
        one, = server.api.call("TrialService/Get", trial_id=assigned.trial.id).attempt_list
        return one

    assert (ran().slot, ran().gpu) == (0, "")
    worker.send(heartbeat=dict(held=[held]))
    eventually(lambda: (ran().slot, ran().gpu) == (1, "3: H100"))
    assert [one.slot for one in known(server, worker.name).held] == [1]
    worker.send(finish=dict(trial_id=assigned.trial.id, attempt=assigned.attempt, kind=Finish.COMPLETED,
                            metrics=dict(loss=1)))  # Of a worker that tells none at the end.
    worker.receive("acknowledgement")
    assert (ran().outcome, ran().slot) == (trial_pb2.Attempt.COMPLETED, 1)


def test_an_empty_batch_is_acknowledged(worker, attempt):
    worker.send(measurements=dict(trial_id=attempt[0], attempt=attempt[1]))
    assert worker.receive("acknowledgement").trial_id == attempt[0]


def test_a_log_piece_too_large_is_refused(worker, attempt):
    worker.send(log=dict(trial_id=attempt[0], attempt=attempt[1], data=b"x" * 65537))
    code, details = worker.end()
    assert code == INVALID and "65537 bytes" in details and "64 KiB" in details


@pytest.mark.parametrize("offset", [-1, MIN64, MAX64])
def test_a_log_piece_from_nowhere_is_refused(worker, attempt, offset):
    worker.send(log=dict(trial_id=attempt[0], attempt=attempt[1], offset=offset, data=b"x"))
    code, details = worker.end()
    assert code == INVALID and str(offset) in details


def test_output_of_any_bytes_is_kept(server, worker, attempt):
    trial, number = attempt
    output = bytes(range(256)) * 256
    worker.send(log=dict(trial_id=trial, attempt=number, data=output))
    assert worker.receive("acknowledgement").through_offset == len(output)
    assert server.api.call("TrialService/Log", trial_id=trial).data == output


def test_output_of_an_unknown_trial_is_to_be_forgotten(worker, attempt):
    worker.send(log=dict(trial_id=99999, attempt=1, data=b"x"))
    acknowledgement = worker.receive("acknowledgement")
    assert (acknowledgement.trial_id, acknowledgement.through_offset) == (99999, 1)


# --- Finishes ----------------------------------------------------------------

@pytest.mark.parametrize("kind", [0, 7, -1])
def test_a_finish_of_no_kind_is_refused(server, worker, attempt, kind):
    worker.send(finish=dict(trial_id=attempt[0], attempt=attempt[1], kind=kind))
    code, details = worker.end()
    assert code == INVALID and "finish.kind" in details and "HANDED_BACK" in details
    state = server.api.call("TrialService/Get", trial_id=attempt[0]).state
    assert state == trial_pb2.Trial.RUNNING


@pytest.mark.parametrize("trial_id, number", [(None, 2), (None, 0), (99999, 1), (MAX64, -1)])
def test_a_finish_of_what_it_does_not_hold_changes_nothing(
        server, worker, attempt, trial_id, number):
    trial = attempt[0] if trial_id is None else trial_id
    worker.send(finish=dict(trial_id=trial, attempt=number, kind=Finish.COMPLETED,
                            metrics=dict(loss=1)))
    assert worker.receive("acknowledgement").finished
    state = server.api.call("TrialService/Get", trial_id=attempt[0]).state
    assert state == trial_pb2.Trial.RUNNING


def test_a_second_finish_changes_nothing(server, worker, attempt):
    trial, number = attempt
    for loss in (1, 2):
        worker.send(finish=dict(trial_id=trial, attempt=number, kind=Finish.COMPLETED,
                                metrics=dict(loss=loss)))
        assert worker.receive("acknowledgement").finished
    assert server.api.call("TrialService/Get", trial_id=trial).final_metrics["loss"] == 1


def test_completed_without_its_objective_is_failed(server, worker, attempt):
    trial, number = attempt
    worker.send(finish=dict(trial_id=trial, attempt=number, kind=Finish.COMPLETED))
    worker.receive("acknowledgement")
    ended = server.api.call("TrialService/Get", trial_id=trial)
    assert ended.state == trial_pb2.Trial.FAILED and '"loss"' in ended.reason


def test_nan_is_failed(server, worker, attempt):
    trial, number = attempt
    worker.send(finish=dict(trial_id=trial, attempt=number, kind=Finish.COMPLETED,
                            metrics=dict(loss=NAN)))
    worker.receive("acknowledgement")
    ended = server.api.call("TrialService/Get", trial_id=trial)
    assert ended.state == trial_pb2.Trial.FAILED and "NaN" in ended.reason


def test_a_long_reason_is_cut_between_two_characters(server, worker, attempt):
    """Half a character made the trial unreadable."""
    trial, number = attempt
    worker.send(finish=dict(trial_id=trial, attempt=number, kind=Finish.FATAL,
                            reason="x" + "€" * 50_000))
    worker.receive("acknowledgement")
    ended = server.api.call("TrialService/Get", trial_id=trial)
    assert ended.state == trial_pb2.Trial.FAILED
    assert ended.attempt_list[0].reason.startswith("x€€")


def test_101_attributes_are_refused(worker, attempt):
    worker.send(finish=dict(trial_id=attempt[0], attempt=attempt[1], kind=Finish.FAILED,
                            attributes=[dict(key=str(i)) for i in range(101)]))
    code, details = worker.end()
    assert code == INVALID and "101" in details


def test_a_flood_of_heartbeats_hinders_nobody(server, worker):
    worker.greet()
    for _ in range(20_000):
        worker.send(heartbeat={})
    assert server.api.call("ServerService/Info", timeout=20).version


# --- Which study is served ---------------------------------------------------

def test_the_lowest_priority_is_served_last(server, worker):
    for name, priority in [("normal", 0), ("lowest", -(2**31))]:
        server.api.call("StudyService/Create", create(
            name=name, priority=priority, trial=dict(runner=dict(name=worker.name))))
    worker.greet()
    assert worker.receive("assignment").study == "normal"
