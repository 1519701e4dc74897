#include "search/strategies/regularized_evolution.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/search/strategies/learned.h"

namespace assay {
namespace {

constexpr int kParameters = 4;
constexpr size_t kPopulation = 100;

StudySpec Spec() {
  std::vector<Parameter> parameters;
  for (int i = 0; i < kParameters; ++i) {
    parameters.push_back({absl::StrCat("p", i), DoubleDomain{}, {}, {}});
  }
  return SpecWith("regularized_evolution", std::move(parameters));
}

// `count` random trials; the i-th has the loss i: the oldest are the best.
std::vector<Trial> Trials(int count) {
  Random random(3);
  std::vector<Trial> trials;
  for (int i = 0; i < count; ++i) {
    Parameters parameters;
    for (int k = 0; k < kParameters; ++k) {
      parameters[absl::StrCat("p", k)] = random.Uniform();
    }
    trials.push_back(Completed(std::move(parameters), {{"loss", i}}));
  }
  return trials;
}

int Differences(const Parameters& a, const Parameters& b) {
  int differences = 0;
  for (const auto& [name, value] : a) differences += value != b.at(name);
  return differences;
}

// The trial that differs in one parameter; -1 if there is none.
int ParentOf(const Proposal& child, const std::vector<Trial>& trials) {
  for (size_t i = 0; i < trials.size(); ++i) {
    if (Differences(child.parameters, trials[i].parameters) == 1) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

TEST(RegularizedEvolutionTest, AChildDiffersInOneParameterFromOneOfTheNewest) {
  const std::vector<Trial> trials = Trials(150);
  const auto strategy = Learned(Spec(), trials);
  for (const Proposal& child : Propose(*strategy, 100)) {
    EXPECT_GE(ParentOf(child, trials), 150 - static_cast<int>(kPopulation));
  }
}

// Of 100 that are drawn in tens, the winner's rank is 9.2 on average.
TEST(RegularizedEvolutionTest, ParentsAreTheBestOfTen) {
  const std::vector<Trial> trials = Trials(kPopulation);
  const auto strategy = Learned(Spec(), trials);
  double sum = 0;
  for (const Proposal& child : Propose(*strategy, 400)) {
    sum += ParentOf(child, trials);
  }
  EXPECT_NEAR(sum / 400, 9, 2);
}

}  // namespace
}  // namespace assay
