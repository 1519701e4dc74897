#include "search/gp/portfolio.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "search/gp/acquisition/feasibility.h"
#include "search/gp/acquisition/hypervolume_improvement.h"
#include "search/gp/acquisition/hypervolume_scalarization.h"
#include "search/gp/acquisition/log_expected_improvement.h"
#include "search/gp/acquisition/log_gain.h"
#include "search/gp/acquisition/pure_exploration.h"
#include "search/gp/acquisition/upper_confidence_bound.h"

namespace assay {
namespace {

using Pair = HypervolumeImprovement::Pair;

constexpr int kLookedAt = 50;  // Of the best rows.
constexpr double kWeightWhileInfeasible = 0.1;
// The reference point lies so much of the front's range below its worst.
constexpr double kBelowFront = 0.1;

// Some finished trials and what the models say there.
struct Finished {
  std::vector<int> rows;
  std::vector<Posterior> objectives;  // Of each objective, at the rows.
  std::vector<bool> feasible;         // Probably: 1/2 and more.
};

Eigen::MatrixXd Stack(const Surrogate& surrogate,
                      const std::vector<int>& rows) {
  Eigen::MatrixXd x(rows.size(), surrogate.features().size());
  for (size_t i = 0; i < rows.size(); ++i) {
    x.row(i) = surrogate.objective(0).process().x().row(rows[i]);
  }
  return x;
}

std::vector<bool> ProbablyFeasible(const Surrogate& surrogate,
                                   const Eigen::MatrixXd& x) {
  const std::vector<Requirement> requirements = surrogate.requirements();
  const auto processes = surrogate.processes();
  std::vector<double> logs(x.rows(), 0);
  for (size_t k = 0; k < requirements.size(); ++k) {
    const Posterior posterior =
        processes[surrogate.objectives() + k]->Predict(x);
    for (size_t i = 0; i < logs.size(); ++i) {
      const auto at = static_cast<Eigen::Index>(i);
      const double deviation = std::sqrt(posterior.variance[at]);
      logs[i] += LogFeasibility(requirements[k],
                                {posterior.mean[at], deviation, deviation})
                     .value;
    }
  }
  std::vector<bool> feasible;
  for (const double log : logs) feasible.push_back(log >= std::log(0.5));
  return feasible;
}

// If the models call none feasible: those that were.
Finished LookAt(const Surrogate& surrogate, std::vector<int> rows) {
  Finished finished{.rows = std::move(rows)};
  const Eigen::MatrixXd x = Stack(surrogate, finished.rows);
  for (int k = 0; k < surrogate.objectives(); ++k) {
    finished.objectives.push_back(surrogate.objective(k).process().Predict(x));
  }
  finished.feasible = ProbablyFeasible(surrogate, x);
  const auto& feasible = finished.feasible;
  if (std::find(feasible.begin(), feasible.end(), true) == feasible.end()) {
    for (size_t i = 0; i < finished.rows.size(); ++i) {
      finished.feasible[i] = surrogate.row(finished.rows[i]).feasible;
    }
  }
  return finished;
}

double BestMean(const Finished& finished) {
  double best = -std::numeric_limits<double>::infinity();
  double best_of_all = best;
  for (size_t i = 0; i < finished.rows.size(); ++i) {
    const double mean =
        finished.objectives[0].mean[static_cast<Eigen::Index>(i)];
    best_of_all = std::max(best_of_all, mean);
    if (finished.feasible[i]) best = std::max(best, mean);
  }
  return std::isfinite(best) ? best : best_of_all;
}

// The mean where the upper confidence bound is greatest.
double ExplorationThreshold(const Finished& finished) {
  const Posterior& posterior = finished.objectives[0];
  Eigen::Index best = 0;
  (posterior.mean.array() +
   UpperConfidenceBound::kCoefficient * posterior.variance.array().sqrt())
      .maxCoeff(&best);
  return posterior.mean[best];
}

// Rows that no other one beats in the models' targets, feasible ones if any.
std::vector<int> FrontRows(const Surrogate& surrogate) {
  const bool only_feasible = surrogate.AnyFeasible();
  std::vector<int> candidates;
  for (const int i : surrogate.BestRows(surrogate.rows())) {
    if (!only_feasible || surrogate.row(i).feasible) candidates.push_back(i);
  }
  const auto beats = [&](int a, int b) {
    bool better = false;
    for (int k = 0; k < surrogate.objectives(); ++k) {
      const Eigen::VectorXd& y = surrogate.objective(k).process().y();
      if (y[a] < y[b]) return false;
      better |= y[a] > y[b];
    }
    return better;
  };
  std::vector<int> front;  // By falling sum: whatever beats one comes before.
  for (const int i : candidates) {
    if (std::none_of(front.begin(), front.end(),
                     [&](int other) { return beats(other, i); })) {
      front.push_back(i);
    }
  }
  return front;
}

// [front, objectives], posterior means.
Eigen::MatrixXd Means(const Finished& front) {
  Eigen::MatrixXd means(front.rows.size(), front.objectives.size());
  for (size_t k = 0; k < front.objectives.size(); ++k) {
    means.col(static_cast<Eigen::Index>(k)) = front.objectives[k].mean;
  }
  return means;
}

struct Range {
  double worst = std::numeric_limits<double>::infinity();
  double best = -worst;
};

Range RangeOf(const Eigen::VectorXd& y, const std::vector<int>& rows) {
  Range range;
  for (const int i : rows) {
    range.worst = std::min(range.worst, y[i]);
    range.best = std::max(range.best, y[i]);
  }
  return range;
}

// A little worse than the worst of the front, so that its ends do not count for
// more than its middle (as BoTorch infers it). Where the front has no range:
// by that of what succeeded.
Eigen::VectorXd Reference(const Surrogate& surrogate,
                          const std::vector<int>& front) {
  const std::vector<int> rows = surrogate.BestRows(surrogate.rows());
  Eigen::VectorXd reference(surrogate.objectives());
  for (int k = 0; k < surrogate.objectives(); ++k) {
    const Eigen::VectorXd& y = surrogate.objective(k).process().y();
    Range range = RangeOf(y, front);
    const double worst = range.worst;
    if (range.best == range.worst) range = RangeOf(y, rows);
    if (range.best == range.worst) range.best += 1;
    reference[k] = worst - kBelowFront * (range.best - range.worst);
  }
  return reference;
}

std::unique_ptr<const Acquisition> In(
    AcquisitionUnit unit, std::unique_ptr<const Acquisition> acquisition,
    double reference) {
  if (unit == AcquisitionUnit::kModel) return acquisition;
  return std::make_unique<LogGain>(std::move(acquisition), reference);
}

std::unique_ptr<const Acquisition> OfManyObjectives(Arm arm,
                                                    const Surrogate& surrogate,
                                                    const Finished& front,
                                                    uint64_t seed,
                                                    AcquisitionUnit unit) {
  const Eigen::MatrixXd means = Means(front);
  const Eigen::VectorXd reference = Reference(surrogate, front.rows);
  if (arm != Arm::kImprovement || surrogate.objectives() != 2) {
    auto made =
        std::make_unique<HypervolumeScalarization>(means, reference, seed);
    const double seen = made->ValueOfSeen();
    return In(unit, std::move(made), seen);
  }
  std::vector<Pair> pairs;
  for (Eigen::Index i = 0; i < means.rows(); ++i) {
    pairs.push_back({means(i, 0), means(i, 1)});
  }
  return std::make_unique<HypervolumeImprovement>(
      pairs, Pair{reference[0], reference[1]});
}

std::unique_ptr<const Acquisition> OfOneObjective(Arm arm,
                                                  const Finished& finished,
                                                  double incumbent,
                                                  AcquisitionUnit unit) {
  if (arm == Arm::kImprovement) {
    return std::make_unique<LogExpectedImprovement>(incumbent);
  }
  if (arm == Arm::kExploration) {
    return std::make_unique<PureExploration>(ExplorationThreshold(finished));
  }
  return In(unit, std::make_unique<UpperConfidenceBound>(), incumbent);
}

}  // namespace

std::string ToText(Arm arm) {
  switch (arm) {
    case Arm::kImprovement:
      return "expected improvement";
    case Arm::kExploration:
      return "exploration";
    default:
      return "upper confidence bound";
  }
}

ArmAcquisition MakeAcquisition(Arm arm, const Surrogate& surrogate,
                               uint64_t seed, AcquisitionUnit unit) {
  const bool one = surrogate.objectives() == 1;
  const Finished finished = LookAt(
      surrogate, one ? surrogate.BestRows(kLookedAt) : FrontRows(surrogate));
  ArmAcquisition made{.incumbent = BestMean(finished)};
  made.acquisition =
      one ? OfOneObjective(arm, finished, made.incumbent, unit)
          : OfManyObjectives(arm, surrogate, finished, seed, unit);
  const std::vector<Requirement> requirements = surrogate.requirements();
  if (requirements.empty()) return made;
  const double weight = surrogate.AnyFeasible() ? 1.0 : kWeightWhileInfeasible;
  made.acquisition = std::make_unique<Feasibility>(std::move(made.acquisition),
                                                   weight, requirements);
  return made;
}

}  // namespace assay
