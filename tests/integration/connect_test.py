"""The API over HTTP: the same answers as over gRPC, streams, limits, and who is refused."""

import contextlib
import json
import socket
import struct

import pytest
from google.protobuf import json_format

import api
from api import Code
from bad_requests_test import create, nested, nested_lists
from connect_client import ConnectClient, envelope
from running_server import RunningServer, eventually


@pytest.fixture
def http(server):
    return ConnectClient(server.http)


SPEC = {"metrics": [{"name": "loss", "goal": "MINIMIZE"}],
        "parameters": [{"name": "x", "double": {"max": 1.0}}]}


def make_study(http, name, **fields):
    return http.ok("StudyService/Create", {"spec": dict(SPEC, name=name, **fields)})


def connect_code(code):
    """Connect's name of a code of gRPC; None of OK."""
    if code == Code.OK:
        return None
    return "canceled" if code == Code.CANCELLED else code.name.lower()


def becomes(server, metric, value):
    eventually(lambda: server.metric(metric) == value, 20, f"{metric} {value}")


# --- Each method ---------------------------------------------------------------

@pytest.mark.parametrize("method", api.UNARY)
def test_an_empty_request_has_the_outcome_of_grpc(server, http, method):
    code, message = server.api.outcome(method)
    answer = http.call(method)
    assert answer.code == connect_code(code), answer.body
    if answer.code:
        assert answer.json["message"] == message
        assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("method", ["StudyService/Watch", "StudyService/Export"])
def test_an_empty_request_for_a_stream_has_the_outcome_of_grpc(server, http, method):
    code, message = server.api.outcome(method)
    stream = http.stream(method)
    assert stream.status == 200
    assert list(stream) == []
    assert stream.end == {"error": {"code": connect_code(code), "message": message}}


def test_a_stream_of_requests_is_unimplemented(http):
    stream = http.stream("WorkerService/Connect")
    assert list(stream) == []
    assert stream.code == "unimplemented"
    assert "gRPC only" in stream.end["error"]["message"]


# --- A study over HTTP ------------------------------------------------------------

def test_a_study_from_creation_to_its_best_trial(server, http):
    study = make_study(http, "whole", budget={"max_trials": 2})
    assert study["state"] == "ACTIVE"
    for loss in (0.5, 0.25):
        asked = http.ok("TrialService/Suggest", {"study": "whole", "clientId": "c", "wait": 30})
        assignment = asked["assignments"][0]
        attempt = {"trialId": assignment["trial"]["id"], "attempt": assignment["attempt"]}
        http.ok("TrialService/Report", {
            **attempt, "measurement": {"sequence": 1, "step": 1, "metrics": {"loss": loss}}})
        http.ok("TrialService/Complete", {**attempt, "metrics": {"loss": loss}})
    best = http.ok("StudyService/Optimal", {"study": "whole"})["trials"][0]
    assert best["finalMetrics"] == {"loss": 0.25}
    listed = http.ok("StudyService/List")["studies"]
    assert ("whole", "COMPLETED") in [(s["spec"]["name"], s["state"]) for s in listed]


def test_messages_are_protobufs_json(server, http):
    make_study(http, "json")
    request = api.request_type("StudyService/Get")(study="json")
    expected = json_format.MessageToDict(server.api.call("StudyService/Get", request))
    answer = http.ok("StudyService/Get", {"study": "json"})
    for study in (expected, answer):
        study.pop("stock", None)  # Of proposals: it grows meanwhile.
    assert answer == expected
    assert isinstance(expected["id"], str)  # 64 bits.


@pytest.mark.parametrize("content", [nested, nested_lists])
def test_a_deep_configuration_is_read_and_written(server, http, content):
    name = f"deep {content.__name__}"
    study = server.api.call("StudyService/Create", create(
        name=name, trial=dict(builtin=dict(config=content(20)))))
    spec = http.ok("StudyService/Get", {"study": name})["spec"]
    assert spec == json_format.MessageToDict(study)["spec"]
    again = http.ok("StudyService/Create", {"spec": dict(spec, name=f"again {name}")})
    assert again["spec"]["trial"] == spec["trial"]


def test_messages_may_be_binary(server, http):
    make_study(http, "binary")
    request = api.request_type("StudyService/Get")(study="binary").SerializeToString()
    answer = http.post("/assay.v1.StudyService/Get", request, Content_Type="application/proto")
    assert answer.headers["Content-Type"] == "application/proto"
    study = api.response_type("StudyService/Get").FromString(answer.body)
    assert study.spec == server.api.call("StudyService/Get", study="binary").spec


def test_errors_are_json_for_who_speaks_binary(http):
    answer = http.post("/assay.v1.StudyService/Get", b"", Content_Type="application/proto")
    assert (answer.status, answer.headers["Content-Type"]) == (400, "application/json")
    assert answer.code == "invalid_argument"


@pytest.mark.parametrize("method, content, status, code", [
    ("StudyService/Get", {"study": "nobody"}, 404, "not_found"),
    ("StudyService/Get", {}, 400, "invalid_argument"),
    ("StudyService/Create", {"spec": dict(SPEC, name="taken", seed=7)}, 409, "already_exists"),
    ("TrialService/Suggest", {"study": "paused", "clientId": "c"}, 400, "failed_precondition"),
    ("TrialService/Suggest", {"study": "over", "clientId": "c"}, 400, "out_of_range"),
])
def test_errors_have_their_http_status(http, method, content, status, code):
    make_study(http, "taken")
    for name, change in (("paused", "Pause"), ("over", "Stop")):
        make_study(http, name)
        http.ok(f"StudyService/{change}", {"study": name})
    answer = http.call(method, content)
    assert (answer.status, answer.code) == (status, code), answer.body


# --- Streams ------------------------------------------------------------------------

def test_a_watch_brings_the_snapshot_and_then_what_changes(http):
    study = make_study(http, "watched")
    watch = http.stream("StudyService/Watch", {"study": "watched"})
    assert watch.headers["Content-Type"] == "application/connect+json"
    first = next(watch)
    assert first["snapshot"] and first["study"]["id"] == study["id"]
    trial = http.ok("TrialService/Enqueue", {"study": "watched", "parameters": {"x": 0.5}})
    assert [t["id"] for t in next(watch)["trials"]] == [trial["id"]]
    http.ok("TrialService/Stop", {"trialId": trial["id"]})
    assert next(watch)["trials"][0]["state"] == "STOPPED"
    watch.close()


def test_a_binary_watch(http):
    make_study(http, "binary watch")
    request = api.request_type("StudyService/Watch")(study="binary watch").SerializeToString()
    watch = http.stream("StudyService/Watch", body=envelope(request),
                        Content_Type="application/connect+proto")
    assert watch.headers["Content-Type"] == "application/connect+proto"
    flags, size = struct.unpack(">BI", watch._read(5))
    message = api.response_type("StudyService/Watch").FromString(watch._read(size))
    assert (flags, message.study.spec.name) == (0, "binary watch")
    watch.close()


def test_an_export_ends_and_keeps_the_connection(http):
    make_study(http, "exported")
    for _ in range(3):
        http.ok("TrialService/Enqueue", {"study": "exported", "parameters": {"x": 0.5}})
    connection = http.connection()
    body = envelope(json.dumps({"study": "exported"}).encode())
    for _ in range(3):
        connection.request("POST", "/assay.v1.StudyService/Export", body,
                           {"Content-Type": "application/connect+json"})
        content = connection.getresponse().read()
        assert content.endswith(envelope(b"{}", flags=2))
        assert content.count(b'"PENDING"') == 3
    connection.close()


def test_100_streams_see_the_same_change(server, http):
    make_study(http, "crowd")
    with contextlib.ExitStack() as stack:
        watches = [http.stream("StudyService/Watch", {"study": "crowd"}) for _ in range(100)]
        for watch in watches:
            stack.callback(watch.close)
            assert next(watch)["snapshot"]
        trial = http.ok("TrialService/Enqueue", {"study": "crowd", "parameters": {"x": 0.5}})
        for watch in watches:
            assert [t["id"] for t in next(watch)["trials"]] == [trial["id"]]
    becomes(server, "assay_watchers", 0)


# --- Ends that come early ------------------------------------------------------------

def park(http, name):
    """Content of a Suggest that waits, since the only slot is taken."""
    make_study(http, name, budget={"maxParallel": 1})
    http.ok("TrialService/Suggest", {"study": name, "clientId": "holder", "wait": 30})
    return {"study": name, "clientId": "asker", "wait": 60}


def test_a_watcher_that_leaves_ends_its_call(server, http):
    make_study(http, "left")
    watches = [http.stream("StudyService/Watch", {"study": "left"}) for _ in range(3)]
    for watch in watches:
        next(watch)
    becomes(server, "assay_watchers", 3)
    for watch in watches:
        watch.close()
    becomes(server, "assay_watchers", 0)


def test_an_asker_that_leaves_ends_its_call(server, http):
    content = park(http, "asked")
    connection = http.connection()
    connection.request("POST", "/assay.v1.TrialService/Suggest", json.dumps(content),
                       {"Content-Type": "application/json"})
    becomes(server, "assay_waiting_suggests", 1)
    connection.close()
    becomes(server, "assay_waiting_suggests", 0)


def test_a_deadline_ends_a_call(server, http):
    answer = http.call("TrialService/Suggest", park(http, "hasty"), Connect_Timeout_Ms="100")
    assert (answer.status, answer.code) == (504, "deadline_exceeded")
    becomes(server, "assay_waiting_suggests", 0)


def test_a_deadline_ends_a_stream(http):
    make_study(http, "short")
    watch = http.stream("StudyService/Watch", {"study": "short"}, Connect_Timeout_Ms="1000")
    assert len(list(watch)) == 1
    assert watch.code == "deadline_exceeded"


def test_a_stopping_server_ends_streams_and_says_so():
    with RunningServer() as server:
        http = ConnectClient(server.http)
        make_study(http, "s")
        watch = http.stream("StudyService/Watch", {"study": "s"})
        next(watch)
        assert server.stop() < 3
        assert list(watch) == []
        assert watch.code == "unavailable"


# --- Who is refused ----------------------------------------------------------------

@pytest.mark.parametrize("body, words", [
    (b"{", "assay.v1.GetStudyRequest"),
    (b"", "assay.v1.GetStudyRequest"),
    (b"[]", "assay.v1.GetStudyRequest"),
    (b'{"studi": "s"}', "studi"),
    (b'{"study": {}}', "study"),
    (b'{"study": "caf\xe9"}', "UTF-8"),
])
def test_bad_json_is_invalid_and_the_place_named(http, body, words):
    answer = http.post("/assay.v1.StudyService/Get", body)
    assert (answer.status, answer.code) == (400, "invalid_argument")
    assert words in answer.json["message"]


def test_an_unknown_field_deep_inside_is_named(http):
    answer = http.call("StudyService/Create", {"spec": {"budget": {"maxTrails": 3}}})
    assert answer.code == "invalid_argument"
    assert "maxTrails" in answer.json["message"] and "budget" in answer.json["message"]


def test_json_nested_too_deep_is_invalid(http):
    body = b'{"spec":{"trial":{"builtin":{"config":' + b'{"a":' * 5000 + b"1" + b"}" * 5004
    assert http.post("/assay.v1.StudyService/Create", body).code == "invalid_argument"
    body = b'{"parameters":{"x":' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}}"
    assert http.post("/assay.v1.TrialService/Enqueue", body).code == "invalid_argument"


@pytest.mark.parametrize("headers, status, code", [
    (dict(Content_Type="text/plain"), 415, "invalid_argument"),
    (dict(Content_Type="application/connect+json"), 415, "invalid_argument"),
    (dict(Content_Type="application/grpc-web+proto"), 415, "invalid_argument"),
    (dict(Content_Encoding="gzip"), 501, "unimplemented"),
    (dict(Connect_Protocol_Version="2"), 400, "invalid_argument"),
    (dict(Connect_Timeout_Ms="soon"), 400, "invalid_argument"),
    (dict(Connect_Timeout_Ms="12345678901"), 400, "invalid_argument"),
    (dict(Connect_Timeout_Ms="-1"), 400, "invalid_argument"),
])
def test_bad_headers(http, headers, status, code):
    answer = http.call("StudyService/List", **headers)
    assert (answer.status, answer.code) == (status, code), answer.body


def test_good_headers(http):
    answer = http.call("StudyService/List", Content_Type="application/json; charset=utf-8",
                       Content_Encoding="identity", Connect_Protocol_Version="1",
                       Connect_Timeout_Ms="9999999999")
    assert answer.status == 200, answer.body


@pytest.mark.parametrize("body, code", [
    (b"", "unimplemented"),
    (envelope(b"{}") + envelope(b"{}"), "unimplemented"),
    (b"\0\0", "invalid_argument"),
    (struct.pack(">BI", 0, 100) + b"{}", "invalid_argument"),
    (struct.pack(">BI", 0, 0xFFFFFFFF), "invalid_argument"),
    (envelope(b"{}", flags=1), "invalid_argument"),
    (envelope(b"{"), "invalid_argument"),
])
def test_bad_envelopes(http, body, code):
    stream = http.stream("StudyService/Watch", body=body)
    assert list(stream) == []
    assert stream.code == code, stream.end


def test_a_stream_that_is_compressed_is_unimplemented(http):
    stream = http.stream("StudyService/Watch", Connect_Content_Encoding="gzip")
    assert list(stream) == []
    assert stream.code == "unimplemented"


def test_foreign_pages_are_refused(http):
    for headers in (dict(Origin="http://evil.example"), dict(Host="evil.example"),
                    dict(Origin="null")):
        answer = http.call("StudyService/List", **headers)
        assert answer.status == 403
        assert "Access-Control-Allow-Origin" not in answer.headers
    own = http.call("StudyService/List", Origin=f"http://{http.address}")
    assert own.status == 200
    assert "Access-Control-Allow-Origin" not in own.headers


def test_unknown_methods_are_404(http):
    for path in ("StudyService/Nothing", "NoService/Get", "StudyService", "StudyService/Get/"):
        assert http.post(f"/assay.v1.{path}").status == 404


def test_the_root_is_a_page_that_loads_nothing_from_elsewhere(server):
    """The web page, or without it the one that names what there is."""
    connection = ConnectClient(server.http).connection()
    connection.request("GET", "/")
    response = connection.getresponse()
    assert (response.status, response.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert "Assay" in response.read().decode()
    connection.close()


def test_get_is_not_allowed(server):
    assert server.get("/assay.v1.StudyService/List")[0] == 405


def test_a_body_over_the_limit_is_resource_exhausted(http):
    connection = http.connection()
    connection.putrequest("POST", "/assay.v1.StudyService/Create")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(100 << 20))
    connection.endheaders()
    response = connection.getresponse()
    assert response.status == 413
    assert json.loads(response.read())["code"] == "resource_exhausted"
    connection.close()


def test_a_body_just_below_the_limit_reaches_the_service(http):
    note = "n" * ((16 << 20) - 100)
    answer = http.call("StudyService/Update", {"study": "nobody", "note": note})
    assert answer.status in (400, 404), answer.body[:200]


def test_a_crowd_of_streams_does_not_hide_the_metrics():
    with RunningServer() as server, contextlib.ExitStack() as stack:
        http = ConnectClient(server.http)
        make_study(http, "s")
        refused = 0
        for _ in range(500):
            watch = http.stream("StudyService/Watch", {"study": "s"})
            stack.callback(watch.close)
            refused += watch.status == 503
            assert watch.status in (200, 503)
        assert refused > 0
        assert server.get("/healthz") == (200, "ok\n")
        becomes(server, "assay_watchers", 500 - refused)
