"""Programs in any language are stopped early by a rule, and what they print is kept."""
import json
import os

import pytest

from assay_testing import HERE, PYTHON, ROOT, Attempt, Study, Trial, binary, plain, program, wait_until
from import_test import assay

STEPS = 40
GOOD = 3
SPEC = {
    "name": "s",
    "metrics": [{"name": "loss", "goal": "MINIMIZE"}],
    # In this order: three good ones, then worse and worse ones, which end only when they are told to.
    "parameters": [{"name": "quality", "integer": {"min": 1, "max": 5}}],
    "algorithm": {"grid": {}},
    "stopping": {"median": {"warmup_steps": 2, "min_trials": GOOD}},
}


def run_study(lab, template):
    server = lab.server()
    lab.worker(server)
    server.create({**SPEC, "trial": template})
    study = wait_until(lambda: server.is_over("s"), 40, "the study is over")
    assert study.completion == Study.SPACE_EXHAUSTED
    return server


def later_ones_are_stopped_and_say_so(server, voice):
    for trial in server.all_trials("s"):
        quality = int(plain(trial.parameters)["quality"])
        attempt, = server.trial(trial.id).attempt_list

        def end():
            text = server.output(trial.id)[1].decode()
            return text if text.endswith("\n") and ("done" in text or "told to stop" in text) else None
        text = wait_until(end, what="the end of the output")
        assert text.startswith(f"{voice}: step 1\n{voice}: step 2\n")
        # At equal values nobody is worse than the median.
        if quality == 1:
            assert (trial.state, attempt.outcome, trial.last_step) == (Trial.COMPLETED, Attempt.COMPLETED, STEPS)
            assert f"{voice}: done" in text
        elif quality > GOOD:
            assert (trial.state, attempt.outcome) == (Trial.STOPPED, Attempt.STOPPED)
            assert "median" in trial.reason and "above the median" in trial.reason
            assert 2 <= trial.last_step
            assert trial.final_metrics["loss"] == quality
            assert f"{voice}: told to stop after step" in text and "done" not in text
    assert server.study("s").counts.stopped == 5 - GOOD
    best, = server.best("s")
    assert plain(best.parameters)["quality"] == 1


def test_a_program_that_speaks_the_trial_protocol_is_stopped_by_the_median_rule(lab):
    server = run_study(lab, program("constant", "{quality}", STEPS, GOOD))
    later_ones_are_stopped_and_say_so(server, "socket")


def test_a_shell_script_with_assay_report_is_stopped_by_the_median_rule(lab):
    if binary("assay") is None:
        pytest.skip("the command line tool is not built")
    server = run_study(lab, {"command": {"argv": [str(HERE / "shell_trial.sh"), "{quality}", str(STEPS), str(GOOD)]}})
    later_ones_are_stopped_and_say_so(server, "shell")


def test_a_python_script_with_the_one_file_helper_is_stopped_by_the_median_rule(lab, monkeypatch):
    if not (ROOT / "client/python/assay_trial.py").exists():
        pytest.skip("client/python/assay_trial.py is not there")
    monkeypatch.setenv("PYTHONPATH", os.fspath(ROOT / "client/python"))
    server = run_study(lab, {"command": {"argv": [PYTHON, str(HERE / "python_trial.py"), str(STEPS), str(GOOD)]}})
    later_ones_are_stopped_and_say_so(server, "python")


# --- Clients that train themselves --------------------------------------------------

def test_a_report_answers_that_the_median_rule_says_stop(lab):
    server = lab.server(memory=True)
    server.create({**SPEC, "freshness": {"max_wait": 10}})
    for _ in range(GOOD):
        assignment = server.ask("s")
        assert not any(server.report(assignment, step, loss=1).should_stop for step in (1, 2, 3))
        server.complete(assignment)
    assignment = server.ask("s")
    assert not server.report(assignment, 1, loss=2).should_stop, "never before the warm-up"
    advice = server.report(assignment, 2, loss=2)
    assert advice.should_stop and "median" in advice.reason
    assert server.heartbeat(assignment).should_stop
    trial = server.complete(assignment)
    assert (trial.state, trial.reason, trial.final_metrics["loss"]) == (Trial.STOPPED, advice.reason, 2)


def test_a_report_answers_that_the_patience_rule_says_stop(lab):
    server = lab.server(memory=True)
    server.create({**SPEC, "freshness": {"max_wait": 10}, "stopping": {"patience": {"steps": 3, "min_delta": 0.1}}})
    assignment = server.ask("s")
    advice = [server.report(assignment, step, loss=loss).should_stop
              for step, loss in enumerate((2, 1, 0.95, 0.95, 0.95), 1)]
    assert advice == [False, False, False, False, True]
    assert server.complete(assignment).state == Trial.STOPPED


def test_a_stop_outlives_a_restart_of_the_server(lab):
    server = lab.server()
    server.create({**SPEC, "stopping": {}})
    assignment = server.ask("s")
    server.report(assignment, 1, loss=1)
    server.stop_trial(assignment.trial.id, "enough")
    server.restart()
    advice = server.heartbeat(assignment)
    assert advice.should_stop and advice.reason == "enough"
    assert server.complete(assignment).state == Trial.STOPPED


# --- Afterwards -----------------------------------------------------------------------

def test_other_rules_are_replayed_over_the_record_and_savings_are_told(lab):
    if binary("assay") is None:
        pytest.skip("the command line tool is not built")
    server = lab.server()
    server.create({**SPEC, "freshness": {"max_wait": 10},
                   "stopping": {"any_of": [{"threshold": {"upper": 8}}, {"wilcoxon": {}}]}})
    for losses in ((3, 2, 1), (5, 4, 0.5), (9, 9, 9)):
        assignment = server.ask("s")
        for step, loss in enumerate(losses, 1):
            if server.report(assignment, step, elapsed=2.0 * step, loss=loss).should_stop:
                break
        server.complete(assignment)
    shown = assay(server, "study", "replay", "s", "--stopping", "{threshold: {upper: 4.5}}")[0].splitlines()
    assert shown[0].startswith("3 trials, 7 steps, 14 s; best: trial 1, 0.5")
    assert "1 of them were stopped already" in shown[1]
    assert shown[3].split()[3:] == "2 2 29 % 4 s 29 % yes 0.5".split()
    assert "loss 5 at step 1 is above 4.5" in shown[-2] and "the best" in shown[-2]
    told = json.loads(assay(server, "--output", "json", "study", "replay", "s", "--stopping", "{median: {}}",
                            "--stopping", "{asha: {reduction: 2}}")[0])
    assert len(told["rules"]) == 2 and told["best"] == [1]
    saved = assay(server, "study", "savings", "s")[0]
    assert "1 trials stopped early, saved 4 s of training (2 steps to step 3)" in saved
    show = assay(server, "study", "show", "s")[0]
    assert "any of threshold, wilcoxon" in show and "1 trials stopped early, saved 4 s" in show
    words = assay(server, "study", "replay", "s", "--stopping", "{halving: {}}", code=2)[1]
    assert 'there is no "halving"' in words
    words = assay(server, "study", "replay", "s", "--stopping", "{asha: {reduction: 1}}", code=2)[1]
    assert "rules[0].asha.reduction: 1; 2 to 1000" in words
