"""Bad requests over every RPC: each with its code and a message that says why.

One row a promise. After each row the server has to answer, and after all of
them its data have to be right. What looks wrong and is accepted stands below.
"""

import base64
import math
import struct
from types import SimpleNamespace

import pytest

import api
from api import Code
from assay.v1 import study_pb2, trial_pb2
from google.protobuf import struct_pb2

NAN = math.nan
MAX64 = 2**63 - 1
MIN64 = -(2**63)
MEGABYTE = "x" * (1 << 20)
INVALID = Code.INVALID_ARGUMENT
PRECONDITION = Code.FAILED_PRECONDITION
NOT_FOUND = Code.NOT_FOUND


# --- Making requests ---------------------------------------------------------

def value(content):
    message = struct_pb2.Value()
    if isinstance(content, bool):
        message.bool_value = content
    elif isinstance(content, str):
        message.string_value = content
    elif content is None:
        message.null_value = 0
    elif isinstance(content, list):
        message.list_value.values.extend(value(element) for element in content)
    elif isinstance(content, dict):
        for key, element in content.items():
            message.struct_value.fields[key].CopyFrom(value(element))
    else:
        message.number_value = content
    return message


def values(*contents):
    return struct_pb2.ListValue(values=[value(content) for content in contents])


def double(name, low=0.0, high=1.0, **fields):
    return dict(name=name, double=dict(min=low, max=high, **fields))


def integer(name, low=1, high=8, **fields):
    return dict(name=name, integer=dict(min=low, max=high, **fields))


def categorical(name, *choices):
    return dict(name=name, categorical=dict(values=values(*choices)))


def when(parameter, parent, *choices):
    return dict(parameter, when=dict(parent=parent, values=values(*choices)))


METRICS = [dict(name="loss", goal=study_pb2.MINIMIZE)]


def create(**fields):
    """Create of a study that is fine except for `fields`."""
    spec = dict(name="bad", metrics=METRICS, parameters=[double("x")])
    return study_pb2.CreateStudyRequest(spec=dict(spec, **fields))


def trial_template(**fields):
    return create(trial=dict(dict(command=dict(argv=["true"])), **fields))


def parameters(**contents):
    return {name: value(content) for name, content in contents.items()}


GOOD = dict(x=0.5, n=4, kind="a", level=2, depth=3)  # In the space of `world`.


def enqueue(study="world", **contents):
    fields = {k: v for k, v in dict(GOOD, **contents).items() if v is not Ellipsis}
    return trial_pb2.EnqueueRequest(study=study, parameters=parameters(**fields))


def imported(**fields):
    given = dict(study="world", parameters=parameters(**GOOD), state=trial_pb2.Trial.COMPLETED,
                 metrics=dict(loss=1))
    return trial_pb2.CreateTrialRequest(**dict(given, **fields))


def measurement(**fields):
    return trial_pb2.Measurement(**dict(dict(step=1, metrics=dict(loss=1)), **fields))


def gradient(**by_parameter):
    return trial_pb2.Gradient(by_parameter=by_parameter)


def report(world, attempt=1, **fields):
    return trial_pb2.ReportRequest(
        trial_id=world.running, attempt=attempt, measurement=measurement(**fields))


def complete(world, **fields):
    return trial_pb2.CompleteRequest(**dict(
        dict(trial_id=world.running, attempt=1, metrics=dict(loss=1)), **fields))


def attribute(**fields):
    return trial_pb2.Attribute(**dict(dict(key="k", value="v"), **fields))


def nested(depth):
    content = 1
    for _ in range(depth):
        content = {"a": content}
    return value(content).struct_value


def nested_lists(depth):
    content = 1
    for _ in range(depth):
        content = [content]
    return value({"a": content}).struct_value


# --- Raw bytes, for what no message can say ----------------------------------

def varint(number):
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out + bytes([number]))


def field(number, content):
    """One field: bytes are length-delimited, ints varints, floats doubles."""
    if isinstance(content, bytes):
        return varint(number << 3 | 2) + varint(len(content)) + content
    if isinstance(content, float):
        return varint(number << 3 | 1) + struct.pack("<d", content)
    return varint(number << 3) + varint(content)


BAD_TEXT = b"caf\xe9"


# --- The world that the rows speak of ----------------------------------------

def make_world(calls):
    """A study with trials in each state, and some others."""
    space = [double("x"), integer("n", 2, 8, step=2), categorical("kind", "a", "b"),
             dict(name="level", discrete=dict(values=[1, 2, 4])),
             when(integer("depth"), "kind", "a")]
    study = calls.call("StudyService/Create", create(
        name="world", parameters=space, constraints=["n * x <= 6"], budget=dict(max_failed=50)))
    calls.call("StudyService/Create", create(name="free", parameters=[]))
    calls.call("StudyService/Create", create(name="paused"))
    calls.call("StudyService/Pause", study="paused")
    calls.call("StudyService/Create", create(name="over"))
    calls.call("StudyService/Stop", study="over")
    calls.call("StudyService/Create", create(
        name="spent", parameters=[categorical("c", "only")], algorithm=dict(grid={})))
    gone = calls.call("StudyService/Create", create(name="gone"))
    calls.call("StudyService/Delete", study="gone")

    def ask(client, study="world"):
        return calls.call("TrialService/Suggest", study=study, client_id=client,
                          wait=30).assignments[0].trial.id

    finished = ask("finisher")
    calls.call("TrialService/Report", trial_id=finished, attempt=1,
               measurement=measurement(sequence=1))
    calls.call("TrialService/Complete", trial_id=finished, attempt=1, metrics=dict(loss=2))
    lone = ask("lone", "spent")
    calls.call("TrialService/Complete", trial_id=lone, attempt=1, metrics=dict(loss=2))
    running = ask("holder")
    calls.call("TrialService/Report", trial_id=running, attempt=1,
               measurement=measurement(sequence=1, metrics=dict(other=1)))
    requeued = ask("failer")
    calls.call("TrialService/Fail", trial_id=requeued, attempt=1, reason="bad luck")
    calls.call("TrialService/Enqueue", enqueue(), timeout=30)
    calls.call("TrialService/Enqueue", trial_pb2.EnqueueRequest(
        study="world", parameters=parameters(**GOOD), request_id="used"))
    calls.call("StudyService/Update", study="world", note="hello", request_id="update")
    page = calls.call("TrialService/List", study="world", page_size=1)
    studies = calls.call("StudyService/List", page_size=1)
    return SimpleNamespace(
        study=study.id, gone=gone.id, finished=finished, running=running, requeued=requeued,
        trials_token=page.next_page_token, studies_token=studies.next_page_token)


@pytest.fixture(scope="module")
def world(server):
    return make_world(server.api)


def row(name, method, request, code, *words):
    return pytest.param(method, request, code, words, id=f"{method}: {name}")


def create_rows():
    def bad(name, request, *words, code=INVALID):
        return row(name, "StudyService/Create", request, code, *words)

    def domain(name, parameter, *words):
        return bad(name, create(parameters=[parameter]), '"p"', *words)

    log, logit, reverse = study_pb2.LOG, study_pb2.LOGIT, study_pb2.REVERSE_LOG
    return [
        bad("nothing", study_pb2.CreateStudyRequest(), "name", "missing", "256 bytes"),
        bad("no name", create(name=""), "name", "missing"),
        bad("digits for a name", create(name="123"), "name", '"123"', "digits"),
        bad("slash in the name", create(name="a/b"), "name", '"a/b"', "'/'"),
        bad("control character in the name", create(name="a\nb"), "name", "control"),
        bad("zero byte in the name", create(name="a\0b"), "name", "control"),
        bad("name of 257 bytes", create(name="n" * 257), "name", "257 bytes", "at most 256"),
        bad("name of 1 MB", create(name=MEGABYTE), "spec", "at most 1 MiB"),
        bad("owner with a slash", create(owner="a/b"), "owner", "'/'"),
        bad("owner of 257 bytes", create(owner="o" * 257), "owner", "at most 256"),
        bad("spec of 2 MB", create(note=2 * MEGABYTE), "spec", "1 MiB"),
        bad("no metrics", create(metrics=[]), "metrics", "missing", "1 to 64"),
        bad("65 metrics", create(metrics=[dict(name=f"m{i}", goal=1) for i in range(65)]),
            "metrics", "65", "at most 64"),
        bad("metric without a goal", create(metrics=[dict(name="m")]),
            "metrics[0].goal", "missing", "MINIMIZE or MAXIMIZE"),
        bad("unknown goal", create(metrics=[dict(name="m", goal=7)]), "metrics[0].goal", "7"),
        bad("unknown select", create(metrics=[dict(name="m", goal=1, select=9)]),
            "metrics[0].select", "9", "LAST or BEST"),
        bad("metric without a name", create(metrics=[dict(goal=1)]), "metrics[0].name", "missing"),
        bad("metric twice", create(metrics=2 * METRICS), "metrics[1].name", '"loss"', "once"),
        bad("only bounds", create(metrics=[dict(name="m", goal=1, bound=1)]),
            "metrics", "at least one objective"),
        bad("bound NaN", create(metrics=METRICS + [dict(name="m", goal=1, bound=NAN)]),
            "metrics[1].bound", "nan", "finite"),
        bad("parameter without a name", create(parameters=[double("")]), "parameter", "name"),
        bad("parameter name of 257 bytes", create(parameters=[double("p" * 257)]),
            "parameter", "257 bytes", "256"),
        bad("control character in a parameter's name", create(parameters=[double("a\nb")]),
            "parameters[0]", "control"),
        bad("parameter without a domain", create(parameters=[dict(name="p")]),
            "parameters[0]", '"p"', "no domain"),
        bad("duplicate names", create(parameters=[double("p"), double("p")]), '"p"', "twice"),
        bad("10,000 parameters", create(parameters=[double(f"p{i}") for i in range(10_000)]),
            "10000 parameters", "1000"),
        domain("min NaN", double("p", NAN, 1), "min nan", "finite"),
        domain("max NaN", double("p", 0, NAN), "max nan", "finite"),
        domain("max infinite", double("p", 0, math.inf), "max inf", "finite"),
        domain("range too wide", double("p", -1.7e308, 1.7e308), "too wide"),
        domain("min above max", double("p", 1, 0.5), "min 1", "max 0.5"),
        domain("min equals max", double("p", 1, 1), "max", "1", "above min"),
        domain("log with min 0", double("p", 0, 1, scale=log), "min 0", "log"),
        domain("log with min below 0", double("p", -1, 1, scale=log), "min -1", "log"),
        domain("reverse log with min 0", double("p", 0, 1, scale=reverse), "min 0", "reverse-log"),
        domain("logit to 1", double("p", 0.1, 1, scale=logit), "max 1", "logit"),
        domain("unknown scale", double("p", scale=9), "scale", "9", "LINEAR"),
        domain("step 0", double("p", step=0), "step 0", "above 0"),
        domain("step NaN", double("p", step=NAN), "step nan"),
        domain("step beyond the range", double("p", step=2), "step 2", "longer"),
        domain("step too fine", double("p", step=1e-300), "step", "too fine"),
        domain("integer min above max", integer("p", 2, 1), "min 2", "max 1"),
        domain("integer min of int64", integer("p", MIN64, 1), "min", str(MIN64)),
        domain("integer max of int64", integer("p", 1, MAX64), "max", str(MAX64)),
        domain("integer step below 0", integer("p", 1, 8, step=-1), "step -1", "above 0"),
        domain("integer step of int64", integer("p", 1, 8, step=MAX64), "step", "longer"),
        domain("integer logit", integer("p", 1, 8, scale=logit), "logit", "integer"),
        domain("integer log from 0", integer("p", 0, 8, scale=log), "min 0", "log"),
        domain("no choices", categorical("p"), "no values"),
        domain("a choice twice", categorical("p", "a", "a"), "a", "twice"),
        domain("1 and 1.0", categorical("p", 1, 1.0), "1", "twice"),
        domain("1,001 choices", categorical("p", *map(str, range(1001))), "1001 values", "1000"),
        domain("a choice that is null", categorical("p", None), "values[0]", "null"),
        domain("a choice that is a list", categorical("p", [1]), "values[0]", "a list"),
        domain("a choice that is NaN", categorical("p", NAN), "values[0]", "nan"),
        domain("discrete falls", dict(name="p", discrete=dict(values=[2, 1])), "1 after 2", "rise"),
        domain("discrete repeats", dict(name="p", discrete=dict(values=[1, 1])), "rise"),
        domain("discrete NaN", dict(name="p", discrete=dict(values=[NAN])), "nan", "finite"),
        domain("discrete empty", dict(name="p", discrete={}), "no values"),
        domain("default outside", dict(double("p"), default=value(2)), "default", "2"),
        domain("default of another type", dict(double("p"), default=value("a")), "default", "a"),
        bad("unknown parent", create(parameters=[when(double("p"), "q", 1)]),
            '"p"', 'parent "q"', "unknown"),
        bad("its own parent", create(parameters=[when(categorical("p", "a"), "p", "a")]),
            '"p"', "cycle"),
        bad("cyclic parents", create(parameters=[
            when(categorical("p", "a"), "q", "a"), when(categorical("q", "a"), "p", "a")]),
            "cycle", "p -> q -> p"),
        bad("continuous parent", create(parameters=[double("q"), when(double("p"), "q", 0.5)]),
            '"p"', 'parent "q"', "continuous"),
        bad("parent never so", create(
            parameters=[categorical("q", "a"), when(double("p"), "q", "b")]),
            '"p"', 'parent "q" is never', "b"),
        bad("condition without values", create(
            parameters=[categorical("q", "a"), when(double("p"), "q")]), '"p"', "at least one"),
        bad("constraint malformed", create(constraints=["x <"]), "constraint", "column"),
        bad("constraint unknown name", create(constraints=["y < 1"]), '"y"', "the space has x"),
        bad("constraint no condition", create(constraints=["x + 1"]), "condition"),
        bad("constraint unknown function", create(constraints=["sin(x) < 1"]), '"sin"', "sqrt"),
        bad("constraint deep", create(constraints=["(" * 5000 + "x" + ")" * 5000 + " < 1"]),
            "constraint", "4096"),
        bad("constraint nested", create(constraints=["(" * 100 + "x" + ")" * 100 + " < 1"]),
            "constraint", "64"),
        bad("constraint never passes", create(constraints=["x > 2"]), "1000", "x > 2"),
        bad("1,001 constraints", create(constraints=["x < 2"] * 1001), "1001", "at most 1000"),
        bad("grid points below 0", create(algorithm=dict(grid=dict(points=-1))),
            "algorithm.grid.points", "-1", "1000000"),
        bad("unknown stopping metric", create(stopping=dict(metric="q", median={})),
            "stopping.metric", '"q"'),
        bad("stopping metric alone", create(stopping=dict(metric="loss")),
            "stopping", "one of asha, curve, median"),
        bad("warm-up below 0", create(stopping=dict(median=dict(warmup_steps=-1))),
            "warmup_steps", "-1"),
        bad("min_trials below 0", create(stopping=dict(median=dict(min_trials=-1))),
            "min_trials", "-1"),
        bad("interval of int64", create(stopping=dict(median=dict(interval_steps=MAX64))),
            "interval_steps", str(MAX64)),
        bad("patience below 0", create(stopping=dict(patience=dict(steps=-1))), "steps", "-1"),
        bad("min_delta NaN", create(stopping=dict(patience=dict(min_delta=NAN))),
            "min_delta", "nan"),
        bad("nothing to run", create(trial=dict(max_attempts=1)), "trial", "builtin"),
        bad("no arguments", create(trial=dict(command={})), "trial.command.argv", "1 to 1000"),
        bad("empty program", create(trial=dict(command=dict(argv=[""]))), "argv[0]"),
        bad("zero byte in an argument", create(trial=dict(command=dict(argv=["a", "b\0"]))),
            "argv[1]", "zero byte"),
        bad("1,001 arguments", create(trial=dict(command=dict(argv=["a"] * 1001))), "1001"),
        bad("runner without a name", create(trial=dict(runner={})), "trial.runner.name"),
        bad("config 40 deep", create(trial=dict(builtin=dict(config=nested(40)))), "nested"),
        bad("config with NaN", create(trial=dict(builtin=dict(config=value(
            {"model": {"width": NAN}}).struct_value))), "trial.builtin.config.model.width", "nan"),
        bad("gpus below 0", trial_template(resources=dict(gpus=-1)), "trial.resources.gpus", "-1"),
        bad("2,000 gpus", trial_template(resources=dict(gpus=2000)), "gpus", "2000", "1024"),
        bad("max_attempts 101", trial_template(max_attempts=101), "trial.max_attempts", "101"),
        bad("max_lost below 0", trial_template(max_lost=-1), "trial.max_lost", "-1"),
        bad("max_seconds NaN", trial_template(max_seconds=NAN), "trial.max_seconds", "nan"),
        bad("budget of 0 trials", create(budget=dict(max_trials=0)), "budget.max_trials", "0"),
        bad("max_parallel below 0", create(budget=dict(max_parallel=-1)), "max_parallel", "-1"),
        bad("budget of NaN seconds", create(budget=dict(max_seconds=NAN)), "max_seconds", "nan"),
        bad("endless budget", create(budget=dict(max_training_seconds=math.inf)),
            "max_training_seconds", "inf"),
        bad("budget of steps below 0", create(budget=dict(max_steps_total=MIN64)),
            "max_steps_total", str(MIN64)),
        bad("max_failed 0", create(budget=dict(max_failed=0)), "max_failed", "0"),
        bad("target NaN", create(budget=dict(target=NAN)), "budget.target", "nan"),
        bad("max_wait NaN", create(freshness=dict(max_wait=NAN)), "freshness.max_wait", "nan"),
        bad("max_wait 61", create(freshness=dict(max_wait=61)), "freshness.max_wait", "60"),
        bad("fresh twice", create(freshness=dict(max_wait=1, always_fresh=True)), "freshness"),
        bad("another spec", create(name="free", note="other"), '"local/free"', "another spec",
            code=Code.ALREADY_EXISTS),
        bad("name not UTF-8", field(1, field(1, BAD_TEXT)), "UTF-8"),
        bad("random bytes", bytes(range(256)), "message"),
        bad("cut off", create().SerializeToString()[:-1], "message"),
        bad("config 1,000 deep", raw_nesting(1000), "message"),
        bad("config of lists 40 deep",
            create(trial=dict(builtin=dict(config=nested_lists(40)))), "config", "24"),
    ]


def raw_nesting(depth):
    """Create with a config that no library would serialize."""
    content = field(2, 1.0)
    for _ in range(depth):
        content = field(5, field(1, field(1, b"a") + field(2, content)))
    config = field(1, field(1, b"a") + field(2, content))
    trial = field(1, field(1, config))
    return field(1, field(1, b"deep") + field(8, trial))


def study_rows():
    rows = []
    for name in ("Get", "Pause", "Resume", "Stop", "Delete", "Watch", "Optimal", "Export",
                 "Update"):
        method = f"StudyService/{name}"

        def named(study, method=method):
            return api.request_type(method)(study=study)

        rows += [
            row("no study", method, named(""), INVALID, "study", "empty"),
            row("unknown name", method, named("nobody"), NOT_FOUND, '"nobody"'),
            row("unknown owner", method, named("nobody/world"), NOT_FOUND, '"nobody/world"'),
            row("unknown id", method, named("99999"), NOT_FOUND, "99999"),
            row("id beyond int64", method, named("9" * 30), NOT_FOUND, "9" * 30),
            row("deleted", method, lambda w, n=named: n(str(w.gone)), NOT_FOUND, "study"),
            row("name of 1 MB", method, named(MEGABYTE), NOT_FOUND, "no study"),
            row("name of 1 MB, not ASCII", method, named("ü" * (1 << 19)), NOT_FOUND, "no study"),
            row("not UTF-8", method, field(1, BAD_TEXT), INVALID, "UTF-8"),
        ]

    def bad(method, name, request, *words, code=INVALID):
        return row(name, f"StudyService/{method}", request, code, *words)

    update, listing = study_pb2.UpdateStudyRequest, study_pb2.ListStudiesRequest
    return rows + [
        bad("Pause", "over", study_pb2.GetStudyRequest(study="over"), "COMPLETED",
            code=PRECONDITION),
        bad("Resume", "over", study_pb2.GetStudyRequest(study="over"), "COMPLETED",
            code=PRECONDITION),
        bad("Stop", "over otherwise", study_pb2.GetStudyRequest(study="spent"), "COMPLETED",
            code=PRECONDITION),
        bad("Update", "budget of 0", update(study="world", budget=dict(max_trials=0)),
            "budget.max_trials", "0"),
        bad("Update", "target NaN", update(study="world", budget=dict(target=NAN)), "target"),
        bad("Update", "note of 2 MB", update(study="world", note=2 * MEGABYTE), "spec", "1 MiB"),
        bad("Update", "author of 257 bytes", update(study="world", author="a" * 257),
            "author", "257", "256"),
        bad("Update", "request_id of 1 MB", update(study="world", request_id=MEGABYTE),
            "request_id", "256"),
        bad("Update", "request_id with other content",
            update(study="world", note="other", request_id="update"), "request_id", '"update"',
            code=PRECONDITION),
        bad("List", "page_size below 0", listing(page_size=-1), "page_size", "-1", "1000"),
        bad("List", "page_size 1,001", listing(page_size=1001), "page_size", "1001"),
        bad("List", "garbage token", listing(page_token="garbage!"), "page_token", "damaged"),
        bad("List", "token of 1 MB", listing(page_token=MEGABYTE), "page_token"),
        bad("List", "token of another list", lambda w: listing(page_token=w.trials_token),
            "page_token", "another list"),
        bad("List", "token of another filter",
            lambda w: listing(page_token=w.studies_token, filter="trials > 1"),
            "page_token", "another list"),
        bad("List", "filter malformed", listing(filter="state == "), "filter", "column"),
        bad("List", "filter deep", listing(filter="(" * 1000 + "trials" + ")" * 1000),
            "filter", "64"),
        bad("List", "filter of 1 MB", listing(filter=MEGABYTE), "filter", "4096"),
        bad("List", "filter is text", listing(filter="'a'"), "filter", "condition"),
        bad("Watch", "from the future", lambda w: study_pb2.WatchStudyRequest(
            study="world", after=MAX64), "after", str(MAX64), code=Code.OUT_OF_RANGE),
        bad("Watch", "from before the start",
            study_pb2.WatchStudyRequest(study="world", after=-1), "after", "-1"),
        bad("Optimal", "count below 0", study_pb2.OptimalRequest(study="world", count=-1),
            "count", "-1", "1000"),
        bad("Optimal", "count 1,001", study_pb2.OptimalRequest(study="world", count=1001),
            "count", "1001"),
    ]


def suggest_rows():
    def suggest(**fields):
        return trial_pb2.SuggestRequest(**dict(dict(study="world", client_id="c"), **fields))

    def bad(name, request, *words, code=INVALID):
        return row(name, "TrialService/Suggest", request, code, *words)

    return [
        bad("no client_id", suggest(client_id=""), "client_id", "0 bytes", "256"),
        bad("client_id of 1 MB", suggest(client_id=MEGABYTE), "client_id", "1048576", "256"),
        bad("client_id not UTF-8", field(1, b"world") + field(2, BAD_TEXT), "UTF-8"),
        bad("count below 0", suggest(count=-1), "count", "-1", "1000"),
        bad("count 1,001", suggest(count=1001), "count", "1001"),
        bad("wait NaN", suggest(wait=NAN), "wait", "nan", "60"),
        bad("wait below 0", suggest(wait=-1), "wait", "-1"),
        bad("wait 61", suggest(wait=61), "wait", "61", "60"),
        bad("wait for ever", suggest(wait=math.inf), "wait", "inf"),
        bad("lease NaN", suggest(client_lease=NAN), "client_lease", "nan", "604800"),
        bad("lease below 0", suggest(client_lease=-1), "client_lease", "-1"),
        bad("lease of a year", suggest(client_lease=3.2e7), "client_lease", "604800"),
        bad("unknown study", suggest(study="nobody"), '"nobody"', code=NOT_FOUND),
        bad("deleted study", lambda w: suggest(study=str(w.gone)), "study", code=NOT_FOUND),
        bad("paused study", suggest(study="paused"), '"paused"', "PAUSED", code=PRECONDITION),
        bad("stopped study", suggest(study="over"), "COMPLETED", code=Code.OUT_OF_RANGE),
        bad("used up", suggest(study="spent"), "every configuration", code=Code.OUT_OF_RANGE),
        bad("no space, no queue", suggest(study="free"), "no parameters", code=PRECONDITION),
    ]


def trial_rows():
    def bad(method, name, request, *words, code=INVALID):
        return row(name, f"TrialService/{method}", request, code, *words)

    rows = []
    for name in ("Report", "Heartbeat", "Complete", "Fail"):
        def token(trial_id, attempt, name=name):
            request = api.request_type(f"TrialService/{name}")(
                trial_id=trial_id, attempt=attempt)
            if name == "Report":
                request.measurement.CopyFrom(measurement())
            if name == "Complete":
                request.metrics["loss"] = 1
            return request

        rows += [
            bad(name, "unknown trial", token(99999, 1), "trial 99999", code=NOT_FOUND),
            bad(name, "trial 0", token(0, 1), "trial 0", code=NOT_FOUND),
            bad(name, "trial below 0", token(MIN64, 1), str(MIN64), code=NOT_FOUND),
            bad(name, "trial of int64", token(MAX64, 1), str(MAX64), code=NOT_FOUND),
            bad(name, "attempt 0", lambda w, t=token: t(w.running, 0), "attempt 0",
                code=NOT_FOUND),
            bad(name, "attempt -1", lambda w, t=token: t(w.running, -1), "attempt -1",
                code=NOT_FOUND),
            bad(name, "attempt 2 of 1", lambda w, t=token: t(w.running, 2), "attempt 2",
                code=NOT_FOUND),
            bad(name, "attempt is over", lambda w, t=token: t(w.requeued, 1),
                "PENDING", code=PRECONDITION) if name != "Fail" else
            bad(name, "attempt is over", lambda w, t=token: t(w.requeued, 1), "PENDING",
                "attempt 1 is over", code=PRECONDITION),
        ]
    rows += [
        bad("Report", "trial is over", lambda w: trial_pb2.ReportRequest(
            trial_id=w.finished, attempt=1, measurement=measurement(sequence=2)),
            "COMPLETED", code=PRECONDITION),
        bad("Report", "other content of a sequence",
            lambda w: report(w, sequence=1, metrics=dict(other=2)),
            "sequence 1", "other content", code=PRECONDITION),
        bad("Heartbeat", "trial is over", lambda w: trial_pb2.HeartbeatRequest(
            trial_id=w.finished, attempt=1), "COMPLETED", code=PRECONDITION),
        bad("Report", "nothing measured", lambda w: trial_pb2.ReportRequest(
            trial_id=w.running, attempt=1), "metrics", "missing", "1 to 64"),
        bad("Report", "65 metrics", lambda w: report(
            w, metrics={f"m{i}": 1 for i in range(65)}), "metrics", "65", "64"),
        bad("Report", "metric without a name", lambda w: report(w, metrics={"": 1}),
            "metrics", "missing"),
        bad("Report", "metric name of 1 MB", lambda w: report(w, metrics={MEGABYTE: 1}),
            "metrics", "1048576 bytes"),
        bad("Report", "metric name with a zero byte", lambda w: report(w, metrics={"a\0": 1}),
            "metrics", "control"),
        bad("Report", "metric name not UTF-8", lambda w: field(1, w.running) + field(2, 1) + field(
            3, field(4, field(1, BAD_TEXT) + field(2, 1.0))), "UTF-8"),
        bad("Report", "step below 0", lambda w: report(w, step=-1), "step", "-1"),
        bad("Report", "step of int64", lambda w: report(w, step=MAX64), "step", str(MAX64)),
        bad("Report", "sequence below 0", lambda w: report(w, sequence=-1), "sequence", "-1"),
        bad("Report", "sequence of int64", lambda w: report(w, sequence=MAX64),
            "sequence", str(MAX64)),
        bad("Report", "elapsed NaN", lambda w: report(w, elapsed_seconds=NAN),
            "elapsed_seconds", "nan"),
        bad("Report", "elapsed below 0", lambda w: report(w, elapsed_seconds=-1),
            "elapsed_seconds", "-1"),
        bad("Report", "gradients of 65 metrics", lambda w: report(
            w, gradients={f"m{i}": gradient() for i in range(65)}), "gradients", "65", "64"),
        bad("Report", "gradient of nothing", lambda w: report(
            w, gradients={"": gradient(x=1)}), "gradients", "missing"),
        bad("Report", "gradient by 1,001 parameters", lambda w: report(w, gradients={
            "loss": gradient(**{f"p{i}": 1 for i in range(1001)})}),
            'gradients["loss"]', "1001", "1000"),
        bad("Complete", "no objective", lambda w: complete(w, metrics=dict(other=1)),
            '"loss"', "no value"),
        bad("Complete", "metric name of 257 bytes", lambda w: complete(
            w, metrics={"m" * 257: 1}), "metrics", "257"),
        bad("Complete", "101 attributes", lambda w: complete(
            w, attributes=[attribute(key=str(i)) for i in range(101)]), "attributes", "101"),
        bad("Complete", "twice with other content", lambda w: trial_pb2.CompleteRequest(
            trial_id=w.finished, attempt=1, metrics=dict(loss=3)), "COMPLETED", code=PRECONDITION),
        bad("Fail", "after Complete", lambda w: trial_pb2.FailRequest(
            trial_id=w.finished, attempt=1, reason="late"), "COMPLETED", code=PRECONDITION),
        bad("Fail", "unknown kind", lambda w: trial_pb2.FailRequest(
            trial_id=w.running, attempt=1, kind=9), "kind", "9", "HAND_BACK"),
        bad("Fail", "reason of 1 MB", lambda w: trial_pb2.FailRequest(
            trial_id=w.running, attempt=1, reason=MEGABYTE), "reason", "65536"),
        bad("Stop", "unknown trial", trial_pb2.StopTrialRequest(trial_id=99999), "trial 99999",
            code=NOT_FOUND),
        bad("Stop", "it is over", lambda w: trial_pb2.StopTrialRequest(trial_id=w.finished),
            "COMPLETED", code=PRECONDITION),
        bad("Stop", "reason of 1 MB", lambda w: trial_pb2.StopTrialRequest(
            trial_id=w.running, reason=MEGABYTE), "reason", "65536"),
        bad("Retry", "unknown trial", trial_pb2.RetryTrialRequest(trial_id=99999), "trial 99999",
            code=NOT_FOUND),
        bad("Retry", "it runs", lambda w: trial_pb2.RetryTrialRequest(trial_id=w.running),
            "RUNNING", "finished", code=PRECONDITION),
        bad("Retry", "request_id of another call", lambda w: trial_pb2.RetryTrialRequest(
            trial_id=w.finished, request_id="used"), "request_id", '"used"', code=PRECONDITION),
        bad("Retry", "request_id of 1 MB", lambda w: trial_pb2.RetryTrialRequest(
            trial_id=w.finished, request_id=MEGABYTE), "request_id", "256"),
        bad("Get", "neither trial nor study", trial_pb2.GetTrialRequest(), "study", "empty"),
        bad("Get", "unknown trial", trial_pb2.GetTrialRequest(trial_id=-5), "trial -5",
            code=NOT_FOUND),
        bad("Get", "unknown number", trial_pb2.GetTrialRequest(study="world", number=MIN64),
            str(MIN64), "world", code=NOT_FOUND),
        bad("Curve", "unknown trial", trial_pb2.CurveRequest(trial_id=99999), "trial 99999",
            code=NOT_FOUND),
        bad("Curve", "page_size below 0", lambda w: trial_pb2.CurveRequest(
            trial_id=w.running, page_size=-1), "page_size", "-1", "10000"),
        bad("Curve", "page_size 10,001", lambda w: trial_pb2.CurveRequest(
            trial_id=w.running, page_size=10001), "page_size", "10001"),
        bad("Log", "unknown trial", trial_pb2.LogRequest(trial_id=99999), "trial 99999",
            code=NOT_FOUND),
        bad("Log", "offset below 0", lambda w: trial_pb2.LogRequest(
            trial_id=w.running, offset=-1), "offset", "-1"),
        bad("SetAttributes", "no study", trial_pb2.SetAttributesRequest(
            attributes=[attribute()]), "study", "empty"),
        bad("SetAttributes", "unknown trial", trial_pb2.SetAttributesRequest(
            trial_id=99999, attributes=[attribute()]), "trial 99999", code=NOT_FOUND),
        bad("SetAttributes", "no key", trial_pb2.SetAttributesRequest(
            study="world", attributes=[attribute(key="")]), "attributes.key", "256"),
        bad("SetAttributes", "key of 257 bytes", trial_pb2.SetAttributesRequest(
            study="world", attributes=[attribute(key="k" * 257)]), "attributes.key", "257"),
        bad("SetAttributes", "namespace of 257 bytes", trial_pb2.SetAttributesRequest(
            study="world", attributes=[attribute(namespace="n" * 257)]),
            "attributes.namespace", "257"),
        bad("SetAttributes", "value of 1 MB", trial_pb2.SetAttributesRequest(
            study="world", attributes=[attribute(value=MEGABYTE)]),
            "attributes.value", "1048576", "65536"),
        bad("SetAttributes", "101 of them", trial_pb2.SetAttributesRequest(
            study="world", attributes=[attribute(key=str(i)) for i in range(101)]),
            "attributes", "101", "100"),
        bad("SetAttributes", "value not UTF-8", field(1, b"world") + field(
            3, field(2, b"k") + field(3, BAD_TEXT)), "UTF-8"),
        bad("ListAttributes", "no study", trial_pb2.ListAttributesRequest(), "study", "empty"),
        bad("ListAttributes", "unknown trial", trial_pb2.ListAttributesRequest(trial_id=99999),
            "trial 99999", code=NOT_FOUND),
    ]
    return rows


def parameter_rows():
    """The same mistakes in the parameters of Enqueue and CreateTrial."""
    def both(name, words, **contents):
        request = enqueue(**contents)
        finished = imported()
        finished.parameters.clear()
        for key, content in request.parameters.items():
            finished.parameters[key].CopyFrom(content)
        return [row(name, "TrialService/Enqueue", request, INVALID, *words),
                row(name, "TrialService/CreateTrial", finished, INVALID, *words)]

    rows = []
    for name, words, contents in [
        ("text for a double", ('"x"', "a"), dict(x="a")),
        ("boolean for a double", ('"x"', "true"), dict(x=True)),
        ("below min", ('"x"', "-0.1", "0", "1"), dict(x=-0.1)),
        ("above max", ('"x"', "1.5"), dict(x=1.5)),
        ("NaN", ("x", "nan"), dict(x=NAN)),
        ("infinity", ("x", "inf"), dict(x=math.inf)),
        ("null", ("x", "null"), dict(x=None)),
        ("a list", ("x", "a list"), dict(x=[1])),
        ("an object", ("x", "an object"), dict(x={"a": 1})),
        ("half an integer", ('"n"', "2.5"), dict(n=2.5)),
        ("off the steps", ('"n"', "3", "steps of 2"), dict(n=3)),
        ("huge integer", ('"n"',), dict(n=1e300)),
        ("no such choice", ('"kind"', "c"), dict(kind="c", depth=...)),
        ("number for a choice", ('"kind"', "1"), dict(kind=1, depth=...)),
        ("none of the levels", ('"level"', "3"), dict(level=3)),
        ("missing", ('"x"', "missing"), dict(x=...)),
        ("missing under a condition", ('"depth"', "missing"), dict(depth=...)),
        ("not active", ('"depth"', "not active", '"kind" is'), dict(kind="b")),
        ("unknown", ('"y"', "unknown", "x, n, kind"), dict(y=1)),
        ("breaks a constraint", ("n * x <= 6",), dict(n=8, x=1)),
    ]:
        rows += both(name, words, **contents)

    def bad(method, name, request, *words, code=INVALID):
        return row(name, f"TrialService/{method}", request, code, *words)

    many = {f"p{i}": value(1) for i in range(1001)}
    enqueued = trial_pb2.EnqueueRequest
    return rows + [
        bad("Enqueue", "no study", enqueued(), "study", "empty"),
        bad("Enqueue", "unknown study", enqueued(study="nobody"), '"nobody"', code=NOT_FOUND),
        bad("Enqueue", "1,001 parameters", enqueued(study="free", parameters=many), "1001", "1000"),
        bad("Enqueue", "name of 1 MB", enqueued(
            study="free", parameters={MEGABYTE: value(1)}), "parameters", "1048576 bytes"),
        bad("Enqueue", "to_step below 0", enqueued(
            study="world", parameters=parameters(**GOOD), to_step=-1), "to_step", "-1"),
        bad("Enqueue", "note of 1 MB", enqueued(
            study="world", parameters=parameters(**GOOD), note=MEGABYTE), "note", "65536"),
        bad("Enqueue", "request_id of 1 MB", enqueued(
            study="world", parameters=parameters(**GOOD), request_id=MEGABYTE),
            "request_id", "256"),
        bad("Enqueue", "study is over", enqueued(study="over", parameters=parameters(x=0.5)),
            "COMPLETED", code=PRECONDITION),
        bad("Enqueue", "request_id with other content", enqueued(
            study="world", parameters=parameters(**dict(GOOD, x=0.25)), request_id="used"),
            "request_id", '"used"', code=PRECONDITION),
        bad("CreateTrial", "no study", trial_pb2.CreateTrialRequest(
            state=trial_pb2.Trial.FAILED), "study", "empty"),
        bad("CreateTrial", "no state", imported(state=0), "state", "0"),
        bad("CreateTrial", "unknown state", imported(state=99), "state", "99"),
        bad("CreateTrial", "not finished", imported(state=trial_pb2.Trial.RUNNING),
            "state", "RUNNING", "INFEASIBLE"),
        bad("CreateTrial", "no objective", imported(metrics={}), '"loss"', "missing"),
        bad("CreateTrial", "objective NaN", imported(metrics=dict(loss=NAN)),
            '"loss"', "NaN"),
        bad("CreateTrial", "65 metrics", imported(metrics={f"m{i}": 1 for i in range(65)}),
            "metrics", "65"),
        bad("CreateTrial", "bad measurement", imported(measurements=[measurement(step=-1)]),
            "step", "-1"),
        bad("CreateTrial", "reason of 1 MB", imported(reason=MEGABYTE), "reason", "65536"),
        bad("CreateTrial", "request_id of 1 MB", imported(request_id=MEGABYTE),
            "request_id", "256"),
    ]


def list_rows():
    listing = trial_pb2.ListTrialsRequest

    def bad(name, request, *words, code=INVALID):
        return row(name, "TrialService/List", request, code, *words)

    return [
        bad("no study", listing(), "study", "empty"),
        bad("unknown study", listing(study="nobody"), '"nobody"', code=NOT_FOUND),
        bad("page_size below 0", listing(study="world", page_size=-1), "page_size", "-1"),
        bad("garbage token", listing(study="world", page_token="garbage!"), "page_token"),
        bad("token of another study",
            lambda w: listing(study="paused", page_token=w.trials_token), "another list"),
        bad("token of the other direction", lambda w: listing(
            study="world", page_token=w.trials_token, descending=True), "another list"),
        bad("token of the studies",
            lambda w: listing(study="world", page_token=w.studies_token), "another list"),
        bad("filter malformed", listing(study="world", filter="x >"), "filter", "column"),
        bad("filter unclosed", listing(study="world", filter="state == 'A"), "filter", "closing"),
        bad("filter deep", listing(study="world", filter="not " * 1000 + "true"),
            "filter", "64"),
        bad("filter of 5,000 bytes", listing(study="world", filter="x>1" + " or x>1" * 1000),
            "filter", "4096"),
        bad("filter not UTF-8", field(1, b"world") + field(4, BAD_TEXT), "UTF-8"),
    ]


def insight_rows():
    def bad(method, name, *words, code=INVALID, **fields):
        method = f"InsightService/{method}"
        return row(name, method, api.request_type(method)(**fields), code, *words)

    def predict(name, *words, **changes):
        wrong = {k: v for k, v in dict(GOOD, **changes).items() if v is not Ellipsis}
        return bad("Predict", name, "configurations[1]: ", *words, study="world",
                   configurations=[dict(parameters=parameters(**GOOD)),
                                   dict(parameters=parameters(**wrong))])

    rows = [
        bad("Predict", "none", "configurations: 0", "1000", study="world"),
        bad("Predict", "1,001 configurations", "configurations: 1001", "1000", study="world",
            configurations=[dict()] * 1001),
        predict("above max", '"x"', "1.5", x=1.5),
        predict("NaN", "x", "nan", x=NAN),
        predict("missing", '"x"', "missing", x=...),
        predict("unknown", '"y"', "unknown", y=1),
        predict("not active", '"depth"', "not active", kind="b"),
        predict("breaks a constraint", "n * x <= 6", n=8, x=1),
    ]
    for method in ("Importance", "Quality"):
        rows += [
            bad(method, "unknown metric", "metric", '"speed"', "loss", study="world",
                metric="speed"),
            bad(method, "metric of 1 MB", "metric", study="world", metric=MEGABYTE),
        ]
    for method, more in (("Importance", {}), ("Quality", {}),
                         ("Predict", dict(configurations=[dict()]))):
        rows += [
            bad(method, "no study", "study", "empty", **more),
            bad(method, "unknown study", '"nobody"', study="nobody", code=NOT_FOUND, **more),
            bad(method, "no space", "declares no parameters", study="free", code=PRECONDITION,
                **more),
        ]
    rows += [
        bad("Replay", "no rules", "rules: 0", "1 to 16", study="world"),
        bad("Replay", "17 rules", "rules: 17", study="world", rules=[dict(median={})] * 17),
        bad("Replay", "an empty rule", "rules[0]", "one of asha", study="world", rules=[{}]),
        bad("Replay", "unknown metric", "rules[1].metric", '"q"', study="world",
            rules=[dict(median={}), dict(median={}, metric="q")]),
        bad("Replay", "reduction 1", "rules[0].asha.reduction", "1", study="world",
            rules=[dict(asha=dict(reduction=1))]),
    ]
    for method, more in (("Replay", dict(rules=[dict(median={})])), ("Savings", {})):
        rows += [
            bad(method, "no study", "study", "empty", **more),
            bad(method, "unknown study", '"nobody"', study="nobody", code=NOT_FOUND, **more),
        ]
    return rows


def checkpoint_rows():
    digest = bytes(32)

    def bad(method, name, request, *words, code=INVALID):
        method = f"CheckpointService/{method}"
        if isinstance(request, dict):
            request = api.request_type(method)(**request)
        return row(name, method, request, code, *words)

    def file(path="model", size=1, chunks=(digest,), **fields):
        return dict(path=path, size=size, chunks=chunks, **fields)

    def commit(*files, **fields):
        return dict(dict(trial_id=1, attempt=1, step=1, manifest=dict(files=files)), **fields)

    rows = []
    for method in ("Missing", "Commit"):
        rows += [
            bad(method, "nothing", {}, "manifest.files: 0", "1 to 10000"),
            bad(method, "10,001 files", commit(*[file(str(i), 0, ()) for i in range(10001)]),
                "10001"),
            bad(method, "step below 0", commit(file(), step=-1), "step: -1"),
            bad(method, "absolute path", commit(file("/etc/passwd")), '"/etc/passwd"', "relative"),
            bad(method, "path that leaves", commit(file("a/../../b")), "relative"),
            bad(method, "path with a zero byte", commit(file("a\0b")), "UTF-8"),
            bad(method, "path of 1 MB", commit(file(MEGABYTE)), "1048576 bytes", "512"),
            bad(method, "file twice", commit(file(), file()), '"model"', "twice"),
            bad(method, "file in a file", commit(file("a"), file("a/b")), "lies in", '"a"'),
            bad(method, "negative size", commit(file(size=-1)), "-1 bytes"),
            bad(method, "size without chunks", commit(file(size=9, chunks=())), "0 chunks", "1 of"),
            bad(method, "2^62 bytes", commit(file(size=2**62)), "274877906944"),
            bad(method, "short hash", commit(file(chunks=(b"x",))), "a hash of 1 bytes", "32"),
            bad(method, "setuid", commit(file(mode=0o4755)), "mode", "511"),
        ]
    return rows + [
        bad("Missing", "unknown trial", commit(file(), trial_id=10**6), code=NOT_FOUND),
        bad("Missing", "finished", lambda w: api.request_type("CheckpointService/Missing")(
            **commit(file(), trial_id=w.finished)), code=PRECONDITION),
        bad("Commit", "chunks that are not there", commit(file(), trial_id=10**6), "1 of 1",
            code=PRECONDITION),
        bad("PutChunk", "nothing", {}, "hash: 0 bytes", "32"),
        bad("PutChunk", "no data", dict(hash=digest), "data: 0 bytes", "4194304"),
        bad("PutChunk", "5 MiB", dict(hash=digest, data=bytes(5 << 20)), "data: 5242880 bytes"),
        bad("PutChunk", "another hash", dict(hash=digest, data=b"x"), "SHA-256", "00000000"),
        bad("PutChunk", "a path for a hash", dict(hash=b"../../etc/passwd", data=b"x"), "hash: 16"),
        bad("GetChunk", "nothing", {}, "hash: 0 bytes"),
        bad("GetChunk", "not there", dict(hash=digest), "00000000", code=NOT_FOUND),
        bad("Get", "not there", dict(id=10**9), "checkpoint 1000000000", code=NOT_FOUND),
        bad("Get", "no trial", {}, "trial 0", code=NOT_FOUND),
        bad("Get", "trial without one",
            lambda w: api.request_type("CheckpointService/Get")(trial_id=w.running),
            "has no checkpoint", code=NOT_FOUND),
        bad("List", "no study", {}, "study", "empty"),
        bad("List", "unknown study", dict(study="nobody"), '"nobody"', code=NOT_FOUND),
        bad("List", "unknown trial", dict(trial_id=10**6), code=NOT_FOUND),
        bad("List", "page_size", dict(study="world", page_size=1001), "page_size: 1001"),
    ]


def other_rows():
    return [
        row("unknown worker", "WorkerService/Drain", api.request_type("WorkerService/Drain")(
            name="nobody"), NOT_FOUND, '"nobody"'),
        row("worker name of 1 MB", "WorkerService/Drain", api.request_type(
            "WorkerService/Drain")(name=MEGABYTE), NOT_FOUND, "no worker"),
        row("no path", "ServerService/Backup", b"", INVALID, "path", "absolute"),
        row("relative path", "ServerService/Backup", field(1, b"a/copy.db"), INVALID,
            "path", '"a/copy.db"', "absolute"),
        row("path exists", "ServerService/Backup", field(1, b"/etc/passwd"), INVALID,
            "/etc/passwd", "exists"),
        row("folder is missing", "ServerService/Backup", field(1, b"/nowhere/at/all/copy.db"),
            INVALID, "/nowhere/at/all"),
        row("zero byte in the path", "ServerService/Backup", field(1, b"/tmp/a\0b"), INVALID,
            "path", "zero byte"),
        row("path of 1 MB", "ServerService/Backup", field(1, b"/" + b"x" * (1 << 20)), INVALID,
            "path"),
    ]


@pytest.mark.parametrize("method, request_, code, words", [
    *create_rows(), *study_rows(), *suggest_rows(), *trial_rows(), *parameter_rows(),
    *list_rows(), *checkpoint_rows(), *insight_rows(), *other_rows()])
def test_is_refused(server, world, method, request_, code, words):
    request = request_(world) if callable(request_) else request_
    revision = server.api.call("StudyService/Get", study="world").revision
    found, details = server.api.outcome(method, request)
    assert found == code, f"{found}: {details[:500]}"
    missing = [word for word in words if word not in details]
    assert not missing, f"{missing} not in: {details[:2000]}"
    assert len(details) < 2000
    # It goes on, and nothing of the refused request was kept.
    assert server.api.call("StudyService/Get", study="world").revision == revision


def test_every_method_is_in_the_table():
    rows = [*create_rows(), *study_rows(), *suggest_rows(), *trial_rows(), *parameter_rows(),
            *list_rows(), *checkpoint_rows(), *insight_rows(), *other_rows()]
    covered = {parameter.values[0] for parameter in rows}
    # What takes no fields cannot be wrong; worker_stream_test has the stream.
    fieldless = {"ServerService/Check", "ServerService/Info", "WorkerService/List"}
    assert set(api.METHODS) - fieldless - {"WorkerService/Connect"} == covered


@pytest.mark.parametrize("number", [MAX64, MIN64, 10**15, -1])
@pytest.mark.parametrize("descending", [False, True])
def test_a_made_up_page_token_ends_the_list(server, world, number, descending):
    listing = dict(study="world", page_size=1, descending=descending)
    token = server.api.call("TrialService/List", **listing).next_page_token
    digest = base64.urlsafe_b64decode(token + "==").split(b":")[0]
    made_up = base64.urlsafe_b64encode(digest + b":%d" % number).decode().rstrip("=")
    page = server.api.call("TrialService/List", **listing, page_token=made_up, timeout=10)
    assert len(page.trials) <= 1


# --- What looks wrong and is not ---------------------------------------------

@pytest.fixture(scope="module")
def attempt(server):
    """A trial of a study of its own, that a client holds."""
    server.api.call("StudyService/Create", create(name="accepted"))
    return server.api.call("TrialService/Suggest", study="accepted", client_id="c",
                           wait=30).assignments[0].trial.id


@pytest.mark.parametrize("content", [
    measurement(metrics=dict(loss=NAN)),
    measurement(metrics=dict(loss=math.inf, other=-math.inf)),
    measurement(step=0),
    measurement(step=1, elapsed_seconds=1e300),
    measurement(gradients={"loss": gradient(x=NAN)}),
    measurement(instance=MIN64),
], ids=["NaN", "infinity", "lower step", "long ago", "gradient NaN", "instance"])
def test_a_strange_measurement_is_kept(server, attempt, content):
    server.api.call("TrialService/Report", trial_id=attempt, attempt=1, measurement=content)
    last = server.api.call("TrialService/Get", trial_id=attempt).last_measurement
    assert last.step == content.step
    assert str(sorted(last.metrics.items())) == str(sorted(content.metrics.items()))
    assert str(last.gradients) == str(content.gradients)


def test_the_same_again_is_accepted(server):
    calls = server.api
    first = calls.call("StudyService/Create", create(name="again"))
    assert calls.call("StudyService/Create", create(name="again")).id == first.id
    trial = calls.call("TrialService/Suggest", study="again", client_id="c",
                       wait=30).assignments[0].trial.id
    again = calls.call("TrialService/Suggest", study="again", client_id="c")
    assert [assignment.trial.id for assignment in again.assignments] == [trial]
    for _ in range(2):
        calls.call("TrialService/Report", trial_id=trial, attempt=1,
                   measurement=measurement(sequence=1, metrics=dict(loss=NAN)))
    ends = [calls.call("TrialService/Complete", trial_id=trial, attempt=1, metrics=dict(loss=1))
            for _ in range(2)]
    assert ends[0] == ends[1]
    assert len(calls.call("TrialService/Curve", trial_id=trial).measurements) == 1
    retries = [calls.call("TrialService/Retry", trial_id=trial, request_id="retry").id
               for _ in range(2)]
    assert retries[0] == retries[1]


@pytest.mark.parametrize("spec", [
    dict(parameters=[double(f"p{i}") for i in range(1000)]),
    dict(parameters=[categorical("c", *map(str, range(1000)))]),
    dict(parameters=[double("x", 5e-324, 1.7e308, scale=study_pb2.LOG)]),
    dict(parameters=[integer("n", -2**53, 2**53)]),
    dict(parameters=[double("x" * 256)]),
    dict(parameters=[double("µ {}\"'\\")]),
    dict(parameters=[categorical("c", "", "0", 0, False)]),
    dict(parameters=[when(categorical("p0", "a"), "p1", "a")] + [
        when(categorical(f"p{i}", "a"), f"p{i + 1}", "a") for i in range(1, 999)] + [
            categorical("p999", "a")]),
    dict(metrics=[dict(name=f"m{i}", goal=1) for i in range(64)]),
    dict(constraints=["x < 2"] * 1000),
    dict(trial=dict(builtin=dict(config=nested(23)))),
    dict(budget=dict(max_trials=MAX64, max_seconds=1e300, target=-1e308)),
    dict(seed=2**64 - 1, priority=-(2**31), note="é" * 1000),
], ids=["1,000 parameters", "1,000 choices", "widest log", "widest integer", "long name",
        "odd name", "empty and equal-looking choices", "chain of 1,000", "64 metrics",
        "1,000 constraints", "config 23 deep", "large budget", "extremes"])
def test_a_study_at_the_limits_runs(server, spec):
    calls = server.api
    name = f"limit {abs(hash(str(spec)))}"
    study = calls.call("StudyService/Create", create(name=name, **spec))
    answer = calls.call("TrialService/Suggest", study=name, client_id="c", wait=30)
    trial = answer.assignments[0].trial
    ended = calls.call(
        "TrialService/Complete", trial_id=trial.id, attempt=1,
        metrics={metric.name: 1 for metric in study.spec.metrics})
    assert ended.state == trial_pb2.Trial.COMPLETED
