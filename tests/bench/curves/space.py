"""The search space of the recorded curves, and the trainer's configuration of a point in it."""

# In the words of a study file.
PARAMETERS = [
    {"name": "learning_rate", "double": {"min": 1e-4, "max": 0.5, "scale": "LOG"}},
    {"name": "optimizer", "categorical": {"values": ["sgd", "adam"]}},
    # Of SGD its momentum, of Adam its beta1.
    {"name": "momentum", "double": {"min": 0, "max": 0.98}},
    {"name": "batch_size", "integer": {"min": 16, "max": 256, "scale": "LOG"}},
    {"name": "model", "categorical": {"values": ["mlp", "cnn"]}},
    # Units of each layer of the MLP; eight times the channels of the CNN's first block.
    {"name": "width", "integer": {"min": 8, "max": 128, "scale": "LOG"}},
    {"name": "dropout", "double": {"min": 0, "max": 0.6}},
    {"name": "schedule", "categorical": {"values": ["constant", "cosine"]}},
]

EPOCHS = 27
SEEDS = 2
CONFIGURATIONS = 500
TRAIN, VALIDATION, TEST = 2000, 3000, 5000
SIDE = 14  # Pixels; Fashion-MNIST's 28 are averaged two by two.


def point(unit):
    """The parameters at `unit`, one number in [0, 1) for each; numbers are rounded to four digits."""
    return {parameter["name"]: _value(parameter, u) for parameter, u in zip(PARAMETERS, unit)}


def _value(parameter, u):
    if "categorical" in parameter:
        values = parameter["categorical"]["values"]
        return values[int(u * len(values))]
    kind = "integer" if "integer" in parameter else "double"
    low, high = parameter[kind]["min"], parameter[kind]["max"]
    log = parameter[kind].get("scale") == "LOG"
    value = low * (high / low) ** u if log else low + (high - low) * u
    return round(value) if kind == "integer" else float(f"{value:.4g}")


def trainer_configuration(parameters):
    """What assay-trainer is told, but for the data set's folder."""
    sgd = parameters["optimizer"] == "sgd"
    cnn = parameters["model"] == "cnn"
    return {
        "data": {"name": "fashion-mnist", "train_examples": TRAIN, "validation_examples": VALIDATION},
        "model": {
            "name": parameters["model"],
            "width": max(1, round(parameters["width"] / 8)) if cnn else parameters["width"],
            "dropout": parameters["dropout"],
        },
        "optimizer": {
            "name": parameters["optimizer"],
            "learning_rate": parameters["learning_rate"],
            "momentum" if sgd else "beta1": parameters["momentum"],
        },
        "schedule": {"name": parameters["schedule"]},
        "batch_size": parameters["batch_size"],
        "epochs": EPOCHS,
        "device": "cpu",
    }
