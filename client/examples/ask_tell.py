"""Asks, evaluates and tells from Python, over gRPC: minimises the Branin function. No code of Assay's is needed, only its
.proto files: the stubs are made here, in a folder that is thrown away, unless ASSAY_STUBS names a folder that has them.

    assay-server &
    /usr/bin/python3 client/examples/ask_tell.py [ADDRESS]

Debian: python3-grpcio, python3-protobuf, protobuf-compiler, protobuf-compiler-grpc.
"""

import math
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import uuid

import grpc

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"


def make_stubs(folder):
    subprocess.run(
        ["protoc", f"--proto_path={PROTO}", f"--python_out={folder}", f"--grpc_out={folder}",
         f"--plugin=protoc-gen-grpc={shutil.which('grpc_python_plugin')}",
         *sorted(str(path.relative_to(PROTO)) for path in PROTO.glob("assay/v1/*.proto"))],
        cwd=PROTO, check=True)


def branin(x1, x2):
    """Its minimum is 0.397887, at (pi, 2.275) and two more points."""
    a, b, c = 1, 5.1 / (4 * math.pi**2), 5 / math.pi
    return a * (x2 - b * x1**2 + c * x1 - 6) ** 2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x1) + 10


def main():
    address = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("ASSAY_SERVER", "127.0.0.1:7070")
    with tempfile.TemporaryDirectory() as folder:
        stubs = os.environ.get("ASSAY_STUBS", folder)
        if stubs == folder:
            make_stubs(folder)
        sys.path.insert(0, stubs)
        from assay.v1 import (insight_pb2, insight_pb2_grpc, study_pb2, study_pb2_grpc, trial_pb2,
                              trial_pb2_grpc)

        channel = grpc.insecure_channel(address)
        studies = study_pb2_grpc.StudyServiceStub(channel)
        trials = trial_pb2_grpc.TrialServiceStub(channel)

        spec = study_pb2.StudySpec(name=f"branin-{uuid.uuid4().hex[:8]}")
        spec.metrics.add(name="y", goal=study_pb2.MINIMIZE)
        spec.parameters.add(name="x1", double=study_pb2.DoubleDomain(min=-5, max=10))
        spec.parameters.add(name="x2", double=study_pb2.DoubleDomain(min=0, max=15))
        spec.budget.max_trials = 100
        study = str(studies.Create(study_pb2.CreateStudyRequest(spec=spec)).id)

        client = uuid.uuid4().hex
        while True:
            try:
                answer = trials.Suggest(trial_pb2.SuggestRequest(study=study, client_id=client, wait=10))
            except grpc.RpcError as error:
                if error.code() == grpc.StatusCode.OUT_OF_RANGE:  # The study is over.
                    print(error.details())
                    break
                raise
            if not answer.assignments:  # Nothing now.
                time.sleep(answer.retry_after)
            for held in answer.assignments:
                x = held.trial.parameters
                y = branin(x["x1"].number_value, x["x2"].number_value)
                trials.Complete(trial_pb2.CompleteRequest(
                    trial_id=held.trial.id, attempt=held.attempt, metrics={"y": y}))

        best = studies.Optimal(study_pb2.OptimalRequest(study=study)).trials[0]
        x = {name: value.number_value for name, value in best.parameters.items()}
        print(f"best of 100: y = {best.final_metrics['y']:.4f} at x1 = {x['x1']:.3f}, x2 = {x['x2']:.3f}")

        insight = insight_pb2_grpc.InsightServiceStub(channel)
        answer = insight.Importance(insight_pb2.ImportanceRequest(study=study))
        for parameter in answer.parameters:
            print(f"{parameter.name} makes {parameter.total.value:.0%} of the variance of y")


if __name__ == "__main__":
    main()
