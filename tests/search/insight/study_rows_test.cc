#include "search/insight/study_rows.h"

#include <limits>

#include "gtest/gtest.h"
#include "tests/search/insight/studies.h"

namespace assay {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

StudySpec TwoMetrics() {
  StudySpec spec = SpecOf(Numbers(1, 0, 1));
  spec.metrics = {{.name = "loss"}, {.name = "gain", .goal = Goal::kMaximize}};
  return spec;
}

Trial At(int64_t number, double x, Metrics metrics) {
  return TrialOf(number, {{"x0", x}}, std::move(metrics));
}

TEST(StudyRowsTest, EachMetricHasTheTrialsThatHaveIt) {
  StudyRows rows(TwoMetrics());
  rows.Add(At(4, 0.1, {{"loss", 1.0}, {"gain", kNaN}}));
  rows.Add(At(2, 0.2, {{"gain", 2.0}}));
  rows.Add(TrialOf(1, {{"x0", 0.3}}, {{"loss", 3.0}}, TrialState::kStopped));
  const auto loss = rows.Choose(0, 10, 2), gain = rows.Choose(1, 10, 2);
  ASSERT_EQ(loss.size(), 1u);
  EXPECT_EQ(loss[0].number, 4);
  EXPECT_EQ(loss[0].id, TrialId{5});
  EXPECT_EQ(loss[0].value, 1);
  ASSERT_EQ(gain.size(), 1u);
  EXPECT_EQ(gain[0].number, 2);
}

TEST(StudyRowsTest, RunsOfOneConfigurationAreTheirMeanInAnyOrder) {
  StudyRows rows(TwoMetrics());
  for (const int64_t number : {5, 3, 8}) {
    Trial trial = At(number, 0.1, {{"loss", static_cast<double>(number)}});
    trial.replicate = static_cast<int32_t>(number);
    rows.Add(std::move(trial));
  }
  Trial longer = At(9, 0.1, {{"loss", 100.0}});
  longer.to_step = 10;
  rows.Add(std::move(longer));
  const auto loss = rows.Choose(0, 10, 2);
  ASSERT_EQ(loss.size(), 2u);
  EXPECT_EQ(loss[0].number, 3);
  EXPECT_EQ(loss[0].id, TrialId{4});
  EXPECT_EQ(loss[0].count, 3);
  EXPECT_NEAR(loss[0].value, 16.0 / 3, 1e-12);
  EXPECT_EQ(loss[1].number, 9);
}

TEST(StudyRowsTest, TheMeanOfTheLargestNumbersIsANumber) {
  constexpr double kLargest = std::numeric_limits<double>::max();
  StudyRows rows(TwoMetrics());
  rows.Add(At(0, 0.1, {{"loss", kLargest}}));
  rows.Add(At(1, 0.1, {{"loss", -kLargest}}));
  rows.Add(At(2, 0.2, {{"loss", kLargest}}));
  rows.Add(At(3, 0.2, {{"loss", kLargest}}));
  const auto loss = rows.Choose(0, 10, 2);
  EXPECT_EQ(loss[0].value, 0);
  EXPECT_EQ(loss[1].value, kLargest);
}

TEST(StudyRowsTest, OfTooManyTheBestOfTheMetricAndAnEvenSpread) {
  StudyRows rows(TwoMetrics());
  for (int n = 0; n < 100; ++n) {
    rows.Add(At(n, n / 100.0, {{"loss", -n}, {"gain", -n}}));
  }
  const auto numbers = [&](int metric) {
    std::vector<int64_t> chosen;
    for (const StudyRow& row : rows.Choose(metric, 6, 3)) {
      chosen.push_back(row.number);
    }
    return chosen;
  };
  EXPECT_EQ(numbers(0), std::vector<int64_t>({0, 48, 96, 97, 98, 99}));
  EXPECT_EQ(numbers(1), std::vector<int64_t>({0, 1, 2, 3, 51, 99}));
}

}  // namespace
}  // namespace assay
