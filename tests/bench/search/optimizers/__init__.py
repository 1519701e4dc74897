"""Who searches. A label names one with its options: "bayesian:arm=ucb" is Assay's
strategy in process, "grpc/bayesian" the same by a server, "optuna_tpe" a peer."""

import importlib

# Label -> (module, class, package whose version is told). Peers do not change,
# so that their runs are kept.
PEERS = {
    "optuna_random": ("optuna_sampler", "Random", "optuna"),
    "optuna_tpe": ("optuna_sampler", "Tpe", "optuna"),
    "optuna_gp": ("optuna_sampler", "Gp", "optuna"),
    "optuna_cmaes": ("optuna_sampler", "CmaEs", "optuna"),
    "optuna_nsga2": ("optuna_sampler", "Nsga2", "optuna"),
    "hyperopt_tpe": ("hyperopt_tpe", "HyperoptTpe", "hyperopt"),
    "ax": ("ax_client", "Ax", "ax-platform"),
    "smac": ("smac_facade", "Smac", "smac"),
    "vizier": ("vizier_designer", "Vizier", "google-vizier"),
}


def is_peer(label):
    return label in PEERS


def peer(label):
    """The peer's class; ImportError if its package is not installed."""
    module, name, _ = PEERS[label]
    return getattr(importlib.import_module(f".{module}", __name__), name)


def version(label):
    """"optuna 5.0.0"; None if it is not installed."""
    from importlib import metadata

    package = PEERS[label][2]
    try:
        return f"{package} {metadata.version(package)}"
    except metadata.PackageNotFoundError:
        return None
