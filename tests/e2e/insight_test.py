"""`assay study importance`, `predict`, `quality` and InsightService: what the trials of a study say."""
import concurrent.futures
import json
import math
import random

import grpc
import pytest

from assay_testing import Trial, insight_pb2, refused, trial_pb2, wait_until
from import_test import assay

SPEC = {"name": "s",
        "metrics": [{"name": "loss", "goal": "MINIMIZE"}, {"name": "latency", "goal": "MINIMIZE", "bound": 20}],
        "parameters": [{"name": "lr", "double": {"min": 1e-4, "max": 1, "scale": "LOG"}},
                       {"name": "width", "integer": {"min": 1, "max": 64}},
                       {"name": "kind", "categorical": {"values": ["a", "b"]}},
                       {"name": "momentum", "double": {"min": 0, "max": 1},
                        "when": {"parent": "kind", "values": ["b"]}},
                       {"name": "idle", "double": {"min": 0, "max": 1}}],
        "algorithm": {"random": {}}, "seed": 3, "budget": {"max_trials": 60}}


def measure(values):
    """`idle` plays no part; the learning rate decides most of the loss, the width all of the latency."""
    loss = (math.log10(values["lr"]) + 2) ** 2 + 0.5 * values.get("momentum", 0)
    return {"loss": loss, "latency": values["width"] / 2}


def values_of(trial):
    return {name: getattr(value, value.WhichOneof("kind")) for name, value in trial.parameters.items()}


@pytest.fixture
def server(lab):
    server = lab.server()
    server.create(SPEC)
    while not server.is_over("s"):
        held = server.ask("s")
        server.complete(held, **measure(values_of(held.trial)))
    return server


def words_of(text):
    return " ".join(text.split())


def by_name(answer):
    return {parameter.name: parameter for parameter in answer.parameters}


def configuration(**values):
    message = insight_pb2.Configuration()
    for name, value in values.items():
        if isinstance(value, str):
            message.parameters[name].string_value = value
        else:
            message.parameters[name].number_value = value
    return message


def predict(server, *configurations, study="s"):
    return server.insight.Predict(insight_pb2.PredictRequest(study=study, configurations=configurations))


def test_the_irrelevant_parameter_is_last_and_the_one_that_decides_first(server):
    answer = server.insight.Importance(insight_pb2.ImportanceRequest(study="s"))
    names = [parameter.name for parameter in answer.parameters]
    assert names[0] == "lr" and len(names) == 5
    found = by_name(answer)
    assert answer.metric == "loss" and answer.r_squared > 0.8 and answer.configurations == 60
    assert found["lr"].total.value > 0.8
    assert found["idle"].total.value < 0.03 and found["width"].total.value < 0.03
    latency = server.insight.Importance(insight_pb2.ImportanceRequest(study="s", metric="latency"))
    assert latency.parameters[0].name == "width" and latency.parameters[0].first_order.value > 0.95
    shown = assay(server, "study", "importance", "s")[0].splitlines()
    assert "loss, from 60 configurations" in shown[0]
    assert shown[2].split()[0] == "lr"
    told = json.loads(assay(server, "--output", "json", "study", "importance", "s", "--metric", "latency")[0])
    assert told["parameters"][0]["name"] == "width"


def test_a_configuration_is_predicted_with_intervals_and_bounds(server):
    good = configuration(lr=0.01, width=10, kind="a", idle=0.5)
    wide = configuration(lr=0.01, width=60, kind="a", idle=0.5)
    answer = predict(server, good, wide)
    loss = answer.predictions[0].metrics["loss"]
    assert abs(loss.median) < 0.5
    assert loss.most.low < loss.half.low < loss.median < loss.half.high < loss.most.high
    assert answer.predictions[0].metrics["latency"].keeps_bound > 0.9
    assert answer.predictions[0].keeps_bounds > 0.9 and answer.predictions[1].keeps_bounds < 0.1
    assert answer.r_squared["latency"] > 0.9 and not answer.missing
    shown = assay(server, "study", "predict", "s", "lr=0.01", "width=10", "kind=a", "idle=0.5")[0]
    assert "loss" in shown and "keeps every bound" in shown
    told = json.loads(assay(server, "--output", "json", "study", "predict", "s",
                            "lr=0.01", "width=10", "kind=a", "idle=0.5")[0])
    assert told["predictions"][0]["metrics"]["loss"]["median"] == pytest.approx(loss.median, abs=1e-6)


def test_a_wrong_configuration_says_what_is_wrong(server):
    whole = {"lr": 0.01, "width": 10, "kind": "a", "idle": 0.5}
    for change, words in (({"lr": 5}, '"lr"'), ({"kind": "c"}, '"kind"'), ({"momentum": 0.5}, '"momentum"'),
                          ({"kind": "b"}, '"momentum"'), ({"width": 10.5}, '"width"'), ({"speed": 1}, '"speed"')):
        message = refused(grpc.StatusCode.INVALID_ARGUMENT, predict, server, configuration(**{**whole, **change}))
        assert message.startswith("configurations[0]: ") and words in message
    del whole["idle"]
    assert '"idle"' in refused(grpc.StatusCode.INVALID_ARGUMENT, predict, server, configuration(**whole))
    assert "configurations: 0" in refused(grpc.StatusCode.INVALID_ARGUMENT, predict, server)
    assert "configurations: 1001" in refused(grpc.StatusCode.INVALID_ARGUMENT, predict, server,
                                             *[configuration()] * 1001)
    assert "NAME=VALUE" in assay(server, "study", "predict", "s", "lr", code=2)[1]


def test_quality_says_whether_the_model_can_be_trusted(server):
    answer = server.insight.Quality(insight_pb2.QualityRequest(study="s"))
    assert [trial.number for trial in answer.trials] == list(range(60))
    observed = {trial.number: trial.final_metrics["loss"] for trial in server.all_trials("s")}
    assert all(trial.observed == observed[trial.number] for trial in answer.trials)
    assert answer.r_squared > 0.8 and answer.rank_correlation > 0.8
    inside = [t.predicted.most.low <= t.observed <= t.predicted.most.high for t in answer.trials]
    assert abs(sum(inside) / 60 - answer.coverage_most) < 0.02
    shown = assay(server, "study", "quality", "s", "-n", 3)[0]
    assert "can it be trusted yes" in words_of(shown) and "the 3 predicted worst" in shown
    assert "is no metric of the study" in assay(server, "study", "quality", "s", "--metric", "los", code=2)[1]


def test_a_study_of_noise_is_refused_with_the_figure(lab):
    server = lab.server()
    server.create({"name": "noise", "metrics": SPEC["metrics"][:1], "parameters": SPEC["parameters"][-1:]})
    draw = random.Random(1)
    for number in range(40):
        request = trial_pb2.CreateTrialRequest(study="noise", state=Trial.COMPLETED, metrics={"loss": draw.random()})
        request.parameters["idle"].number_value = draw.random()
        server.trials.CreateTrial(request)
        if number == 2:
            words = refused(grpc.StatusCode.FAILED_PRECONDITION, server.insight.Importance,
                            insight_pb2.ImportanceRequest(study="noise"))
            assert "3 configurations are COMPLETED" in words
    words = assay(server, "study", "importance", "noise", code=6)[1]
    assert "leave-one-out R^2 is" in words
    assert "can it be trusted no" in words_of(assay(server, "study", "quality", "noise")[0])


def test_a_question_past_its_deadline_ends_and_the_next_is_answered(server):
    def ask(timeout):
        return server.insight.Importance(insight_pb2.ImportanceRequest(study="s"), timeout=timeout)

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        codes = []
        for asked in [threads.submit(ask, 1e-3) for _ in range(8)]:
            try:
                asked.result()
                codes.append(grpc.StatusCode.OK)
            except grpc.RpcError as error:
                codes.append(error.code())
    assert set(codes) <= {grpc.StatusCode.OK, grpc.StatusCode.DEADLINE_EXCEEDED}
    wait_until(lambda: ask(20).configurations == 60, what="an answer")
