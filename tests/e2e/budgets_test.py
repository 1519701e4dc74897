"""What a study may spend, what people do to it, and what repeated requests do."""
import concurrent.futures
import time

import grpc
import pytest
from grpc import StatusCode

from assay_testing import (Attempt, Gate, Study, Trial, plain, program, refused, study_pb2, trial_pb2, wait_until)


@pytest.fixture(scope="module")
def server(shared_lab):
    return shared_lab.server(memory=True)


@pytest.fixture
def study(server, request):
    """Creates a study named like the test."""
    def create(**fields):
        return server.create({
            "name": request.node.name, "metrics": [{"name": "loss", "goal": "MINIMIZE"}],
            "parameters": [{"name": "x", "double": {"min": 0, "max": 1}}], "algorithm": {"random": {}}, "seed": 7,
            **fields}).spec.name
    return create


def run_trials(server, name, count, loss=1.0):
    return [server.complete(server.ask(name), loss=loss) for _ in range(count)]


# --- Limits ------------------------------------------------------------------------

def test_max_trials_ends_a_study_when_the_last_running_trial_ends(server, study):
    name = study(budget={"max_trials": 3})
    first, second, third = (server.ask(name, client) for client in "abc")
    answer = server.suggest(name, "d")
    assert not answer.assignments and "max_trials: 3 of 3" in answer.reason and answer.retry_after > 0
    server.complete(first, loss=1)
    server.complete(second, loss=1)
    assert server.study(name).state == Study.ACTIVE
    server.complete(third, loss=1)
    shown = server.study(name)
    assert (shown.state, shown.completion) == (Study.COMPLETED, Study.BUDGET_SPENT)
    assert "max_trials: 3 of 3" in shown.reason
    assert "max_trials" in refused(StatusCode.OUT_OF_RANGE, server.suggest, name)


def test_infeasible_trials_do_not_count_for_max_trials(server, study):
    name = study(budget={"max_trials": 2})
    for _ in range(5):
        server.fail(server.ask(name), "cannot be", "INFEASIBLE")
    run_trials(server, name, 2)
    counts = server.study(name).counts
    assert (counts.trials, counts.configurations, counts.infeasible) == (7, 2, 5)
    assert server.study(name).state == Study.COMPLETED


def test_attempts_again_do_not_count_for_max_trials(server, study):
    name = study(budget={"max_trials": 1})
    server.fail(server.ask(name), "once")
    again = server.ask(name)
    assert again.attempt == 2
    server.complete(again, loss=1)
    assert server.study(name).counts.trials == 1


def test_max_parallel_counts_workers_and_clients_together(server, study, lab):
    gate = Gate(lab)
    name = study(trial=gate.template(), budget={"max_parallel": 2, "max_trials": 4})
    mine = server.ask(name)
    worker = lab.worker(server, "parallel", slots=4)
    gate.wait_any()
    answer = server.suggest(name, "other")
    assert not answer.assignments and "max_parallel: 2 of 2" in answer.reason
    assert server.study(name).counts.running == 2
    server.complete(mine, loss=1)
    gate.wait_any(2)  # The slot goes to the worker.
    gate.open()
    wait_until(lambda: server.is_over(name))
    assert worker.terminate() == 0


def test_max_seconds_tells_running_trials_to_stop(server, study):
    name = study(budget={"max_seconds": 1})
    assignment = server.ask(name)
    server.report(assignment, 1, loss=4)
    advice = wait_until(lambda: (a := server.heartbeat(assignment)).should_stop and a)
    assert "max_seconds" in advice.reason
    trial = server.complete(assignment)
    assert (trial.state, trial.final_metrics["loss"]) == (Trial.STOPPED, 4)
    shown = server.study(name)
    assert (shown.state, shown.completion) == (Study.COMPLETED, Study.BUDGET_SPENT)
    assert shown.seconds_used >= 1


def test_pauses_are_left_out_of_max_seconds(server, study):
    name = study(budget={"max_seconds": 4})
    assignment = server.ask(name)
    server.pause(name)
    used = server.study(name).seconds_used
    with pytest.raises(AssertionError):
        wait_until(lambda: server.heartbeat(assignment).should_stop, 5)
    assert server.study(name).seconds_used == pytest.approx(used, abs=0.05)
    server.resume(name)
    wait_until(lambda: server.heartbeat(assignment).should_stop)


def test_max_steps_total_ends_a_study(server, study):
    name = study(budget={"max_steps_total": 5})
    for _ in range(2):
        assignment = server.ask(name)
        for step in (1, 2, 3):
            server.report(assignment, step, loss=1)
        server.complete(assignment)
    shown = server.study(name)
    assert (shown.state, shown.completion, shown.counts.steps) == (Study.COMPLETED, Study.BUDGET_SPENT, 6)
    assert "max_steps_total" in shown.reason


def test_max_training_seconds_ends_a_study(server, study):
    name = study(budget={"max_training_seconds": 0.2})
    assignment = server.ask(name)
    started = time.monotonic()
    wait_until(lambda: time.monotonic() - started > 0.25)
    server.complete(assignment, loss=1)
    shown = server.study(name)
    assert (shown.state, shown.completion) == (Study.COMPLETED, Study.BUDGET_SPENT)
    assert shown.counts.training_seconds >= 0.2


def test_max_failed_ends_a_study_as_too_many_failures(server, study):
    name = study(budget={"max_failed": 2})
    for _ in range(2):
        server.fail(server.ask(name), "no memory", "FATAL")
    shown = server.study(name)
    assert (shown.state, shown.completion) == (Study.COMPLETED, Study.TOO_MANY_FAILURES)


@pytest.mark.parametrize("goal, target, values", [("MINIMIZE", 0.5, (0.9, 0.5)), ("MAXIMIZE", 0.9, (0.5, 0.95))])
def test_a_reached_target_ends_a_study_and_stops_the_others(server, study, goal, target, values):
    name = study(metrics=[{"name": "loss", "goal": goal}], budget={"target": target})
    other = server.ask(name, "other")
    for value in values:
        assert server.study(name).state == Study.ACTIVE
        server.complete(server.ask(name), loss=value)
    shown = server.study(name)
    assert (shown.state, shown.completion) == (Study.COMPLETED, Study.TARGET_REACHED)
    assert server.heartbeat(other).should_stop
    assert server.complete(other, loss=0.7).state == Trial.STOPPED
    assert server.best(name)[0].final_metrics["loss"] == values[1]


def test_a_larger_budget_reopens_a_study_that_was_spent(server, study):
    name = study(budget={"max_trials": 1})
    run_trials(server, name, 1)
    assert server.study(name).state == Study.COMPLETED
    reopened = server.update(name, budget={"max_trials": 2}, author="me")
    assert (reopened.state, reopened.completion) == (Study.ACTIVE, Study.COMPLETION_UNSPECIFIED)
    assert (reopened.spec_revision, reopened.spec.budget.max_trials) == (2, 2)
    trial, = run_trials(server, name, 1)
    assert (trial.number, trial.spec_revision) == (1, 2)
    assert server.study(name).state == Study.COMPLETED


def test_a_budget_that_is_still_spent_reopens_nothing(server, study):
    name = study(budget={"max_trials": 1})
    run_trials(server, name, 1)
    assert server.update(name, note="a word").state == Study.COMPLETED
    assert server.update(name, budget={"max_trials": 1}).state == Study.COMPLETED


def test_update_edits_budget_priority_and_note_and_nothing_else(server, study):
    name = study(budget={"max_trials": 5, "max_failed": 3})
    edited = server.update(name, budget={"max_trials": 9}, priority=4, note="*why*")
    assert edited.spec.budget == study_pb2.Budget(max_trials=9), "the whole budget is replaced"
    assert (edited.spec.priority, edited.spec.note, edited.spec.name) == (4, "*why*", name)
    assert server.update(name, priority=0).spec.note == "*why*", "absent fields stay"
    message = refused(StatusCode.INVALID_ARGUMENT, server.update, name, budget={"max_trials": -1})
    assert "max_trials" in message and "-1" in message


# --- Pause, resume, stop ---------------------------------------------------------------

def test_a_paused_study_hands_out_nothing_and_takes_reports(server, study):
    name = study()
    assignment = server.ask(name)
    assert server.pause(name).state == Study.PAUSED
    assert server.pause(name).state == Study.PAUSED
    assert "PAUSED" in refused(StatusCode.FAILED_PRECONDITION, server.suggest, name, "other")
    assert not server.report(assignment, 1, loss=1).should_stop
    assert server.complete(assignment).state == Trial.COMPLETED
    assert server.resume(name).state == Study.ACTIVE
    assert server.resume(name).state == Study.ACTIVE
    assert server.suggest(name, "other").assignments


def test_a_client_gets_its_own_running_trial_of_a_paused_study(server, study):
    name = study()
    assignment = server.ask(name)
    server.pause(name)
    assert server.suggest(name).assignments[0].trial.id == assignment.trial.id


def test_stop_ends_a_study_for_good_and_takes_late_results(server, study):
    name = study()
    running = server.ask(name)
    server.report(running, 1, loss=2)
    waiting = server.enqueue(name, {"x": 0.5})
    stopped = server.stop(name)
    assert (stopped.state, stopped.completion) == (Study.COMPLETED, Study.STOPPED_BY_USER)
    assert server.stop(name).completion == Study.STOPPED_BY_USER
    assert server.trial(waiting.id).state == Trial.STOPPED
    assert server.trial(running.trial.id).state == Trial.RUNNING
    assert server.report(running, 2, loss=1).should_stop
    late = server.complete(running)
    assert (late.state, late.final_metrics["loss"]) == (Trial.STOPPED, 1)
    refused(StatusCode.OUT_OF_RANGE, server.suggest, name)
    refused(StatusCode.FAILED_PRECONDITION, server.resume, name)
    refused(StatusCode.FAILED_PRECONDITION, server.pause, name)
    refused(StatusCode.FAILED_PRECONDITION, server.enqueue, name, {"x": 0.1})
    assert server.update(name, budget={"max_trials": 100}).state == Study.COMPLETED, "a user's stop is final"


def test_a_stopped_study_tells_its_workers(server, study, lab):
    name = study(trial=program("until_stopped"))
    worker = lab.worker(server, "stopped")
    trial = wait_until(lambda: server.all_trials(name))[0]
    wait_until(lambda: server.curve(trial.id))
    server.stop(name)
    wait_until(lambda: server.trial(trial.id).state == Trial.STOPPED)
    assert worker.terminate() == 0


def test_a_deleted_study_is_gone_and_its_name_is_free(server, study):
    name = study()
    first = server.study(name).id
    server.ask(name)
    server.studies.Delete(study_pb2.GetStudyRequest(study=name))
    refused(StatusCode.NOT_FOUND, server.study, name)
    assert study(seed=8) == name
    assert server.study(name).id > first


# --- Queue, retry, repeated requests ------------------------------------------------------

def test_enqueued_trials_are_served_first_and_in_order(server, study):
    name = study()
    server.suggest(name, "before")
    queued = [server.enqueue(name, {"x": x}, note="mine").id for x in (0.25, 0.75)]
    served = [server.ask(name, client).trial for client in "abc"]
    assert [trial.id for trial in served[:2]] == queued
    assert plain(served[0].parameters) == {"x": 0.25}
    assert (served[0].origin.strategy, served[0].note) == ("user", "mine")
    assert served[2].origin.strategy == "random"


def test_enqueue_checks_parameters_against_the_space(server, study):
    name = study()
    for parameters in ({"x": 2}, {}, {"y": 0.5}, {"x": 0.5, "y": 1}, {"x": "a"}):
        refused(StatusCode.INVALID_ARGUMENT, server.enqueue, name, parameters)
    assert server.study(name).counts.trials == 0


def test_a_study_without_a_space_takes_any_parameters_and_suggests_none(server, study):
    name = study(parameters=[], algorithm={})
    refused(StatusCode.FAILED_PRECONDITION, server.suggest, name)
    server.enqueue(name, {"anything": "goes", "n": 3})
    assert plain(server.ask(name).trial.parameters) == {"anything": "goes", "n": 3}


def test_retry_makes_a_new_trial_with_the_same_parameters(server, study):
    name = study(budget={"max_trials": 3})
    failed = server.fail(server.ask(name), "x", "FATAL")
    again = server.retry(failed.id)
    assert again.id != failed.id
    assert (again.state, again.retry_of, again.number) == (Trial.PENDING, failed.id, 1)
    assert plain(again.parameters) == plain(failed.parameters)
    assignment = server.ask(name)
    assert assignment.trial.id == again.id and assignment.attempt == 1
    refused(StatusCode.FAILED_PRECONDITION, server.retry, again.id)
    assert server.trial(failed.id).state == Trial.FAILED, "a finished trial never changes"


def test_a_repeated_request_id_gives_the_same_answer_and_other_content_is_refused(server, study):
    name = study()
    first = server.enqueue(name, {"x": 0.5}, request_id="r1")
    assert server.enqueue(name, {"x": 0.5}, request_id="r1").id == first.id
    refused(StatusCode.FAILED_PRECONDITION, server.enqueue, name, {"x": 0.6}, request_id="r1")
    assert server.enqueue(name, {"x": 0.5}, request_id="r2").id != first.id
    assert server.study(name).counts.trials == 2
    finished = server.complete(server.ask(name), loss=1)
    again = server.retry(finished.id, request_id="r3")
    assert server.retry(finished.id, request_id="r3").id == again.id
    refused(StatusCode.FAILED_PRECONDITION, server.enqueue, name, {"x": 0.5}, request_id="r3")
    edited = server.update(name, note="n", request_id="r4")
    assert server.update(name, note="n", request_id="r4").spec_revision == edited.spec_revision
    refused(StatusCode.FAILED_PRECONDITION, server.update, name, note="m", request_id="r4")


def test_create_repeated_returns_the_study_and_another_spec_is_refused(server, study, request):
    name = study(budget={"max_trials": 5})
    first = server.study(name)
    server.update(name, budget={"max_trials": 7})
    study(budget={"max_trials": 5})
    assert server.study(name).id == first.id
    message = refused(StatusCode.ALREADY_EXISTS, study, budget={"max_trials": 6})
    assert name in message


def test_repeated_reports_and_finishes_change_nothing_and_other_content_is_refused(server, study):
    name = study()
    assignment = server.ask(name)
    for _ in range(2):
        server.report(assignment, 1, loss=float("nan"))
    refused(StatusCode.FAILED_PRECONDITION, server.report, assignment, 1, loss=2)
    server.report(assignment, 2, loss=2)
    assert server.complete(assignment, loss=1) == server.complete(assignment, loss=1)
    refused(StatusCode.FAILED_PRECONDITION, server.complete, assignment, loss=2)
    refused(StatusCode.FAILED_PRECONDITION, server.fail, assignment, "x")
    server.report(assignment, 2, loss=2)
    assert [m.sequence for m in server.curve(assignment.trial.id)] == [1, 2]


def test_complete_without_the_objective_is_refused_and_can_be_corrected(server, study):
    name = study()
    assignment = server.ask(name)
    assert '"loss"' in refused(StatusCode.INVALID_ARGUMENT, server.complete, assignment, other=1)
    assert server.trial(assignment.trial.id).state == Trial.RUNNING
    assert server.complete(assignment, loss=1).state == Trial.COMPLETED


def test_the_best_of_the_curve_counts_if_the_metric_says_so(server, study):
    name = study(metrics=[{"name": "loss", "goal": "MINIMIZE", "select": "BEST"}])
    assignment = server.ask(name)
    for step, loss in enumerate((3, 1, 2), 1):
        server.report(assignment, step, loss=loss)
    assert server.complete(assignment).final_metrics["loss"] == 1


# --- Asking ------------------------------------------------------------------------------

def test_suggest_gives_a_client_its_own_running_trials_first(server, study):
    name = study()
    first = server.ask(name, "me")
    server.enqueue(name, {"x": 0.5})
    assert server.ask(name, "me").trial.id == first.trial.id
    answer = server.suggest(name, "me", count=3)
    ids = [assignment.trial.id for assignment in answer.assignments]
    assert ids[0] == first.trial.id and len(set(ids)) == 3
    assert [a.trial.id for a in server.suggest(name, "me", count=2).assignments] == ids[:2]


def test_suggest_that_waits_is_woken_by_a_free_place(server, study):
    name = study(budget={"max_parallel": 1})
    holder = server.ask(name, "holder")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        waiting = pool.submit(server.suggest, name, "waiting", wait=30)
        wait_until(lambda: is_parked(server, name, waiting))
        server.complete(holder, loss=1)
        assert waiting.result(15).assignments, "long before it would have given up"


def is_parked(server, name, waiting):
    """A waiting call has not ended although others were served meanwhile."""
    answer = server.suggest(name, "probe")
    assert not answer.assignments and not waiting.done()
    return True


def test_suggest_that_waits_is_woken_by_an_enqueued_trial(server, study):
    name = study(parameters=[{"name": "x", "integer": {"min": 1, "max": 1}}], algorithm={"grid": {}})
    held = server.ask(name, "holder")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        waiting = pool.submit(server.suggest, name, "waiting", wait=30)
        wait_until(lambda: is_parked(server, name, waiting))
        queued = server.enqueue(name, {"x": 1})
        assert waiting.result(10).assignments[0].trial.id == queued.id
    server.complete(held, loss=1)


def test_suggest_that_waits_is_woken_when_nothing_can_come_any_more(server, study):
    name = study(budget={"max_trials": 1})
    holder = server.ask(name, "holder")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        waiting = pool.submit(refused, StatusCode.OUT_OF_RANGE, server.suggest, name, "waiting", wait=30)
        wait_until(lambda: server.study(name).counts.running == 1)
        server.complete(holder, loss=1)
        assert "COMPLETED" in waiting.result(10)


def test_suggest_that_waits_in_vain_says_why(server, study):
    name = study(budget={"max_parallel": 1})
    server.ask(name, "holder")
    started = time.monotonic()
    answer = server.suggest(name, "waiting", wait=0.5)
    assert 0.4 < time.monotonic() - started
    assert not answer.assignments and "max_parallel" in answer.reason


# --- Watching -----------------------------------------------------------------------------

class Watcher:
    """What a watcher knows: the study, its trials, and each measurement."""

    def __init__(self, server, name, after=0, until=None):
        self.study, self.trials, self.measurements, self.revision = None, {}, {}, after
        self.revisions = []
        request = study_pb2.WatchStudyRequest(study=name, after=after)
        for message in server.studies.Watch(request, timeout=20):
            self.take(message)
            if until(self):
                return

    def take(self, message):
        assert message.revision >= self.revision
        self.revision = message.revision
        if message.snapshot and message.HasField("study"):
            self.trials.clear()
        if message.HasField("study"):
            self.study = message.study
        self.trials.update({trial.id: trial for trial in message.trials})
        for each in message.measurements:
            key = (each.trial_id, each.attempt, each.measurement.sequence)
            assert key not in self.measurements, "each measurement comes once"
            self.measurements[key] = each.measurement.metrics["loss"]
            self.revisions.append(each.measurement.revision)


def change_much(server, name, rounds):
    """Every kind of change; returns what was reported."""
    reported = {}
    for number in range(rounds):
        assignment = server.ask(name)
        for step in (1, 2, 3):
            server.report(assignment, step, loss=number + step)
            reported[assignment.trial.id, assignment.attempt, step] = number + step
        if number % 3 == 2:
            server.fail(assignment, "x", "FATAL")
        else:
            server.complete(assignment)
        server.update(name, note=f"round {number}")
    server.stop(name)
    return reported


def is_over(watcher):
    return watcher.study is not None and watcher.study.state == Study.COMPLETED


def same_as_storage(server, name, watcher):
    stored = server.all_trials(name)
    assert list(watcher.trials.values()) == stored or sorted(
        watcher.trials.values(), key=lambda trial: trial.number) == stored
    study = server.study(name)
    assert watcher.study.spec == study.spec and watcher.study.counts == study.counts
    assert watcher.revision == study.revision


def test_watch_from_0_sees_every_change_as_it_happens(server, study):
    name = study()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        watching = pool.submit(Watcher, server, name, until=is_over)
        wait_until(watching.running)
        reported = change_much(server, name, 30)
        watcher = watching.result(20)
    same_as_storage(server, name, watcher)
    # What came before the stream began is in the snapshot, without measurements.
    assert watcher.measurements.items() <= reported.items()
    assert watcher.revisions == sorted(watcher.revisions)


def test_watch_from_a_revision_sees_all_that_came_after_it(server, study):
    name = study()
    created = server.study(name).revision
    reported = change_much(server, name, 20)
    watcher = Watcher(server, name, after=created, until=is_over_now(server, name))
    same_as_storage(server, name, watcher)
    assert watcher.measurements == reported
    middle = watcher.revisions[len(watcher.revisions) // 2]
    later = Watcher(server, name, after=middle, until=is_over_now(server, name))
    assert len(later.measurements) == sum(revision > middle for revision in watcher.revisions)
    assert later.measurements.items() <= reported.items()


def is_over_now(server, name):
    last = server.study(name).revision
    return lambda watcher: watcher.revision == last


@pytest.mark.deadline(90)
def test_a_watcher_that_lags_by_more_than_10000_changes_gets_a_fresh_snapshot_that_says_so(server, study):
    name = study()
    assignment = server.ask(name)
    created = server.study(name).revision
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda step: server.report(assignment, step, sequence=0, loss=1), range(1, 10_100)))
    first = next(server.studies.Watch(study_pb2.WatchStudyRequest(study=name, after=created), timeout=20))
    assert first.snapshot and first.revision == server.study(name).revision
    assert [trial.last_step for trial in first.trials] == [10_099]


def test_watch_of_an_idle_study_gives_a_snapshot_and_waits(server, study):
    name = study()
    trial, = run_trials(server, name, 1)
    stream = server.studies.Watch(study_pb2.WatchStudyRequest(study=name), timeout=20)
    first = next(stream)
    assert first.snapshot and first.study.counts.completed == 1
    assert [t.id for t in first.trials] == [trial.id]
    server.update(name, note="now")
    changed = next(stream)
    assert not changed.snapshot and changed.study.spec.note == "now" and not changed.trials
    stream.cancel()


def test_watch_ends_when_the_study_is_deleted_and_refuses_what_is_not_there(server, study):
    name = study()
    stream = server.studies.Watch(study_pb2.WatchStudyRequest(study=name), timeout=20)
    next(stream)
    server.studies.Delete(study_pb2.GetStudyRequest(study=name))
    try:
        for _ in stream:
            pass
    except grpc.RpcError as error:
        assert error.code() == StatusCode.NOT_FOUND
    refused(StatusCode.NOT_FOUND,
            lambda: list(server.studies.Watch(study_pb2.WatchStudyRequest(study="nobody"), timeout=20)))
    study()
    refused(StatusCode.OUT_OF_RANGE, lambda: list(
        server.studies.Watch(study_pb2.WatchStudyRequest(study=name, after=10_000), timeout=20)))


# --- More ------------------------------------------------------------------------------------

def test_an_imported_trial_counts_and_can_be_the_best(server, study):
    name = study(budget={"max_trials": 2})
    request = trial_pb2.CreateTrialRequest(
        study=name, state=Trial.COMPLETED, metrics={"loss": 0.1}, request_id="import",
        measurements=[trial_pb2.Measurement(step=1, metrics={"loss": 0.2})])
    request.parameters["x"].number_value = 0.5
    trial = server.trials.CreateTrial(request)
    assert server.trials.CreateTrial(request).id == trial.id
    assert server.best(name)[0].id == trial.id
    attempt, = server.trial(trial.id).attempt_list
    assert attempt.outcome == Attempt.COMPLETED
    run_trials(server, name, 1)
    assert server.study(name).state == Study.COMPLETED


def test_stopped_trials_are_best_only_if_none_is_completed(server, study):
    name = study()
    assignment = server.ask(name)
    server.report(assignment, 1, loss=0.1)
    server.stop_trial(assignment.trial.id, "enough")
    assert server.stop_trial(assignment.trial.id, "enough").state == Trial.RUNNING
    assert server.heartbeat(assignment).reason == "enough"
    server.complete(assignment)
    assert [trial.id for trial in server.best(name)] == [assignment.trial.id]
    better, = run_trials(server, name, 1, loss=5)
    assert [trial.id for trial in server.best(name, 10)] == [better.id]
    refused(StatusCode.FAILED_PRECONDITION, server.stop_trial, better.id)


def test_the_server_finds_no_fault_with_what_all_of_this_left(server):
    assert server.check() == []
