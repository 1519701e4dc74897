"""What trials do in the tests. Run as: trial_programs.py NAME ARGUMENTS..., by a worker."""
import itertools
import json
import os
import pathlib
import resource
import signal
import socket
import subprocess
import sys
import time


class Socket:
    """The trial protocol in a few lines: JSON objects both ways, each line acknowledged."""

    def __init__(self):
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.connect(os.environ["ASSAY_SOCKET"])
        self.lines = self.connection.makefile("r")
        self.stop_reason = None

    def send(self, message):
        self.connection.sendall(json.dumps(message).encode() + b"\n")

    def say(self, message):
        """Sends, and reads up to the answer."""
        self.send(message)
        for line in self.lines:
            answer = json.loads(line)
            if "stop" in answer:
                self.stop_reason = answer["stop"]
                continue
            return answer
        return None

    def report(self, step, **metrics):
        return self.say({"report": {"step": step, "metrics": metrics}})


def trial_id():
    return int(os.environ["ASSAY_TRIAL_ID"])


def quadratic(x, steps="1"):
    """Reports its distance from 0.3 and prints what it does."""
    connection = Socket()
    for step in range(1, int(steps) + 1):
        loss = (float(x) - 0.3) ** 2 + 1.0 / step
        connection.report(step, loss=loss)
        print(f"step {step}: loss {loss}", flush=True)


def gradient():
    """One step nearer to its loss, with the derivative that is asked for: the accuracy has none."""
    trial = json.loads(pathlib.Path(os.environ["ASSAY_TRIAL"]).read_text())
    asked, x = trial["gradients"], trial["parameters"]["x"]
    assert asked == {"metric": "validation_loss", "parameters": ["x"], "method": "mine", "every": 0, "work": 0,
                     "splits": 3}, asked
    loss = (x - 0.7) ** 2 + 1 / trial["budget"]["to"]
    Socket().say({"report": {"step": trial["budget"]["to"], "metrics": {asked["metric"]: loss, "accuracy": 1 - loss},
                             "gradients": {asked["metric"]: {"x": 2 * (x - 0.7)}}}})


def pieces(seconds):
    """Trains from where its budget begins to its end."""
    trial = json.loads(pathlib.Path(os.environ["ASSAY_TRIAL"]).read_text())
    connection = Socket()
    for step in range(trial["budget"]["from"] + 1, trial["budget"]["to"] + 1):
        time.sleep(float(seconds))  # As training does.
        connection.report(step, loss=trial["parameters"]["x"] + 1 / step)
    if trial.get("final_test"):
        metrics = {"loss": trial["parameters"]["x"], "test_seed": trial["seed"] / 2 ** 53}
        connection.say({"finish": {"state": "COMPLETED", "metrics": metrics}})


def watched(x, seconds):
    """Nine steps of `seconds` each, until it is told to stop; every fifth trial fails."""
    connection = Socket()
    for step in range(1, 10):
        time.sleep(float(seconds))  # As training does.
        connection.report(step, loss=float(x) + 1 / (step + 9))
        if connection.stop_reason is not None:
            return
    if trial_id() % 5 == 0:
        sys.exit(1)


def announce(folder):
    name = f"started.{trial_id()}.{os.environ['ASSAY_ATTEMPT']}.{os.getpid()}"
    (pathlib.Path(folder) / name).touch()


def hold(folder):
    """Says that it runs, waits for the gate, reports its attempt's number and ends without a look at the answer."""
    print(f"holding trial {trial_id()}", file=sys.stderr, flush=True)
    announce(folder)
    gates = [pathlib.Path(folder) / name for name in ("go", f"go.{trial_id()}")]
    while not any(gate.exists() for gate in gates):
        time.sleep(0.01)
    Socket().send({"report": {"step": 1, "metrics": {"loss": int(os.environ["ASSAY_ATTEMPT"])}}})


def steps_for(folder, seconds):
    """Says that it runs, then reports and prints a step every 50 ms."""
    announce(folder)
    connection = Socket()
    for step in range(1, int(float(seconds) / 0.05) + 1):
        print(step, flush=True)
        connection.report(step, loss=1.0 / step)
        time.sleep(0.05)


def fails(mark, after="0"):
    """Ends with exit code 3 and a last word on stderr."""
    time.sleep(float(after))
    print(f"the disk of {mark} is on fire", file=sys.stderr, flush=True)
    sys.exit(3)


def until_stopped():
    """Reports steps until it is told to stop."""
    connection = Socket()
    step = 0
    while connection.stop_reason is None:
        step += 1
        connection.report(step, loss=1.0)
        time.sleep(0.02)


def constant(quality, steps, good):
    """Reports the same value each step; one that is worse than `good` ends only when it is told to."""
    connection = Socket()
    for step in range(1, int(steps) + 1) if float(quality) <= float(good) else itertools.count(1):
        print(f"socket: step {step}", flush=True)
        connection.report(step, loss=float(quality))
        if connection.stop_reason is not None:
            print(f"socket: told to stop after step {step}", flush=True)
            return
        time.sleep(0.02)
    print("socket: done", flush=True)


def many_while_away(folder, count):
    """Says that it runs, waits for the gate, then reports much without a look at the answers."""
    announce(folder)
    while not (pathlib.Path(folder) / "go").exists():
        time.sleep(0.01)
    many_measurements(count)


def hold_with_grandchild(folder):
    """As `hold`, with a child of its own, which does not hear of the worker's death."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    (pathlib.Path(folder) / "grandchild").write_text(str(child.pid))
    hold(folder)


# --- Checkpoints -------------------------------------------------------------

def folders():
    """Where to write a checkpoint, and the one to go on from or None."""
    resume = os.environ.get("ASSAY_RESUME")
    return pathlib.Path(os.environ["ASSAY_CHECKPOINT"]), resume and pathlib.Path(resume)


def wait_for(file):
    while not pathlib.Path(file).exists():
        time.sleep(0.01)


def counts(folder, steps, pause="0", announces="yes"):
    """Counts steps in its checkpoint; each step that is executed is a line of FOLDER/steps. The first attempt
    stops after step `pause`, makes FOLDER/paused and waits for FOLDER/go."""
    out, resume = folders()
    connection = Socket()
    first = int((resume / "count").read_text()) if resume else 0
    for step in range(first + 1, int(steps) + 1):
        with open(f"{folder}/steps", "a", encoding="utf-8") as file:
            file.write(f"{trial_id()} {os.environ['ASSAY_ATTEMPT']} {step}\n")
        (out / "count").write_text(str(step))
        connection.report(step, loss=1.0 / step)
        if announces == "yes":
            answer = connection.say({"checkpoint": {"step": step}})
            assert answer and "ack" in answer, answer
        if step == int(pause) and os.environ["ASSAY_ATTEMPT"] == "1":
            pathlib.Path(f"{folder}/paused").touch()
            wait_for(f"{folder}/go")


def large(folder, files, mebibytes):
    """Leaves a checkpoint of random files, waits for FOLDER/go, changes one byte, leaves another one."""
    out, _ = folders()
    connection = Socket()
    for number in range(int(files)):
        (out / f"file{number}").write_bytes(os.urandom(int(mebibytes) << 20))
    connection.say({"checkpoint": {"step": 1}})
    wait_for(f"{folder}/go")
    with open(out / "file1", "r+b") as file:
        byte = file.read(1)
        file.seek(0)
        file.write(bytes([byte[0] ^ 1]))
    connection.say({"checkpoint": {"step": 2}})
    connection.report(2, loss=0.5)


def leaves(folder, x, bytes_):
    """Leaves so many bytes, of its own, and ends with its parameter as loss."""
    out, _ = folders()
    (out / "x").write_bytes(os.urandom(int(bytes_)))
    connection = Socket()
    connection.say({"checkpoint": {"step": 1}})
    connection.report(1, loss=float(x))


def links():
    """Says what the worker says of a checkpoint that cannot be kept."""
    out, _ = folders()
    (out / "model").write_text("weights")
    (out / "latest").symlink_to("model")
    connection = Socket()
    print(connection.say({"checkpoint": {"step": 1}}), flush=True)
    connection.report(1, loss=1.0)


# --- Odd ones ----------------------------------------------------------------

def final_nan():
    Socket().report(1, loss="NaN")


def middle_nan():
    connection = Socket()
    connection.report(1, loss="NaN")
    connection.report(2, loss=0.5)


def infinity():
    connection = Socket()
    connection.report(1, loss="-Infinity", other="Infinity")
    connection.report(2, loss="Infinity", other=0)


def same_step_twice():
    connection = Socket()
    connection.report(1, loss=0.9)
    connection.report(1, loss=0.4)


def lower_steps():
    connection = Socket()
    for step, loss in ((5, 0.5), (3, 0.7), (4, 0.6)):
        connection.report(step, loss=loss)


def flood(seconds):
    """A megabyte of output a second."""
    connection = Socket()
    end = time.monotonic() + float(seconds)
    line = b"x" * 1023 + b"\n"
    second = 0
    while time.monotonic() < end:
        second += 1
        for _ in range(1024):
            sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
        connection.report(second, loss=1.0 / second)
        time.sleep(max(0, min(1.0, end - time.monotonic())))
    print("the last line", flush=True)


def nothing():
    pass


def many_measurements(count):
    """As fast as they are taken."""
    connection = Socket()
    lines = [b'{"report":{"step":%d,"metrics":{"loss":%d}}}\n' % (i, int(count) - i) for i in range(1, int(count) + 1)]
    sent = 0
    while sent < len(lines):
        connection.connection.sendall(b"".join(lines[sent:sent + 500]))
        sent += 500
        for line in connection.lines:
            if json.loads(line).get("ack", 0) >= min(sent, len(lines)):
                break


def grandchild(pid_file):
    """Leaves a process behind that keeps its output open."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    pathlib.Path(pid_file).write_text(str(child.pid))
    Socket().report(1, loss=1.0)


def fill_scratch():
    """Writes until somebody minds."""
    scratch = pathlib.Path(os.environ["ASSAY_SCRATCH"])
    Socket().report(1, loss=1.0)
    for number in range(16):
        (scratch / f"file{number}").write_bytes(b"\0" * (1 << 20))
    time.sleep(600)


def segmentation_fault():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    print("about to crash", file=sys.stderr, flush=True)
    os.kill(os.getpid(), signal.SIGSEGV)


def bad_configuration():
    print("model.width: -3; 1 to 4096", file=sys.stderr)
    sys.exit(78)


def forever():
    Socket().report(1, loss=1.0)
    time.sleep(600)


def declares_infeasible():
    Socket().say({"finish": {"state": "INFEASIBLE", "reason": "the matrix is singular"}})


def declares_failed():
    Socket().say({"finish": {"state": "FAILED", "reason": "no data today"}})


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
