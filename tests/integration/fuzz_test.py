"""Seeded random mutations of valid requests: no crash, no Internal, no Unknown."""

import collections
import hashlib
import itertools
import os
import random
import struct
import threading
import time

import grpc
import pytest

import api
from api import Api, Code
from assay.v1 import study_pb2, worker_pb2
from bad_requests_test import (
    GOOD, MAX64, MIN64, attribute, categorical, create, double, gradient, imported, integer,
    measurement, nested, parameters, value, when)
from google.protobuf import struct_pb2
from google.protobuf.descriptor import FieldDescriptor

SECONDS = float(os.environ.get("ASSAY_FUZZ_SECONDS", 8))
ALLOWED = {
    Code.OK, Code.INVALID_ARGUMENT, Code.NOT_FOUND, Code.ALREADY_EXISTS, Code.OUT_OF_RANGE,
    Code.FAILED_PRECONDITION, Code.RESOURCE_EXHAUSTED, Code.DEADLINE_EXCEEDED, Code.ABORTED}
WORDS = ["", "world", "1", "local/world", "x", "n", "kind", "a", "\0", "é", "x" * 300, "/",
         "state == 'RUNNING'", "x > 0.5 and not (n == 4)", "((((", "9" * 20, "loss"]
NUMBERS = [0, 1, -1, 2, 64, 65, 1000, 1001, 2**31 - 1, -(2**31), 2**53, 2**53 + 1, MAX64, MIN64]
REALS = [0.0, -0.0, 1.0, -1.0, 0.5, 60.0, 61.0, 1e-320, 1e308, -1e308, float("nan"),
         float("inf"), float("-inf")]


def space():
    return [double("x"), double("lr", 1e-5, 1, scale=study_pb2.LOG), integer("n", 2, 8, step=2),
            categorical("kind", "a", "b", 1, True), dict(name="level", discrete=dict(values=[1, 2])),
            when(integer("depth"), "kind", "a")]


def checkpoint_file():
    return dict(path="state/model.bin", size=7, mode=0o644, chunks=[hashlib.sha256(b"weights").digest()])


def seeds(trials):
    """(method, valid request) for every unary method."""
    trial, over = trials
    good = parameters(**GOOD)
    token = dict(trial_id=trial, attempt=1)
    full = create(
        name="fuzz", parameters=space(), constraints=["n * x <= 6"], note="note", priority=3,
        metrics=[dict(name="loss", goal=1, select=2), dict(name="time", goal=1, bound=3)],
        algorithm=dict(grid=dict(points=3, shuffle=True)), seed=7,
        stopping=dict(metric="loss", median=dict(warmup_steps=1, min_trials=2)),
        trial=dict(builtin=dict(config=nested(3)), resources=dict(gpus=1), max_seconds=9),
        budget=dict(max_trials=9, max_seconds=9, target=0.1), freshness=dict(max_wait=0.1))
    report = measurement(sequence=2, step=3, elapsed_seconds=1, metrics=dict(loss=1, other=2),
                         gradients=dict(loss=gradient(x=1)), instance=4)
    messages = {
        "StudyService/Create": [full, create(name="plain")],
        "StudyService/Get": [dict(study="world")],
        "StudyService/List": [dict(page_size=2, filter="trials > 1")],
        "StudyService/Update": [dict(study="world", budget=dict(max_trials=10**6), priority=1,
                                     note="n", author="a", request_id="r")],
        "StudyService/Pause": [dict(study="other")], "StudyService/Resume": [dict(study="other")],
        "StudyService/Stop": [dict(study="plain")], "StudyService/Delete": [dict(study="plain")],
        "StudyService/Optimal": [dict(study="world", count=3)],
        "TrialService/Suggest": [dict(study="world", client_id="c", count=2, client_lease=9)],
        "TrialService/Report": [dict(token, measurement=report)],
        "TrialService/Heartbeat": [token],
        "TrialService/Complete": [dict(token, attempt=9, metrics=dict(loss=1),
                                       attributes=[attribute()])],
        "TrialService/Fail": [dict(token, attempt=9, reason="r", kind=1)],
        "TrialService/Enqueue": [dict(study="world", parameters=good, to_step=4, note="n",
                                      request_id="e")],
        "TrialService/CreateTrial": [imported(measurements=[report], reason="r", request_id="i")],
        "TrialService/Stop": [dict(trial_id=over, reason="r")],
        "TrialService/Retry": [dict(trial_id=over, request_id="t")],
        "TrialService/Get": [dict(trial_id=trial), dict(study="world", number=0)],
        "TrialService/List": [dict(study="world", page_size=2, filter="x > 0", descending=True)],
        "TrialService/Curve": [dict(trial_id=trial, attempt=1, after_sequence=1, page_size=2)],
        "TrialService/Log": [dict(trial_id=trial, attempt=1, offset=0)],
        "TrialService/SetAttributes": [dict(study="world", attributes=[attribute()]),
                                       dict(trial_id=trial, attributes=[attribute()])],
        "TrialService/ListAttributes": [dict(study="world")],
        "WorkerService/List": [{}], "WorkerService/Drain": [dict(name="w")],
        "CheckpointService/Missing": [dict(token, step=3, manifest=dict(files=[checkpoint_file()]))],
        "CheckpointService/PutChunk": [dict(hash=hashlib.sha256(b"weights").digest(), data=b"weights")],
        "CheckpointService/Commit": [dict(token, step=3, manifest=dict(files=[checkpoint_file()]))],
        "CheckpointService/GetChunk": [dict(hash=hashlib.sha256(b"weights").digest())],
        "CheckpointService/Get": [dict(trial_id=trial), dict(id=1)],
        "CheckpointService/List": [dict(study="world", page_size=2), dict(trial_id=trial)],
        "InsightService/Importance": [dict(study="world", metric="loss")],
        "InsightService/Predict": [dict(study="world", configurations=[dict(parameters=good)])],
        "InsightService/Quality": [dict(study="world", metric="loss")],
        "InsightService/Replay": [dict(study="world", rules=[dict(metric="loss", asha=dict(max_steps=9)),
                                                             dict(any_of=[dict(threshold=dict(upper=3))])])],
        "InsightService/Savings": [dict(study="world")],
        "ServerService/Check": [{}], "ServerService/Info": [{}],
        # Its one field names a file that would be written.
        "ServerService/Backup": [],
    }
    assert set(messages) == set(api.UNARY)
    return [(method, request if not isinstance(request, dict)
             else api.request_type(method)(**request))
            for method, requests in messages.items() for request in requests]


# --- Mutations ---------------------------------------------------------------

def anything(field, generator):
    """A value for a scalar field."""
    kind = field.cpp_type
    if kind == FieldDescriptor.CPPTYPE_STRING:
        text = generator.choice(WORDS)
        return text.encode() if field.type == FieldDescriptor.TYPE_BYTES else text
    if kind in (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT):
        return generator.choice(REALS)
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return generator.random() < 0.5
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        return generator.choice([0, 1, 2, 3, 4, 5, 6, 7, 99, -1])
    bits = 32 if kind in (FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_UINT32) else 64
    signed = kind in (FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64)
    number = generator.choice(NUMBERS) % (1 << bits)
    return number - (1 << bits) if signed and number >= 1 << (bits - 1) else number


def mutate(message, generator, depth=0):
    """Changes one field of it, somewhere."""
    field = generator.choice(list(message.DESCRIPTOR.fields) or [None])
    if field is None or depth > 12:
        return
    here = getattr(message, field.name)
    is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
    if is_map:
        mutate_map(here, field.message_type, generator, depth)
    elif field.label == FieldDescriptor.LABEL_REPEATED:
        mutate_list(here, field, generator, depth)
    elif field.message_type is not None:
        if generator.random() < 0.1:
            message.ClearField(field.name)
        else:
            here.SetInParent()
            mutate(here, generator, depth + 1)
    elif generator.random() < 0.2:
        message.ClearField(field.name)
    else:
        setattr(message, field.name, anything(field, generator))


def mutate_list(items, field, generator, depth):
    choice = generator.random()
    if items and choice < 0.2:
        del items[generator.randrange(len(items))]
    elif items and choice < 0.3:
        items.extend(list(items))
    elif field.message_type is None:
        items.append(anything(field, generator))
    elif items and choice < 0.8:
        mutate(generator.choice(items), generator, depth + 1)
    else:
        mutate(items.add(), generator, depth + 1)


def mutate_map(entries, entry, generator, depth):
    keys = list(entries)
    if keys and generator.random() < 0.3:
        del entries[generator.choice(keys)]
        return
    key = generator.choice(keys) if keys and generator.random() < 0.5 else generator.choice(WORDS)
    content = entry.fields_by_name["value"]
    if content.message_type is None:
        entries[key] = anything(content, generator)
    elif content.message_type is struct_pb2.Value.DESCRIPTOR and generator.random() < 0.5:
        entries[key].CopyFrom(value(generator.choice([*REALS, "a", True, None, [1], {"a": 1}])))
    else:
        mutate(entries[key], generator, depth + 1)


def mutate_bytes(content, generator):
    content = bytearray(content)
    for _ in range(generator.choice([1, 1, 2, 5])):
        at = generator.randrange(len(content) + 1)
        match generator.randrange(4):
            case 0 if content:
                content[at - 1] ^= 1 << generator.randrange(8)
            case 1:
                del content[at:at + generator.randrange(8)]
            case 2:
                content[at:at] = generator.randbytes(generator.randrange(9))
            case _:
                content[at:at + 8] = struct.pack("<d", generator.choice(REALS))
    return bytes(content)


def mutants(request, generator):
    if generator.random() < 0.3:
        return mutate_bytes(request.SerializeToString(), generator)
    mutant = type(request)()
    mutant.CopyFrom(request)
    for _ in range(generator.choice([1, 1, 1, 2, 4])):
        mutate(mutant, generator)
    return mutant


def ends_the_world(method, mutant):
    """Without it the rest would only hear that there is no such study."""
    if method not in {"StudyService/Pause", "StudyService/Stop", "StudyService/Delete"}:
        return False
    return getattr(mutant, "study", "") in {"world", "local/world", "1"}


# --- Running them ------------------------------------------------------------

def make_world(calls):
    for name in ("world", "other"):
        calls.call("StudyService/Create", create(name=name, parameters=[
            double("x"), integer("n", 2, 8, step=2), categorical("kind", "a", "b"),
            dict(name="level", discrete=dict(values=[1, 2, 4])),
            when(integer("depth"), "kind", "a")]))
    ids = [assignment.trial.id for assignment in calls.call(
        "TrialService/Suggest", study="world", client_id="c", count=2, wait=30,
        client_lease=0).assignments]
    calls.call("TrialService/Report", trial_id=ids[0], attempt=1, measurement=measurement())
    calls.call("TrialService/Complete", trial_id=ids[1], attempt=1, metrics=dict(loss=1))
    return ids


@pytest.fixture(scope="module")
def trials(server):
    return make_world(server.api)


@pytest.mark.parametrize("seed", [1, 2])
def test_mutated_requests(server, trials, seed):
    """Half of the time each; four calls at a time."""
    start = seeds(trials)
    codes = collections.Counter()
    failures = []
    numbers = itertools.count()
    deadline = time.monotonic() + SECONDS / 2

    def attack():
        client = Api(server.grpc)
        while time.monotonic() < deadline and not failures:
            generator = random.Random(f"{seed} {next(numbers)}")
            method, request = generator.choice(start)
            mutant = mutants(request, generator)
            if ends_the_world(method, mutant):
                continue
            code, details = client.outcome(method, mutant, timeout=20)
            codes[code] += 1
            if code not in ALLOWED or code == Code.DEADLINE_EXCEEDED:
                failures.append((method, code, details, str(mutant)[:3000]))
        client.close()

    attackers = [threading.Thread(target=attack) for _ in range(4)]
    for attacker in attackers:
        attacker.start()
    for attacker in attackers:
        attacker.join()
    print(dict(codes))
    assert not failures, failures[0]
    assert codes[Code.OK] and codes[Code.INVALID_ARGUMENT]
    assert server.api.call("ServerService/Info", timeout=20).version


def worker_messages(trial):
    return [
        dict(measurements=dict(trial_id=trial, attempt=1, measurements=[measurement(sequence=1)])),
        dict(finish=dict(trial_id=trial, attempt=1, kind=9, reason="r", metrics=dict(loss=1))),
        dict(log=dict(trial_id=trial, attempt=1, offset=0, data=b"output")),
        dict(heartbeat=dict(held=[dict(trial_id=trial, attempt=1)])),
        dict(draining=dict(draining=True)), {}]


def test_mutated_worker_streams(server, trials):
    start = [worker_pb2.WorkerMessage(**content) for content in worker_messages(trials[0])]
    codes = collections.Counter()
    deadline = time.monotonic() + SECONDS / 4
    for number in itertools.count():
        if time.monotonic() > deadline:
            break
        generator = random.Random(number)
        hello = worker_pb2.WorkerMessage(hello=dict(
            name=f"w{number % 50}", instance="i", slots=2, builtin=True,
            gpus=[dict(index=0)], held=[dict(trial_id=trials[0], attempt=1)]))
        sent = [hello if generator.random() < 0.7 else mutants(hello, generator)]
        sent += [mutants(generator.choice(start), generator) for _ in range(20)]
        code, details = server.api.outcome("WorkerService/Connect", sent, timeout=20)
        assert code in ALLOWED, (number, code, details)
        codes[code] += 1
    print(dict(codes))
    assert codes[Code.INVALID_ARGUMENT]
    workers = server.api.call("WorkerService/List").workers
    assert len(workers) <= 200
    assert server.get("/metrics")[0] == 200


def test_mutated_streams_to_clients(server, trials):
    deadline = time.monotonic() + SECONDS / 4
    start = [("StudyService/Watch", study_pb2.WatchStudyRequest(study="world", after=1)),
             ("StudyService/Export", study_pb2.ExportStudyRequest(study="world",
                                                                  measurements=True))]
    for number in itertools.count():
        if time.monotonic() > deadline:
            break
        generator = random.Random(number)
        method, request = generator.choice(start)
        stream = server.api.stream(method, mutants(request, generator), timeout=20)
        try:
            next(stream, None)
        except grpc.RpcError as error:
            assert error.code() in ALLOWED, (number, error)
        stream.cancel()


def test_no_defect_was_logged(server):
    """Internal and Unknown are logged as errors."""
    errors = [line for line in server.log.splitlines() if "[error]" in line]
    assert not errors, errors[:5]
