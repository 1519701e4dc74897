"""Two hundred clients at once share a grid: every point exactly once."""
import asyncio
import collections

import grpc
import pytest

from assay_testing import CHANNEL_OPTIONS, Study, Trial, plain, trial_pb2, trial_pb2_grpc

CLIENTS = 200
SPEC = {
    "name": "grid",
    "metrics": [{"name": "loss", "goal": "MINIMIZE"}],
    "parameters": [
        {"name": "width", "integer": {"min": 1, "max": 10}},
        {"name": "rate", "discrete": {"values": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]}},
        {"name": "kind", "categorical": {"values": list("abcdefghij")}}],
    "algorithm": {"grid": {}},
}


async def client(address, name, seen, ends):
    """Asks, reports and tells until nothing can ever come."""
    async with grpc.aio.insecure_channel(address, CHANNEL_OPTIONS) as channel:
        stub = trial_pb2_grpc.TrialServiceStub(channel)
        while True:
            try:
                answer = await stub.Suggest(trial_pb2.SuggestRequest(study="grid", client_id=name, wait=30))
            except grpc.aio.AioRpcError as error:
                ends[error.code()] += 1
                return
            for assignment in answer.assignments:
                seen.append(assignment.trial)
                token = {"trial_id": assignment.trial.id, "attempt": assignment.attempt}
                loss = float(plain(assignment.trial.parameters)["width"])
                await stub.Report(trial_pb2.ReportRequest(
                    **token, measurement=trial_pb2.Measurement(sequence=1, step=1, metrics={"loss": loss + 1})))
                await stub.Complete(trial_pb2.CompleteRequest(**token, metrics={"loss": loss}))


async def all_clients(address, seen, ends):
    await asyncio.gather(*(client(address, f"client-{i}", seen, ends) for i in range(CLIENTS)))


@pytest.mark.deadline(100)
@pytest.mark.parametrize("shuffle", [False, True], ids=["in order", "shuffled"])
def test_200_clients_get_every_point_of_a_grid_exactly_once_then_out_of_range(lab, shuffle):
    server = lab.server()
    server.create({**SPEC, "algorithm": {"grid": {"shuffle": shuffle}}})
    seen, ends = [], collections.Counter()
    asyncio.run(all_clients(server.address, seen, ends))
    points = {tuple(sorted(plain(trial.parameters).items())) for trial in seen}
    assert (len(seen), len(points)) == (1000, 1000)
    assert ends == {grpc.StatusCode.OUT_OF_RANGE: CLIENTS}
    study = server.study("grid")
    assert (study.state, study.completion) == (Study.COMPLETED, Study.SPACE_EXHAUSTED)
    trials = server.all_trials("grid")
    assert [trial.number for trial in trials] == list(range(1000))
    assert {trial.state for trial in trials} == {Trial.COMPLETED}
    assert sorted(trial.origin.ordinal for trial in trials) == list(range(1000))
    assert study.counts.measurements == 1000
    assert server.best("grid")[0].final_metrics["loss"] == 1
    assert server.check() == []
