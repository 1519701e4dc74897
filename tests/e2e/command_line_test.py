"""`assay` as a person and a script use it, and the examples that the README names."""
import contextlib
import csv
import fcntl
import io
import json
import os
import pathlib
import pty
import re
import shlex
import signal
import struct
import subprocess
import termios

import pytest

from assay_testing import PYTHON, Gate, binary, processes_of, program, wait_until

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


def on_a_terminal(argv, columns):
    """What it writes to a terminal of so many columns and 24 lines."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    done = subprocess.Popen(argv, stdout=slave, env={**os.environ, "LC_ALL": "C.UTF-8", "NO_COLOR": "1"})
    os.close(slave)
    written = b""
    with contextlib.suppress(OSError):  # The end of a terminal.
        while piece := os.read(master, 65536):
            written += piece
    os.close(master)
    assert done.wait() == 0
    return written.decode()


def test_the_live_view_cuts_lines_between_words_and_shows_all_where_there_is_room(lab):
    server = lab.server()
    longer = STUDY.replace("budget:", "  - {name: a.parameter.of.a.long.name, integer: {min: 123456, max: 123456}}\n"
                                      "  - {name: z.parameter.of.a.long.name, integer: {min: 654321, max: 654321}}\nbudget:")
    assay(server, "study", "create", "-f", "-", input=longer)
    spend(server, "lines")
    watch = [binary("assay"), "--server", server.address, "study", "watch", "lines"]
    for columns, end in ((80, " …"), (200, "z.parameter.of.a.long.name=654321")):
        lines = [re.sub(r"\x1b\[[?0-9]*[A-Za-z]", "", line).strip("\r")
                 for line in on_a_terminal(watch, columns).split("\n")]
        assert max(map(len, lines)) < columns
        best, = [line for line in lines if line.startswith("best loss")]
        assert best.endswith(end)
        for word in best.split("  ")[1].split():
            assert word == "…" or re.fullmatch(r"x=[\d.]+|a\S+=123456|z\S+=654321", word)


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


class LocalRun:
    """`assay run` of a study called "s", in a folder of its own."""

    def __init__(self, lab, template, max_trials=4, data="data", slots=1):
        self.folder = lab.new_folder("run")
        self.data = self.folder / data
        self.study = self.folder / "study.yaml"
        self.study.write_text(json.dumps({
            "name": "s", "metrics": [{"name": "loss", "goal": "MINIMIZE"}],
            "parameters": [{"name": "x", "double": {"min": 0, "max": 1}}],
            "budget": {"max_trials": max_trials}, "trial": template}))
        self.argv = [binary("assay"), "run", str(self.study), "--data-dir", str(self.data), "--slots", str(slots)]
        self.heard = ""

    def start(self):
        self.process = subprocess.Popen(self.argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        return self

    def interrupt(self, words):
        """Ctrl-C; returns once it has said the words."""
        self.process.send_signal(signal.SIGINT)
        self.hear(words)

    def hear(self, words):
        while words not in self.heard:
            line = self.process.stderr.readline()
            assert line, f"it ended without {words!r}: {self.heard}"
            self.heard += line

    def end(self, code):
        """(stdout, stderr) once it has ended with that code; nothing of it is left then."""
        out, errors = self.process.communicate(timeout=45)
        errors = self.heard + errors
        assert self.process.returncode == code, out + errors
        # Killed processes are gone a moment after the signal.
        wait_until(lambda: not processes_of(self.folder), 10, lambda: processes_of(self.folder))
        return out, errors

    def whole(self, code=0):
        return self.start().end(code)

    def pid_of(self, name):
        pid, = [pid for pid, command in processes_of(self.folder).items() if f"/{name} " in command]
        return pid


def test_an_interrupted_run_goes_on_in_its_folder(lab):
    gate = Gate(lab)
    run = LocalRun(lab, gate.template(), max_trials=3, data="it's data").start()
    (first, _), = gate.wait_any()
    run.interrupt("paused")
    gate.open(first)
    _, errors = run.end(130)
    assert gate.started().keys() == {(first, 1)}, "nothing new is handed out"
    # What it says is what a shell does.
    command = errors.split("To go on:")[1].strip()
    assert command.startswith("assay run ")
    gate.open()
    run.argv = [binary("assay"), *shlex.split(command)[1:]]
    out, errors = run.whole()
    assert "s is there already: 1 of 3 trials" in errors
    assert "max_trials: 3 of 3" in out and "best trial of s" in out
    assert len(gate.started()) == 3, "each ran once"
    # Once more: it is over, and still shown.
    out, _ = run.whole()
    assert "best trial of s" in out and len(gate.started()) == 3


def test_a_second_ctrl_c_ends_running_trials_which_run_again_later(lab):
    gate = Gate(lab)
    run = LocalRun(lab, gate.template(max_attempts=1, max_lost=1), max_trials=1).start()
    (trial, _), = gate.wait_any()
    run.interrupt("paused")
    run.interrupt("handing back running trials")
    _, errors = run.end(130)
    assert "To go on:" in errors
    gate.open()
    out, _ = run.whole()
    # One that failed, or was lost, would not have had another attempt.
    assert "0  COMPLETED" in out and gate.started().keys() == {(trial, 1), (trial, 2)}


def test_a_third_ctrl_c_kills_trials_with_all_they_started(lab):
    stubborn = "trap '' TERM; (trap '' TERM; touch \"$0\"; sleep 600) & while true; do sleep 600; done"
    mark = lab.new_folder("mark") / "started"
    run = LocalRun(lab, {"command": {"argv": ["sh", "-c", stubborn, str(mark)]}}).start()
    wait_until(mark.exists, what="a trial runs")
    run.interrupt("paused")
    run.interrupt("handing back running trials")
    run.process.send_signal(signal.SIGINT)
    run.end(130)


def test_an_end_by_sigterm_is_as_a_ctrl_c(lab):
    gate = Gate(lab)
    run = LocalRun(lab, gate.template()).start()
    gate.wait_any()
    run.process.terminate()
    run.hear("paused")
    gate.open()
    run.end(130)


def test_a_worker_that_is_killed_is_started_again(lab):
    gate = Gate(lab)
    run = LocalRun(lab, gate.template(), max_trials=2).start()
    (trial, _), = gate.wait_any()
    os.kill(run.pid_of("assay-worker"), signal.SIGKILL)
    run.hear("assay-worker ended with signal 9 (Killed): started again")
    gate.open()
    run.end(0)
    assert (trial, 2) in gate.started()


def test_a_worker_that_cannot_start_is_told_with_the_end_of_its_log(lab):
    run = LocalRun(lab, program("quadratic", "{x}"))
    run.data.mkdir()
    (run.data / "worker").write_text("no folder")
    _, errors = run.whole(1)
    assert "assay-worker ended with exit code 78" in errors and f"{run.data}/worker" in errors.split("log:")[1]


def test_a_server_that_is_killed_is_told_and_nothing_goes_on_without_it(lab):
    gate = Gate(lab)
    run = LocalRun(lab, gate.template()).start()
    gate.wait_any()
    os.kill(run.pid_of("assay-server"), signal.SIGKILL)
    _, errors = run.end(1)
    assert "assay-server ended with signal 9 (Killed)" in errors


def test_a_run_without_a_completed_trial_ends_with_1(lab):
    run = LocalRun(lab, {**program("fails", "Theseus"), "max_attempts": 1}, max_trials=2)
    out, errors = run.whole(1)
    assert out.count("FAILED") == 2 and "no trial of s is COMPLETED" in errors


def test_a_run_with_a_completed_trial_among_failed_ones_ends_with_0(lab):
    half = "[ $ASSAY_TRIAL_NUMBER = 1 ] && assay report --step 1 loss=1"
    run = LocalRun(lab, {"command": {"argv": ["sh", "-c", half]}, "max_attempts": 1}, max_trials=3)
    out, _ = run.whole()
    assert out.count("FAILED") == 2 and "best trial of s: number 1" in out


def test_a_study_that_is_refused_leaves_no_new_folder(lab):
    run = LocalRun(lab, program("quadratic", "{x}"))
    study = json.loads(run.study.read_text())
    study["parameters"][0]["double"]["scale"] = "LOG"
    run.study.write_text(json.dumps(study))
    run.data = run.folder / "new/deep"
    for argv in ([binary("assay"), "run", run.study, "--data-dir", run.data], [binary("assay"), "run", run.study]):
        done = subprocess.run(argv, cwd=run.folder, capture_output=True, text=True, timeout=45)
        assert done.returncode == 2 and "log scale" in done.stderr
        assert list(run.folder.iterdir()) == [run.study]
    mine = run.folder / "mine"
    mine.mkdir()
    subprocess.run([binary("assay"), "run", run.study, "--data-dir", mine], capture_output=True, timeout=45)
    assert mine.exists(), "it was there before"


def test_a_run_whose_reader_leaves_ends_in_peace(lab):
    run = LocalRun(lab, program("quadratic", "{x}", 3), max_trials=10_000).start()
    assert "COMPLETED" in run.process.stdout.readline()
    run.process.stdout.close()
    run.process.stdout = None
    _, errors = run.end(130)
    assert "paused" in errors and "To go on:" in errors


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


def test_the_checkpoints_example_in_cpp_goes_on_from_what_was_saved(lab):
    server = lab.server(tcp=True)
    done = subprocess.run([binary("assay_example_checkpoints"), server.address], capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0, done.stderr
    assert "steps 0 to 1" in done.stdout and "steps 1 to 3" in done.stdout and "steps 3 to 9" in done.stdout
    trials = json.loads(assay(server, "--output", "json", "trial", "list", "checkpoints-cc"))
    for trial in trials:  # As in one piece, whatever it went on from.
        steps = int(trial["to_step"])
        expected = (1 - 2 * trial["parameters"]["rate"]) ** (2 * steps)
        assert abs(trial["final_metrics"]["loss"] - expected) <= 1e-9, trial
