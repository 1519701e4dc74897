"""Assay's strategies by a server: what a client sees, the network's way included."""

import hashlib
import itertools
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from .. import paths, problems
from ..study import ASK, search
from .assay_driver import parse

LEASE_SECONDS = 600
FRESH = {"always_fresh": True}


def stubs():
    """(study_pb2, trial_pb2), generated once from the .proto files as they are."""
    protos = sorted((paths.ROOT / "proto/assay/v1").glob("*.proto"))
    digest = hashlib.sha256(b"".join(p.read_bytes() for p in protos)).hexdigest()
    folder = paths.WORK / "stubs" / digest[:12]
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as made:
            os.mkdir(f"{made}/stubs")
            subprocess.run(
                [sys.executable, "-m", "grpc_tools.protoc", f"-I{paths.ROOT}/proto",
                 f"--python_out={made}/stubs", *map(str, protos)], check=True)
            try:
                os.rename(f"{made}/stubs", folder)
            except OSError:
                pass  # Another process was faster.
    sys.path.insert(0, str(folder))
    from assay.v1 import study_pb2, trial_pb2

    return study_pb2, trial_pb2


class Server:
    """A server, in memory or on disk, on a socket of its own; a context manager."""

    def __init__(self, memory=True):
        self._memory = memory

    @property
    def database(self):
        return f"{self._folder.name}/data/assay.db"

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="assay-bench-")
        address = f"unix:{self._folder.name}/grpc"
        self._log = pathlib.Path(self._folder.name, "log").open("w+")
        where = ["--memory"] if self._memory else ["--data-dir", f"{self._folder.name}/data"]
        self._process = subprocess.Popen(
            [paths.binary("assay-server"), *where, "--grpc", address,
             "--http", "127.0.0.1:0"], stderr=self._log,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})
        return self, address

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self._process.pid}/stat").read_text()
        user, system = re.sub(r".*\) ", "", fields).split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait()
        self._log.close()
        self._folder.cleanup()


class Client:
    """The calls of a study, by the descriptors of assay.v1."""

    def __init__(self, address):
        import grpc

        self.study_pb2, self.trial_pb2 = stubs()
        self._channel = grpc.insecure_channel(address)
        grpc.channel_ready_future(self._channel).result(timeout=30)

    def call(self, service, method, request):
        file = self.study_pb2 if service == "StudyService" else self.trial_pb2
        found = file.DESCRIPTOR.services_by_name[service].methods_by_name[method]
        from google.protobuf import message_factory

        answer = message_factory.GetMessageClass(found.output_type)
        stub = self._channel.unary_unary(
            f"/assay.v1.{service}/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer.FromString)
        return stub(request, timeout=600)


def _spec(job, problem, freshness, study_pb2):
    from google.protobuf import json_format

    algorithm, options = parse(job.label.removeprefix("grpc/"))
    return json_format.ParseDict({
        "name": f"{job.problem.replace('/', '-')}-{job.seed}", "metrics": problem.metrics,
        "parameters": problem.parameters, "algorithm": {algorithm: options},
        "budget": {"max_trials": job.trials, "max_parallel": job.workers},
        "freshness": freshness, "seed": job.seed}, study_pb2.StudySpec())


class Study:
    """Answers the messages of one search."""

    def __init__(self, client, job, problem, freshness):
        self._client = client
        self._problem = problem
        request = client.study_pb2.CreateStudyRequest(
            spec=_spec(job, problem, freshness, client.study_pb2))
        self.id = client.call("StudyService", "Create", request).id
        self._asked = itertools.count(1)

    def ask(self):
        # Each trial has a client of its own.
        request = self._client.trial_pb2.SuggestRequest(
            study=str(self.id), client_id=f"bench-{next(self._asked)}", wait=60,
            client_lease=LEASE_SECONDS)
        held = self._client.call("TrialService", "Suggest", request).assignments[0]
        return held, {name: self._value(name, v)
                      for name, v in held.trial.parameters.items()}

    def _value(self, name, value):
        kind = value.WhichOneof("kind")
        number = getattr(value, kind)
        p = next(p for p in self._problem.parameters if p["name"] == name)
        return int(number) if "integer" in p else number

    def tell(self, held, metrics):
        self._client.call("TrialService", "Complete", self._client.trial_pb2.CompleteRequest(
            trial_id=held.trial.id, attempt=held.attempt, metrics=metrics))


def run(jobs):
    """(job, trace, seconds of the server's CPU) of each, one after the other."""
    with Server() as (server, address):
        client = Client(address)
        for job in jobs:
            problem = problems.by_name(job.problem)
            before = server.cpu_seconds()
            trace = _run_one(Study(client, job, problem, FRESH), job, problem)
            yield job, trace, server.cpu_seconds() - before


def _run_one(study, job, problem):
    steps, answer = search(problem, job.seed, job.trials, job.workers), None
    try:
        while True:
            message = steps.send(answer)
            answer = study.ask() if message[0] == ASK else study.tell(*message[1:])
    except StopIteration as end:
        return end.value
