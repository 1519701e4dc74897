#include "search/insight/study_model.h"

#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "search/insight/prediction.h"
#include "tests/search/insight/studies.h"

namespace assay {
namespace {

using ::testing::HasSubstr;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

StudySpec Line() { return SpecOf(Numbers(1, 0, 1)); }

Trial At(int64_t number, double x, double loss,
         TrialState state = TrialState::kCompleted) {
  return TrialOf(number, {{"x0", x}}, {{"loss", loss}}, state);
}

std::string WhyNot(StudySpec spec, const std::vector<Trial>& trials) {
  const auto model = StudyModel::Fit(Shared(std::move(spec)), 0, trials);
  EXPECT_TRUE(absl::IsFailedPrecondition(model.status())) << model.status();
  return std::string(model.status().message());
}

TEST(StudyModelTest, FewerThanFourConfigurationsAreTooFew) {
  std::vector<Trial> trials;
  for (int n = 0; n < 4; ++n) {
    EXPECT_THAT(WhyNot(Line(), trials),
                HasSubstr(absl::StrCat(n, " configurations are COMPLETED")));
    trials.push_back(At(n, 0.2 * n, n));
  }
  EXPECT_TRUE(StudyModel::Fit(Shared(Line()), 0, trials).ok());
}

TEST(StudyModelTest, AConstantMetricHasNothingToExplain) {
  std::vector<Trial> trials;
  for (int n = 0; n < 10; ++n) trials.push_back(At(n, 0.1 * n, 0.5));
  EXPECT_THAT(WhyNot(Line(), trials),
              HasSubstr("all 10 values of \"loss\" are 0.5"));
}

TEST(StudyModelTest, AStudyWithoutASpaceHasNoModel) {
  StudySpec spec = Line();
  spec.space = SearchSpace();
  EXPECT_THAT(WhyNot(spec, {}), HasSubstr("declares no parameters"));
}

TEST(StudyModelTest, OnlyCompletedTrialsWithAFiniteValueCount) {
  const std::vector<Trial> trials = {
      At(0, 0.1, 1),
      At(1, 0.2, 100, TrialState::kStopped),
      At(2, 0.3, 100, TrialState::kFailed),
      At(3, 0.4, 100, TrialState::kInfeasible),
      At(4, 0.5, kNaN),
      At(5, 0.6, kInfinity),
      TrialOf(6, {{"x0", 0.65}}, {{"other", 3.0}}),
      At(7, 0.7, 2),
      At(8, 0.8, 3),
      At(9, 0.9, 4)};
  const auto model = StudyModel::Fit(Shared(Line()), 0, trials);
  ASSERT_TRUE(model.ok()) << model.status();
  std::vector<int64_t> numbers;
  for (const auto& row : model->rows()) numbers.push_back(row.number);
  EXPECT_THAT(numbers, testing::ElementsAre(0, 7, 8, 9));
}

TEST(StudyModelTest, ReplicatesAreOneRowWithLessNoise) {
  std::vector<Trial> trials;
  for (int64_t n = 0; n < 10; ++n) {
    trials.push_back(At(2 * n, 0.1 * n, n));
    trials.push_back(At(2 * n + 1, 0.1 * n, n + 2));
    trials.back().replicate = 1;
  }
  const auto model = StudyModel::Fit(Shared(Line()), 0, trials);
  ASSERT_TRUE(model.ok());
  ASSERT_EQ(model->rows().size(), 10u);
  EXPECT_EQ(model->rows()[3].number, 6);
  EXPECT_EQ(model->rows()[3].count, 2);
  EXPECT_EQ(model->rows()[3].value, 4);
}

TEST(StudyModelTest, OfTooManyTheBestAndAnEvenSpreadCount) {
  StudySpec spec = Line();
  std::vector<Trial> trials;
  for (int n = 0; n < 1200; ++n) {
    const double x = n / 1200.0;
    trials.push_back(At(n, x, std::abs(x - 0.5)));
  }
  const auto model = StudyModel::Fit(Shared(spec), 0, trials);
  ASSERT_TRUE(model.ok());
  ASSERT_EQ(model->rows().size(), 1000u);
  EXPECT_EQ(model->rows().front().number, 0);
  EXPECT_EQ(model->rows().back().number, 1199);
  int best = 0;
  for (const auto& row : model->rows()) {
    best += row.number >= 475 && row.number < 725 ? 1 : 0;
  }
  EXPECT_EQ(best, 250);
  EXPECT_GT(model->r_squared(), 0.99);
}

TEST(StudyModelTest, ASmoothMetricIsExplainedAndNoiseIsNot) {
  const StudySpec spec = IshigamiSpec();
  const auto smooth = StudyModel::Fit(
      Shared(spec), 0, RandomTrials(spec, 300, 1, MeasureIshigami));
  ASSERT_TRUE(smooth.ok());
  EXPECT_GT(smooth->r_squared(), 0.9);
  Random random(2);
  const auto noise = StudyModel::Fit(
      Shared(spec), 0, RandomTrials(spec, 100, 3, [&](const Parameters&) {
        return Metrics{{"loss", random.Uniform()}};
      }));
  ASSERT_TRUE(noise.ok());
  EXPECT_LT(noise->r_squared(), 0.1);
}

TEST(StudyModelTest, HugeValuesStayNumbers) {
  std::vector<Trial> trials;
  for (int n = 0; n < 12; ++n) trials.push_back(At(n, 0.08 * n, n));
  trials.push_back(At(12, 0.99, 1e308));
  trials.push_back(At(13, 0.995, -1e308));
  const auto model = StudyModel::Fit(Shared(Line()), 0, trials);
  ASSERT_TRUE(model.ok());
  EXPECT_FALSE(std::isnan(model->r_squared()));
  EXPECT_TRUE(std::isfinite(Predict(*model, {{{"x0", 0.5}}})[0].median));
}

TEST(StudyModelTest, AMetricIsFoundByItsName) {
  StudySpec spec = Line();
  spec.metrics = {{.name = "size", .bound = 5.0},
                  {.name = "loss"},
                  {.name = "accuracy", .goal = Goal::kMaximize}};
  EXPECT_EQ(*FindMetric(spec, ""), 1);
  EXPECT_EQ(*FindMetric(spec, "accuracy"), 2);
  EXPECT_EQ(*FindMetric(spec, "size"), 0);
  EXPECT_EQ(FindMetric(spec, "los").status(),
            absl::InvalidArgumentError("metric: \"los\" is no metric of the "
                                       "study; size, loss, accuracy"));
}

TEST(StudyModelTest, TheSameTrialsGiveTheSameModel) {
  const StudySpec spec = IshigamiSpec();
  const auto trials = RandomTrials(spec, 40, 4, MeasureIshigami);
  const auto a = StudyModel::Fit(Shared(spec), 0, trials);
  const auto b = StudyModel::Fit(Shared(spec), 0, trials);
  EXPECT_EQ(a->r_squared(), b->r_squared());
}

}  // namespace
}  // namespace assay
