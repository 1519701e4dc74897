"""Virtual time: trainings take what was recorded, decisions what they cost now."""

import dataclasses
import heapq
import itertools

from .problems import STEPS

RELOAD_SECONDS = 2.0  # What a run that goes on pays for start and checkpoint.
IDLE = object()


@dataclasses.dataclass
class Event:
    """The end of a step of a run, or a worker that looks for work."""

    worker: int
    run: object = IDLE
    step: int = 0


@dataclasses.dataclass
class Result:
    # [seconds, true value of the configuration that measured best at the end of a whole
    # training], one entry for each change.
    trace: list = dataclasses.field(default_factory=list)
    best: dict = None  # The last incumbent: its parameters, lineage and what was measured.
    seconds: float = 0.0  # When the simulation ended.
    busy: float = 0.0  # Of training, over all workers.
    reloads: float = 0.0
    decisions: float = 0.0  # CPU seconds of asking, reporting and ending.
    steps: int = 0
    runs: int = 0
    whole: int = 0  # Configurations that were trained to the end.
    stopped: int = 0

    def seconds_to(self, target, sign):
        """When the incumbent was as good; infinite if never."""
        return next((t for t, value in self.trace if sign * value <= sign * target), float("inf"))


class Simulation:
    """`workers` train what `optimizer` proposes until virtual time `limit`, or until
    `most_runs` have ended. One coordinator: proposals and decisions are made one after the
    other, and who waits for one waits. A worker with nothing to do asks again when a run
    ends. `reload`: seconds before a continued run's first step. Without `reports` a run
    tells its end alone."""

    def __init__(self, problem, optimizer, seed, workers, limit=float("inf"),
                 most_runs=float("inf"), reload=RELOAD_SECONDS, target=None, reports=True):
        self._problem = problem
        self._optimizer = optimizer
        self._seed = seed
        self._limit = limit
        self._most_runs = most_runs
        self._reload = reload
        self._target = target
        self._reports = reports
        self._sign = 1 if problem.metric["goal"] == "MINIMIZE" else -1
        self._coordinator_free = optimizer.setup
        self._order = itertools.count()
        self._events = []
        self._waiting = []  # Workers.
        self._curves = {}  # Token -> (curve, lineage, parameters).
        self._best = float("inf")
        self.result = Result()
        for worker in range(workers):
            self._push(0.0, Event(worker))

    def run(self):
        while self._events and self.result.runs < self._most_runs:
            now, _, event = heapq.heappop(self._events)
            if now > self._limit:
                now = self._limit
                break
            self._take(now, event)
            self.result.seconds = now
            if self._target is not None and self._reached():
                break
        # What runs on after the end was no work until then.
        self.result.busy -= sum(max(0.0, time - self.result.seconds)
                                for time, _, event in self._events if event.run is not IDLE)
        return self.result

    def _reached(self):
        return (self.result.trace
                and self._sign * self.result.trace[-1][1] <= self._sign * self._target)

    def _push(self, time, event):
        heapq.heappush(self._events, (time, next(self._order), event))

    def _spend(self, now, seconds):
        """When something that is asked for at `now` and costs `seconds` is there."""
        self.result.decisions += seconds
        self._coordinator_free = max(self._coordinator_free, now) + seconds
        return self._coordinator_free

    def _take(self, now, event):
        if event.run is IDLE:
            return self._look_for_work(now, event.worker)
        run, step = event.run, event.step
        curve = self._curves[run.token][0]
        value = curve.values[step - 1]
        self.result.steps += 1
        stop = False
        if self._reports:
            stop, seconds = self._optimizer.report(run, step, value)
            now = self._spend(now, seconds)
        at_end = step == min(run.to_step, curve.steps)
        if at_end or stop:
            return self._end(now, event, value, stopped=stop and not at_end)
        self._train_step(now, event.worker, run, step + 1)

    def _look_for_work(self, now, worker):
        run, seconds = self._optimizer.ask()
        now = self._spend(now, seconds)
        if run is None:
            self._waiting.append(worker)
            return
        if run.continues is None:
            lineage = run.token if isinstance(run.token, int) else run.token.number
            curve = self._problem.curve(run.parameters, self._seed, lineage)
        else:
            curve, lineage, parameters = self._curves[run.continues]
            if parameters != run.parameters:
                raise ValueError("no curve tells what parameters do that change on the way")
            now += self._reload
            self.result.reloads += self._reload
        self._curves[run.token] = (curve, lineage, run.parameters)
        if run.from_step >= curve.steps:  # It had diverged before.
            return self._end(now, Event(worker, run, curve.steps), curve.values[-1], False)
        self._train_step(now, worker, run, run.from_step + 1)

    def _train_step(self, now, worker, run, step):
        curve = self._curves[run.token][0]
        last = step if self._reports else min(run.to_step, curve.steps)
        seconds = sum(curve.seconds[step - 1:last])
        step = last
        self.result.busy += seconds
        self._push(now + seconds, Event(worker, run, step))

    def _end(self, now, event, value, stopped):
        now = self._spend(now, self._optimizer.end(event.run, value, stopped))
        self.result.runs += 1
        self.result.stopped += stopped
        if event.step == STEPS and not stopped:
            self.result.whole += 1
            self._measure(now, event.run, value)
        self._push(now, Event(event.worker))
        for worker in self._waiting:
            self._push(now, Event(worker))
        self._waiting = []

    def _measure(self, now, run, value):
        """The incumbent is what a user would take: the best measured, not the truly best."""
        if self._sign * value >= self._best:
            return
        self._best = self._sign * value
        self.result.best = {"parameters": run.parameters, "measured": value,
                            "lineage": self._curves[run.token][1]}
        self.result.trace.append([now, float(self._problem.truth(run.parameters))])
