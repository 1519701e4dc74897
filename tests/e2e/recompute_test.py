"""Searches that learn, with several clients and kill -9 of the server: every proposal follows from the log, bit for bit."""
import json
import math
import os
import random
import shutil
import sqlite3
import subprocess
import threading

import grpc
import pytest

from assay_testing import CHANNEL_OPTIONS, binary, plain, trial_pb2, trial_pb2_grpc, wait_until

KILLS = 9
CLIENTS = 5
TRIALS = 200  # Of each study at first.
MORE = 50  # That a user adds later.
SEED = int(os.environ.get("ASSAY_TEST_SEED", "20250101"))
STUDIES = {name: {"algorithm": {name: {}}} for name in ("bayesian", "tpe", "cma_es", "nsga2")}
STUDIES["asha"] = {"algorithm": {"bayesian": {}}, "schedule": {"max_steps": 27}}
SPEC = {
    "metrics": [{"name": "loss", "goal": "MINIMIZE"}],
    "parameters": [
        {"name": "rate", "double": {"min": 1e-5, "max": 1e-1, "scale": "LOG"}},
        {"name": "depth", "integer": {"min": 1, "max": 8}},
        {"name": "optimizer", "categorical": {"values": ["sgd", "adam", "lion"]}},
        {"name": "momentum", "double": {"min": 0, "max": 0.99}, "when": {"parent": "optimizer", "values": ["sgd"]}},
    ],
    "seed": 7,
    "freshness": {"max_wait": 0.02},  # Some proposals are stale.
}
RETRY_AT_ONCE = [(f"grpc.{which}_reconnect_backoff_ms", 20) for which in ("initial", "min", "max")]


def loss(parameters, chance):
    if chance.random() < 0.05:
        return math.nan  # It fails.
    off = abs(math.log10(parameters["rate"]) + 3) + abs(parameters["depth"] - 5) / 4
    return off + {"sgd": abs(parameters.get("momentum", 0) - 0.9), "adam": 0.3, "lion": 0.5}[parameters["optimizer"]]


class Client(threading.Thread):
    """Holds one to three trials at a time and ends any of them, each call until it is acknowledged."""

    def __init__(self, address, study, name):
        super().__init__(name=f"{study}-{name}", daemon=True)
        self.study = study
        self.random = random.Random(f"{SEED} {self.name}")
        self.channel = grpc.insecure_channel(address, CHANNEL_OPTIONS + RETRY_AT_ONCE)
        self.trials = trial_pb2_grpc.TrialServiceStub(self.channel)
        self.completed = 0
        self.cut = 0  # Calls that the server did not live to answer.
        self.error = None

    def run(self):
        try:
            while self.ask_and_tell():
                pass
        except Exception as error:  # Shown by the test.
            self.error = error
        finally:
            self.channel.close()

    def until_acknowledged(self, call, request):
        while True:
            try:
                return call(request, timeout=30, wait_for_ready=True)
            except grpc.RpcError as error:
                if error.code() != grpc.StatusCode.UNAVAILABLE:
                    raise
            self.cut += 1

    def ask_and_tell(self):
        """False once the study has no more."""
        try:
            held = self.until_acknowledged(self.trials.Suggest, trial_pb2.SuggestRequest(
                study=self.study, client_id=self.name, count=self.random.randint(1, 3), wait=5)).assignments
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.OUT_OF_RANGE:
                return False
            raise
        if held:
            one = self.random.choice(held)
            value = loss(plain(one.trial.parameters), self.random)
            self.until_acknowledged(self.trials.Complete, trial_pb2.CompleteRequest(
                trial_id=one.trial.id, attempt=one.attempt, metrics={"loss": value}))
            self.completed += 1
        return True


def recompute(folder, study):
    """What assay_recompute tells, a dictionary a trial."""
    run = subprocess.run([binary("assay_recompute"), folder, study], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    return [json.loads(line) for line in run.stdout.splitlines()]


@pytest.mark.deadline(90)
def test_proposals_recompute_from_the_log_of_a_server_that_was_killed_9_times(lab):
    server = lab.server()
    for name, search in STUDIES.items():
        server.create({"name": name, **search, **SPEC,
                       "budget": {"max_trials": TRIALS, "max_parallel": 12}})
    clients = [Client(server.address, study, str(i)) for study in STUDIES for i in range(CLIENTS)]
    for client in clients:
        client.start()
    kill_now_and_then(server, clients)
    for client in clients:
        client.join(60)
        assert client.error is None and not client.is_alive(), f"{client.name}: {client.error!r}"
    assert sum(client.cut for client in clients) >= KILLS, "the clients felt it"
    assert server.check() == []
    server.kill()

    for name in STUDIES:
        told = recompute(server.folder / "data", name)
        assert [line for line in told if not line["same"]] == []
        # It was a search, by several at once, whose proposals did not know everything.
        assert len(told) >= TRIALS + MORE - 1
        assert sum(not line["why"].startswith("start:") for line in told) > TRIALS
        assert any(line["batch_index"] > 0 for line in told)
        assert sum(line["unseen"] > 0 for line in told) >= KILLS
        print(f"{name}: {len(told)} proposals, {sum(line['batch_index'] > 0 for line in told)} made after others from "
              f"the same results, {sum(line['unseen'] > 0 for line in told)} that lacked some")
        a_log_with_other_results_gives_other_proposals(server, name)


def kill_now_and_then(server, clients):
    """Each time something was done. After half of the kills a user enqueues a trial and raises the budgets."""
    for kill in range(1, KILLS + 1):
        wanted = kill * len(STUDIES) * (TRIALS - CLIENTS) // (KILLS + 1)
        wait_until(lambda: any(client.error for client in clients)
                   or sum(client.completed for client in clients) >= wanted, 60, f"{wanted} trials ended")
        if kill == KILLS // 2:
            for name in STUDIES:
                server.enqueue(name, {"rate": 0.01, "depth": 3, "optimizer": "adam"})
                server.update(name, {"max_trials": TRIALS + MORE, "max_parallel": 15})
        server.restart()


def a_log_with_other_results_gives_other_proposals(server, study):
    """So that "the same" means something. Several, since a search may leave out one that comes late."""
    copy = shutil.copytree(server.folder / "data", server.folder / f"other {study}")
    with sqlite3.connect(copy / "assay.db") as database:
        changed = database.execute(
            "UPDATE trial SET final_metrics = '{\"loss\":-1}' WHERE id IN (SELECT trial.id FROM trial JOIN study "
            "ON study.id = trial.study WHERE name = ? AND trial.state = 3 AND number BETWEEN 40 AND 59) RETURNING number",
            [study]).fetchall()
    database.close()
    told = recompute(copy, study)
    wrong = [line["number"] for line in told if not line["same"]]
    assert len(wrong) > TRIALS // 4 and min(wrong) > min(changed)[0]
