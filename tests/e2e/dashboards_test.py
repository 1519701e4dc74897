"""Prometheus and Grafana as deploy/ sets them up, over a real run: every panel's query has data, every metric that a rule or
a panel names is documented, and the dashboards are what Grafana takes."""
import json
import math
import pathlib
import re
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import grpc
import pytest
import yaml

from assay_testing import ROOT, Process, fake_nvml_folder, program, refused, wait_until

PROMETHEUS = ROOT / "deploy/prometheus"
GRAFANA = ROOT / "deploy/grafana"
DASHBOARDS = sorted((GRAFANA / "dashboards").glob("*.json"))
PANEL_TYPES = {"row", "timeseries", "stat", "table"}

SPEC = {"metrics": [{"name": "loss", "goal": "MINIMIZE"}],
        "parameters": [{"name": "x", "double": {"min": 0, "max": 1}}],
        "algorithm": {"random": {}}, "seed": 3}


def panels_of(dashboard):
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def read(path):
    return json.loads(path.read_text())


# --- What the files say --------------------------------------------------------------

@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_has_what_grafana_requires(path):
    dashboard = read(path)
    assert dashboard["uid"] == path.stem and re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", dashboard["uid"])
    assert dashboard["id"] is None and dashboard["title"] and dashboard["schemaVersion"] >= 36
    assert set(dashboard["time"]) == {"from", "to"} and dashboard["refresh"] and "assay" in dashboard["tags"]
    variables = dashboard["templating"]["list"]
    assert variables[0]["type"] == "datasource" and variables[0]["query"] == "prometheus"
    for variable in variables[1:]:
        assert variable["type"] == "query" and variable["query"]["query"].startswith("label_values(")
        assert variable["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids) and all(isinstance(one, int) and one > 0 for one in ids)
    names = {variable["name"] for variable in variables}
    for panel in dashboard["panels"]:
        assert panel["type"] in PANEL_TYPES and panel["title"]
    for panel in panels_of(dashboard):
        where = f"{path.stem}: {panel['title']}"
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, where
        assert panel["fieldConfig"]["defaults"]["unit"] and "overrides" in panel["fieldConfig"], where
        references = [target["refId"] for target in panel["targets"]]
        assert references and len(set(references)) == len(references), where
        for target in panel["targets"]:
            assert target["datasource"] == panel["datasource"] and target["expr"], where
            used = set(re.findall(r"\$\{?(\w+)", target["expr"]))
            assert used <= names | {"__rate_interval"}, where


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_panels_lie_side_by_side(path):
    taken = {}
    for panel in read(path)["panels"]:
        place = panel["gridPos"]
        assert place["x"] >= 0 and place["y"] >= 0 and place["w"] > 0 and place["h"] > 0
        assert place["x"] + place["w"] <= 24
        for cell in ((x, y) for x in range(place["x"], place["x"] + place["w"])
                     for y in range(place["y"], place["y"] + place["h"])):
            assert cell not in taken, f"{panel['title']} lies over {taken[cell]}"
            taken[cell] = panel["title"]


def test_the_dashboards_are_what_the_script_writes(tmp_path):
    subprocess.run([GRAFANA / "make_dashboards.py", tmp_path], check=True)
    assert [path.name for path in sorted(tmp_path.iterdir())] == [path.name for path in DASHBOARDS]
    for path in DASHBOARDS:
        assert (tmp_path / path.name).read_text() == path.read_text(), f"{path.name}: run make_dashboards.py"


def test_the_provisioning_names_a_source_and_the_folder():
    source = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text())
    assert source["apiVersion"] == 1 and source["datasources"][0]["type"] == "prometheus"
    provider = yaml.safe_load((GRAFANA / "provisioning/dashboards/assay.yml").read_text())
    assert provider["apiVersion"] == 1 and provider["providers"][0]["type"] == "file"
    assert provider["providers"][0]["options"]["path"].startswith("/")


def rules_of(name):
    return [rule for group in yaml.safe_load((PROMETHEUS / name).read_text())["groups"] for rule in group["rules"]]


def test_rules_and_panels_name_documented_metrics_only():
    documented = {}
    for line in (PROMETHEUS / "README.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 5 and re.fullmatch(r"`\w+`", cells[0]):
            documented[cells[0].strip("`")] = cells[2]
    for name, kind in list(documented.items()):
        if kind == "histogram":
            documented.update({f"{name}_{part}": kind for part in ("bucket", "sum", "count")})
    recorded = {rule["record"] for rule in rules_of("recording_rules.yml")}
    expressions = [rule["expr"] for name in ("recording_rules.yml", "alerts.yml") for rule in rules_of(name)]
    expressions += [target["expr"] for path in DASHBOARDS for panel in panels_of(read(path))
                    for target in panel["targets"]]
    for expression in expressions:
        for name in re.findall(r"(?:\w+:)?(?:assay|process)_\w+(?::\w+)?", expression):
            assert name in documented or name in recorded, f"{name} in {expression}"


def test_each_alert_is_seen_to_fire_and_says_what_to_do():
    tests = yaml.safe_load((ROOT / "tests/deploy/alerts_test.yml").read_text())["tests"]
    fired = {case["alertname"] for test in tests for case in test["alert_rule_test"] if case["exp_alerts"]}
    alerts = rules_of("alerts.yml")
    assert fired == {rule["alert"] for rule in alerts}
    for rule in alerts:
        assert rule["labels"]["severity"] in ("critical", "warning", "info"), rule["alert"]
        assert set(rule["annotations"]) == {"summary", "description"}, rule["alert"]


# --- A run that is watched -----------------------------------------------------------

def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Prometheus:
    """The Prometheus of deploy/, once a second, of these programs."""

    def __init__(self, lab, targets):
        folder = lab.new_folder("prometheus")
        config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config["rule_files"] = [str(PROMETHEUS / name) for name in config["rule_files"]]
        for job in config["scrape_configs"]:
            job.pop("file_sd_configs", None)
            job["static_configs"] = [{"targets": targets[job["job_name"]]}]
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        self.port = free_port()
        self.process = Process(
            ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address=127.0.0.1:{self.port}"], str(folder / "log"))
        lab.started.append(self.process)
        lab.logs.append(self.process.log)

    def get(self, path, **query):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            if error.code == 503:  # It is starting.
                return None
            raise AssertionError(f"{query}: {error.read().decode()}") from None
        except OSError:
            assert self.process.is_alive(), self.process.text()
            return None

    def query(self, expression):
        """[(labels, value)], without NaN."""
        data = self.get("query", query=expression)
        if data is None:
            return []
        samples = [data["result"]] if data["resultType"] == "scalar" else [one["value"] for one in data["result"]]
        return [float(value) for _, value in samples if not math.isnan(float(value))]

    def label_values(self, query):
        """As Grafana asks for a variable: label_values(selector, label)."""
        selector, label = re.fullmatch(r"label_values\((.+), (\w+)\)", query).groups()
        now = time.time()
        found = self.get(f"label/{label}/values", **{"match[]": selector, "start": now - 60, "end": now + 60})
        return found or []


def template(seconds="0.05"):
    return {"trial": {**program("watched", "{x}", seconds), "max_attempts": 1}}


@pytest.fixture(scope="module")
def watched(shared_lab):
    """A coordinator, two workers, one of them with GPUs, studies that stop, fail, wait and save; and Prometheus."""
    lab = shared_lab
    server = lab.server(http="127.0.0.1:0", tcp=True)
    refused(grpc.StatusCode.NOT_FOUND, server.study, "nothing")
    server.create({**SPEC, **template(), "name": "main", "budget": {"max_parallel": 4},
                   "stopping": {"any_of": [{"threshold": {"upper": 0.9}}, {"asha": {"max_steps": 9}}]}})
    server.create({**SPEC, **template(), "name": "hungry", "trial": {
        **template()["trial"], "resources": {"gpus": 64}}})
    server.create({**SPEC, "name": "asked"})
    flags = ("--http", "127.0.0.1:0")
    workers = [lab.worker(server, "gpu-node", slots=2, flags=flags,
                          environment={"LD_LIBRARY_PATH": str(fake_nvml_folder(lab))}),
               lab.worker(server, "cpu-node", slots=1, flags=flags)]
    ports = [re.search(r"metrics on port (\d+)", worker.text()).group(1) for worker in workers]
    address = re.search(r"HTTP on (\S+)", server.process.text()).group(1)
    prometheus = Prometheus(lab, {"assay-coordinator": [address],
                                  "assay-worker": [f"127.0.0.1:{port}" for port in ports]})
    wait_until(lambda: prometheus.query("sum(assay_attempts_total) > 8"), 40, "trials have ended")
    prometheus.server = server
    return prometheus


def substituted(expression):
    for name, value in (("$__rate_interval", "10s"), ("$coordinator", ".*"), ("$worker", ".*"),
                        ("$study", "local/main")):
        expression = expression.replace(name, value)
    assert "$" not in expression, expression
    return expression


@pytest.mark.deadline(120)
@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_panel_has_data(watched, path):
    missing = {f"{panel['title']}: {target['expr']}": substituted(target["expr"])
               for panel in panels_of(read(path)) for target in panel["targets"]}

    def all_have_data():
        held = watched.server.ask("asked")  # A client trains beside the workers.
        watched.server.complete(held, loss=1)
        for where, expression in list(missing.items()):
            if watched.query(expression):
                del missing[where]
        return not missing

    wait_until(all_have_data, 60, lambda: "data for\n" + "\n".join(missing))


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_variable_has_values(watched, path):
    for variable in read(path)["templating"]["list"][1:]:
        found = watched.label_values(substituted(variable["query"]["query"]))
        assert found, f"{path.stem}: {variable['name']}"


def test_rules_are_evaluated_and_none_fails(watched):
    def rules():
        found = watched.get("rules")
        return found and all(rule["health"] != "unknown" for group in found["groups"] for rule in group["rules"]) and found

    found = wait_until(rules, 20, "every rule was evaluated")
    states = [rule for group in found["groups"] for rule in group["rules"]]
    assert len(states) == len(rules_of("recording_rules.yml")) + len(rules_of("alerts.yml"))
    assert [rule for rule in states if rule["health"] != "ok"] == []
    pending = {rule["name"] for rule in states if rule.get("state") in ("pending", "firing")}
    assert "AssayNoWorkerForTrials" in pending


def test_what_is_saved_is_what_the_command_line_says(watched):
    saved = 'assay_study_saved_training_seconds{study="local/main",by="early_stopping"} > 0'
    assert wait_until(lambda: watched.query(saved), 30, "early stopping has saved something")


def test_a_worker_shows_its_machine_and_its_gpus(watched):
    def one(expression):
        return wait_until(lambda: watched.query(expression), 20, expression)

    assert one('assay_gpu_utilization_ratio{gpu="0"}') == [0.75]
    assert one('assay_gpu_power_watts') == [300]  # The other GPU does not tell.
    assert len(one("assay_worker_info")) == 2
    assert one("sum(assay_slots{state='total'})") == [3]
    assert one("sum(assay_worker_connected)") == [2]
    assert one("max_over_time(sum(assay_trial_processes)[1m:1s]) >= 1")
    assert one("sum(assay_trial_cpu_seconds_total) > 0")
