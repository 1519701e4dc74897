"""`assay` as a person and a script use it, and the examples that the README names."""
import csv
import io
import json
import os
import pathlib
import signal
import subprocess

import pytest

from assay_testing import PYTHON, binary, program, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "client/examples"

STUDY = """
name: lines
metrics: [{name: loss, goal: MINIMIZE}]
parameters:
  - {name: x, double: {min: 0, max: 1}}
budget: {max_trials: 4}
algorithm: {quasi_random: {}}
seed: 3
"""


def assay(server, *arguments, input=None, code=0):
    """Runs it; returns what it printed."""
    done = subprocess.run([binary("assay"), "--server", server.address if server else "unix:/nowhere", *arguments],
                          input=input, capture_output=True, text=True, timeout=60)
    assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout if code == 0 else done.stderr


def spend(server, study):
    """Runs what is left of the study's budget, as a client."""
    while True:
        answer = server.suggest(study, count=1)
        if not answer.assignments:
            break
        held = answer.assignments[0]
        x = held.trial.parameters["x"].number_value
        server.complete(held, loss=(x - 0.3) ** 2)
        if server.is_over(study):
            break


def test_a_study_from_a_file_to_its_best_trial(lab):
    server = lab.server(tcp=True)
    assert "created study lines (id 1, seed 3)" in assay(server, "study", "create", "-f", "-", input=STUDY)
    assert "id 1" in assay(server, "study", "create", "-f", "-", input=STUDY)
    spend(server, "lines")
    assert "best trial of lines" in assay(server, "study", "best", "lines")
    assert "COMPLETED" in assay(server, "study", "list")
    shown = assay(server, "study", "show", "lines")
    assert "max_trials   4 of 4" in shown
    table = assay(server, "trial", "list", "lines").splitlines()
    assert len(table) == 5
    rows = list(csv.DictReader(io.StringIO(assay(server, "study", "export", "lines"))))
    assert [row["number"] for row in rows] == ["0", "1", "2", "3"]
    exported = {int(row["number"]): float(row["loss"]) for row in rows}
    assert exported == {trial.number: trial.final_metrics["loss"] for trial in server.all_trials("lines")}
    lines = assay(server, "study", "export", "lines", "--format", "jsonl").splitlines()
    assert [json.loads(line)["number"] for line in lines] == [0, 1, 2, 3]


def test_exit_codes_tell_scripts_what_happened(lab):
    server = lab.server()
    assay(server, "study", "create", "-f", "-", input=STUDY)
    assert "no study" in assay(server, "study", "show", "nothing", code=4)
    assert "another spec" in assay(server, "study", "create", "-f", "-", input=STUDY.replace("seed: 3", "seed: 4"), code=6)
    assert "did you mean" in assay(server, "study", "create", "-f", "-", input="nmae: x\n", code=2)
    assert "log scale" in assay(server, "study", "create", "-f", "-", code=2, input=STUDY.replace(
        "lines", "bad").replace("max: 1}", "max: 1, scale: LOG}"))
    assay(server, "study", "frobnicate", code=2)
    assert "no server answers" in assay(None, "study", "list", code=5)
    assert "ASSAY_SOCKET" in assay(server, "report", "--step", "1", "loss=1", code=6)


def test_pause_update_enqueue_stop_retry_delete(lab):
    server = lab.server()
    assay(server, "study", "create", "-f", "-", input=STUDY)
    assert "PAUSED" in assay(server, "study", "pause", "lines")
    assert "ACTIVE" in assay(server, "study", "resume", "lines")
    assert "spec revision 2" in assay(server, "study", "update", "lines", "--max-trials", "5", "--note", "longer")
    assert "PENDING" in assay(server, "trial", "enqueue", "lines", "x=0.5")
    assert "x" in assay(server, "trial", "enqueue", "lines", "x=2", code=2)
    assert "STOPPED" in assay(server, "trial", "stop", "lines/0")
    assert "trial 1" in assay(server, "trial", "retry", "lines/0")
    assert "retry: runs trial 0 again" in assay(server, "trial", "show", "lines/1")
    assert "COMPLETED" in assay(server, "study", "stop", "lines")
    assay(server, "study", "delete", "lines")
    assay(server, "study", "show", "lines", code=4)


def test_json_output_is_json(lab):
    server = lab.server()
    assay(server, "study", "create", "-f", "-", input=STUDY)
    spend(server, "lines")
    study = json.loads(assay(server, "--output", "json", "study", "show", "lines"))
    assert study["counts"]["completed"] == 4
    assert len(json.loads(assay(server, "--output", "json", "trial", "list", "lines"))) == 4
    assert json.loads(assay(server, "--output", "json", "server", "info"))["version"]
    assert json.loads(assay(server, "--output", "json", "worker", "list")) == []


def test_watching_without_a_terminal_prints_a_line_a_trial(lab):
    server = lab.server()
    assay(server, "study", "create", "-f", "-", input=STUDY)
    watch = subprocess.Popen([binary("assay"), "--server", server.address, "study", "watch", "lines"],
                             stdout=subprocess.PIPE, text=True)
    spend(server, "lines")
    out, _ = watch.communicate(timeout=30)
    assert watch.returncode == 0
    # Those that ended before the watch began were part of its snapshot.
    assert all("COMPLETED" in line for line in out.splitlines())


def test_worker_commands_and_backup(lab):
    server = lab.server()
    lab.worker(server, "w1")
    assert "w1" in assay(server, "worker", "list")
    assert "takes no new trials" in assay(server, "worker", "drain", "w1")
    assert "takes trials again" in assay(server, "worker", "drain", "w1", "--undo")
    assay(server, "worker", "drain", "nobody", code=4)
    assert "everything is in order" in assay(server, "server", "check")
    copy = lab.new_folder("backup") / "copy.db"
    assert "wrote" in assay(server, "server", "backup", str(copy))
    assert copy.stat().st_size > 0
    assay(server, "server", "backup", str(copy), code=2)


def test_logs_follow_a_trial_to_its_end(lab):
    server = lab.server()
    lab.worker(server)
    server.create({"name": "s", "metrics": [{"name": "loss", "goal": "MINIMIZE"}],
                   "parameters": [{"name": "x", "double": {"min": 0, "max": 1}}],
                   "budget": {"max_trials": 1}, "trial": {"command": {"argv": [
                       "sh", "-c", "echo first; assay report --step 1 loss=1; echo last"]}}})
    wait_until(lambda: server.all_trials("s"), 20, "the trial is there")
    assert assay(server, "trial", "logs", "-f", "s/0").splitlines() == ["first", "last"]


@pytest.mark.parametrize("example", ["python", "shell"])
def test_assay_run_runs_the_example_and_leaves_a_folder(lab, example):
    folder = lab.new_folder("run")
    done = subprocess.run(
        [binary("assay"), "run", f"client/examples/{example}.yaml", "--data-dir", str(folder / "data"), "--slots", "2"],
        cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"best trial of {example}-example" in done.stdout
    assert (folder / "data/assay.db").exists()


def test_ctrl_c_lets_running_trials_end_and_the_folder_goes_on(lab):
    folder = lab.new_folder("run")
    study = folder / "study.yaml"
    template = program("quadratic", "{x}", 3)["command"]["argv"]
    study.write_text(json.dumps({
        "name": "s", "metrics": [{"name": "loss", "goal": "MINIMIZE"}],
        "parameters": [{"name": "x", "double": {"min": 0, "max": 1}}],
        "budget": {"max_trials": 500}, "trial": {"command": {"argv": template}}}))
    argv = [binary("assay"), "run", str(study), "--data-dir", str(folder / "data"), "--slots", "1"]
    run = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert "COMPLETED" in run.stdout.readline()
    run.send_signal(signal.SIGINT)
    _, errors = run.communicate(timeout=40)
    assert run.returncode == 130, errors
    assert "pausing" in errors
    assert subprocess.run(["pgrep", "-f", str(folder)], capture_output=True).returncode == 1


def test_the_ask_tell_example_in_python_finds_a_good_point(lab):
    server = lab.server(tcp=True)
    done = subprocess.run([PYTHON, str(EXAMPLES / "ask_tell.py"), server.address], capture_output=True, text=True,
                          timeout=60, env={**os.environ})
    assert done.returncode == 0, done.stderr
    assert "best of 100" in done.stdout
    assert float(done.stdout.split("y = ")[1].split()[0]) < 2  # 0.398 is the minimum, 54 the mean.


def test_the_ask_tell_example_in_cpp_finds_a_good_point(lab):
    server = lab.server(tcp=True)
    done = subprocess.run([binary("assay_example_ask_tell"), server.address], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split("y = ")[1].split()[0]) < 2
