// What gradients bring to `bayesian`: median regret after 25 and 50 trials of
// 40 seeds with exact gradients, without, with noisy ones and with gradients of
// the wrong sign, and CPU milliseconds a proposal. Figures for people.

#include <time.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include "search/factory.h"
#include "search/math/normal.h"
#include "search/search_strategy.h"
#include "tests/support/hartmann6.h"

namespace assay {
namespace {

constexpr int kParameters = 6;
constexpr int kSeeds = 40;
constexpr int kTrials = 50;
using Point = std::array<double, kParameters>;

struct Value {
  double value = 0;
  Point gradient = {};
};

struct Problem {
  const char* name;
  double low, high, best;
  Value (*at)(const Point& x);
};

Value Rosenbrock(const Point& x) {
  Value out;
  for (int i = 0; i + 1 < kParameters; ++i) {
    const double bend = x[i + 1] - x[i] * x[i], off = 1 - x[i];
    out.value += 100 * bend * bend + off * off;
    out.gradient[i] += -400 * x[i] * bend - 2 * off;
    out.gradient[i + 1] += 200 * bend;
  }
  return out;
}

Value Hartmann6(const Point& x) {
  Value out;
  for (int k = 0; k < 4; ++k) {
    double sum = 0;
    for (int i = 0; i < kParameters; ++i) {
      sum += hartmann6::kWidths[k][i] * (x[i] - hartmann6::kCentres[k][i]) *
             (x[i] - hartmann6::kCentres[k][i]);
    }
    const double hill = hartmann6::kHeights[k] * std::exp(-sum);
    out.value -= hill;
    for (int i = 0; i < kParameters; ++i) {
      out.gradient[i] += 2 * hill * hartmann6::kWidths[k][i] *
                         (x[i] - hartmann6::kCentres[k][i]);
    }
  }
  return out;
}

struct Mode {
  const char* name;
  double sign;   // Of the gradients; 0: none are reported.
  double noise;  // Deviation, as a share of the gradient's length.
};

std::string Name(int i) { return std::string(1, static_cast<char>('a' + i)); }

StudySpec SpecOf(const Problem& problem, const Mode& mode, uint64_t seed) {
  StudySpec spec;
  spec.algorithm.name = "bayesian";
  spec.metrics = {{.name = "loss"}};
  spec.seed = seed;
  std::vector<Parameter> parameters;
  for (int i = 0; i < kParameters; ++i) {
    parameters.push_back(
        {.name = Name(i), .domain = DoubleDomain{problem.low, problem.high}});
  }
  spec.space = *SearchSpace::Create(parameters);
  if (mode.sign != 0) spec.gradients.metric = "loss";
  return spec;
}

Measurement ReportOf(const Value& value, const Mode& mode, Random& random) {
  Measurement report{.sequence = 1, .step = 1};
  report.metrics["loss"] = value.value;
  double square = 0;
  for (const double slope : value.gradient) square += slope * slope;
  const double deviation = mode.noise * std::sqrt(square / kParameters);
  for (int i = 0; i < kParameters; ++i) {
    const double error = deviation * NormalQuantile(random.Uniform());
    report.gradients["loss"][Name(i)] = mode.sign * value.gradient[i] + error;
    report.gradient_deviations["loss"][Name(i)] = deviation;
  }
  return report;
}

double CpuMilliseconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return 1e3 * static_cast<double>(now.tv_sec) +
         1e-6 * static_cast<double>(now.tv_nsec);
}

// The least regret after each trial.
std::vector<double> Run(const Problem& problem, const Mode& mode,
                        uint64_t seed) {
  const StudySpec spec = SpecOf(problem, mode, seed);
  const auto strategy = *MakeSearchStrategy(spec);
  Random noise(seed, 1 << 20);
  std::vector<double> regrets;
  double best = std::numeric_limits<double>::infinity();
  for (int i = 1; i <= kTrials; ++i) {
    Random random(seed, i);
    Trial trial = AsTrial(strategy->Suggest({}, 1, random).value()[0]);
    trial.id = {i};
    trial.state = TrialState::kCompleted;
    Point x;
    for (int j = 0; j < kParameters; ++j) {
      x[j] = std::get<double>(trial.parameters.at(Name(j)));
    }
    const Measurement report = ReportOf(problem.at(x), mode, noise);
    trial.last_step = 1;
    trial.final_metrics = report.metrics;
    if (strategy->WantsReports()) strategy->ObserveReport(trial, report);
    strategy->Observe(trial);
    best = std::min(best, report.metrics.at("loss") - problem.best);
    regrets.push_back(best);
  }
  return regrets;
}

double MedianAt(const std::vector<std::vector<double>>& runs, int trials) {
  std::vector<double> at;
  for (const auto& run : runs) at.push_back(run[trials - 1]);
  std::sort(at.begin(), at.end());
  return (at[at.size() / 2] + at[(at.size() - 1) / 2]) / 2;
}

void Measure(const Problem& problem, const Mode& mode) {
  const double start = CpuMilliseconds();
  std::vector<std::vector<double>> runs;
  for (int seed = 1; seed <= kSeeds; ++seed) {
    runs.push_back(Run(problem, mode, seed));
  }
  std::printf("%-12s %-12s %9.3g %9.3g %9.1f ms\n", problem.name, mode.name,
              MedianAt(runs, kTrials / 2), MedianAt(runs, kTrials),
              (CpuMilliseconds() - start) / (kSeeds * kTrials));
  std::fflush(stdout);
}

}  // namespace
}  // namespace assay

int main() {
  using assay::Mode, assay::Problem;
  const Problem problems[] = {
      {"hartmann6", 0, 1, -3.32236801141551, assay::Hartmann6},
      {"rosenbrock", -3, 2, 0, assay::Rosenbrock}};
  const Mode modes[] = {{"without", 0, 0},
                        {"exact", 1, 0},
                        {"noise 0.5", 1, 0.5},
                        {"wrong sign", -1, 0}};
  for (const Problem& problem : problems) {
    for (const Mode& mode : modes) assay::Measure(problem, mode);
  }
  return 0;
}
