"""One study by a real coordinator and a real worker, until its trainings took so many seconds."""

import json
import time

from assay_testing import Lab, Trial, plain
from task import CONFIG, EPOCHS, PARAMETERS, training_seconds

INTERVAL = 4
CHAINS = 2
GRADIENTS = {"method": "truncated", "work": 5, "splits": 4}
# All but those of the optimizer, whose gradients look no further than a few steps.
REST = {**GRADIENTS, "parameters": [name for name in PARAMETERS if not name.startswith("optimizer.")]}


def chains(gradients, **options):
    return {"algorithm": {"bayesian": {}}, "gradients": gradients,
            "schedule": {"max_steps": EPOCHS,
                         "gradient": {"chains": CHAINS, "interval": INTERVAL, "rate": 0.1, **options}}}


# Label: what the study says beside metric and parameters.
ARMS = {
    "bayesian": {"algorithm": {"bayesian": {}}},
    "bayesian+gradients": {"algorithm": {"bayesian": {}}, "gradients": GRADIENTS},
    "gradient": chains(REST),
    "gradient, random directions": chains(REST, random_directions=True),
    "gradient, rate and momentum too": chains(GRADIENTS),
    "pbt": {"algorithm": {"bayesian": {}},
            "schedule": {"max_steps": EPOCHS, "pbt": {"population": 4, "interval": INTERVAL}}},
}


def spec(label, seed):
    def domain(low, high, log):
        return {"min": low, "max": high, **({"scale": "LOG"} if log else {})}

    arm = json.loads(json.dumps(ARMS[label]))
    if "schedule" not in arm:
        arm["trial"] = {"builtin": {"config": {**CONFIG, "epochs": EPOCHS}}}
    else:
        arm["trial"] = {"builtin": {"config": CONFIG}}
    return {"name": "s", "metrics": [{"name": "loss", "goal": "MINIMIZE"}], "seed": seed,
            "parameters": [{"name": name, "double": domain(*range_)} for name, range_ in PARAMETERS.items()],
            "freshness": {"always_fresh": True}, "budget": {"max_parallel": 1}, **arm}


def _trained(server, trial):
    measurements = [dict(m.metrics) for m in server.curve(trial.id)]
    return {"number": trial.number, "seconds": training_seconds(measurements), "from": trial.from_step,
            "to": trial.to_step or EPOCHS, "state": Trial.State.Name(trial.state),
            "loss": trial.final_metrics.get("loss"), "why": trial.origin.why,
            "parameters": plain(trial.parameters)}


def run(label, seed, seconds):
    """The ended trials in the order of their ends, up to this many seconds. Populations begin anew
    when all their members are done: another seed, the same account."""
    lab, trials, spent = Lab(), [], 0.0
    try:
        server = lab.server(memory=True)
        lab.worker(server, slots=1)
        for generation in range(1000):
            name = f"s{generation}"
            server.create({**spec(label, seed + 1000 * generation), "name": name})
            seen = set()
            while spent < seconds:
                over = server.is_over(name)
                ended = [t for t in server.all_trials(name) if t.HasField("ended") and t.id not in seen]
                for trial in sorted(ended, key=lambda t: (t.ended.seconds, t.ended.nanos)):
                    seen.add(trial.id)
                    trials.append(_trained(server, trial))
                    spent += trials[-1]["seconds"]
                if over and not ended:
                    break
                time.sleep(0.1)
            if spent >= seconds:
                return trials
        return trials
    finally:
        lab.close()
