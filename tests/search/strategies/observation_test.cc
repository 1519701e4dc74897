#include "search/strategies/observation.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"

namespace assay {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Of one parameter; "loss" is minimised, "gain" maximised, "size" bounded.
StudySpec Spec() {
  StudySpec spec;
  spec.metrics = {{.name = "loss"},
                  {.name = "size", .bound = 3},
                  {.name = "gain", .goal = Goal::kMaximize}};
  spec.space =
      *SearchSpace::Create({{.name = "x", .domain = DoubleDomain{0, 1}}}, {});
  return spec;
}

Measurement At(int64_t step, Metrics metrics) {
  Measurement measurement;
  measurement.step = step;
  measurement.metrics = std::move(metrics);
  return measurement;
}

std::vector<Observation::Point> CurveOf(
    const std::vector<Measurement>& measurements) {
  Trial trial;
  trial.state = TrialState::kStopped;
  trial.parameters = {{"x", 0.5}};
  return ToObservation(trial, Spec(), measurements).curve;
}

TEST(ObservationTest, OtherMetricsBetweenTwoValuesOfAnObjectiveHideNeither) {
  const auto curve =
      CurveOf({At(1, {{"loss", 5.0}, {"gain", 1.0}}), At(2, {{"speed", 9.0}}),
               At(3, {{"size", 2.0}}), At(4, {{"gain", 2.0}})});
  ASSERT_EQ(curve.size(), 2u);
  EXPECT_EQ(curve[0].step, 1);
  EXPECT_EQ(curve[0].values, std::vector<double>({-5, 1}));
  EXPECT_EQ(curve[1].step, 4);
  EXPECT_EQ(curve[1].values, std::vector<double>({-5, 2}));
}

TEST(ObservationTest, OfOneStepTheLastValueOfEachObjectiveCounts) {
  const auto curve = CurveOf({At(2, {{"loss", 4.0}, {"gain", 7.0}}),
                              At(2, {{"loss", 3.0}}), At(1, {{"gain", 6.0}})});
  ASSERT_EQ(curve.size(), 2u);
  EXPECT_EQ(curve[0].step, 1);
  EXPECT_TRUE(std::isnan(curve[0].values[0]));  // None yet.
  EXPECT_EQ(curve[0].values[1], 6);
  EXPECT_EQ(curve[1].values, std::vector<double>({-3, 7}));
}

TEST(ObservationTest, AValueThatIsNotFiniteIsNotTheOneBefore) {
  const auto curve = CurveOf({At(1, {{"loss", 4.0}, {"gain", 7.0}}),
                              At(2, {{"loss", kNaN}}), At(3, {{"gain", 8.0}})});
  ASSERT_EQ(curve.size(), 3u);
  EXPECT_TRUE(std::isnan(curve[1].values[0]));
  EXPECT_EQ(curve[1].values[1], 7);
  EXPECT_TRUE(std::isnan(curve[2].values[0]));
}

}  // namespace
}  // namespace assay
