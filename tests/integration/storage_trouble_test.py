"""The disk is full, read-only, in use, damaged; and the server ends in the middle."""

import contextlib
import os
import pathlib
import sqlite3
import subprocess
import threading

import grpc
import pytest

import running_server
from api import Api, Code
from assay.v1 import trial_pb2
from bad_requests_test import create, measurement
from running_server import RunningServer, StartFailed, eventually, failed_start

BAD_CONFIGURATION = 78
MEGABYTE = 1 << 20


@contextlib.contextmanager
def mounted(folder, *arguments):
    """A mount that lasts as long as the block; skips if it is not permitted."""
    done = subprocess.run(["mount", *arguments, str(folder)], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"mounting is not permitted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def small_disk(tmp_path):
    with mounted(tmp_path, "-t", "tmpfs", "-o", "size=12m", "tmpfs"):
        yield tmp_path


def fill(folder, spare):
    """A ballast file that leaves `spare` bytes of room, or less."""
    disk = os.statvfs(folder)
    ballast = folder / "ballast"
    with open(ballast, "wb", buffering=0) as file, contextlib.suppress(OSError):
        file.write(bytes(max(0, disk.f_bavail * disk.f_frsize - spare)))
    return ballast


def ask(calls, study="s", client="c"):
    return calls.call("TrialService/Suggest", study=study, client_id=client,
                      wait=30).assignments[0].trial.id


def content(calls):
    """Everything that is known of the studies, but what moves with the time."""
    studies = calls.call("StudyService/List").studies
    pages = []
    for study in studies:
        for page in calls.stream("StudyService/Export", study=str(study.id), measurements=True):
            page.study.ClearField("seconds_used")
            page.study.ClearField("stock")
            pages.append(page.SerializeToString(deterministic=True))
    return pages


class Reporter:
    """Reports until it is told to stop; keeps what was acknowledged."""

    def __init__(self, calls, trial, note=""):
        self.calls = calls
        self.trial = trial
        self.acknowledged = 0
        self.refusals = []
        self.note = note

    def report(self, timeout=60):
        """(code, details) of the next report; a refused one is repeated by the next call."""
        code, details = self.calls.outcome("TrialService/Report", trial_pb2.ReportRequest(
            trial_id=self.trial, attempt=1, measurement=measurement(
                sequence=self.acknowledged + 1, step=self.acknowledged + 1,
                metrics={f"metric {i} {self.note}": i for i in range(60)})), timeout)
        if code == Code.OK:
            self.acknowledged += 1
        else:
            self.refusals.append((code, details))
        return code

    def stored(self, calls):
        steps, after = [], 0
        while True:
            page = calls.call("TrialService/Curve", trial_id=self.trial, after_sequence=after,
                              page_size=1000).measurements
            if not page:
                return steps
            steps += [point.step for point in page]
            after = page[-1].sequence


# --- A full disk -------------------------------------------------------------

def test_a_full_disk_refuses_loses_nothing_and_goes_on(small_disk):
    data = small_disk / "data"
    with RunningServer("--min-free-bytes", "0", data_dir=data) as server:
        calls = server.api
        calls.call("StudyService/Create", create(name="s"))
        reporter = Reporter(calls, ask(calls), "x" * 100)
        ballast = fill(small_disk, MEGABYTE)
        while reporter.report() == Code.OK:
            assert reporter.acknowledged < 10_000
        assert reporter.acknowledged > 10
        code, details = reporter.refusals[0]
        assert code == Code.UNAVAILABLE and "full" in details
        # Every write is refused, each read is answered.
        code, details = calls.outcome("StudyService/Create", create(name="other", note="n" * 5000))
        assert code == Code.UNAVAILABLE and "full" in details
        assert reporter.stored(calls) == list(range(1, reporter.acknowledged + 1))
        assert calls.call("StudyService/Get", study="s").counts.running == 1
        # It goes on by itself when there is room.
        ballast.unlink()
        eventually(lambda: reporter.report() == Code.OK, 60, "a report after there is room")
        for _ in range(20):
            assert reporter.report() == Code.OK
        calls.call("StudyService/Create", create(name="other"))
        assert reporter.stored(calls) == list(range(1, reporter.acknowledged + 1))
        assert calls.problems() == []
    with RunningServer("--min-free-bytes", "0", data_dir=data) as server:
        assert reporter.stored(server.api) == list(range(1, reporter.acknowledged + 1))
        assert server.api.problems() == []


def test_a_disk_full_again_and_again_under_load_loses_nothing(small_disk):
    data = small_disk / "data"
    with RunningServer("--min-free-bytes", "0", data_dir=data) as server:
        calls = server.api
        calls.call("StudyService/Create", create(name="s"))
        reporters = [Reporter(calls, ask(calls, client=f"c{i}"), "x" * 50) for i in range(4)]
        stop = threading.Event()
        codes = set()

        def work(reporter):
            while not stop.is_set():
                codes.add(reporter.report())

        threads = [threading.Thread(target=work, args=[reporter]) for reporter in reporters]
        for thread in threads:
            thread.start()
        try:
            for _ in range(6):
                refused = sum(len(reporter.refusals) for reporter in reporters)
                ballast = fill(small_disk, 100_000)
                eventually(lambda: sum(len(r.refusals) for r in reporters) > refused,
                           90, "a refusal")
                taken = sum(reporter.acknowledged for reporter in reporters)
                ballast.unlink()
                eventually(lambda: sum(r.acknowledged for r in reporters) > taken,
                           90, "a report after there is room")
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert codes == {Code.OK, Code.UNAVAILABLE}
        for reporter in reporters:
            assert reporter.stored(calls) == list(range(1, reporter.acknowledged + 1))
        assert calls.problems() == []
        server.kill()
    with RunningServer("--min-free-bytes", "0", data_dir=data) as server:
        for reporter in reporters:
            assert reporter.stored(server.api) == list(range(1, reporter.acknowledged + 1))
        assert server.api.problems() == []


def test_too_full_to_start_is_refused(small_disk):
    fill(small_disk, 0)
    code, log = failed_start("--min-free-bytes", "0", data_dir=small_disk / "data")
    assert code == 1 and ("full" in log or "No space left" in log)
    assert str(small_disk) in log


def test_little_room_holds_leases_back_and_takes_reports(small_disk):
    data = small_disk / "data"
    with RunningServer("--min-free-bytes", str(4 * MEGABYTE), data_dir=data) as server:
        calls = server.api
        calls.call("StudyService/Create", create(name="s"))
        reporter = Reporter(calls, ask(calls))
        assert server.get("/healthz") == (200, "ok\n")
        ballast = fill(small_disk, 3 * MEGABYTE)
        status, why = eventually(
            lambda: (found := server.get("/healthz"))[0] == 503 and found, 20, "an ill /healthz")
        assert "disk is nearly full" in why
        answer = calls.call("TrialService/Suggest", study="s", client_id="other")
        assert not answer.assignments
        assert "disk is nearly full" in answer.reason and "bytes are free" in answer.reason
        assert answer.retry_after > 0
        assert reporter.report() == Code.OK
        calls.call("TrialService/Complete", trial_id=reporter.trial, attempt=1,
                   metrics=dict(loss=1))
        ballast.unlink()
        eventually(lambda: server.get("/healthz")[0] == 200, 20, "a healthy /healthz")
        assert ask(calls, client="other")


def test_little_room_still_gives_a_client_its_own_trials_again(small_disk):
    with RunningServer("--min-free-bytes", str(4 * MEGABYTE),
                       data_dir=small_disk / "data") as server:
        server.api.call("StudyService/Create", create(name="s"))
        trial = ask(server.api)
        fill(small_disk, 3 * MEGABYTE)
        eventually(lambda: server.get("/healthz")[0] == 503)
        again = server.api.call("TrialService/Suggest", study="s", client_id="c")
        assert [assignment.trial.id for assignment in again.assignments] == [trial]


# --- A folder that cannot be used --------------------------------------------

def make_data(folder, studies=1):
    """A data folder of a server that has ended well."""
    with RunningServer("--min-free-bytes", "0", data_dir=folder) as server:
        for i in range(studies):
            server.api.call("StudyService/Create", create(name=f"s{i}"))
        trial = ask(server.api, "s0")
        Reporter(server.api, trial).report()
        server.api.call("TrialService/Complete", trial_id=trial, attempt=1, metrics=dict(loss=1))
    return folder / "assay.db"


def test_a_read_only_folder_is_refused(tmp_path):
    data = tmp_path / "data"
    make_data(data)
    with mounted(data, "--bind", str(data)):
        subprocess.run(["mount", "-o", "remount,ro,bind", str(data)], check=True)
        code, log = failed_start(data_dir=data)
    assert code != 0
    assert str(data) in log and "Read-only file system" in log
    with RunningServer("--min-free-bytes", "0", data_dir=data) as server:
        assert server.api.problems() == []


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    file = tmp_path / "data"
    file.write_text("hello")
    code, log = failed_start(data_dir=file)
    assert code != 0 and str(file) in log and "not a folder" in log
    assert file.read_text() == "hello"


def test_a_file_in_place_of_a_parent_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("hello")
    code, log = failed_start(data_dir=tmp_path / "file" / "data")
    assert code != 0 and str(tmp_path / "file") in log


def test_a_second_server_on_the_folder_is_refused_by_pid(tmp_path):
    data = tmp_path / "data"
    with RunningServer("--min-free-bytes", "0", data_dir=data) as first:
        code, log = failed_start(data_dir=data)
        assert code != 0
        assert str(data) in log and f"pid {first.pid}" in log
        first.api.call("StudyService/Create", create(name="s"))
        assert first.api.problems() == []
        first.kill()
    with RunningServer("--min-free-bytes", "0", data_dir=data) as third:
        assert third.api.call("StudyService/Get", study="s").id


def test_a_newer_schema_is_refused_and_left_alone(tmp_path):
    database = make_data(tmp_path / "data")
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA user_version = 999")
    code, log = failed_start(data_dir=tmp_path / "data")
    assert code != 0 and "999" in log and "newer" in log and str(database) in log
    with contextlib.closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (999,)


def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path):
    database = tmp_path / "assay.db"
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    before = database.read_bytes()
    code, log = failed_start(data_dir=tmp_path)
    assert code != 0 and str(database) in log
    assert database.read_bytes() == before


@pytest.mark.parametrize("damage", ["noise", "header", "short", "empty pages"])
def test_a_corrupt_database_is_refused_or_reported(tmp_path, damage):
    """Either it does not start, naming the file, or Check says what is wrong."""
    data = tmp_path / "data"
    database = make_data(data, studies=50)
    bytes_ = bytearray(database.read_bytes())
    if damage == "noise":
        bytes_[:] = os.urandom(len(bytes_))
    elif damage == "header":
        bytes_[:16] = b"\0" * 16
    elif damage == "short":
        del bytes_[len(bytes_) // 2:]
    else:
        bytes_[len(bytes_) // 2:] = b"\0" * (len(bytes_) - len(bytes_) // 2)
    database.write_bytes(bytes_)
    try:
        with RunningServer("--min-free-bytes", "0", data_dir=data) as server:
            code, details = server.api.outcome("ServerService/Check", timeout=60)
            problems = server.api.problems() if code == Code.OK else [details]
            assert problems, damage
            assert server.runs
    except StartFailed as failure:
        assert failure.code == 1
        assert str(database) in failure.log, failure.log
        assert any(word in failure.log for word in ("malformed", "not a database", "damaged"))


# --- The end -----------------------------------------------------------------

@pytest.mark.parametrize("memory", [False, True])
def test_sigterm_under_load_keeps_what_was_acknowledged(tmp_path, memory):
    data = tmp_path / "data"
    with RunningServer("--min-free-bytes", "0", data_dir=None if memory else data,
                       memory=memory) as server:
        calls = server.api
        calls.call("StudyService/Create", create(name="s"))
        reporters = [Reporter(calls, ask(calls, client=f"c{i}")) for i in range(4)]
        watch = calls.stream("StudyService/Watch", study="s")
        next(watch)
        parked = [calls.future("TrialService/Suggest", trial_pb2.SuggestRequest(
            study="full", client_id=f"p{i}", wait=60)) for i in range(20)
            if i or calls.call("StudyService/Create", create(
                name="full", budget=dict(max_parallel=1))) and ask(calls, "full")]

        def work(reporter):
            while reporter.report() == Code.OK:
                pass

        threads = [threading.Thread(target=work, args=[reporter]) for reporter in reporters]
        for thread in threads:
            thread.start()
        eventually(lambda: sum(reporter.acknowledged for reporter in reporters) > 200, 30)
        assert server.stop() < 15, "it waits for nobody who is parked for a minute"
        for thread in threads:
            thread.join()
        codes = {code for reporter in reporters for code, _ in reporter.refusals}
        assert codes <= {Code.UNAVAILABLE, Code.CANCELLED}, codes
        for call in parked:
            with pytest.raises(grpc.RpcError):
                call.result()
    if memory:
        return
    with RunningServer("--min-free-bytes", "0", data_dir=data) as server:
        for reporter in reporters:
            stored = reporter.stored(server.api)
            # One more may have been written whose answer was lost.
            assert stored in (list(range(1, reporter.acknowledged + 1)),
                              list(range(1, reporter.acknowledged + 2)))
        assert server.api.problems() == []


def test_sigterm_twice_ends_it_too(tmp_path):
    with RunningServer("--min-free-bytes", "0", data_dir=tmp_path / "data") as server:
        next(server.api.stream("StudyService/Watch", study=str(
            server.api.call("StudyService/Create", create(name="s")).id)))
        server.process.terminate()
        server.process.terminate()
        assert server.process.wait(30) in (0, -15)


# --- Addresses ---------------------------------------------------------------

@pytest.mark.parametrize("flag", ["grpc", "http"])
@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "192.0.2.1:7070"])
def test_an_address_that_others_reach_is_refused(flag, address):
    code, log = failed_start(memory=True, **{flag: address})
    assert code == BAD_CONFIGURATION
    assert f"--{flag}" in log and address in log and "--insecure" in log


def test_with_insecure_it_is_accepted():
    with RunningServer("--insecure", grpc="0.0.0.0:0", http="none", memory=True) as server:
        calls = Api(server.grpc.replace("0.0.0.0", "127.0.0.1"))
        assert calls.call("ServerService/Info").data_dir == "memory"
        calls.close()


@pytest.mark.parametrize("flag", ["grpc", "http"])
@pytest.mark.parametrize("address", ["", "nonsense", "127.0.0.1", "127.0.0.1:99999", ":7070",
                                     "127.0.0.1:-1", "localhost:http"])
def test_what_is_no_address_is_refused(flag, address):
    code, log = failed_start(memory=True, **{flag: address})
    assert code == BAD_CONFIGURATION and "HOST:PORT" in log and address in log


@pytest.mark.parametrize("flag", ["grpc", "http"])
def test_a_port_in_use_is_named(flag):
    with RunningServer(memory=True, grpc="127.0.0.1:0") as first:
        address = getattr(first, flag)
        code, log = failed_start(memory=True, **{flag: address})
        assert code == 1 and address in log
        assert first.api.call("ServerService/Info").version


def test_a_port_in_use_leaves_the_data_alone(tmp_path):
    with RunningServer(memory=True, grpc="127.0.0.1:0") as first:
        failed_start(data_dir=tmp_path / "data", grpc=first.grpc)
    with RunningServer("--min-free-bytes", "0", data_dir=tmp_path / "data") as server:
        assert server.api.problems() == []


def test_the_socket_of_a_server_that_was_killed_is_taken_over(tmp_path):
    address = f"unix:{tmp_path}/socket"
    with RunningServer(memory=True, grpc=address) as first:
        first.kill()
        with RunningServer(memory=True, grpc=address) as second:
            assert second.api.call("ServerService/Info").version


def test_the_socket_of_a_running_server_is_not_taken_over(tmp_path):
    address = f"unix:{tmp_path}/socket"
    with RunningServer(memory=True, grpc=address) as first:
        code, log = failed_start(memory=True, grpc=address)
        assert code == 1 and address in log
        other = Api(address)
        assert other.call("ServerService/Info").version
        other.close()
        assert first.runs


@pytest.mark.parametrize("flags", [
    ["--bogus"], ["--worker-lease", "0"], ["--worker-lease", "nan"], ["--search-threads", "0"],
    ["--min-free-bytes", "-1"], ["--min-free-bytes", "1e99"], ["--log-level", "loud"],
    ["--data-dir", "elsewhere"], ["argument"]], ids=" ".join)
def test_a_bad_flag_is_refused_by_name(flags):
    code, log = failed_start(*flags, memory=True)
    assert code == BAD_CONFIGURATION
    assert flags[0] in log


# --- Memory and copies -------------------------------------------------------

def test_memory_keeps_nothing(tmp_path):
    with RunningServer(memory=True) as server:
        server.api.call("StudyService/Create", create(name="s"))
        assert Reporter(server.api, ask(server.api)).report() == Code.OK
        assert server.api.call("ServerService/Info").data_dir == "memory"
        assert server.get("/healthz")[0] == 200
        assert server.api.problems() == []
    assert not any(tmp_path.iterdir())
    with RunningServer(memory=True) as server:
        assert not server.api.call("StudyService/List").studies


@pytest.mark.parametrize("memory", [False, True])
def test_a_backup_opens_as_a_data_folder_with_equal_content(tmp_path, memory):
    with RunningServer("--min-free-bytes", "0", memory=memory) as server:
        calls = server.api
        for name in ("s", "t"):
            calls.call("StudyService/Create", create(name=name))
            reporter = Reporter(calls, ask(calls, name))
            for _ in range(20):
                reporter.report()
        calls.call("TrialService/Complete", trial_id=reporter.trial, attempt=1,
                   metrics=dict(loss=1))
        calls.call("TrialService/SetAttributes", study="s",
                   attributes=[dict(key="k", value="v")])
        (tmp_path / "copy").mkdir()
        path = tmp_path / "copy" / "assay.db"
        copied = calls.call("ServerService/Backup", path=str(path))
        assert copied.bytes == path.stat().st_size
        code, details = calls.outcome("ServerService/Backup", path=str(path))
        assert code == Code.INVALID_ARGUMENT and str(path) in details
        before = content(calls)
    with RunningServer("--min-free-bytes", "0", data_dir=tmp_path / "copy") as server:
        assert content(server.api) == before
        assert server.api.problems() == []
        attributes = server.api.call("TrialService/ListAttributes", study="s").attributes
        assert [(a.key, a.value) for a in attributes] == [("k", "v")]
        assert ask(server.api, "t")


def test_a_backup_beside_running_writes_is_consistent(tmp_path):
    with RunningServer("--min-free-bytes", "0") as server:
        calls = server.api
        calls.call("StudyService/Create", create(name="s"))
        reporter = Reporter(calls, ask(calls))
        stop = threading.Event()

        def work():
            while not stop.is_set():
                reporter.report()

        thread = threading.Thread(target=work)
        thread.start()
        counts = []
        try:
            for i in range(5):
                (tmp_path / str(i)).mkdir()
                counts.append(reporter.acknowledged)
                calls.call("ServerService/Backup", path=str(tmp_path / str(i) / "assay.db"))
                eventually(lambda: reporter.acknowledged > counts[-1] + 10)
        finally:
            stop.set()
            thread.join()
    for i, acknowledged in enumerate(counts):
        with RunningServer("--min-free-bytes", "0", data_dir=tmp_path / str(i)) as server:
            steps = reporter.stored(server.api)
            assert len(steps) >= acknowledged
            assert steps == list(range(1, len(steps) + 1))
            assert server.api.problems() == []


def test_a_backup_where_there_is_no_room_leaves_nothing(small_disk):
    with RunningServer("--min-free-bytes", "0") as server:
        server.api.call("StudyService/Create", create(name="s"))
        fill(small_disk, 8192)
        code, details = server.api.outcome(
            "ServerService/Backup", path=str(small_disk / "copy.db"))
        assert code == Code.UNAVAILABLE and "full" in details
        assert [path.name for path in small_disk.iterdir()] == ["ballast"]
        server.api.call("StudyService/Create", create(name="t"))


def test_version():
    done = subprocess.run([running_server.binary(), "--version"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("assay-server ")
    assert pathlib.Path(running_server.binary()).exists()
