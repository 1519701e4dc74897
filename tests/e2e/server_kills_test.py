"""kill -9 of the server at 50 random moments under load: nothing acknowledged is lost, doubled or changed."""
import concurrent.futures
import os
import random
import threading
import time

import grpc
import pytest

from assay_testing import (CHANNEL_OPTIONS, Attempt, Gate, Study, Trial, plain, program, study_pb2, study_pb2_grpc,
                           trial_pb2, trial_pb2_grpc, wait_until)

KILLS = 50
LONGEST_LIFE = 1.2  # Seconds of the server, from its start; some die before they listen.
SEED = int(os.environ.get("ASSAY_TEST_SEED", "20250101"))
METRICS = [{"name": "loss", "goal": "MINIMIZE"}]
PARAMETERS = [
    {"name": "rate", "double": {"min": 1e-5, "max": 1e-1, "scale": "LOG"}},
    {"name": "optimizer", "categorical": {"values": ["sgd", "adam"]}},
    {"name": "momentum", "double": {"min": 0, "max": 0.99}, "when": {"parent": "optimizer", "values": ["sgd"]}},
]
STUDIES = {
    "random": {"algorithm": {"random": {}}, "parameters": PARAMETERS},
    "quasi": {"algorithm": {"quasi_random": {}}, "parameters": PARAMETERS},
    "grid": {"algorithm": {"grid": {"shuffle": True}}, "parameters": [
        {"name": "width", "integer": {"min": 1, "max": 200}},
        {"name": "depth", "integer": {"min": 1, "max": 100}}]},
}
CLIENTS_A_STUDY = 4
SLOTS = 2


def spec(name, study):
    return {"name": name, "metrics": METRICS, "seed": 7, **study}


class Client(threading.Thread):
    """Asks, reports and tells, each request until it is acknowledged, and keeps its own log of that."""

    def __init__(self, address, study, name, stopping):
        super().__init__(name=f"{study}-{name}", daemon=True)
        self.address, self.study, self.stopping = address, study, stopping
        self.random = random.Random(f"{SEED} {self.name}")
        self.channel = None
        self.retries = 0
        self.error = None
        # What was acknowledged.
        self.handed_out = {}   # trial id -> Trial
        self.reported = {}     # trial id -> [(sequence, step, loss)]
        self.completed = {}    # trial id -> (loss, Trial)

    def run(self):
        try:
            while not self.stopping.is_set():
                self.run_trial()
        except Exception as error:  # Shown by the test.
            self.error = error
        finally:
            self.disconnect()

    def disconnect(self):
        if self.channel is not None:
            self.channel.close()
        self.channel = None

    def until_acknowledged(self, method, request):
        while True:
            if self.channel is None:
                self.channel = grpc.insecure_channel(self.address, CHANNEL_OPTIONS)
            try:
                stub = trial_pb2_grpc.TrialServiceStub(self.channel)
                return getattr(stub, method)(request, timeout=20)
            except grpc.RpcError as error:
                if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
                    raise
            self.retries += 1
            self.disconnect()
            time.sleep(0.02 * self.random.random())

    def run_trial(self):
        answer = self.until_acknowledged("Suggest", trial_pb2.SuggestRequest(
            study=self.study, client_id=self.name, wait=5))
        for assignment in answer.assignments:
            self.train(assignment)

    def train(self, assignment):
        trial = assignment.trial
        token = {"trial_id": trial.id, "attempt": assignment.attempt}
        assert assignment.attempt == 1, "nothing is lost within a client's lease"
        assert trial.id not in self.completed, "a finished trial is not handed out again"
        self.handed_out[trial.id] = trial
        reports = self.reported.setdefault(trial.id, [])
        for step in range(1, self.random.randint(1, 4)):
            loss = self.random.random()
            self.until_acknowledged("Report", trial_pb2.ReportRequest(**token, measurement=trial_pb2.Measurement(
                sequence=step, step=step, metrics={"loss": loss})))
            reports.append((step, step, loss))
            time.sleep(0.01 * self.random.random())  # It trains.
        loss = self.random.random()
        self.completed[trial.id] = (loss, self.until_acknowledged(
            "Complete", trial_pb2.CompleteRequest(**token, metrics={"loss": loss})))


class Watcher(threading.Thread):
    """Follows a study from its first revision on; after a broken stream it goes on where it was."""

    def __init__(self, address, study, first):
        super().__init__(name=f"watch {study}", daemon=True)
        self.address, self.study, self.revision = address, study, first
        self.trials, self.measurements = {}, {}
        self.until = None  # The last revision, once it is known.
        self.error = None

    def run(self):
        try:
            while self.until is None or self.revision < self.until:
                self.follow()
        except Exception as error:  # Shown by the test.
            self.error = error

    def follow(self):
        with grpc.insecure_channel(self.address, CHANNEL_OPTIONS) as channel:
            request = study_pb2.WatchStudyRequest(study=self.study, after=self.revision)
            try:
                for message in study_pb2_grpc.StudyServiceStub(channel).Watch(request, timeout=5):
                    self.take(message)
                    if self.revision == self.until:
                        return
            except grpc.RpcError as error:
                if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED,
                                        grpc.StatusCode.DEADLINE_EXCEEDED):
                    raise
        time.sleep(0.02)  # Before the next try.

    def take(self, message):
        assert message.revision >= self.revision, "nothing is taken back"
        assert not message.snapshot, "it never lags that much"
        self.revision = message.revision
        self.trials.update({trial.id: trial for trial in message.trials})
        for each in message.measurements:
            m = each.measurement
            curve = self.measurements.setdefault(each.trial_id, [])
            assert not curve or curve[-1][0] < m.sequence, "each measurement comes once and in order"
            curve.append((m.sequence, m.step, m.metrics["loss"]))


@pytest.mark.deadline(175)
def test_50_kills_of_the_server_under_load_lose_double_and_change_nothing(lab):
    server, gate = lab.server(lease=20), Gate(lab)
    for name, study in STUDIES.items():
        server.create(spec(name, study))
    server.create(spec("worker", {"algorithm": {"random": {}}, "parameters": PARAMETERS,
                                  "trial": program("steps_for", gate.folder, 3)}))
    worker = lab.worker(server, slots=SLOTS)
    watchers = [Watcher(server.address, study, server.study(study).revision) for study in STUDIES]
    stopping = threading.Event()
    clients = [Client(server.address, study, str(i), stopping) for study in STUDIES for i in range(CLIENTS_A_STUDY)]
    for thread in watchers + clients:
        thread.start()

    kill_often(server, clients)
    stopping.set()
    for client in clients:
        client.join(30)
        assert client.error is None and not client.is_alive(), f"{client.name}: {client.error!r}"
    assert sum(client.retries for client in clients) > KILLS, "the clients felt it"
    server.pause("worker")
    wait_until(lambda: server.study("worker").counts.running == 0, 40, "the worker's trials end")

    assert server.check() == []
    undisturbed = lab.server(memory=True)
    for name, study in STUDIES.items():
        mine = [client for client in clients if client.study == name]
        trials = database_equals_logs(server, name, mine)
        proposals_equal_an_undisturbed_run(undisturbed, spec(name, study), trials)
        print(f"{name}: {len(trials)} trials")
    for watcher in watchers:
        watcher_saw_everything(server, watcher)
    worker_trials_went_on(server, worker, gate)


def kill_often(server, clients):
    """Between two kills the server lives a random while, but each client has to get something done now and then."""
    moments = random.Random(SEED)
    for number in range(KILLS):
        life = moments.uniform(0, LONGEST_LIFE)
        time.sleep(life)  # The random moment itself, not a wait for something.
        server.kill()
        server.spawn()
        if number % 10 == 9:
            done = [len(client.completed) for client in clients]
            wait_until(lambda: all(client.error or len(client.completed) > before
                                   for client, before in zip(clients, done)), 20, "every client goes on")
    server.wait_listening()
    server.connect()


def database_equals_logs(server, name, clients):
    """The trials; each exactly as it was acknowledged."""
    handed_out, reported, completed = {}, {}, {}
    for client in clients:
        assert not handed_out.keys() & client.handed_out.keys(), "nothing is given to two"
        handed_out.update(client.handed_out)
        reported.update(client.reported)
        completed.update(client.completed)
    study, trials, measurements = server.export(name)
    assert {trial.id for trial in trials} == handed_out.keys() == completed.keys()
    assert [trial.number for trial in trials] == list(range(len(trials)))
    assert study.counts.trials == study.counts.completed == len(trials)
    curves = {trial.id: [] for trial in trials}
    for each in measurements:
        assert each.attempt == 1
        m = each.measurement
        curves[each.trial_id].append((m.sequence, m.step, m.metrics["loss"]))
    assert curves == reported
    assert study.counts.measurements == sum(map(len, reported.values()))
    for trial in trials:
        loss, acknowledged = completed[trial.id]
        assert trial.state == Trial.COMPLETED and dict(trial.final_metrics) == {"loss": loss}
        assert plain(trial.parameters) == plain(handed_out[trial.id].parameters)
        attempt, = trial.attempt_list
        assert attempt.outcome == Attempt.COMPLETED
        trial.ClearField("attempt_list")
        assert trial == acknowledged
    return trials


def watcher_saw_everything(server, watcher):
    watcher.until = server.study(watcher.study).revision
    watcher.join(20)
    assert watcher.error is None and not watcher.is_alive(), f"{watcher.name}: {watcher.error!r}"
    stored = {trial.id: trial for trial in server.all_trials(watcher.study)}
    assert watcher.trials == stored
    curves = {}
    for each in server.export(watcher.study)[2]:
        m = each.measurement
        curves.setdefault(each.trial_id, []).append((m.sequence, m.step, m.metrics["loss"]))
    assert watcher.measurements == curves


def proposals_equal_an_undisturbed_run(server, study_spec, trials):
    """In a fresh server one client asks for as many: the same ordinals, the same parameters."""
    found = {trial.origin.ordinal: plain(trial.parameters) for trial in trials}
    assert len(found) == len(trials), "no proposal became two trials"
    points = {tuple(sorted(parameters.items())) for parameters in found.values()}
    assert len(points) == len(trials), "no two trials are of equal parameters"
    server.create(study_spec)
    expected = {}
    while len(expected) < len(trials):
        count = min(1000, len(trials) - len(expected))
        answer = server.suggest(study_spec["name"], f"client {len(expected)}", count=count, wait=10)
        for assignment in answer.assignments:
            expected[assignment.trial.origin.ordinal] = plain(assignment.trial.parameters)
    assert found == expected


def worker_trials_went_on(server, worker, gate):
    """Every trial of the worker ran once, from its start to its end."""
    assert worker.is_alive()
    study, trials, measurements = server.export("worker")
    assert study.state == Study.PAUSED
    assert len(trials) >= SLOTS
    assert gate.started().keys() == {(trial.id, 1) for trial in trials}, "no process was started twice"
    curves = {trial.id: [] for trial in trials}
    for each in measurements:
        curves[each.trial_id].append(each.measurement.step)
    for trial in trials:
        attempt, = trial.attempt_list
        assert (trial.state, attempt.outcome) == (Trial.COMPLETED, Attempt.COMPLETED), attempt.reason
        assert curves[trial.id] == list(range(1, trial.last_step + 1))
        assert trial.last_step == 60
        whole = (0, "".join(f"{step}\n" for step in range(1, 61)).encode())
        wait_until(lambda: server.output(trial.id) == whole, what=f"the output of trial {trial.id}")  # Comes last.
    print(f"worker: {len(trials)} trials through {worker.text().count('connected to')} connections")
