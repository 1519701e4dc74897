#include "search/pareto.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

StudySpec TwoGoals() {
  StudySpec spec;
  spec.metrics = {{.name = "a"}, {.name = "b"}};  // Both minimized.
  return spec;
}

std::vector<Trial> Trials(const StudySpec& spec,
                          const std::vector<std::vector<double>>& values) {
  std::vector<Trial> trials;
  for (const std::vector<double>& row : values) {
    Trial trial;
    trial.number = static_cast<int64_t>(trials.size());
    trial.id = TrialId{100 + trial.number};
    trial.state = TrialState::kCompleted;
    for (size_t i = 0; i < row.size(); ++i) {
      trial.final_metrics[spec.metrics[i].name] = row[i];
    }
    trials.push_back(trial);
  }
  return trials;
}

std::vector<int64_t> NumbersOf(const std::vector<Trial>& trials) {
  std::vector<int64_t> numbers;
  for (const Trial& trial : trials) numbers.push_back(trial.number);
  return numbers;
}

std::optional<size_t> KneeOf(const StudySpec& spec,
                             const std::vector<std::vector<double>>& values) {
  return Knee(spec, Trials(spec, values));
}

TEST(ParetoFrontTest, HoldsWhatNothingBeats) {
  const StudySpec spec = TwoGoals();
  EXPECT_THAT(NumbersOf(ParetoFront(
                  spec, Trials(spec, {{1, 5}, {2, 2}, {3, 3}, {5, 1}}))),
              ElementsAre(0, 1, 3));
}

TEST(ParetoFrontTest, EqualTrialsAreAllOnIt) {
  const StudySpec spec = TwoGoals();
  EXPECT_THAT(NumbersOf(ParetoFront(spec, Trials(spec, {{1, 1}, {1, 1}}))),
              ElementsAre(0, 1));
}

TEST(ParetoFrontTest, ATrialWithoutANumberForEachObjectiveIsNotOnIt) {
  const StudySpec spec = TwoGoals();
  EXPECT_THAT(ParetoFront(spec, Trials(spec, {{0, std::nan("")}, {0}})),
              IsEmpty());
}

TEST(ParetoFrontTest, ATrialThatBreaksABoundIsOnItOnlyIfAllDo) {
  StudySpec spec = TwoGoals();
  spec.metrics.push_back(
      {.name = "acc", .goal = Goal::kMaximize, .bound = 0.5});
  EXPECT_THAT(NumbersOf(ParetoFront(
                  spec, Trials(spec, {{1, 1, 0.4}, {2, 2, 0.5}, {3, 3}}))),
              ElementsAre(1));
  EXPECT_THAT(NumbersOf(ParetoFront(spec, Trials(spec, {{1, 1, 0.4}}))),
              ElementsAre(0));
}

TEST(KneeTest, IsWhereTheFrontBulgesMost) {
  EXPECT_EQ(KneeOf(TwoGoals(), {{0, 10}, {1, 4}, {2, 1}, {6, 0.5}, {10, 0}}),
            2u);
}

TEST(KneeTest, DoesNotDependOnUnits) {
  EXPECT_EQ(
      KneeOf(TwoGoals(),
             {{0, 1e9}, {1e-7, 4e8}, {2e-7, 1e8}, {6e-7, 5e7}, {1e-6, 0}}),
      2u);
}

TEST(KneeTest, FollowsTheGoals) {
  StudySpec spec = TwoGoals();
  spec.metrics[0].goal = Goal::kMaximize;
  EXPECT_EQ(KneeOf(spec, {{0, 0}, {8, 1}, {9, 5}, {10, 10}}), 1u);
}

TEST(KneeTest, AStraightOrHollowFrontHasNone) {
  EXPECT_EQ(KneeOf(TwoGoals(), {{0, 2}, {1, 1}, {2, 0}}), std::nullopt);
  EXPECT_EQ(KneeOf(TwoGoals(), {{0, 10}, {9, 9}, {10, 0}}), std::nullopt);
}

TEST(KneeTest, FewerThanThreeTrialsHaveNone) {
  EXPECT_EQ(KneeOf(TwoGoals(), {{0, 1}, {1, 0}}), std::nullopt);
  EXPECT_EQ(KneeOf(TwoGoals(), {}), std::nullopt);
}

TEST(KneeTest, OneObjectiveHasNone) {
  StudySpec spec;
  spec.metrics = {{.name = "a"}};
  EXPECT_EQ(KneeOf(spec, {{1}, {1}, {1}}), std::nullopt);
}

TEST(KneeTest, OfThreeObjectivesTheFarthestFromTheirPlane) {
  StudySpec spec = TwoGoals();
  spec.metrics.push_back({.name = "c"});
  // The plane through the first three is a + b + c = 2 of 3, less is better.
  EXPECT_EQ(KneeOf(spec, {{0, 1, 1},
                          {1, 0, 1},
                          {1, 1, 0},
                          {0.5, 0.5, 0.5},
                          {0.2, 0.3, 0.4},
                          {0.9, 0.4, 0.1}}),
            4u);
}

TEST(KneeTest, TheHyperplaneRunsThroughTheExtremesNotThroughTheCorners) {
  StudySpec spec = TwoGoals();
  spec.metrics.push_back({.name = "c"});
  // Best in a: (0, 1, .2), in b: (1, 0, .2), in c: (1, 1, 0), in values where
  // larger is better (1, 0, .8), (0, 1, .8), (0, 0, 1): the normal is
  // (.2, .2, 1), so that c weighs most.
  EXPECT_EQ(KneeOf(spec, {{0, 1, 0.2},
                          {1, 0, 0.2},
                          {1, 1, 0},
                          {0.4, 0.4, 0.3},
                          {0.6, 0.6, 0.05},
                          {0.9, 0.9, 1}}),
            4u);
}

TEST(KneeTest, ATrialThatIsBestInTwoObjectivesLeavesTheCorners) {
  StudySpec spec = TwoGoals();
  spec.metrics.push_back({.name = "c"});
  EXPECT_EQ(KneeOf(spec, {{0, 0, 1}, {0.1, 0.2, 0.3}, {1, 1, 0}}), 1u);
}

TEST(KneeTest, AnObjectiveInWhichAllAreEqualIsLeftOut) {
  StudySpec spec = TwoGoals();
  spec.metrics.push_back({.name = "c"});
  EXPECT_EQ(KneeOf(spec, {{0, 10, 7}, {1, 1, 7}, {10, 0, 7}}), 1u);
  EXPECT_EQ(KneeOf(spec, {{7, 7, 7}, {7, 7, 7}, {7, 7, 7}}), std::nullopt);
}

TEST(KneeTest, InfiniteAndHugeValuesDoNoHarm) {
  const double infinity = std::numeric_limits<double>::infinity();
  const double huge = std::numeric_limits<double>::max();
  EXPECT_EQ(KneeOf(TwoGoals(), {{-infinity, 20}, {0, 10}, {1, 1}, {10, 0}}),
            2u);
  EXPECT_EQ(KneeOf(TwoGoals(), {{-huge, huge}, {0, -huge / 2}, {huge, -huge}}),
            1u);
}

TEST(KneeTest, OfEqualOnesTheFirst) {
  EXPECT_EQ(KneeOf(TwoGoals(), {{0, 10}, {1, 2}, {2, 1}, {10, 0}}), 1u);
}

}  // namespace
}  // namespace assay
