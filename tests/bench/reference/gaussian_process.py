"""Writes what tests/search/gp/reference_test.cc holds the Gaussian process to.

  python3 -m venv venv && venv/bin/pip install scikit-learn==1.9.1
  venv/bin/python tests/bench/reference/gaussian_process.py > tests/search/gp/scikit_learn.inc
"""

import numpy as np
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

SIGNAL, NOISE = 1.7, 0.013
LENGTHS = np.array([0.3, 0.8, 1.5, 4.0])


def numbers(name, values):
    lines = ["  " + "".join(f"{v!r}, " for v in row).rstrip() for row in np.atleast_2d(values).tolist()]
    print(f"constexpr double {name}[] = {{\n" + "\n".join(lines) + "\n};")


random = np.random.default_rng(1)
x, z = random.uniform(size=(40, 4)), random.uniform(size=(15, 4))
y = np.sin(6 * x[:, 0]) + x[:, 1] ** 2 - x[:, 2] + 0.1 * random.standard_normal(40)
kernel = ConstantKernel(SIGNAL) * Matern(LENGTHS, nu=2.5) + WhiteKernel(NOISE)
process = GaussianProcessRegressor(kernel, alpha=0, optimizer=None).fit(x, y)
mean, deviation = process.predict(z, return_std=True)
# By the logarithms of: signal variance, lengths, noise variance.
likelihood, gradient = process.log_marginal_likelihood(process.kernel_.theta, eval_gradient=True)

print("// Made by tests/bench/reference/gaussian_process.py.")
print(f"constexpr double kSignal = {SIGNAL}, kNoise = {NOISE};")
numbers("kLengths", LENGTHS)
numbers("kX", x)
numbers("kY", y)
numbers("kZ", z)
numbers("kMean", mean)
numbers("kVariance", deviation**2 - NOISE)  # Its deviation has the noise in it.
numbers("kLikelihood", likelihood)
numbers("kLikelihoodGradient", gradient)
