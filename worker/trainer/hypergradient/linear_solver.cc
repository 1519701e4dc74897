#include "worker/trainer/hypergradient/linear_solver.h"

#include <cmath>

namespace assay {
namespace {

// Rounding lets a term grow a little where it should stay.
constexpr double kGrowth = 1.001;

LinearSolution ZeroSolution(const Tensors& b) {
  return {.x = ZerosLike(b), .residual = 0, .iterations = 0};
}

}  // namespace

Result<LinearSolution> ConjugateGradient(const SymmetricMatrix& a,
                                         const Tensors& b, int iterations,
                                         double tolerance) {
  LinearSolution solution = ZeroSolution(b);
  Tensors rest = b;
  Tensors direction = b;
  double square = Dot(b, b);
  const double scale = std::sqrt(square);
  if (scale == 0) return solution;
  solution.residual = 1;
  while (solution.iterations < iterations && solution.residual > tolerance) {
    const Tensors product = a(direction);
    const double bend = Dot(direction, product);
    if (!std::isfinite(bend)) return Failure("the curvature is not finite");
    if (bend <= 0) {
      return Failure(
          "the curvature is not positive definite; take gauss_newton, or more "
          "damping");
    }
    const double length = square / bend;
    solution.x = Plus(solution.x, direction, length);
    rest = Plus(rest, product, -length);
    const double next = Dot(rest, rest);
    direction = Plus(rest, direction, next / square);
    square = next;
    solution.residual = std::sqrt(square) / scale;
    ++solution.iterations;
  }
  return solution;
}

// With v_k = (I - rate A)^k b the residual after the terms 0 to k - 1 is
// exactly v_k.
Result<LinearSolution> NeumannSeries(const SymmetricMatrix& a, const Tensors& b,
                                     double rate, int terms, double tolerance) {
  LinearSolution solution = ZeroSolution(b);
  const double scale = NormOf(b);
  if (scale == 0) return solution;
  Tensors term = b;
  solution.residual = 1;
  while (solution.iterations < terms && solution.residual > tolerance) {
    solution.x = Plus(solution.x, term, rate);
    term = Plus(term, a(term), -rate);
    solution.residual = NormOf(term) / scale;
    ++solution.iterations;
    if (!(solution.residual <= kGrowth)) {
      return Failure(
          "the Neumann series diverges; take gauss_newton, or more damping");
    }
  }
  return solution;
}

}  // namespace assay
