"""One search, as a coroutine that asks and tells: who answers is not its matter."""

import heapq

from .problem import stream

ASK = "ask"
TELL = "tell"


def search(problem, seed, trials, workers):
    """Yields (ASK,), answered by (token, values) or None at the end of the
    space, and (TELL, token, metrics). Returns the trace: [[trials, score], ...],
    one entry for each change of the score.

    One worker: one after the other. More: in virtual time, each trial takes as
    long as its number and the seed say, the same for everybody.
    """
    evaluate = problem.evaluator(seed)
    running, trace, asked, now, finished = [], [], 0, 0.0, 0
    exhausted = False
    while finished < trials:
        while len(running) < workers and asked < trials and not exhausted:
            proposal = yield (ASK,)
            exhausted = proposal is None
            if exhausted:
                break
            token, values = proposal
            metrics, pending = evaluate(values, asked)
            end = now + _duration(problem, seed, asked, workers)
            heapq.heappush(running, (end, asked, token, metrics, pending))
            asked += 1
        if not running:
            break
        now, _, token, metrics, pending = heapq.heappop(running)
        finished += 1
        yield (TELL, token, metrics)
        score = pending.finish()
        if not trace or score != trace[-1][1]:
            trace.append([finished, score])
    return trace


def _duration(problem, seed, number, workers):
    if workers == 1:
        return 1.0
    return stream("duration", problem.name, seed, number).lognormal(0, 0.75)
