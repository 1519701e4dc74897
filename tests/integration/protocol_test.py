"""Health, reflection and metrics, as tools that know nothing of Assay use them."""

import ctypes
import json
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import grpc
import pytest
from google.protobuf import json_format, message_factory

from api import SERVICES, Code
from bad_requests_test import create, measurement
from running_server import RunningServer, eventually
from wire_protocols import SERVING, Health, Reflection


def run_study(calls, name, losses):
    """A study with a completed trial for each loss, that goes on."""
    calls.call("StudyService/Create", create(name=name, metrics=[
        dict(name="loss", goal=1), dict(name='odd "name" \\', goal=2, bound=0)]))
    for loss in losses:
        trial = calls.call("TrialService/Suggest", study=name, client_id="c",
                           wait=30).assignments[0].trial.id
        calls.call("TrialService/Report", trial_id=trial, attempt=1,
                   measurement=measurement(metrics=dict(loss=loss)))
        calls.call("TrialService/Complete", trial_id=trial, attempt=1)


@pytest.fixture(scope="module")
def studied(server):
    """The server after studies ran and a call of each kind failed."""
    run_study(server.api, "first", [3, 0.125, 2])
    run_study(server.api, "strange {\"name\"} \\ ä", [1])
    server.api.outcome("StudyService/Get", study="nobody")
    server.api.outcome("TrialService/Report", trial_id=1, attempt=9)
    return server


# --- Health ------------------------------------------------------------------

def test_health_is_serving(server):
    assert Health(server.api.channel).check("") == SERVING


def test_health_of_an_unknown_service_is_not_found(server):
    with pytest.raises(grpc.RpcError) as error:
        Health(server.api.channel).check("nobody")
    assert error.value.code() == Code.NOT_FOUND


def test_health_is_watched_until_the_end():
    with RunningServer(memory=True) as server:
        stream = Health(server.api.channel).watch()
        assert next(stream).status == SERVING
        server.process.terminate()
        with pytest.raises(grpc.RpcError):
            while next(stream).status == SERVING:
                pass
            raise grpc.RpcError  # Or it said NOT_SERVING first.
        assert server.process.wait(30) == 0


def test_whichever_thread_takes_the_signal_the_server_ends_well():
    libc = ctypes.CDLL(None, use_errno=True)
    with RunningServer(memory=True) as server:
        threads = [int(task.name) for task in pathlib.Path(f"/proc/{server.pid}/task").iterdir()]
        others = [thread for thread in threads if thread != server.pid]
        sent = [libc.tgkill(server.pid, thread, signal.SIGTERM) == 0 for thread in others]
        assert others and any(sent)
        assert server.process.wait(20) == 0, server.log


def test_healthz_is_ok(server):
    assert server.get("/healthz") == (200, "ok\n")


# --- Reflection --------------------------------------------------------------

def test_reflection_lists_exactly_what_there_is(server):
    assert Reflection(server.api.channel).services() == sorted([
        *(service.full_name for service in SERVICES.values()),
        "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"])


def test_reflection_knows_each_method(server):
    reflection = Reflection(server.api.channel)
    for service in SERVICES.values():
        found = reflection.pool(service.full_name).FindServiceByName(service.full_name)
        assert ([(m.name, m.input_type.full_name, m.output_type.full_name) for m in found.methods]
                == [(m.name, m.input_type.full_name, m.output_type.full_name)
                    for m in service.methods])


def test_reflection_of_an_unknown_symbol_is_an_error(server):
    error = Reflection(server.api.channel).ask(file_containing_symbol="assay.v1.Nothing")
    assert error.error_response.error_code == Code.NOT_FOUND.value[0]


def test_a_client_without_proto_files_runs_a_study(server):
    """All it knows are the address, and JSON."""
    pool = Reflection(server.api.channel).pool("assay.v1.TrialService")
    studies = Reflection(server.api.channel).pool("assay.v1.StudyService")

    def call(pool, service, method, content):
        descriptor = pool.FindServiceByName(f"assay.v1.{service}").FindMethodByName(method)
        factory = message_factory.MessageFactory(pool)
        request = json_format.ParseDict(content, factory.GetPrototype(descriptor.input_type)())
        stub = server.api.channel.unary_unary(
            f"/assay.v1.{service}/{method}", request_serializer=type(request).SerializeToString,
            response_deserializer=factory.GetPrototype(descriptor.output_type).FromString)
        return json_format.MessageToDict(stub(request, timeout=30))

    spec = {"name": "reflected", "metrics": [{"name": "loss", "goal": "MINIMIZE"}],
            "parameters": [{"name": "c", "categorical": {"values": ["a", "b"]}}],
            "algorithm": {"grid": {}}}
    assert call(studies, "StudyService", "Create", {"spec": spec})["state"] == "ACTIVE"
    for loss in (2, 1):
        answer = call(pool, "TrialService", "Suggest",
                      {"study": "reflected", "clientId": "c", "wait": 30})
        assignment = answer["assignments"][0]
        ended = call(pool, "TrialService", "Complete", {
            "trialId": assignment["trial"]["id"], "attempt": assignment["attempt"],
            "metrics": {"loss": loss}})
        assert ended["state"] == "COMPLETED"
    best = call(studies, "StudyService", "Optimal", {"study": "reflected"})["trials"][0]
    assert best["finalMetrics"] == {"loss": 1.0}


# --- Metrics -----------------------------------------------------------------

def test_promtool_accepts_the_metrics(studied):
    if not shutil.which("promtool"):
        pytest.skip("promtool is not installed (apt: prometheus)")
    status, text = studied.get("/metrics")
    assert status == 200
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True,
                          text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def series(text, name):
    """[(labels, value)] of a metric; for labels without quotes inside."""
    found = []
    for line in text.splitlines():
        if line.startswith(name + "{"):
            labels, number = line[len(name) + 1:].rsplit("} ", 1)
            found.append((dict(re.findall(r'(\w+)="([^"]*)"', labels)), float(number)))
    return found


def test_metrics_say_what_happened(studied):
    _, text = studied.get("/metrics")
    study = str(studied.api.call("StudyService/Get", study="first").id)
    labels = dict(study="local/first", id=study)
    assert (dict(labels, metric="loss"), 0.125) in series(text, "assay_study_best_value")
    assert (dict(labels, state="completed"), 3) in series(text, "assay_trials")
    calls = {(found["method"], found["code"]): number
             for found, number in series(text, "assay_rpcs_total")}
    assert calls["StudyService/Get", "NOT_FOUND"] == 1
    assert calls["TrialService/Report", "INVALID_ARGUMENT"] == 1
    assert calls["TrialService/Complete", "OK"] >= 4


def test_metrics_stay_small_under_strange_calls(server):
    """Names that a client makes up do not become series."""
    before = len(server.get("/metrics")[1].splitlines())
    for i in range(200):
        server.api.outcome("StudyService/Get", study=f"nobody {i}")
        server.api.outcome("WorkerService/Drain", name=f"nobody {i}")
    assert len(server.get("/metrics")[1].splitlines()) < before + 100


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Prometheus:
    """A real one that scrapes one server."""

    def __init__(self, folder, target):
        (folder / "config.yml").write_text(json.dumps({  # JSON is YAML.
            "global": {"scrape_interval": "1s"},
            "scrape_configs": [{"job_name": "assay", "static_configs": [{"targets": [target]}]}]}))
        self._port = free_port()
        self._log = open(folder / "log", "w+", encoding="utf-8")
        self._process = subprocess.Popen(
            ["prometheus", f"--config.file={folder}/config.yml",
             f"--storage.tsdb.path={folder}/tsdb", f"--web.listen-address=127.0.0.1:{self._port}"],
            stderr=self._log)

    def query(self, expression):
        """The result; [] while there is none."""
        if self._process.poll() is not None:
            self._log.seek(0)
            raise AssertionError(self._log.read())
        query = urllib.parse.urlencode(dict(query=expression))
        try:
            with urllib.request.urlopen(
                    f"http://127.0.0.1:{self._port}/api/v1/query?{query}", timeout=5) as answer:
                return json.load(answer)["data"]["result"]
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._log.close()


def test_prometheus_scrapes_it_and_answers_a_query_for_the_best_value(studied, tmp_path):
    if not shutil.which("prometheus"):
        pytest.skip("prometheus is not installed (apt: prometheus)")
    with Prometheus(tmp_path, studied.http) as prometheus:
        best = eventually(lambda: prometheus.query('assay_study_best_value{study="local/first"}'),
                          60, "an answer of Prometheus")
        assert [(r["metric"]["metric"], r["value"][1]) for r in best] == [("loss", "0.125")]
        assert prometheus.query("up")[0]["value"][1] == "1"
        strange = prometheus.query("assay_study_best_value")
        assert "local/strange {\"name\"} \\ ä" in {r["metric"]["study"] for r in strange}
        run_study(studied.api, "later", [5])
        assert eventually(lambda: prometheus.query('assay_study_best_value{study="local/later"}'),
                          60, "the next study")[0]["value"][1] == "5"
