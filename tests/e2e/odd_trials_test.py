"""What trials do that nobody hopes for, and how each ends."""
import math
import os
import pathlib
import time

import pytest

from assay_testing import Attempt, Trial, plain, program, wait_until

SPEC = {
    "metrics": [{"name": "loss", "goal": "MINIMIZE"}],
    "parameters": [{"name": "x", "double": {"min": 0, "max": 1}}],
    "algorithm": {"random": {}},
    "seed": 7,
    "budget": {"max_trials": 1},
}


@pytest.fixture(scope="module")
def server(shared_lab):
    server = shared_lab.server()
    server.worker = shared_lab.worker(server, slots=4, flags=["--scratch-limit", str(4 << 20)])
    return server


def run(server, request, name, *arguments, deadline=20, **limits):
    """Runs the program as the one trial of a study of its own; gives it with its attempts."""
    study = request.node.name
    template = {**program(name, *arguments), "max_attempts": 2, **limits}
    server.create({**SPEC, "name": study, "trial": template})
    wait_until(lambda: server.is_over(study), deadline, f"{study} is over")
    assert server.worker.is_alive()
    return server.trial_by_number(study, 0)


def outcomes(trial):
    return [Attempt.Outcome.Name(attempt.outcome) for attempt in trial.attempt_list]


# --- Numbers ---------------------------------------------------------------------

def test_nan_as_the_final_objective_is_failed_and_not_retried(server, request):
    trial = run(server, request, "final_nan")
    assert (trial.state, outcomes(trial)) == (Trial.FAILED, ["FAILED"])
    assert 'metric "loss" is NaN' in trial.reason
    assert math.isnan(trial.final_metrics["loss"])
    assert math.isnan(server.curve(trial.id)[0].metrics["loss"])


def test_nan_on_the_way_is_kept_and_does_no_harm(server, request):
    trial = run(server, request, "middle_nan")
    assert trial.state == Trial.COMPLETED
    assert trial.final_metrics["loss"] == 0.5
    values = [measurement.metrics["loss"] for measurement in server.curve(trial.id)]
    assert math.isnan(values[0]) and values[1] == 0.5


def test_infinity_is_kept(server, request):
    trial = run(server, request, "infinity")
    assert trial.state == Trial.COMPLETED
    assert trial.final_metrics["loss"] == math.inf
    first, second = server.curve(trial.id)
    assert dict(first.metrics) == {"loss": -math.inf, "other": math.inf}
    assert dict(second.metrics) == {"loss": math.inf, "other": 0}


def test_the_same_step_twice_keeps_both_and_the_later_counts(server, request):
    trial = run(server, request, "same_step_twice")
    assert trial.state == Trial.COMPLETED
    assert [(m.sequence, m.step, m.metrics["loss"]) for m in server.curve(trial.id)] == [(1, 1, 0.9), (2, 1, 0.4)]
    assert trial.final_metrics["loss"] == 0.4


def test_lower_steps_are_accepted(server, request):
    trial = run(server, request, "lower_steps")
    assert trial.state == Trial.COMPLETED
    assert [m.step for m in server.curve(trial.id)] == [5, 3, 4]
    assert trial.last_step == 5
    assert trial.final_metrics["loss"] == 0.6, "the value is that of the measurement that came last"


# --- Much, and nothing ---------------------------------------------------------------

def test_a_megabyte_of_output_a_second_loses_output_and_nothing_else(server, request):
    trial = run(server, request, "flood", 6)
    assert trial.state == Trial.COMPLETED
    assert [m.step for m in server.curve(trial.id)] == list(range(1, trial.last_step + 1))
    assert trial.last_step >= 2

    def end():
        offset, data = server.output(trial.id)
        return (offset, data) if data.endswith(b"the last line\n") else None
    offset, data = wait_until(end, what="the end of the output")
    assert 256 << 10 <= len(data) <= (256 + 64) << 10, "the last 256 KiB, in whole pieces"
    assert offset > 0 and offset + len(data) <= (7 << 20)


def test_a_program_that_says_nothing_is_a_failed_attempt_that_says_so(server, request):
    trial = run(server, request, "nothing")
    assert (trial.state, outcomes(trial)) == (Trial.FAILED, ["FAILED", "FAILED"])
    assert 'exit code 0 without reporting "loss"' in trial.reason


def test_100000_measurements_are_all_kept_in_order(server, request):
    started = time.monotonic()
    trial = run(server, request, "many_measurements", 100_000, deadline=50)
    print(f"100,000 measurements in {time.monotonic() - started:.1f} s")
    assert (trial.state, outcomes(trial)) == (Trial.COMPLETED, ["COMPLETED"])
    curve = server.curve(trial.id)
    assert [m.sequence for m in curve] == list(range(1, 100_001))
    assert all(m.step == m.sequence and m.metrics["loss"] == 100_000 - m.step for m in curve)
    assert trial.final_metrics["loss"] == 0


# --- Ends -----------------------------------------------------------------------------

def test_a_grandchild_does_not_outlive_its_trial_nor_hold_it_up(server, request, tmp_path):
    trial = run(server, request, "grandchild", tmp_path / "pid")  # Which would sleep for ten minutes.
    assert trial.state == Trial.COMPLETED
    pid = int((tmp_path / "pid").read_text())
    wait_until(lambda: not is_running(pid), what="the grandchild is gone")


def is_running(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_trial_that_fills_its_scratch_folder_is_failed(server, request):
    trial = run(server, request, "fill_scratch", deadline=40)
    assert (trial.state, outcomes(trial)) == (Trial.FAILED, ["FAILED", "FAILED"])
    assert "scratch" in trial.reason
    left = [file for _, _, files in os.walk(server.worker.folder / "state") for file in files
            if file.startswith("file")]
    assert not left, "an acknowledged finish removes the scratch folder"


def test_a_segmentation_fault_is_told_by_name_with_the_end_of_stderr(server, request):
    trial = run(server, request, "segmentation_fault")
    assert (trial.state, outcomes(trial)) == (Trial.FAILED, ["FAILED", "FAILED"])
    for attempt in trial.attempt_list:
        assert "signal 11 (Segmentation fault)" in attempt.reason
        assert "about to crash" in attempt.reason


def test_exit_code_78_is_not_retried(server, request):
    trial = run(server, request, "bad_configuration")
    assert (trial.state, outcomes(trial)) == (Trial.FAILED, ["FAILED"])
    assert "78" in trial.reason and "model.width: -3; 1 to 4096" in trial.reason


def test_another_exit_code_is_retried_and_told_with_the_end_of_stderr(server, request):
    trial = run(server, request, "fails", "Theseus")
    assert (trial.state, outcomes(trial)) == (Trial.FAILED, ["FAILED", "FAILED"])
    assert "exit code 3" in trial.reason and "the disk of Theseus is on fire" in trial.reason


def test_the_wall_time_limit_ends_a_trial_and_is_not_retried(server, request):
    trial = run(server, request, "forever", max_seconds=1)
    assert (trial.state, outcomes(trial)) == (Trial.FAILED, ["FAILED"])
    assert "limit" in trial.reason or "max_seconds" in trial.reason
    assert 0.9 < trial.attempt_list[0].training_seconds < 20


def test_what_a_trial_declares_infeasible_is_not_retried(server, request):
    name = request.node.name
    server.create({**SPEC, "name": name, "trial": program("declares_infeasible"),
                   "budget": {"max_trials": 1, "max_failed": 1}})
    wait_until(lambda: server.study(name).counts.infeasible >= 3, what="infeasible ones do not count as started")
    server.stop(name)
    trial = server.trial_by_number(name, 0)
    assert (trial.state, outcomes(trial)) == (Trial.INFEASIBLE, ["INFEASIBLE"])
    assert "the matrix is singular" in trial.reason


def test_what_a_trial_declares_failed_is_retried(server, request):
    trial = run(server, request, "declares_failed")
    assert (trial.state, outcomes(trial)) == (Trial.FAILED, ["FAILED", "FAILED"])
    assert "no data today" in trial.reason


def test_a_command_that_does_not_exist_is_failed_by_name(server, request):
    name = request.node.name
    server.create({**SPEC, "name": name, "trial": {"command": {"argv": ["/no/such/program"]}, "max_attempts": 2}})
    wait_until(lambda: server.is_over(name))
    trial = server.trial_by_number(name, 0)
    assert trial.state == Trial.FAILED
    assert "/no/such/program" in trial.reason


def test_a_trial_that_a_person_stops_ends_as_stopped_with_its_last_value(server, request):
    name = request.node.name
    server.create({**SPEC, "name": name, "trial": program("until_stopped")})
    trial = wait_until(lambda: server.all_trials(name) and server.trial_by_number(name, 0))
    wait_until(lambda: server.curve(trial.id))
    server.stop_trial(trial.id, "seen enough")
    wait_until(lambda: server.is_over(name))
    trial = server.trial_by_number(name, 0)
    assert (trial.state, outcomes(trial)) == (Trial.STOPPED, ["STOPPED"])
    assert "seen enough" in trial.reason
    assert trial.final_metrics["loss"] == 1.0


def test_the_server_finds_no_fault_with_what_all_of_this_left(server):
    assert server.check() == []
    assert plain(server.trial(1).parameters)
