#include <cmath>
#include <functional>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "search/pareto.h"
#include "tests/search/strategies/hypervolume.h"
#include "tests/search/strategies/learned.h"
#include "tests/search/strategies/study_run.h"

namespace assay {
namespace {

// What another implementation reaches.
struct Reference {
  double mean;
  double deviation;  // Of one run.
};

#include "tests/search/strategies/nsga2_reference.inc"

constexpr int kReferenceSeeds = 20;
constexpr int kSeeds = 6;
constexpr int kTrials = 2000;

using Values = std::vector<double>;

struct Problem {
  int parameters;
  int objectives;
  Values (*evaluate)(const Values& x);  // Of x in [0, 1], to minimize.
};

// Zitzler, Deb & Thiele 2000.
Values Zdt1(const Values& x) {
  double g = 1;
  for (size_t i = 1; i < x.size(); ++i) {
    g += 9 * x[i] / static_cast<double>(x.size() - 1);
  }
  return {x[0], g * (1 - std::sqrt(x[0] / g))};
}

// Deb et al. 2002, with three objectives.
Values Dtlz2(const Values& x) {
  double g = 0;
  for (size_t i = 2; i < x.size(); ++i) g += std::pow(x[i] - 0.5, 2);
  const double a = x[0] * M_PI / 2, b = x[1] * M_PI / 2;
  return {(1 + g) * std::cos(a) * std::cos(b),
          (1 + g) * std::cos(a) * std::sin(b), (1 + g) * std::sin(a)};
}

StudySpec SpecOf(const Problem& problem, uint64_t seed) {
  StudySpec spec;
  spec.algorithm.name = "nsga2";
  spec.seed = seed;
  for (int i = 0; i < problem.objectives; ++i) {
    spec.metrics.push_back({.name = absl::StrCat("f", i)});
  }
  std::vector<Parameter> parameters;
  for (int i = 0; i < problem.parameters; ++i) {
    parameters.push_back(
        {absl::StrCat("x", 100 + i), DoubleDomain{}, {}, {}});  // In order.
  }
  spec.space = *SearchSpace::Create(std::move(parameters));
  return spec;
}

Values XOf(const Parameters& parameters) {
  Values x;
  for (const auto& [name, value] : parameters) x.push_back(*AsNumber(value));
  return x;
}

std::vector<Trial> Run(const Problem& problem, uint64_t seed) {
  const auto train = [&](const Parameters& parameters) {
    Metrics metrics;
    int i = 0;
    for (const double value : problem.evaluate(XOf(parameters))) {
      metrics[absl::StrCat("f", i++)] = value;
    }
    return metrics;
  };
  return RunStudy(SpecOf(problem, seed), kTrials, 1, train);
}

double HypervolumeOf(const Problem& problem, uint64_t seed) {
  const StudySpec spec = SpecOf(problem, seed);
  std::vector<Values> points;
  for (const Trial& trial : ParetoFront(spec, Run(problem, seed))) {
    Values point;
    for (const auto& [name, value] : trial.final_metrics)
      point.push_back(value);
    points.push_back(std::move(point));
  }
  return Hypervolume(std::move(points), Values(problem.objectives, 1.1));
}

// Not worse than the reference by more than two standard errors of the
// difference of both means.
void ExpectAsGoodAs(const Problem& problem, const Reference& reference) {
  double sum = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    sum += HypervolumeOf(problem, seed);
  }
  const double error =
      reference.deviation * std::sqrt(1.0 / kReferenceSeeds + 1.0 / kSeeds);
  EXPECT_GE(sum / kSeeds, reference.mean - 2 * error);
  testing::Test::RecordProperty("hypervolume", absl::StrCat(sum / kSeeds));
}

TEST(Nsga2Test, ReachesTheReferencesHypervolumeOnZdt1) {
  ExpectAsGoodAs({10, 2, Zdt1}, kZdt1);
}

TEST(Nsga2Test, ReachesTheReferencesHypervolumeOnDtlz2) {
  ExpectAsGoodAs({12, 3, Dtlz2}, kDtlz2);
}

TEST(Nsga2Test, FindsFeasibleTrialsWhereNoneIsAtFirst) {
  StudySpec spec = SpecOf({6, 1, nullptr}, 1);
  spec.metrics.push_back({.name = "size", .bound = 0.02});
  const auto train = [](const Parameters& parameters) {
    Metrics metrics{{"f0", 0}, {"size", 0}};
    for (const double x : XOf(parameters)) {
      metrics["f0"] -= x;  // As large as the bound lets it.
      metrics["size"] += (x - 0.2) * (x - 0.2);
    }
    return metrics;
  };
  const std::vector<Trial> trials = RunStudy(spec, 500, 4, train);
  const std::vector<Trial> first(trials.begin(), trials.begin() + 20);
  EXPECT_FALSE(IsFeasible(spec, ParetoFront(spec, first)[0]));
  const Trial best = ParetoFront(spec, trials)[0];
  EXPECT_TRUE(IsFeasible(spec, best));
  // The best there is: -(6 * 0.2 + sqrt(6 * 0.02)) = -1.546.
  EXPECT_LE(best.final_metrics.at("f0"), -1.35);
  RecordProperty("best", absl::StrCat(best.final_metrics.at("f0")));
}

// 30 trials on one front, of which ten stay: both ends first, then the others.
TEST(Nsga2Test, CrowdingKeepsTheEndsOfAFront) {
  StudySpec spec =
      SpecWith("nsga2", {{"gene", IntegerDomain{.min = 0, .max = 999}, {}, {}},
                         {"own", IntegerDomain{.min = 0, .max = 999}, {}, {}}});
  spec.metrics.push_back({.name = "other"});
  spec.budget.max_trials = 100;
  std::vector<Trial> trials;
  for (const int64_t i : {0, 29}) {
    trials.push_back(Completed({{"gene", 30 * i}, {"own", i}},
                               {{"loss", i}, {"other", 29 - i}}));
  }
  for (int64_t i = 1; i < 29; ++i) {
    trials.push_back(Completed({{"gene", 30 * i}, {"own", i}},
                               {{"loss", i}, {"other", 29 - i}}));
  }
  const auto strategy = Learned(spec, trials);
  int first = 0, last = 0;
  for (const Proposal& child : Propose(*strategy, 200)) {
    first += child.parameters.at("gene") == ParameterValue(int64_t{0});
    last += child.parameters.at("gene") == ParameterValue(int64_t{870});
  }
  EXPECT_GE(first, 10);
  EXPECT_GE(last, 10);
}

TEST(HypervolumeTest, IsTheVolumeOfTheUnionOfBoxes) {
  EXPECT_DOUBLE_EQ(Hypervolume({{1, 2}}, {3, 3}), 2);
  EXPECT_DOUBLE_EQ(Hypervolume({{1, 2}, {2, 1}}, {3, 3}), 3);
  EXPECT_DOUBLE_EQ(Hypervolume({{1, 2}, {2, 1}, {2, 2}, {0, 4}}, {3, 3}), 3);
  EXPECT_DOUBLE_EQ(Hypervolume({{0, 0, 1}, {1, 1, 0}}, {2, 2, 2}), 5);
}

}  // namespace
}  // namespace assay
