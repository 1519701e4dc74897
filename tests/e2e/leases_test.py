"""A trial is never lost, doubled or overwritten: leases, the fence, and what is counted."""
import os
import queue
import signal
import time

import pytest
from grpc import StatusCode

from assay_testing import (Attempt, Gate, Process, Study, Trial, program, refused, study_pb2, trial_pb2, wait_until,
                           worker_pb2)

LEASE = 2.0  # Where one has to run out. All others get the default of a minute: a busy machine shall lose none.
SOON = 10.0  # What follows at once, on a busy machine.
SPEC = {
    "name": "s",
    "metrics": [{"name": "loss", "goal": "MINIMIZE"}],
    "parameters": [{"name": "x", "double": {"min": 0, "max": 1}}],
    "algorithm": {"random": {}},
    "seed": 7,
}


def outcomes(server, trial):
    return [Attempt.Outcome.Name(attempt.outcome) for attempt in server.trial(trial).attempt_list]


def is_gone(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def one_held_trial(lab, server, gate, name="a", flags=(), **limits):
    """A worker that holds the first trial of a study: (worker, trial id)."""
    worker = lab.worker(server, name, flags=flags)
    server.create({**SPEC, "trial": gate.template(**limits), "budget": {"max_trials": 1}})
    (trial, _), = gate.wait_any()
    return worker, trial


# --- A worker dies -------------------------------------------------------------

def test_kill_9_of_a_worker_runs_its_trial_elsewhere_once_its_lease_ends(lab):
    server, gate = lab.server(lease=LEASE), Gate(lab)
    worker, trial = one_held_trial(lab, server, gate)
    lab.worker(server, "b")
    worker.kill()
    gate.wait_started(trial, attempt=2, deadline=LEASE + SOON)
    gate.open()
    wait_until(lambda: server.is_over("s"))
    assert outcomes(server, trial) == ["LOST", "COMPLETED"]
    first, second = server.trial(trial).attempt_list
    assert (first.holder, second.holder) == ("a", "b")
    assert "lease" in first.reason


def test_trials_die_with_their_worker(lab):
    server, gate = lab.server(), Gate(lab)
    worker, trial = one_held_trial(lab, server, gate)
    pid = gate.wait_started(trial)
    worker.kill()
    wait_until(lambda: is_gone(pid), SOON, "the trial's process is gone")


def test_a_worker_that_comes_back_under_its_name_gets_the_trial_as_attempt_2(lab):
    server, gate = lab.server(lease=LEASE), Gate(lab)
    worker, trial = one_held_trial(lab, server, gate)
    worker.kill()
    lab.worker(server, "a")
    gate.open()
    wait_until(lambda: server.is_over("s"))
    assert outcomes(server, trial) == ["LOST", "COMPLETED"]


def test_what_a_killed_worker_left_behind_is_killed_when_it_starts_again(lab):
    server, gate = lab.server(lease=LEASE), Gate(lab)
    worker = lab.worker(server, "a")
    server.create({**SPEC, "trial": program("hold_with_grandchild", gate.folder), "budget": {"max_trials": 1}})
    gate.wait_any()
    grandchild = int((gate.folder / "grandchild").read_text())
    worker.kill()
    assert not is_gone(grandchild), "PDEATHSIG does not reach it"
    again = Process(worker.argv, worker.log)
    lab.started.append(again)
    wait_until(lambda: is_gone(grandchild), what="the grandchild is gone")


# --- A trial's process dies ------------------------------------------------------

def test_kill_9_of_a_trial_is_a_failed_attempt_with_signal_and_stderr_and_is_retried(lab):
    server, gate = lab.server(), Gate(lab)
    _, trial = one_held_trial(lab, server, gate)
    os.kill(gate.wait_started(trial), signal.SIGKILL)
    gate.wait_started(trial, attempt=2)
    first, second = server.trial(trial).attempt_list
    assert first.outcome == Attempt.FAILED
    assert "signal 9" in first.reason and f"holding trial {trial}" in first.reason
    assert second.outcome == Attempt.RUNNING
    gate.open()
    wait_until(lambda: server.is_over("s"))
    assert server.trial(trial).state == Trial.COMPLETED


def test_a_trial_that_fails_max_attempts_times_is_failed(lab):
    server, gate = lab.server(), Gate(lab)
    _, trial = one_held_trial(lab, server, gate, max_attempts=2)
    for attempt in (1, 2):
        os.kill(gate.wait_started(trial, attempt), signal.SIGKILL)
    wait_until(lambda: server.is_over("s"))
    shown = server.trial(trial)
    assert shown.state == Trial.FAILED
    assert "2 attempts failed" in shown.reason and "signal 9" in shown.reason
    assert outcomes(server, trial) == ["FAILED", "FAILED"]


# --- A worker sleeps -------------------------------------------------------------

def test_the_late_finish_of_a_worker_that_slept_past_its_lease_changes_nothing(lab):
    server, gate = lab.server(lease=LEASE), Gate(lab)
    sleeper, trial = one_held_trial(lab, server, gate)
    lab.worker(server, "b")
    sleeper.signal(signal.SIGSTOP)
    gate.wait_started(trial, attempt=2)
    gate.open()
    wait_until(lambda: server.is_over("s"))
    before = server.export("s")
    sleeper.signal(signal.SIGCONT)
    # It has said all it wanted once it holds nothing and works again: b has one slot, so one of two is a's.
    wait_until(lambda: "attempt 1 ends" in sleeper.text() or "no longer ours" in sleeper.text(), what="it noticed")
    next_gate = Gate(lab)
    server.create({**SPEC, "name": "next", "trial": next_gate.template(), "budget": {"max_trials": 2}})
    next_gate.wait_any(2)
    assert {server.trial(t.id).attempt_list[0].holder for t in server.all_trials("next")} == {"a", "b"}
    next_gate.open()
    wait_until(lambda: server.is_over("next"))
    assert server.export("s") == before
    assert outcomes(server, trial) == ["LOST", "COMPLETED"]
    assert server.trial(trial).final_metrics["loss"] == 2
    assert server.check() == []


def test_a_sleeping_worker_is_given_nothing(lab):
    server, gate = lab.server(lease=LEASE), Gate(lab)
    sleeper, trial = one_held_trial(lab, server, gate)
    sleeper.signal(signal.SIGSTOP)
    wait_until(lambda: server.trial(trial).state == Trial.PENDING, LEASE + SOON, "the lease ran out")
    # Nobody else is there: the trial waits, rather than being lost again and again.
    with pytest.raises(AssertionError):
        wait_until(lambda: server.trial(trial).attempts > 1, 2 * LEASE)
    assert outcomes(server, trial) == ["LOST"]
    sleeper.signal(signal.SIGCONT)
    gate.open()
    wait_until(lambda: server.is_over("s"))
    assert outcomes(server, trial) == ["LOST", "COMPLETED"]


def test_a_worker_that_wakes_while_its_trial_still_waits_goes_on_with_the_same_process(lab):
    server, gate = lab.server(lease=LEASE), Gate(lab)
    sleeper, trial = one_held_trial(lab, server, gate)
    sleeper.signal(signal.SIGSTOP)
    wait_until(lambda: server.trial(trial).state == Trial.PENDING, LEASE + SOON, "the lease ran out")
    sleeper.signal(signal.SIGCONT)
    wait_until(lambda: server.trial(trial).attempts == 2, what="it is adopted")
    gate.open()
    wait_until(lambda: server.is_over("s"))
    assert outcomes(server, trial) == ["LOST", "COMPLETED"]
    assert set(gate.started()) == {(trial, 1)}, "one process ran it all"


# --- The server is away ------------------------------------------------------------

def test_a_trial_that_ends_while_the_server_is_away_is_recorded_once_when_it_is_back(lab):
    server, gate = lab.server(), Gate(lab)
    _, trial = one_held_trial(lab, server, gate)
    pid = gate.wait_started(trial)
    server.kill()
    gate.open()
    wait_until(lambda: is_gone(pid), what="the trial ends")
    server.start()
    wait_until(lambda: server.is_over("s"))
    assert outcomes(server, trial) == ["COMPLETED"]
    assert [m.step for m in server.curve(trial)] == [1]


def test_what_a_trial_reports_while_the_server_is_away_is_all_there_when_it_is_back(lab):
    server, gate = lab.server(), Gate(lab)
    lab.worker(server, "a")
    server.create({**SPEC, "trial": program("many_while_away", gate.folder, 20_000), "budget": {"max_trials": 1}})
    ((trial, _), pid), = gate.wait_any().items()
    server.kill()
    gate.open()
    wait_until(lambda: is_gone(pid), 20, "the trial ends")
    server.start()
    wait_until(lambda: server.is_over("s"), 20)
    assert [m.sequence for m in server.curve(trial)] == list(range(1, 20_001))
    assert outcomes(server, trial) == ["COMPLETED"]


def test_a_second_server_on_the_same_data_is_refused_by_name(lab):
    server = lab.server()
    argv = [server.process.argv[0], "--grpc", f"unix:{server.folder}/other", *server.flags]
    other = Process(argv, str(server.folder / "other.log"))
    assert other.popen.wait(SOON) != 0
    assert str(server.folder / "data") in other.text()
    assert server.check() == []


def test_running_trials_go_on_through_a_restart_of_the_server(lab):
    server, gate = lab.server(), Gate(lab)
    _, trial = one_held_trial(lab, server, gate)
    pid = gate.wait_started(trial)
    for _ in range(3):
        server.restart()
        wait_until(lambda: server.is_connected("a"))
        assert not is_gone(pid)
    gate.open()
    wait_until(lambda: server.is_over("s"))
    assert outcomes(server, trial) == ["COMPLETED"]
    assert gate.started() == {(trial, 1): pid}


def test_a_graceful_stop_of_the_server_loses_nothing(lab):
    server, gate = lab.server(), Gate(lab)
    _, trial = one_held_trial(lab, server, gate)
    assert server.process.terminate() == 0
    server.start()
    gate.open()
    wait_until(lambda: server.is_over("s"))
    assert outcomes(server, trial) == ["COMPLETED"]


def test_a_call_that_waits_when_the_server_stops_is_answered_unavailable(lab):
    server = lab.server(memory=True)
    server.create({**SPEC, "budget": {"max_parallel": 1}})
    server.ask("s", "holder")
    waiting = server.trials.Suggest.future(trial_pb2.SuggestRequest(study="s", client_id="waiting", wait=30))
    wait_until(lambda: server.process.is_alive() and not server.suggest("s", "probe").assignments)
    assert server.process.terminate() == 0
    assert waiting.code() == StatusCode.UNAVAILABLE


# --- Draining ----------------------------------------------------------------------

def test_what_a_draining_worker_hands_back_counts_nowhere(lab):
    server, gate = lab.server(), Gate(lab)
    worker, trial = one_held_trial(lab, server, gate, flags=["--drain", "hand-back"], max_attempts=1, max_lost=1)
    assert worker.terminate() == 0
    assert server.trial(trial).state == Trial.PENDING
    lab.worker(server, "b")
    gate.open()
    wait_until(lambda: server.is_over("s"))
    assert outcomes(server, trial) == ["PREEMPTED", "COMPLETED"]


def test_a_draining_worker_finishes_what_it_runs_and_takes_nothing_new(lab):
    server, gate = lab.server(), Gate(lab)
    worker = lab.worker(server)
    server.create({**SPEC, "trial": gate.template(), "budget": {"max_trials": 2}})
    (trial, _), = gate.wait_any()
    worker.signal(signal.SIGTERM)
    wait_until(lambda: server.worker_view("worker").draining)
    gate.open()
    assert worker.popen.wait(15) == 0
    assert server.trial(trial).state == Trial.COMPLETED
    assert server.study("s").counts.trials == 1


def test_a_person_can_drain_a_worker_and_undo_it(lab):
    server, gate = lab.server(), Gate(lab)
    lab.worker(server)
    assert server.workers.Drain(worker_pb2.DrainWorkerRequest(name="worker")).draining
    server.create({**SPEC, "trial": gate.template(), "budget": {"max_trials": 1}})
    wait_until(lambda: server.study("s").waiting, what="the study says why it waits")
    assert not gate.started()
    server.workers.Drain(worker_pb2.DrainWorkerRequest(name="worker", undo=True))
    gate.wait_any()
    refused(StatusCode.NOT_FOUND, server.workers.Drain, worker_pb2.DrainWorkerRequest(name="nobody"))


# --- A person says stop ---------------------------------------------------------------

def test_a_deleted_study_ends_its_running_trial(lab):
    server, gate = lab.server(), Gate(lab)
    _, trial = one_held_trial(lab, server, gate)
    pid = gate.wait_started(trial)
    server.studies.Delete(study_pb2.GetStudyRequest(study="s"))
    wait_until(lambda: is_gone(pid), what="the process is gone")
    wait_until(lambda: server.worker_view("a").busy == 0)


# --- What is counted ---------------------------------------------------------------

def lose(server, assignment):
    """Lets the lease of a client run out."""
    attempt = assignment.attempt
    wait_until(lambda: server.trial(assignment.trial.id).attempt_list[attempt - 1].outcome == Attempt.LOST)


def counted_study(lab):
    server = lab.server(memory=True)
    server.create({**SPEC, "trial": {"runner": {"name": "nobody-has-it"}, "max_attempts": 2, "max_lost": 2},
                   "budget": {"max_trials": 1}})
    return server


def test_failed_and_lost_attempts_are_counted_apart(lab):
    server = counted_study(lab)
    assignment = server.ask("s", client_lease=0.2)
    trial = assignment.trial.id
    lose(server, assignment)
    server.fail(server.ask("s"), "bad luck")
    assert server.trial(trial).state == Trial.PENDING, "one lost and one failed are not two of either"
    server.fail(server.ask("s"), "bad luck again")
    assert outcomes(server, trial) == ["LOST", "FAILED", "FAILED"]
    shown = server.trial(trial)
    assert shown.state == Trial.FAILED
    assert "2 attempts failed" in shown.reason and "bad luck again" in shown.reason


def test_a_trial_that_loses_max_lost_holders_is_failed(lab):
    server = counted_study(lab)
    assignment = server.ask("s", client_lease=0.2)
    lose(server, assignment)
    lose(server, server.ask("s", client_lease=0.2))
    shown = server.trial(assignment.trial.id)
    assert shown.state == Trial.FAILED
    assert "2 attempts lost" in shown.reason
    assert server.study("s").state == Study.COMPLETED


def test_a_hand_back_counts_nowhere(lab):
    server = counted_study(lab)
    for _ in range(6):
        assignment = server.ask("s")
        server.fail(assignment, "maintenance", "HAND_BACK")
    server.complete(server.ask("s"), loss=1)
    shown = server.trial(assignment.trial.id)
    assert shown.state == Trial.COMPLETED
    assert outcomes(server, shown.id) == ["PREEMPTED"] * 6 + ["COMPLETED"]


def test_reports_and_heartbeats_renew_a_clients_lease(lab):
    server = counted_study(lab)
    assignment = server.ask("s", client_lease=4)
    assert assignment.lease_seconds == 4
    end = time.monotonic() + 6
    step = 0
    while time.monotonic() < end:
        step += 1
        server.report(assignment, step, loss=1)
        server.heartbeat(assignment)
    server.complete(assignment)
    assert server.trial(assignment.trial.id).state == Trial.COMPLETED


def test_a_lease_of_zero_never_ends(lab):
    server = counted_study(lab)
    assignment = server.ask("s", client_lease=0)
    with pytest.raises(AssertionError):
        wait_until(lambda: server.trial(assignment.trial.id).state != Trial.RUNNING, 1.5)


def test_what_comes_after_a_lost_lease_is_refused_and_changes_nothing(lab):
    server = counted_study(lab)
    late = server.ask("s", "slow", client_lease=4)
    server.report(late, 1, loss=3)
    lose(server, late)
    server.complete(server.ask("s", "quick"), loss=1)
    before = server.export("s")
    for call in (lambda: server.report(late, 2, loss=9), lambda: server.heartbeat(late),
                 lambda: server.complete(late, loss=9), lambda: server.fail(late, "x"),
                 lambda: server.fail(late, "x", "HAND_BACK")):
        refused(StatusCode.FAILED_PRECONDITION, call)
    assert server.report(late, 1, loss=3) is not None, "the same report again has the same answer"
    assert server.export("s") == before


# --- A worker that plays by its own rules ----------------------------------------------

class Stream:
    """A worker made of messages."""

    def __init__(self, server, name, instance="1", held=()):
        self.outbox = queue.Queue()
        self.call = server.workers.Connect(iter(self.outbox.get, None))
        self.say(hello=worker_pb2.Hello(
            name=name, instance=instance, slots=1, any_command=True,
            held=[worker_pb2.HeldAttempt(trial_id=trial, attempt=attempt) for trial, attempt in held]))
        self.welcome = self.hear("welcome")

    def say(self, **message):
        self.outbox.put(worker_pb2.WorkerMessage(**message))

    def hear(self, kind):
        """The next message of the kind; others are skipped."""
        for message in self.call:
            if message.WhichOneof("message") == kind:
                return getattr(message, kind)
        raise AssertionError(f"the stream ended without {kind}")

    def finish(self, trial, attempt, **fields):
        kind = worker_pb2.Finish.COMPLETED
        self.say(finish=worker_pb2.Finish(trial_id=trial, attempt=attempt, kind=kind, **fields))
        while not (answer := self.hear("acknowledgement")).finished:
            pass
        return answer

    def close(self):
        self.outbox.put(None)
        self.call.cancel()


def stream_study(lab, lease=60):
    server = lab.server(memory=True, lease=lease)
    server.create({**SPEC, "trial": {"command": {"argv": ["true"]}}, "budget": {"max_trials": 1}})
    return server


def test_a_repeated_finish_is_acknowledged_and_counted_once(lab):
    server = stream_study(lab)
    stream = Stream(server, "w")
    assignment = stream.hear("assignment")
    for _ in range(2):
        stream.finish(assignment.trial.id, 1, metrics={"loss": 1})
    stream.finish(assignment.trial.id, 1, metrics={"loss": 2})  # Refused for good: forget it.
    assert server.study("s").counts.completed == 1
    assert server.trial(assignment.trial.id).final_metrics["loss"] == 1
    stream.close()


def test_a_broken_stream_alone_queues_nothing_again(lab):
    server = stream_study(lab)
    stream = Stream(server, "w")
    trial = stream.hear("assignment").trial.id
    stream.close()
    wait_until(lambda: not server.is_connected("w"))
    assert server.trial(trial).state == Trial.RUNNING
    stream = Stream(server, "w", held=[(trial, 1)])
    verdict, = stream.welcome.verdicts
    assert verdict.go_on and verdict.new_attempt == 0
    stream.close()


def test_an_assignment_that_a_worker_has_not_heard_of_is_sent_again(lab):
    server = stream_study(lab)
    stream = Stream(server, "w")
    trial = stream.hear("assignment").trial.id
    stream.close()
    wait_until(lambda: not server.is_connected("w"))
    stream = Stream(server, "w")
    again = stream.hear("assignment")
    assert (again.trial.id, again.attempt) == (trial, 1)
    stream.close()


def test_a_lost_attempt_that_still_waits_is_adopted_as_the_next(lab):
    server = stream_study(lab, lease=4)
    stream = Stream(server, "w")
    trial = stream.hear("assignment").trial.id
    stream.close()
    wait_until(lambda: server.trial(trial).state == Trial.PENDING)
    stream = Stream(server, "w", held=[(trial, 1)])
    verdict, = stream.welcome.verdicts
    assert verdict.go_on and verdict.new_attempt == 2
    stream.finish(trial, 2, metrics={"loss": 1})
    assert outcomes(server, trial) == ["LOST", "COMPLETED"]
    stream.close()


def test_another_process_of_the_same_name_cannot_take_over_an_attempt(lab):
    server = stream_study(lab)
    stream = Stream(server, "w", instance="1")
    trial = stream.hear("assignment").trial.id
    stream.close()
    wait_until(lambda: not server.is_connected("w"))
    stream = Stream(server, "w", instance="2", held=[(trial, 1)])
    verdict, = stream.welcome.verdicts
    assert not verdict.go_on and verdict.reason
    stream.close()


def test_a_second_worker_of_a_connected_name_is_refused(lab):
    server = stream_study(lab)
    stream = Stream(server, "w", instance="1")
    other = worker_pb2.WorkerMessage(hello=worker_pb2.Hello(name="w", instance="2", slots=1))
    refused(StatusCode.ALREADY_EXISTS, lambda: list(server.workers.Connect(iter([other]))))
    assert server.is_connected("w")
    stream.close()
