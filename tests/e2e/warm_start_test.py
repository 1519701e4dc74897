"""Studies that learn from others."""
import grpc

from assay_testing import plain, refused, study_pb2
from import_test import assay, file_of

SOURCE = {"name": "old", "metrics": [{"name": "loss", "goal": "MINIMIZE"}],
          "parameters": [{"name": "x", "double": {"min": 0, "max": 1}}],
          "algorithm": {"quasi_random": {}}, "seed": 7, "budget": {"max_trials": 12}}
NEW = {**SOURCE, "name": "new", "algorithm": {"bayesian": {}}, "budget": {"max_trials": 5},
       "freshness": {"always_fresh": True}}


def loss(x):
    return (x - 0.3) ** 2


def run(server, study, trials):
    """The values of x of that many trials."""
    found = []
    for _ in range(trials):
        held = server.ask(study)
        found.append(plain(held.trial.parameters)["x"])
        server.complete(held, loss=loss(found[-1]))
    return found


def test_a_study_learns_from_a_finished_one_and_shows_it(lab):
    server = lab.server()
    server.create(SOURCE)
    old = run(server, "old", 12)
    text = ("name: new\nmetrics: [{name: loss, goal: MINIMIZE}]\n"
            "parameters: [{name: x, double: {min: 0.1, max: 1}}]\n"
            "warm_start: [{study: old, trust: SAME}]\n"
            "seed: 3\nbudget: {max_trials: 5}\n")
    created = assay(server, "study", "create", "-f", file_of(lab, text, "study.yaml"))[0]
    assert "created study new" in created and "learns from local/old" in created
    study = server.study("new")
    outside = sum(x < 0.1 for x in old)
    assert outside > 0
    earlier = study.earlier[0]
    assert (earlier.name, earlier.trust) == ("local/old", study_pb2.SAME)
    assert (earlier.ended, earlier.used) == (12, 12 - outside)
    assert [(u.reason, u.count) for u in earlier.unused] == [("x is not in its domain here", outside)]
    shown = assay(server, "study", "show", "new")[0]
    assert "learns from" in shown
    assert f"local/old (id {earlier.id}, SAME" in shown and f"{12 - outside} of 12 trials" in shown
    assert abs(run(server, "new", 1)[0] - 0.3) < 0.1, "no start from nothing"


def test_only_own_trials_are_listed_and_best(lab):
    server = lab.server()
    server.create(SOURCE)
    run(server, "old", 12)
    server.create({**NEW, "warm_start": [{"study": "old", "trust": "SAME"}]})
    assert server.study("new").counts.trials == 0
    assert not server.studies.Optimal(study_pb2.OptimalRequest(study="new")).trials
    new = run(server, "new", 5)
    best = server.studies.Optimal(study_pb2.OptimalRequest(study="new")).trials[0]
    assert plain(best.parameters)["x"] == min(new, key=loss)
    assert server.study("new").counts.completed == 5


def test_copies_outlive_the_source_and_a_kill(lab):
    found = []
    for interrupted in (False, True):
        server = lab.server()
        server.create(SOURCE)
        run(server, "old", 12)
        server.create({**NEW, "warm_start": [{"study": "old", "trust": "SIMILAR"}]})
        values = run(server, "new", 2)
        if interrupted:
            server.studies.Delete(study_pb2.GetStudyRequest(study="old"))
            server.kill()
            server.restart()
        assert server.study("new").earlier[0].used == 12
        found.append(values + run(server, "new", 3))
    assert found[0] == found[1]


def test_create_again_gives_the_same_study_whatever_became_of_the_source(lab):
    server = lab.server()
    server.create(SOURCE)
    run(server, "old", 6)
    spec = {**NEW, "warm_start": [{"study": "old", "trust": "SIMILAR"}]}
    first = server.create(spec)
    run(server, "old", 6)
    again = server.create(spec)
    assert (again.id, again.earlier[0].used) == (first.id, 6)
    server.studies.Delete(study_pb2.GetStudyRequest(study="old"))
    assert server.create(spec).id == first.id


def test_what_cannot_be_learned_from_is_refused(lab):
    server = lab.server()
    server.create(SOURCE)
    server.create({**SOURCE, "name": "other", "metrics": [{"name": "loss", "goal": "MAXIMIZE"}]})
    for names, code, words in (
            (["nothing"], grpc.StatusCode.NOT_FOUND, "warm_start[0].study: \"nothing\""),
            (["new"], grpc.StatusCode.INVALID_ARGUMENT, "a study cannot learn from itself"),
            (["other"], grpc.StatusCode.INVALID_ARGUMENT, "goal MAXIMIZE"),
            (["old", "old"], grpc.StatusCode.INVALID_ARGUMENT, "the same study as warm_start[0]")):
        spec = {**NEW, "warm_start": [{"study": n, "trust": "SAME"} for n in names]}
        error = refused(code, server.create, spec)
        assert words in error, error
