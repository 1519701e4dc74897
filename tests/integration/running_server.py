"""A real assay-server in a process of its own, on sockets of its own."""

import os
import pathlib
import queue
import re
import signal
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

import api

START_SECONDS = 30
# What no test sends.
CRASHES = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL}
STOP_SECONDS = 20


def binary(name="assay-server"):
    return str(pathlib.Path(os.environ["ASSAY_BIN_DIR"]) / name)


def eventually(predicate, seconds=20, what="what was waited for"):
    """The first true value of `predicate`; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            words = what() if callable(what) else what
            raise AssertionError(f"{words}: not within {seconds} s")
        time.sleep(0.02)


class StartFailed(Exception):
    """The server ended before it listened."""

    def __init__(self, code, log):
        super().__init__(f"exit code {code}: {log}")
        self.code = code
        self.log = log


class RunningServer:
    """Starts it and waits until it listens; a context manager that stops it.

    Without `data_dir` it keeps its data in a folder that is removed at the end.
    """

    def __init__(self, *flags, data_dir=None, grpc=None, http="127.0.0.1:0", memory=False):
        self._folder = tempfile.TemporaryDirectory(prefix="assay-")
        folder = pathlib.Path(self._folder.name)
        self.data_dir = pathlib.Path(data_dir) if data_dir else folder / "data"
        where = ["--memory"] if memory else ["--data-dir", str(self.data_dir)]
        grpc = f"unix:{folder}/grpc" if grpc is None else grpc
        arguments = ["--grpc", grpc, "--http", http, *where]
        self._lines = []
        self._listening = queue.Queue()
        self.process = subprocess.Popen(
            [binary(), *arguments, *flags], stderr=subprocess.PIPE, text=True, errors="replace")
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        self._connect()

    def _read_log(self):
        for line in self.process.stderr:
            self._lines.append(line.rstrip("\n"))
            found = re.search(r"gRPC on (\S+), HTTP on (\S+)", line)
            if found:
                self._listening.put(found.groups())
        self._listening.put(None)

    def _connect(self):
        addresses = self._listening.get(timeout=START_SECONDS)
        if addresses is None:
            code = self.process.wait(STOP_SECONDS)
            self._folder.cleanup()
            raise StartFailed(code, self.log)
        self.grpc, self.http = addresses
        self.api = api.Api(self.grpc)

    @property
    def log(self):
        return "\n".join(self._lines)

    @property
    def pid(self):
        return self.process.pid

    @property
    def runs(self):
        return self.process.poll() is None

    def get(self, path):
        """(status, body) of a GET on the HTTP port."""
        try:
            with urllib.request.urlopen(f"http://{self.http}{path}", timeout=10) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metric(self, name):
        """Value of a metric without labels, or with them as Prometheus writes them."""
        _, text = self.get("/metrics")
        for line in text.splitlines():
            if line.startswith(name + " "):
                return float(line.rsplit(" ", 1)[1])
        return None

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self._end()

    def stop(self):
        """SIGTERM; the seconds that it took. Its exit code has to be 0."""
        began = time.monotonic()
        self.process.terminate()
        code = self._end()
        assert code == 0, f"exit code {code}: {self.log[-4000:]}"
        return time.monotonic() - began

    def _end(self):
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"did not stop within {STOP_SECONDS} s:\n{self.log[-4000:]}")
        finally:
            self.api.close()
        self._reader.join(STOP_SECONDS)
        assert -code not in CRASHES, f"it crashed, exit code {code}: {self.log[-4000:]}"
        # Of a build with sanitizers.
        assert "runtime error: " not in self.log and "Sanitizer: " not in self.log, self.log
        return code

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            if self.runs and kind is None:
                self.stop()
            elif self.runs:
                print(self.log[-4000:])
                self.kill()
            elif kind is None:  # It ended by itself, or the test stopped it.
                code = self.process.wait(STOP_SECONDS)
                assert -code not in CRASHES, f"it crashed, exit code {code}: {self.log[-4000:]}"
        finally:
            self._folder.cleanup()


def failed_start(*flags, **options):
    """(exit code, stderr) of a server that has to refuse to start."""
    try:
        with RunningServer(*flags, **options) as server:
            raise AssertionError(f"it started: {server.log}")
    except StartFailed as failure:
        return failure.code, failure.log
