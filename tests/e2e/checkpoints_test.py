"""Checkpoints of commands: a lost attempt goes on from its last one, whatever was killed on the way."""
import os
import subprocess

import pytest

from assay_testing import Trial, binary, program, wait_until

MIB = 1 << 20


def spec(template, **fields):
    return {
        "name": "s",
        "metrics": [{"name": "loss", "goal": "MINIMIZE"}],
        "parameters": [{"name": "x", "integer": {"min": 1, "max": 8}}],
        "algorithm": {"grid": {}},
        "budget": {"max_trials": 1},
        "trial": template,
        **fields,
    }


def steps_in(folder):
    """(trial, attempt, step) of each step that was executed, in order."""
    file = folder / "steps"
    return [tuple(map(int, line.split())) for line in file.read_text().splitlines()] if file.exists() else []


def result_of(server, deadline=60):
    wait_until(lambda: server.is_over("s"), deadline, "the study is over")
    return server.trial_by_number("s", 0)


def test_an_attempt_killed_with_its_worker_goes_on_from_its_checkpoint(lab):
    server = lab.server(lease=1)
    folder = lab.new_folder("trial")
    worker = lab.worker(server, "first")
    server.create(spec(program("counts", folder, 10, 5)))
    trial = wait_until(lambda: next(iter(server.all_trials("s")), None))
    server.wait_checkpoint(trial.id, 5)
    worker.kill()
    lab.worker(server, "second")
    done = result_of(server)
    assert done.state == Trial.COMPLETED and done.attempts == 2
    # Each step was executed once: the second attempt began after the fifth.
    assert steps_in(folder) == [(trial.id, 1, step) for step in range(1, 6)] + [
        (trial.id, 2, step) for step in range(6, 11)]
    assert server.check() == []


def test_an_attempt_that_is_handed_back_goes_on_elsewhere(lab):
    server = lab.server()
    folder = lab.new_folder("trial")
    worker = lab.worker(server, "first", flags=("--drain", "hand-back"))
    server.create(spec(program("counts", folder, 10, 5)))
    trial = wait_until(lambda: next(iter(server.all_trials("s")), None))
    wait_until((folder / "paused").exists)
    worker.terminate()  # The last checkpoint is sent before the attempt is handed back.
    lab.worker(server, "second")
    assert result_of(server).state == Trial.COMPLETED
    assert [step for _, _, step in steps_in(folder)] == list(range(1, 11))
    assert server.checkpoints(trial.id)[-1].attempt == 2


def test_files_that_were_not_announced_are_kept_at_the_end(lab):
    server = lab.server()
    lab.worker(server)
    server.create(spec(program("counts", lab.new_folder("trial"), 3, 0, "no")))
    trial = result_of(server)
    assert [(c.step, c.attempt, c.files, c.bytes) for c in server.checkpoints(trial.id)] == [(3, 1, 1, 1)]


@pytest.mark.deadline(120)
def test_a_server_killed_during_an_upload(lab):
    server = lab.server()
    folder = lab.new_folder("trial")
    lab.worker(server)
    server.create(spec(program("large", folder, 4, 40)))
    before = wait_until(lambda: len(server.chunks()) >= 5 and server.chunks(), 60)
    server.kill()
    before = server.chunks()
    server.start()
    trial = server.trial_by_number("s", 0)
    server.wait_checkpoint(trial.id, 1, 60)
    after = server.chunks()
    assert len(after) == 40  # 4 files of 10 chunks each.
    # What was there is as it was: nothing was sent twice.
    assert len(before) < 40 and {path: after[path] for path in before} == before
    (folder / "go").touch()
    assert result_of(server).state == Trial.COMPLETED
    assert server.check() == []


@pytest.mark.deadline(120)
def test_only_changed_chunks_are_sent(lab):
    server = lab.server(http="127.0.0.1:0")
    folder = lab.new_folder("trial")
    lab.worker(server)
    server.create(spec(program("large", folder, 5, 10)))
    trial = wait_until(lambda: next(iter(server.all_trials("s")), None))
    first = server.wait_checkpoint(trial.id, 1)
    assert (first.files, first.bytes) == (5, 50 * MIB)
    sent = server.metric("assay_checkpoint_upload_bytes_total")
    assert sent == 50 * MIB
    (folder / "go").touch()
    server.wait_checkpoint(trial.id, 2)
    assert server.metric("assay_checkpoint_upload_bytes_total") - sent == 4 * MIB
    assert server.metric("assay_checkpoints_total") == 2
    assert result_of(server).state == Trial.COMPLETED


def test_a_trial_goes_on_without_when_the_quota_is_spent(lab):
    server = lab.server()
    lab.worker(server)
    server.create(spec(program("leaves", "-", "{x}", 2 * MIB), checkpoints={"max_bytes": MIB}))
    trial = result_of(server)
    assert trial.state == Trial.COMPLETED
    assert server.checkpoints(trial.id) == []
    text = server.output(trial.id)[1].decode()
    assert (f'study "s": checkpoints.max_bytes: {2 * MIB} bytes are wanted beside 0 that are used; {MIB} are allowed'
            in text), text


def test_what_nothing_needs_is_deleted(lab):
    server = lab.server(flags=("--checkpoint-grace", "0.5"))
    lab.worker(server)
    server.create(spec(program("leaves", "-", "{x}", 1000), budget={"max_trials": 3}))
    wait_until(lambda: server.is_over("s"), 60)
    trials = sorted(server.all_trials("s"), key=lambda trial: trial.final_metrics["loss"])
    kept = lambda: [len(server.checkpoints(trial.id)) for trial in trials]  # noqa: E731
    wait_until(lambda: kept() == [1, 0, 0], 30, kept)
    wait_until(lambda: len(server.chunks()) == 1, 30, "the chunks are gone too")


def test_a_damaged_checkpoint_is_told_and_the_trial_starts_from_the_beginning(lab):
    server = lab.server(lease=1)
    folder = lab.new_folder("trial")
    worker = lab.worker(server, "first")
    server.create(spec(program("counts", folder, 4, 2)))
    trial = wait_until(lambda: next(iter(server.all_trials("s")), None))
    server.wait_checkpoint(trial.id, 2)
    worker.kill()
    for chunk in server.chunks():
        chunk.write_bytes(b"x")
    lab.worker(server, "second")
    assert result_of(server).state == Trial.COMPLETED
    assert [step for _, attempt, step in steps_in(folder) if attempt == 2] == [1, 2, 3, 4]
    text = server.output(trial.id, 2)[1].decode()
    assert "the checkpoint of step 2 cannot be had, it starts from step 0" in text, text


def test_a_folder_that_all_share(lab):
    shared = lab.new_folder("shared")
    server = lab.server(lease=1, http="127.0.0.1:0", flags=("--checkpoint-folder", str(shared)))
    folder = lab.new_folder("trial")
    flags = ("--checkpoint-folder", str(shared), "--cache-bytes", "0")
    worker = lab.worker(server, "first", flags=flags)
    server.create(spec(program("counts", folder, 6, 3)))
    trial = wait_until(lambda: next(iter(server.all_trials("s")), None))
    server.wait_checkpoint(trial.id, 3)
    assert server.metric("assay_checkpoint_upload_bytes_total") == 0
    worker.kill()
    lab.worker(server, "second", flags=flags)
    assert result_of(server).state == Trial.COMPLETED
    assert [step for _, _, step in steps_in(folder)] == list(range(1, 7))


def test_a_link_is_refused_in_words(lab):
    server = lab.server()
    lab.worker(server)
    server.create(spec(program("links")))
    trial = result_of(server)
    assert trial.state == Trial.COMPLETED
    assert '"latest" is a link; only files are kept' in server.output(trial.id)[1].decode()


def test_shell_and_command_line(lab):
    if binary("assay") is None:
        pytest.skip("no assay here")
    server = lab.server(lease=1)
    folder = lab.new_folder("trial")
    script = folder / "train.sh"
    script.write_text(f"""set -e
first=1
if [ -n "$ASSAY_RESUME" ]; then first=$(($(cat "$ASSAY_RESUME/epoch") + 1)); fi
for epoch in $(seq $first 4); do
  echo "$ASSAY_TRIAL_ID $ASSAY_ATTEMPT $epoch" >> {folder}/steps
  echo $epoch > "$ASSAY_CHECKPOINT/epoch"
  assay checkpoint --step $epoch
  assay report --step $epoch loss=0.$epoch
  if [ $epoch = 2 ] && [ $ASSAY_ATTEMPT = 1 ]; then while :; do sleep 0.05; done; fi
done
""")
    worker = lab.worker(server, "first")
    server.create(spec({"command": {"argv": ["sh", str(script)]}}))
    trial = wait_until(lambda: next(iter(server.all_trials("s")), None))
    server.wait_checkpoint(trial.id, 2)
    worker.kill()
    lab.worker(server, "second")
    assert result_of(server).state == Trial.COMPLETED
    assert [step for _, _, step in steps_in(folder)] == [1, 2, 3, 4]

    def assay(*arguments):
        return subprocess.run([binary("assay"), "--server", server.address, *arguments], capture_output=True, text=True,
                              check=False)

    shown = assay("trial", "checkpoints", "s/0")
    assert shown.returncode == 0 and shown.stdout.splitlines()[0].split()[:5] == [
        "id", "attempt", "step", "files", "bytes"], shown
    target = folder / "best"
    got = assay("trial", "checkpoint", "get", "s/0", str(target))
    assert got.returncode == 0, got
    assert (target / "epoch").read_text() == "4\n"
    assert assay("trial", "checkpoint", "get", "s/0", str(target)).returncode == 6  # Not empty.


def test_nothing_is_left_on_the_worker(lab):
    server = lab.server()
    worker = lab.worker(server)
    server.create(spec(program("counts", lab.new_folder("trial"), 2, 0)))
    result_of(server)
    wait_until(lambda: not list((worker.folder / "state/checkpoints").iterdir()))
    assert os.listdir(worker.folder / "state/cache")
