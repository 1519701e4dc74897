// What every strategy that learns is for: on smooth functions it finds better
// points than random search does. A new one is one more line in kAll.

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/search/strategies/study_run.h"
#include "tests/support/hartmann6.h"

namespace assay {
namespace {

constexpr int kSeeds = 20;

// With its minimum at 0.
struct Function {
  const char* name;
  std::vector<Parameter> parameters;
  double (*value)(const std::vector<double>& x);
};

double Branin(const std::vector<double>& x) {
  const double parabola =
      x[1] - 5.1 / (4 * M_PI * M_PI) * x[0] * x[0] + 5 / M_PI * x[0] - 6;
  const double wave = 10 * (1 - 1 / (8 * M_PI)) * std::cos(x[0]) + 10;
  return parabola * parabola + wave - 0.397887;
}

double Hartmann6(const std::vector<double>& x) {
  double sum = 0;
  for (int i = 0; i < 4; ++i) {
    double distance = 0;
    for (int k = 0; k < 6; ++k) {
      distance += hartmann6::kWidths[i][k] *
                  std::pow(x[k] - hartmann6::kCentres[i][k], 2);
    }
    sum += hartmann6::kHeights[i] * std::exp(-distance);
  }
  return 3.32237 - sum;
}

Parameter Range(std::string name, double min, double max) {
  return {std::move(name), DoubleDomain{.min = min, .max = max}, {}, {}};
}

Function BraninFunction() {
  return {"Branin", {Range("x0", -5, 10), Range("x1", 0, 15)}, Branin};
}

Function Hartmann6Function() {
  Function function{"Hartmann-6", {}, Hartmann6};
  for (int i = 0; i < 6; ++i) {
    function.parameters.push_back(Range(absl::StrCat("x", i), 0, 1));
  }
  return function;
}

double Regret(const std::string& strategy, const Function& function, int trials,
              int workers, uint64_t seed) {
  StudySpec spec;
  spec.algorithm.name = strategy;
  spec.metrics = {{.name = "loss"}};
  spec.space = *SearchSpace::Create(function.parameters);
  spec.seed = seed;
  spec.budget.max_trials = trials;
  const auto train = [&](const Parameters& parameters) {
    std::vector<double> x;
    for (const auto& [name, value] : parameters) x.push_back(*AsNumber(value));
    return Metrics{{"loss", function.value(x)}};
  };
  double best = INFINITY;
  for (const Trial& trial : RunStudy(spec, trials, workers, train)) {
    best = std::min(best, trial.final_metrics.at("loss"));
  }
  return best;
}

double MedianRegret(const std::string& strategy, const Function& function,
                    int trials, int workers) {
  std::vector<double> regrets;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    regrets.push_back(Regret(strategy, function, trials, workers, seed));
  }
  std::sort(regrets.begin(), regrets.end());
  return (regrets[kSeeds / 2 - 1] + regrets[kSeeds / 2]) / 2;
}

// The median regret of `strategy` is at most this share of random search's.
struct Promise {
  const char* strategy;
  int trials;
  double of_branin;
  double of_hartmann6;
  double with_ten_workers;  // On Hartmann-6.
};

constexpr Promise kAll[] = {
    {"bayesian", 50, 0.01, 0.1, 0.6},
    {"cma_es", 200, 0.01, 0.15, 0.35},
    {"differential_evolution", 200, 0.1, 0.3, 0.5},
    {"genetic", 200, 0.1, 0.4, 0.6},
    {"nsga2", 200, 0.1, 0.4, 0.6},
    {"particle_swarm", 200, 0.6, 0.4, 0.6},
    {"regularized_evolution", 200, 0.1, 0.15, 0.3},
    {"simulated_annealing", 200, 0.1, 0.3, 0.5},
    {"tpe", 200, 0.03, 0.1, 0.35},
};

class RegretTest : public testing::TestWithParam<Promise> {
 protected:
  // As a share of random search's.
  static double Share(const Function& function, int workers) {
    const Promise& promise = GetParam();
    const double regret =
        MedianRegret(promise.strategy, function, promise.trials, workers);
    const double random = MedianRegret("random", function, promise.trials, 1);
    RecordProperty("regret", absl::StrCat(regret));
    RecordProperty("random", absl::StrCat(random));
    return regret / random;
  }
};

INSTANTIATE_TEST_SUITE_P(All, RegretTest, testing::ValuesIn(kAll),
                         [](const auto& test) { return test.param.strategy; });

TEST_P(RegretTest, IsASmallShareOfRandomSearchsOnBranin) {
  EXPECT_LE(Share(BraninFunction(), 1), GetParam().of_branin);
}

TEST_P(RegretTest, IsASmallShareOfRandomSearchsOnHartmann6) {
  EXPECT_LE(Share(Hartmann6Function(), 1), GetParam().of_hartmann6);
}

TEST_P(RegretTest, IsASmallShareWithTenWorkersToo) {
  EXPECT_LE(Share(Hartmann6Function(), 10), GetParam().with_ten_workers);
}

}  // namespace
}  // namespace assay
