#include "search/insight/model_quality.h"

#include <cmath>

#include "gtest/gtest.h"
#include "search/math/normal.h"
#include "tests/search/insight/studies.h"

namespace assay {
namespace {

ModelQuality QualityOf(const StudySpec& spec,
                       const std::vector<Trial>& trials) {
  const auto model = StudyModel::Fit(Shared(spec), 0, trials);
  EXPECT_TRUE(model.ok()) << model.status();
  return AssessQuality(*model);
}

TEST(ModelQualityTest, EachConfigurationIsPredictedByTheOthers) {
  const StudySpec spec = SpecOf(Numbers(1, 0, 1));
  std::vector<Trial> trials;
  for (int n = 0; n < 20; ++n) {
    trials.push_back(TrialOf(n, {{"x0", n / 20.0}}, {{"loss", n / 20.0}}));
  }
  // An outlier among points of a line: its neighbours say the line.
  trials[10].final_metrics["loss"] = 3;
  const ModelQuality quality = QualityOf(spec, trials);
  ASSERT_EQ(quality.trials.size(), 20u);
  EXPECT_EQ(quality.trials[10].number, 10);
  EXPECT_EQ(quality.trials[10].observed, 3);
  EXPECT_LT(quality.trials[10].predicted.median, 1.5);
  EXPECT_GT(3, quality.trials[10].predicted.most.high);
}

TEST(ModelQualityTest, ASmoothMetricIsPredictedWell) {
  const StudySpec spec = IshigamiSpec();
  const ModelQuality quality =
      QualityOf(spec, RandomTrials(spec, 200, 1, MeasureIshigami));
  EXPECT_GT(quality.r_squared, 0.9);
  EXPECT_GT(quality.rank_correlation, 0.9);
  EXPECT_NEAR(quality.coverage.half, 0.5, 0.1);
  EXPECT_NEAR(quality.coverage.most, 0.9, 0.07);
}

TEST(ModelQualityTest, NoiseIsNotPredicted) {
  const StudySpec spec = SpecOf(Numbers(2, 0, 1));
  Random random(2);
  const ModelQuality quality =
      QualityOf(spec, RandomTrials(spec, 60, 3, [&](const Parameters&) {
                  return Metrics{{"loss", DrawNormal(random)}};
                }));
  EXPECT_LT(quality.r_squared, 0.2);
  EXPECT_NEAR(quality.coverage.most, 0.9, 0.08);
}

// Ten times the unit: a tenth of the density.
TEST(ModelQualityTest, TheLogScoreIsOfTheMetricsUnit) {
  const StudySpec spec = SpecOf(Numbers(2, 0, 1));
  const auto score = [&](double unit) {
    return QualityOf(spec,
                     RandomTrials(spec, 50, 4,
                                  [&](const Parameters& p) {
                                    return Metrics{
                                        {"loss",
                                         unit * (Get(p, "x0") +
                                                 std::sin(5 * Get(p, "x1")))}};
                                  }))
        .log_score;
  };
  EXPECT_NEAR(score(1) - score(10), std::log(10.0), 0.01);
}

TEST(ModelQualityTest, FourConfigurationsAreEnoughForAnAnswer) {
  const StudySpec spec = SpecOf(Numbers(1, 0, 1));
  const ModelQuality quality =
      QualityOf(spec, RandomTrials(spec, 4, 5, [](const Parameters& p) {
                  return Metrics{{"loss", Get(p, "x0")}};
                }));
  EXPECT_EQ(quality.trials.size(), 4u);
  EXPECT_TRUE(std::isfinite(quality.log_score));
}

}  // namespace
}  // namespace assay
