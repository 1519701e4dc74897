#include "search/strategies/simulated_annealing.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/search/strategies/learned.h"

namespace assay {
namespace {

using ::testing::HasSubstr;

constexpr int kParameters = 20;

StudySpec Spec() {
  std::vector<Parameter> parameters;
  for (int i = 0; i < kParameters; ++i) {
    parameters.push_back({absl::StrCat("p", i), DoubleDomain{}, {}, {}});
  }
  return SpecWith("simulated_annealing", std::move(parameters));
}

Parameters Everywhere(double value) {
  Parameters parameters;
  for (int i = 0; i < kParameters; ++i) {
    parameters[absl::StrCat("p", i)] = value;
  }
  return parameters;
}

// The first is the best; the others lose 1 against it.
std::vector<Trial> Start() {
  std::vector<Trial> trials = {Completed(Everywhere(0.5), {{"loss", 0}})};
  for (int i = 1; i <= 10; ++i) {
    trials.push_back(Completed(Everywhere(i / 100.0), {{"loss", 1}}));
  }
  return trials;
}

int Equal(const Parameters& a, const Parameters& b) {
  int equal = 0;
  for (const auto& [name, value] : a) equal += value == b.at(name);
  return equal;
}

// Whether each of `count` neighbours, all worse than the current point by 1,
// was moved to: a neighbour differs from where it is from in about two of 20
// parameters.
std::vector<bool> MovesToWorse(SearchStrategy& strategy, int count) {
  std::vector<bool> moves;
  Parameters current = Everywhere(0.5);
  double loss = 0;
  Proposal neighbour = Propose(strategy, 1)[0];
  for (int i = 0; i < count; ++i) {
    strategy.Observe(Completed(neighbour, {{"loss", loss + 1}}));
    const Proposal next = Propose(strategy, 1, i + 1)[0];
    moves.push_back(Equal(next.parameters, neighbour.parameters) >
                    Equal(next.parameters, current));
    if (moves.back()) current = neighbour.parameters, ++loss;
    neighbour = next;
  }
  return moves;
}

// 0.8^(1 / temperature): from 0.8 to 0.55, and below 0.02.
TEST(SimulatedAnnealingTest, FewerWorsePointsAreAcceptedAsItCools) {
  const auto strategy = Learned(Spec(), Start());
  const std::vector<bool> moves = MovesToWorse(*strategy, 88);
  EXPECT_GE(std::count(moves.begin(), moves.begin() + 20, true), 9);
  EXPECT_LE(std::count(moves.end() - 30, moves.end(), true), 1);
}

TEST(SimulatedAnnealingTest, TheTemperatureFallsAndRisesAgain) {
  const auto strategy = Learned(Spec(), Start());
  EXPECT_THAT(Propose(*strategy, 1)[0].origin.why, HasSubstr("at 100 %"));
  MovesToWorse(*strategy, 89);
  EXPECT_THAT(Propose(*strategy, 1)[0].origin.why, HasSubstr("at 1 %"));
  strategy->Observe(Completed(Propose(*strategy, 1)[0], {{"loss", 99}}));
  const Proposal again = Propose(*strategy, 1)[0];
  EXPECT_THAT(again.origin.why, HasSubstr("at 21 %"));
  EXPECT_GE(Equal(again.parameters, Everywhere(0.5)), kParameters / 2);
}

TEST(SimulatedAnnealingTest, ABetterPointIsAlwaysMovedTo) {
  const auto strategy = Learned(Spec(), Start());
  for (int i = 0; i < 50; ++i) {
    const Proposal neighbour = Propose(*strategy, 1, i)[0];
    strategy->Observe(Completed(neighbour, {{"loss", -i - 1}}));
    const Proposal next = Propose(*strategy, 1, i + 1)[0];
    EXPECT_GE(Equal(next.parameters, neighbour.parameters), kParameters / 2);
  }
}

}  // namespace
}  // namespace assay
