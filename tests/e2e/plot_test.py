"""`assay study plot`: SVG files that hold what the study found."""
import math
import os
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

from assay_testing import binary
from import_test import assay
from insight_test import values_of

SVG = "{http://www.w3.org/2000/svg}"
SPEC = {"name": "it's a `test`", "owner": "ann",
        "metrics": [{"name": "loss_of$x", "goal": "MINIMIZE"}, {"name": "size", "goal": "MINIMIZE"},
                    {"name": "latency", "goal": "MINIMIZE", "bound": 45}],
        "parameters": [{"name": "lr", "double": {"min": 1e-4, "max": 1, "scale": "LOG"}},
                       {"name": "width", "integer": {"min": 1, "max": 64}}],
        "algorithm": {"random": {}}, "seed": 3, "budget": {"max_trials": 30}}


def train(server, study):
    while not server.is_over(study):
        held = server.ask(study)
        values = values_of(held.trial)
        loss = (math.log10(values["lr"]) + 2) ** 2 + 4 / values["width"]
        server.complete(held, loss_of_x=loss, **{"loss_of$x": loss, "size": values["width"],
                                                 "latency": values["width"]})


def texts_of(path):
    return [" ".join("".join(text.itertext()).split()) for text in ElementTree.parse(path).iter(f"{SVG}text")]


@pytest.fixture(scope="module")
def study(shared_lab):
    if binary("assay") is None:
        pytest.skip("the command line tool is not built")
    server = shared_lab.server()
    name = str(server.create(SPEC).id)
    train(server, name)
    return server, name


def test_history_importance_and_front_are_drawn(study, tmp_path):
    server, name = study
    out = tmp_path / "new" / "plots"
    said = assay(server, "study", "plot", name, "--out", out)[0].splitlines()
    stem = "ann_it_s_a__test_"
    assert [line.rsplit("/", 1)[1] for line in said] == [
        f"{stem}-history.svg", f"{stem}-importance.svg", f"{stem}-pareto-loss_of_x-size.svg"]
    history = texts_of(said[0])
    assert "ann/it's a `test`: 30 trials" in history and "loss_of$x (lower is better)" in history
    assert {"completed", "best so far", "breaks a bound", "size (lower is better)"} <= set(history)
    importance = texts_of(said[1])
    assert {"lr", "width", "alone", "with all interactions"} <= set(importance)
    assert "Pareto front" in texts_of(said[2])


def test_a_young_study_has_its_history_all_the_same(study, tmp_path):
    server, _ = study
    young = str(server.create({**SPEC, "name": "young", "metrics": SPEC["metrics"][:1],
                               "budget": {"max_trials": 2}}).id)
    out, error = assay(server, "study", "plot", young, "--out", tmp_path)
    assert out.split() == [f"{tmp_path}/ann_young-history.svg"] and "no plot of importance: " in error
    held = server.ask(young)
    server.complete(held, **{"loss_of$x": 1.0})
    assay(server, "study", "plot", young, "--out", tmp_path)
    assert "best so far" in texts_of(tmp_path / "ann_young-history.svg")


def test_without_gnuplot_it_says_what_to_install(study, tmp_path):
    server, name = study
    done = subprocess.run([binary("assay"), "--server", server.address, "study", "plot", name, "--out", tmp_path],
                          env={**os.environ, "PATH": str(tmp_path)}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "apt install gnuplot-nox" in done.stderr


def test_a_folder_that_cannot_be_made_is_named(study, tmp_path):
    server, name = study
    (tmp_path / "file").touch()
    assert f"--out {tmp_path}/file" in assay(server, "study", "plot", name, "--out", tmp_path / "file", code=2)[1]
    assay(server, "study", "plot", "nothing", code=4)
