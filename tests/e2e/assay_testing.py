"""Coordinators, workers and studies for tests: real programs, loopback only.

    def test_something(lab):
        server = lab.server(lease=2)
        worker = lab.worker(server)
        study = server.create({"name": "s", ...})

Nothing that a Lab started outlives it. Waits poll a condition up to a deadline; nobody sleeps and hopes.
"""
import atexit
import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

import grpc

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def _load_stubs():
    """Those made by the build, else (a test run by hand) made here."""
    folder = os.environ.get("ASSAY_PYTHON_DIR")
    if not folder:
        made = tempfile.TemporaryDirectory(prefix="assay-stubs-")
        atexit.register(made.cleanup)
        folder = made.name
        plugin = shutil.which("grpc_python_plugin")
        subprocess.run(["protoc", f"--proto_path={ROOT}/proto", f"--python_out={folder}", f"--grpc_out={folder}",
                        f"--plugin=protoc-gen-grpc={plugin}", *sorted(map(str, ROOT.glob("proto/assay/v1/*.proto")))],
                       check=True)
    sys.path.insert(0, folder)


_load_stubs()
from google.protobuf import json_format  # noqa: E402
from assay.v1 import (checkpoint_pb2, checkpoint_pb2_grpc, insight_pb2, insight_pb2_grpc, server_pb2,  # noqa: E402
                      server_pb2_grpc, study_pb2, study_pb2_grpc, trial_pb2, trial_pb2_grpc, worker_pb2,
                      worker_pb2_grpc)

Study, Trial, Attempt = study_pb2.Study, trial_pb2.Trial, trial_pb2.Attempt
PYTHON = sys.executable
PROGRAMS = str(HERE / "trial_programs.py")

CHANNEL_OPTIONS = [
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_receive_message_length", 32 << 20),
]


def wait_until(predicate, deadline=15.0, what=None):
    """Polls until `predicate` gives something true, and returns it."""
    end = time.monotonic() + deadline
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() >= end:
            words = what() if callable(what) else what or predicate
            raise AssertionError(f"not within {deadline} s: {words}")
        time.sleep(0.01)  # Between two looks, not instead of one.


def refused(code, call, *arguments, **keywords):
    """Expects the status; returns its message."""
    try:
        answer = call(*arguments, **keywords)
    except grpc.RpcError as error:
        assert error.code() == code, f"{error.code()}: {error.details()}"
        return error.details()
    raise AssertionError(f"{code} was expected, not {answer}")


def binary(name):
    """The path of a program of the build. Missing: None, or a failure if the build was to make it."""
    path = pathlib.Path(os.environ.get("ASSAY_BIN_DIR", ROOT / "build/dev/bin")) / name
    if path.exists():
        return str(path)
    if name in ("assay-server", "assay-worker", *os.environ.get("ASSAY_EXPECTED_BINARIES", "").split()):
        raise AssertionError(f"{path} is missing: build it, or set ASSAY_BIN_DIR")
    return None


def fake_nvml_folder(lab):
    """A folder for LD_LIBRARY_PATH in which a worker finds a driver's library: that of two GPUs that are not there."""
    library = os.environ.get("ASSAY_FAKE_NVML", ROOT / "build/dev/tests/worker/libworker_fake_nvml.so")
    folder = lab.new_folder("nvml")
    (folder / "libnvidia-ml.so.1").symlink_to(library)
    return folder


def processes_of(folder):
    """{pid: command line} of all that have the folder in their command line or environment, trials among them."""
    found = {}
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        try:
            command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
            if str(folder).encode() in command + pathlib.Path(f"/proc/{pid}/environ").read_bytes():
                found[pid] = command.replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            pass  # It ended, or is not ours.
    found.pop(os.getpid(), None)
    return found


def program(name, *arguments):
    """A trial template that runs a function of trial_programs.py."""
    return {"command": {"argv": [PYTHON, PROGRAMS, name, *map(str, arguments)]}}


def plain(parameters):
    """Parameters as a dictionary of Python values."""
    return {name: json_format.MessageToDict(value) for name, value in parameters.items()}


# What no test sends.
CRASHES = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL}


class Process:
    """A program in a session of its own, its stderr in a file."""

    def __init__(self, argv, log, environment=None):
        self.log = log
        self.argv = argv
        with open(log, "ab") as file:
            self.popen = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                                          start_new_session=True, env=environment)

    @property
    def pid(self):
        return self.popen.pid

    def is_alive(self):
        return self.popen.poll() is None

    def signal(self, number):
        os.kill(self.pid, number)

    def kill(self):
        """kill -9. A program that crashed before fails the test, whatever else went well."""
        if self.is_alive():
            self.popen.kill()
        code = self.popen.wait()
        assert -code not in CRASHES, f"{self.argv[0]} crashed with signal {-code}: {self.text()[-2000:]}"

    def terminate(self, deadline=15.0):
        """SIGTERM; returns the exit code."""
        self.popen.terminate()
        return self.popen.wait(deadline)

    def text(self):
        return pathlib.Path(self.log).read_text(errors="replace")


class Server:
    """A coordinator and stubs to speak with it. Restarts keep data and address."""

    def __init__(self, lab, lease=60.0, memory=False, tcp=False, http="none", flags=()):
        self.folder = lab.new_folder("server")
        self.address = "127.0.0.1:0" if tcp else f"unix:{self.folder}/socket"
        self.log = str(self.folder / "log")
        storage = ["--memory"] if memory else ["--data-dir", str(self.folder / "data")]
        self.flags = ["--http", http, "--worker-lease", str(lease), *storage, *flags]
        self.process = None
        self.channel = None
        self.start()

    def spawn(self):
        """Starts the process without waiting for it."""
        self.log_begin = len(self.process.text()) if self.process else 0
        self.process = Process([binary("assay-server"), "--grpc", self.address, *self.flags], self.log)

    def start(self):
        """Starts it and waits until it listens."""
        self.spawn()
        self.wait_listening()
        self.connect()

    def wait_listening(self):
        self.address = wait_until(self.listens_on, 20, "the server listens")

    def listens_on(self):
        """The address that this process told in its log, or None."""
        found = re.search(r"gRPC on (\S+), HTTP", self.process.text()[self.log_begin:])
        if found:
            return found.group(1)
        assert self.process.is_alive(), f"assay-server ended with {self.process.popen.returncode}"
        return None

    def connect(self):
        """A new channel: one that saw the address dead may take seconds to look again."""
        if self.channel is not None:
            self.channel.close()
        self.channel = grpc.insecure_channel(self.address, CHANNEL_OPTIONS)
        self.studies = study_pb2_grpc.StudyServiceStub(self.channel)
        self.trials = trial_pb2_grpc.TrialServiceStub(self.channel)
        self.workers = worker_pb2_grpc.WorkerServiceStub(self.channel)
        self.admin = server_pb2_grpc.ServerServiceStub(self.channel)
        self.insight = insight_pb2_grpc.InsightServiceStub(self.channel)
        self.checkpoint_service = checkpoint_pb2_grpc.CheckpointServiceStub(self.channel)

    def kill(self):
        self.process.kill()

    def restart(self):
        self.kill()
        self.start()

    # --- Studies -------------------------------------------------------------

    def create(self, spec):
        message = json_format.ParseDict(spec, study_pb2.StudySpec())
        return self.studies.Create(study_pb2.CreateStudyRequest(spec=message))

    def study(self, name):
        return self.studies.Get(study_pb2.GetStudyRequest(study=str(name)))

    def pause(self, name):
        return self.studies.Pause(study_pb2.GetStudyRequest(study=name))

    def resume(self, name):
        return self.studies.Resume(study_pb2.GetStudyRequest(study=name))

    def stop(self, name):
        return self.studies.Stop(study_pb2.GetStudyRequest(study=name))

    def update(self, name, budget=None, **fields):
        request = study_pb2.UpdateStudyRequest(study=name, **fields)
        if budget is not None:
            json_format.ParseDict(budget, request.budget)
            request.budget.SetInParent()
        return self.studies.Update(request)

    def best(self, name, count=1):
        return self.studies.Optimal(study_pb2.OptimalRequest(study=name, count=count)).trials

    def is_over(self, name):
        """The study, once it is COMPLETED."""
        study = self.study(name)
        return study if study.state == Study.COMPLETED else None

    def export(self, name):
        """(study, trials, measurements) as one RPC tells them."""
        study, trials, measurements = None, [], []
        for page in self.studies.Export(study_pb2.ExportStudyRequest(study=name, measurements=True)):
            if page.HasField("study"):
                study = page.study
            trials.extend(page.trials)
            measurements.extend(page.measurements)
        return study, trials, measurements

    def check(self):
        return list(self.admin.Check(server_pb2.CheckRequest()).problems)

    # --- Trials --------------------------------------------------------------

    def suggest(self, study, client="client", count=1, timeout=90, **fields):
        return self.trials.Suggest(
            trial_pb2.SuggestRequest(study=study, client_id=client, count=count, **fields), timeout=timeout)

    def ask(self, study, client="client", **fields):
        """One trial; waits for it up to half a minute."""
        answer = self.suggest(study, client, wait=30, **fields)
        assert answer.assignments, answer.reason
        return answer.assignments[0]

    def report(self, assignment, step, sequence=None, elapsed=0.0, **metrics):
        return self.trials.Report(trial_pb2.ReportRequest(
            trial_id=assignment.trial.id, attempt=assignment.attempt,
            measurement=trial_pb2.Measurement(sequence=step if sequence is None else sequence, step=step,
                                              elapsed_seconds=elapsed, metrics=metrics)))

    def heartbeat(self, assignment):
        return self.trials.Heartbeat(trial_pb2.HeartbeatRequest(
            trial_id=assignment.trial.id, attempt=assignment.attempt))

    def complete(self, assignment, **metrics):
        return self.trials.Complete(trial_pb2.CompleteRequest(
            trial_id=assignment.trial.id, attempt=assignment.attempt, metrics=metrics))

    def fail(self, assignment, reason="", kind="ERROR"):
        return self.trials.Fail(trial_pb2.FailRequest(
            trial_id=assignment.trial.id, attempt=assignment.attempt, reason=reason,
            kind=trial_pb2.FailRequest.Kind.Value(kind)))

    def enqueue(self, study, parameters, **fields):
        request = trial_pb2.EnqueueRequest(study=study, **fields)
        for name, value in parameters.items():
            json_format.ParseDict(value, request.parameters[name])
        return self.trials.Enqueue(request)

    def retry(self, trial_id, **fields):
        return self.trials.Retry(trial_pb2.RetryTrialRequest(trial_id=trial_id, **fields))

    def stop_trial(self, trial_id, reason=""):
        return self.trials.Stop(trial_pb2.StopTrialRequest(trial_id=trial_id, reason=reason))

    def trial(self, trial_id):
        return self.trials.Get(trial_pb2.GetTrialRequest(trial_id=trial_id))

    def trial_by_number(self, study, number):
        return self.trials.Get(trial_pb2.GetTrialRequest(study=study, number=number))

    def all_trials(self, study):
        trials, token = [], ""
        while True:
            page = self.trials.List(trial_pb2.ListTrialsRequest(study=study, page_size=1000, page_token=token))
            trials.extend(page.trials)
            token = page.next_page_token
            if not token:
                return trials

    def curve(self, trial_id, attempt=0):
        measurements = []
        while True:
            after = measurements[-1].sequence if measurements else 0
            page = self.trials.Curve(trial_pb2.CurveRequest(
                trial_id=trial_id, attempt=attempt, after_sequence=after, page_size=10000)).measurements
            measurements.extend(page)
            if len(page) < 10000:
                return measurements

    def output(self, trial_id, attempt=0):
        """(offset of the first byte kept, all that is kept)."""
        first, data, offset = None, b"", 0
        while True:
            piece = self.trials.Log(trial_pb2.LogRequest(trial_id=trial_id, attempt=attempt, offset=offset))
            if not piece.data:
                return first or 0, data
            first = piece.offset if first is None else first
            data += piece.data
            offset = piece.offset + len(piece.data)

    # --- Checkpoints ---------------------------------------------------------

    def checkpoints(self, trial_id):
        """Those kept of the trial, oldest first, without manifests."""
        return list(self.checkpoint_service.List(
            checkpoint_pb2.ListCheckpointsRequest(trial_id=trial_id, page_size=1000)).checkpoints)

    def wait_checkpoint(self, trial_id, step, deadline=30.0):
        return wait_until(lambda: next((c for c in self.checkpoints(trial_id) if c.step == step), None), deadline,
                          f"the checkpoint of step {step} of trial {trial_id} is kept")

    def chunks(self):
        """{path: modification time} of the chunks that lie in the data folder."""
        return {path: path.stat().st_mtime_ns for path in (self.folder / "data/checkpoints").glob("??/*")}

    def metric(self, name):
        """The value that /metrics shows of a series without labels."""
        address = re.search(r"HTTP on (\S+)", self.process.text()[self.log_begin:]).group(1)
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as page:
            return float(re.search(rf"^{name} (\S+)", page.read().decode(), re.M).group(1))

    # --- Workers -------------------------------------------------------------

    def worker_view(self, name):
        for worker in self.workers.List(worker_pb2.ListWorkersRequest()).workers:
            if worker.name == name:
                return worker
        return None

    def is_connected(self, name):
        worker = self.worker_view(name)
        return worker is not None and worker.connected


class Worker(Process):
    """An agent that runs any command."""

    def __init__(self, lab, server, name, slots=1, flags=(), environment=None):
        self.name = name
        self.folder = lab.new_folder("worker")
        super().__init__(
            [binary("assay-worker"), "--server", server.address, "--name", name, "--slots", str(slots),
             "--allow-any-command", "--state-dir", str(self.folder / "state"), "--grace", "1", *flags],
            str(self.folder / "log"), {**os.environ, **(environment or {})})


class Lab:
    """A temporary folder and all that runs in it."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="assay-e2e-", dir="/tmp"))
        self.started = []
        self.logs = []

    def new_folder(self, name):
        folder = self.folder / f"{name}{len(list(self.folder.iterdir()))}"
        folder.mkdir()
        return folder

    def server(self, **options):
        server = Server.__new__(Server)
        self.started.append(server)
        server.process = None
        server.__init__(self, **options)
        self.logs.append(server.log)
        return server

    def worker(self, server, name="worker", slots=1, flags=(), wait=True, environment=None):
        worker = Worker(self, server, name, slots, flags, environment)
        self.started.append(worker)
        self.logs.append(worker.log)
        if wait:
            wait_until(lambda: server.is_connected(name), what=f"worker {name} is connected")
        return worker

    def text_of_logs(self, lines=60):
        return "\n".join(f"--- {log}\n" + "\n".join(
            pathlib.Path(log).read_text(errors="replace").splitlines()[-lines:]) for log in self.logs)

    def close(self):
        try:
            with contextlib.ExitStack() as stack:  # All are closed; then the first failure is told.
                for thing in self.started:
                    stack.callback(self.close_one, thing)
        finally:
            self.kill_leftovers()
            shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def close_one(thing):
        process = thing.process if isinstance(thing, Server) else thing
        if isinstance(thing, Server) and thing.channel is not None:
            thing.channel.close()
        if process is not None:
            process.kill()

    def kill_leftovers(self):
        for pid in processes_of(self.folder):
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass  # It ended.


class Gate:
    """Where trials of the program `hold` announce themselves and wait."""

    def __init__(self, lab):
        self.folder = lab.new_folder("gate")

    def template(self, **limits):
        return {**program("hold", self.folder), **limits}

    def started(self):
        """{(trial id, attempt): pid}, of all that ever started."""
        found = {}
        for file in self.folder.glob("started.*"):
            _, trial, attempt, pid = file.name.split(".")
            assert (int(trial), int(attempt)) not in found, "an attempt was started twice"
            found[int(trial), int(attempt)] = int(pid)
        return found

    def wait_started(self, trial, attempt=1, deadline=15.0):
        return wait_until(lambda: self.started().get((trial, attempt)), deadline,
                          f"attempt {attempt} of trial {trial} runs")

    def wait_any(self, count=1, deadline=15.0):
        return wait_until(lambda: len(self.started()) >= count and self.started(), deadline, f"{count} trials run")

    def open(self, trial=None):
        (self.folder / ("go" if trial is None else f"go.{trial}")).touch()
