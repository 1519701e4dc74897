"""What a peer does."""


class AskTell:
    """One search of one problem. Values are told in the metrics' own goals."""

    def __init__(self, problem, seed, workers):
        self.problem = problem
        self.seed = seed
        self.workers = workers  # Trials that are pending at once, at most.

    @staticmethod
    def supports(problem):
        """Why it cannot search this problem; "" if it can."""
        return "" if len(problem.objectives()) == 1 and not problem.constraints() else (
            "one objective without constraints only")

    def learn(self, history):
        """Takes in [(values, metrics)] of others, for the latency bench."""
        raise NotImplementedError

    def ask(self):
        """(token, values by name)"""
        raise NotImplementedError

    def tell(self, token, metrics):
        raise NotImplementedError


def losses(problem, metrics):
    """Objectives, each to be minimised."""
    return [metrics[m["name"]] * (-1 if m["goal"] == "MAXIMIZE" else 1)
            for m in problem.objectives()]


def violations(problem, metrics):
    """Of constraints: feasible at 0 and below."""
    return [(m["bound"] - metrics[m["name"]]) if m["goal"] == "MAXIMIZE"
            else (metrics[m["name"]] - m["bound"]) for m in problem.constraints()]
