#include "search/insight/prediction.h"

#include <cmath>

#include "gtest/gtest.h"
#include "search/math/normal.h"
#include "tests/search/insight/studies.h"

namespace assay {
namespace {

// Noise of deviation 0.1 around a bowl; 100 + that to maximize the other way.
Metrics Measure(const Parameters& p, Random& random) {
  const double x = Get(p, "x0"), y = Get(p, "x1");
  const double loss = 3 * x * x + y + 0.1 * DrawNormal(random);
  return {{"loss", loss}, {"gain", 100 - loss}};
}

StudySpec Spec() {
  StudySpec spec = SpecOf(Numbers(2, -1, 1));
  spec.metrics.push_back({.name = "gain", .goal = Goal::kMaximize});
  return spec;
}

std::vector<Trial> Trials(const StudySpec& spec, int count, uint64_t seed) {
  Random random(seed, 1);
  return RandomTrials(spec, count, seed,
                      [&](const Parameters& p) { return Measure(p, random); });
}

TEST(PredictionTest, IntervalsAreAroundTheMedianInTheMetricsUnit) {
  const StudySpec spec = Spec();
  const auto model = StudyModel::Fit(Shared(spec), 0, Trials(spec, 60, 1));
  ASSERT_TRUE(model.ok());
  const Prediction at = Predict(*model, {{{"x0", 0.5}, {"x1", 0.25}}})[0];
  EXPECT_NEAR(at.median, 1, 0.15);
  EXPECT_LT(at.most.low, at.half.low);
  EXPECT_LT(at.half.low, at.median);
  EXPECT_LT(at.median, at.half.high);
  EXPECT_LT(at.half.high, at.most.high);
  EXPECT_NEAR(at.most.high - at.most.low, 2 * 1.645 * 0.1, 0.15);
  EXPECT_FALSE(at.keeps_bound.has_value());
}

TEST(PredictionTest, AMetricToMaximizeIsTheMirrorImage) {
  const StudySpec spec = Spec();
  const auto trials = Trials(spec, 60, 2);
  const auto loss = StudyModel::Fit(Shared(spec), 0, trials);
  const auto gain = StudyModel::Fit(Shared(spec), 1, trials);
  const std::vector<Parameters> at = {{{"x0", 0.1}, {"x1", -0.7}}};
  const Prediction a = Predict(*loss, at)[0], b = Predict(*gain, at)[0];
  EXPECT_NEAR(a.median, 100 - b.median, 1e-6);
  EXPECT_NEAR(a.most.low, 100 - b.most.high, 1e-6);
}

// Trials that the model has not seen.
TEST(PredictionTest, IntervalsHoldNewTrialsAsOftenAsTheySay) {
  const StudySpec spec = Spec();
  double half = 0, most = 0, count = 0;
  for (uint64_t seed = 10; seed < 20; ++seed) {
    const auto model = StudyModel::Fit(Shared(spec), 0, Trials(spec, 50, seed));
    ASSERT_TRUE(model.ok());
    std::vector<Parameters> points;
    std::vector<double> values;
    for (const Trial& trial : Trials(spec, 200, seed + 100)) {
      points.push_back(trial.parameters);
      values.push_back(trial.final_metrics.at("loss"));
    }
    const std::vector<Prediction> said = Predict(*model, points);
    for (size_t i = 0; i < said.size(); ++i, ++count) {
      half += values[i] >= said[i].half.low && values[i] <= said[i].half.high;
      most += values[i] >= said[i].most.low && values[i] <= said[i].most.high;
    }
  }
  EXPECT_NEAR(half / count, 0.5, 0.06);
  EXPECT_NEAR(most / count, 0.9, 0.05);
}

TEST(PredictionTest, TheChanceToKeepABoundFollowsTheDistanceToIt) {
  StudySpec spec = Spec();
  spec.metrics[1].bound = 98;  // gain >= 98: loss <= 2.
  const auto model = StudyModel::Fit(Shared(spec), 1, Trials(spec, 60, 3));
  ASSERT_TRUE(model.ok());
  const auto said = Predict(*model, {{{"x0", 0.0}, {"x1", 0.0}},
                                     {{"x0", std::sqrt(0.5)}, {"x1", 0.5}},
                                     {{"x0", 1.0}, {"x1", 1.0}}});
  EXPECT_GT(*said[0].keeps_bound, 0.99);
  EXPECT_NEAR(*said[1].keeps_bound, 0.5, 0.3);
  EXPECT_LT(*said[2].keeps_bound, 0.01);
}

TEST(PredictionTest, FarFromTheTrialsLessIsKnown) {
  const StudySpec spec = Spec();
  std::vector<Trial> trials;
  for (const Trial& trial : Trials(spec, 80, 4)) {
    if (Get(trial.parameters, "x0") < 0) trials.push_back(trial);
  }
  const auto model = StudyModel::Fit(Shared(spec), 0, trials);
  const auto said = Predict(
      *model, {{{"x0", -0.5}, {"x1", 0.0}}, {{"x0", 1.0}, {"x1", 0.0}}});
  EXPECT_GT(said[1].most.high - said[1].most.low,
            2 * (said[0].most.high - said[0].most.low));
}

}  // namespace
}  // namespace assay
