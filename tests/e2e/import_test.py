"""`assay trial import`: trials from elsewhere, by the tables that people have."""
import csv
import io
import json
import subprocess

from assay_testing import binary, trial_pb2

STUDY = {
    "name": "tables",
    "metrics": [{"name": "loss", "goal": "MINIMIZE"}, {"name": "latency", "goal": "MINIMIZE", "bound": 20}],
    "parameters": [
        {"name": "lr", "double": {"min": 0.0001, "max": 1, "scale": "LOG"}},
        {"name": "units", "integer": {"min": 1, "max": 64}},
        {"name": "optimizer", "categorical": {"values": ["sgd", "adam", "a, \"b\"\nc", "1", 1, True, ""]}},
        {"name": "momentum", "double": {"min": 0, "max": 1},
         "when": {"parent": "optimizer", "values": ["sgd"]}},
    ],
}


def assay(server, *arguments, code=0):
    """Runs it; returns stdout, stderr."""
    done = subprocess.run([binary("assay"), "--server", server.address, *map(str, arguments)],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout, done.stderr


def file_of(lab, text, name="trials.csv"):
    path = lab.new_folder("files") / name
    path.write_bytes(text.encode())
    return path


def rows_of(server, study):
    return list(csv.DictReader(io.StringIO(assay(server, "study", "export", study)[0], newline="")))


def run_odd_trials(server, study):
    """One trial of each kind of end, each with a value that is hard to write."""
    ends = []
    for parameters in ({"lr": 0.1, "units": 3, "optimizer": "sgd", "momentum": 1 / 3},
                       {"lr": 1 / 3, "units": 64, "optimizer": "a, \"b\"\nc"},
                       {"lr": 1e-4, "units": 1, "optimizer": "1"},
                       {"lr": 1, "units": 2, "optimizer": 1},
                       {"lr": 0.5, "units": 2, "optimizer": True},
                       {"lr": 0.5, "units": 5, "optimizer": ""}):
        server.enqueue(study, parameters)
        ends.append(server.suggest(study, client=f"c{len(ends)}", count=1).assignments[0])
    server.report(ends[0], 1, loss=0.5)
    server.complete(ends[0], loss=1 / 7, latency=float("inf"), extra=float("nan"))
    server.complete(ends[1], loss=2.5e-300, latency=19)
    server.fail(ends[2], "two\nlines, \"quoted\"", kind="FATAL")
    server.fail(ends[3], "no", kind="INFEASIBLE")
    server.report(ends[4], 7, loss=4)
    server.stop_trial(ends[4].trial.id, "slow")
    server.complete(ends[4], loss=4)
    server.complete(ends[5], loss=-0.0)


def test_an_exported_table_comes_back_as_it_was(lab):
    server = lab.server()
    server.create(STUDY)
    run_odd_trials(server, "tables")
    text, _ = assay(server, "study", "export", "tables")
    server.create({**STUDY, "name": "copy"})
    out, _ = assay(server, "trial", "import", "copy", file_of(lab, text))
    assert "imported 6 trials" in out and "(CSV of Assay)" in out
    assert len({row["state"] for row in rows_of(server, "copy")}) == 4
    # All but ids and times is equal; those times too that say when it ran.
    assert assay(server, "study", "export", "copy")[0] == text


def test_exported_json_lines_come_back_as_they_were(lab):
    server = lab.server()
    server.create(STUDY)
    run_odd_trials(server, "tables")
    text, _ = assay(server, "study", "export", "tables", "--format", "jsonl")
    server.create({**STUDY, "name": "copy"})
    assert "(JSON lines)" in assay(server, "trial", "import", "copy", file_of(lab, text, "t.jsonl"))[0]
    keep = ("number", "state", "parameters", "final_metrics", "reason", "note", "from_step", "to_step", "last_step",
            "replicate", "started", "ended")

    def essence(study):
        lines = assay(server, "study", "export", study, "--format", "jsonl")[0].splitlines()
        return [{key: trial[key] for key in keep} for trial in map(json.loads, lines)]

    assert essence("copy") == essence("tables")


def test_a_study_without_a_space_comes_back_too(lab):
    server = lab.server()
    for name in ("free", "copy"):
        server.create({"name": name, "metrics": [{"name": "loss", "goal": "MINIMIZE"}]})
    for parameters in ({"a": "7", "b": True}, {"a": 7, "c": ""}):
        server.enqueue("free", parameters)
        server.complete(server.suggest("free").assignments[0], loss=1, time=2)
    text, _ = assay(server, "study", "export", "free")
    assay(server, "trial", "import", "copy", file_of(lab, text))
    assert assay(server, "study", "export", "copy")[0] == text


OPTUNA = ''',number,value,datetime_start,datetime_complete,duration,params_lr,params_momentum,params_optimizer,params_units,user_attrs_host,user_attrs_latency,state
0,0,0.5,2026-01-31 12:00:00.125000,2026-01-31 12:00:02.250000,0 days 00:00:02.125000,0.01,0.9,sgd,32,gpu1,12.5,COMPLETE
1,1,0.75,2026-01-31 12:00:02.250000,2026-01-31 12:00:03.250000,0 days 00:00:01,0.02,,adam,16,"gpu ""2""",,PRUNED
2,2,,2026-01-31 12:00:04.250000,2026-01-31 12:00:05.250000,0 days 00:00:01,0.03,,adam,16,,,FAIL
3,3,,2026-01-31 12:00:06.250000,,,0.04,,adam,8,,,RUNNING
4,4,0.25,2026-01-31 12:00:07.250000,2026-01-31 12:00:08.250000,0 days 00:00:01,5,,adam,8,,,COMPLETE
5,5,0.25,2026-01-31 12:00:07.250000,2026-01-31 12:00:08.250000,0 days 00:00:01,0.05,,rmsprop,8,,,COMPLETE
'''


def test_optunas_table_is_imported_and_its_odd_rows_are_named(lab):
    server = lab.server()
    server.create(STUDY)
    path = file_of(lab, OPTUNA)
    dry, _ = assay(server, "trial", "import", "tables", path, "--dry-run", code=1)
    assert "would import 3 trials" in dry
    assert server.all_trials("tables") == []
    out, err = assay(server, "trial", "import", "tables", path, code=1)
    assert "imported 3 trials" in out and "(CSV of Optuna)" in out
    assert "1 row of trials that have not ended: left out (line 5: RUNNING)" in out
    assert 'line 6, column "params_lr": "5"; 5' in err
    assert 'line 7, column "params_optimizer": "rmsprop"; one of sgd, adam' in err
    rows = rows_of(server, "tables")
    assert [row["state"] for row in rows] == ["COMPLETED", "STOPPED", "FAILED"]
    assert (rows[0]["lr"], rows[0]["units"], rows[0]["momentum"], rows[0]["latency"]) == ("0.01", "32", "0.9", "12.5")
    trial = server.all_trials("tables")[1]
    attributes = server.trials.ListAttributes(trial_pb2.ListAttributesRequest(trial_id=trial.id)).attributes
    assert [(a.key, a.value) for a in attributes] == [("host", 'gpu "2"')]
    assert trial.ended.ToNanoseconds() - trial.started.ToNanoseconds() == 10 ** 9


WANDB = '''"Name","State","Notes","User","Tags","Created","Runtime","Sweep","lr","optimizer","units","epoch","latency","val_loss"
"brave-owl-1","finished","-","ann","","2026-01-31T12:00:00.000Z","60","","0.01","adam","32","9","10","0.5"
"calm-cat-2","crashed","-","ann","","2026-01-31T12:01:00.000Z","30","","0.02","adam","16","3","",""
"dry-dog-3","running","-","ann","","2026-01-31T12:02:00.000Z","10","","0.02","adam","16","3","",""
'''


def test_the_runs_table_of_wandb_is_imported(lab):
    server = lab.server()
    server.create(STUDY)
    path = file_of(lab, WANDB)
    _, err = assay(server, "trial", "import", "tables", path, code=2)
    assert 'no column is the objective "loss": --metric COLUMN=loss' in err
    out, _ = assay(server, "trial", "import", "tables", path, "--metric", "val_loss=loss")
    assert "imported 2 trials" in out and "Weights & Biases" in out
    assert "columns without a meaning here: Notes, Sweep, Tags, epoch" in out
    first, second = server.all_trials("tables")
    assert first.note == "brave-owl-1" and first.final_metrics["loss"] == 0.5
    assert first.ended.seconds - first.started.seconds == 60
    assert second.state == second.FAILED


def test_a_plain_table_with_other_names(lab):
    server = lab.server()
    server.create(STUDY)
    path = file_of(lab, "rate,units,optimizer,loss\r\n0.1,3,adam,0.5\r\n")
    assert "column" in assay(server, "trial", "import", "tables", path, code=2)[1]
    out = json.loads(assay(server, "--output", "json", "trial", "import", "tables", path, "--map", "rate=lr")[0])
    assert (out["imported"], out["refused"], out["format"]) == (1, 0, "CSV")
    assert "no study" in assay(server, "trial", "import", "nothing", path, code=4)[1]
    assert "cannot read" in assay(server, "trial", "import", "tables", "/nowhere.csv", code=2)[1]


def test_an_import_that_is_repeated_adds_only_what_is_new(lab):
    server = lab.server()
    server.create(STUDY)
    text = "lr,units,optimizer,loss\n0.1,3,adam,0.5\n0.2,3,adam,0.5\n"
    assay(server, "trial", "import", "tables", file_of(lab, text))
    out, _ = assay(server, "trial", "import", "tables", file_of(lab, text, "renamed.csv"))
    assert "imported 0 trials" in out and "2 rows imported before: nothing changed" in out
    grown, _ = assay(server, "trial", "import", "tables", file_of(lab, text + "0.3,3,adam,0.25\n"))
    assert "imported 1 trial " in grown
    assert len(server.all_trials("tables")) == 3
    # The same row in another file is another trial.
    assay(server, "trial", "import", "tables", file_of(lab, "units,lr,optimizer,loss\n3,0.1,adam,0.5\n"))
    assert len(server.all_trials("tables")) == 4


def test_a_file_that_breaks_off_keeps_what_was_read(lab):
    server = lab.server()
    server.create(STUDY)
    out, err = assay(server, "trial", "import", "tables",
                     file_of(lab, 'lr,units,optimizer,loss\n0.1,3,adam,0.5\n0.2,3,"adam,0.5\n'), code=2)
    assert "imported 1 trial" in out and "line 3: a quote is opened and never closed" in err
    assert len(server.all_trials("tables")) == 1


def test_a_large_table_is_imported_row_by_row_in_its_order(lab):
    server = lab.server()
    server.create({"name": "large", "metrics": [{"name": "loss", "goal": "MINIMIZE"}],
                   "parameters": [{"name": "x", "integer": {"min": 0, "max": 100000}}]})
    text = "x,loss\n" + "".join(f"{x},{x * 0.5}\n" for x in range(2000))
    assay(server, "trial", "import", "large", file_of(lab, text))
    assert [t.parameters["x"].number_value for t in server.all_trials("large")] == list(range(2000))
    assert "number 0" in assay(server, "study", "best", "large")[0]
