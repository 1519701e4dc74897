"""Optuna's GPSampler over the same trainings; run by a Python that has Optuna."""

import json
import math
import sys
import warnings

import optuna
from task import EPOCHS, PARAMETERS, train, training_seconds

trainer, seed, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
warnings.simplefilter("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)
study = optuna.create_study(sampler=optuna.samplers.GPSampler(seed=seed))
trials, spent = [], 0.0
while spent < seconds:
    trial = study.ask()
    parameters = {name: trial.suggest_float(name, low, high, log=log)
                  for name, (low, high, log) in PARAMETERS.items()}
    reports, final = train(trainer, parameters, seed * 100_000 + trial.number)
    loss = final.get("loss", math.nan)
    if loss == loss:
        study.tell(trial, loss)
    else:
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
    trials.append({"number": trial.number, "seconds": training_seconds(reports), "from": 0, "to": EPOCHS,
                   "state": "COMPLETED" if loss == loss else "FAILED", "loss": loss,
                   "parameters": parameters})
    spent += trials[-1]["seconds"]
json.dump(trials, sys.stdout)
