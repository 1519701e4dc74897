#include "client/cli/insight_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_join.h"

namespace assay {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr Look kPlain{.color = false, .unicode = false, .width = 0};

std::string Text(const std::vector<std::string>& lines) {
  return absl::StrJoin(lines, "\n");
}

v1::MetricPrediction Said(double median, double reach) {
  v1::MetricPrediction said;
  said.set_median(median);
  said.mutable_half()->set_low(median - reach / 3);
  said.mutable_half()->set_high(median + reach / 3);
  said.mutable_most()->set_low(median - reach);
  said.mutable_most()->set_high(median + reach);
  return said;
}

v1::QualityResponse Quality(double r_squared, double rank_correlation = 0) {
  v1::QualityResponse response;
  response.set_metric("loss");
  response.set_r_squared(r_squared);
  response.set_rank_correlation(rank_correlation);
  response.set_coverage_half(0.48);
  response.set_coverage_most(0.91);
  for (int i = 0; i < 5; ++i) {
    v1::LeftOutTrial& trial = *response.add_trials();
    trial.set_number(i);
    trial.set_runs(1);
    trial.set_observed(i);
    *trial.mutable_predicted() = Said(0, 2.5);
  }
  return response;
}

TEST(InsightViewTest, ImportanceIsARowWithABarForEachParameter) {
  v1::ImportanceResponse response;
  response.set_metric("loss");
  response.set_configurations(60);
  response.set_r_squared(0.9);
  v1::ParameterImportance& lr = *response.add_parameters();
  lr.set_name("lr");
  lr.mutable_total()->set_value(1);
  lr.mutable_total()->set_standard_error(0.02);
  lr.mutable_within_best()->set_value(0.25);
  response.add_parameters()->set_name("width");
  const auto lines = ImportanceLines(response, kPlain);
  ASSERT_GE(lines.size(), 4u);
  EXPECT_THAT(lines[0], HasSubstr("loss, from 60 configurations (R^2 0.90)"));
  EXPECT_THAT(lines[2],
              StartsWith("lr         1.00 +- 0.02  " + Bar(1, 20, kPlain)));
  EXPECT_THAT(lines[2], HasSubstr("0.25 +- 0.00"));
  EXPECT_THAT(lines[3], testing::EndsWith("-"));
  EXPECT_THAT(Text(lines), Not(HasSubstr("with care")));
  response.set_r_squared(0.4);
  EXPECT_THAT(Text(ImportanceLines(response, kPlain)),
              HasSubstr("The model explains 40 % of the metric"));
  EXPECT_THAT(Text(lines), Not(HasSubstr("extreme values")));
  response.set_transformed(true);
  EXPECT_THAT(Text(ImportanceLines(response, kPlain)),
              HasSubstr("A few extreme values make the variance"));
}

TEST(InsightViewTest, APredictionIsARowForEachMetricOrWhyThereIsNone) {
  v1::StudySpec spec;
  for (const char* name : {"loss", "size", "time"}) {
    spec.add_metrics()->set_name(name);
  }
  v1::PredictResponse response;
  v1::Prediction& prediction = *response.add_predictions();
  (*prediction.mutable_metrics())["loss"] = Said(0.5, 0.3);
  (*prediction.mutable_metrics())["size"] = Said(20, 3);
  (*prediction.mutable_metrics())["size"].set_keeps_bound(0.75);
  prediction.set_keeps_bounds(0.75);
  (*response.mutable_r_squared())["loss"] = 0.81;
  (*response.mutable_r_squared())["size"] = 0.5;
  (*response.mutable_missing())["time"] = "0 configurations are COMPLETED";
  const auto lines = PredictionLines(spec, response, kPlain);
  ASSERT_EQ(lines.size(), 5u);
  EXPECT_THAT(lines[1], HasSubstr("0.5  0.4 to 0.6     0.2 to 0.8"));
  EXPECT_THAT(lines[2], HasSubstr("75 %"));
  EXPECT_EQ(lines[3], "keeps every bound: 75 %");
  EXPECT_EQ(lines[4], "time: 0 configurations are COMPLETED");
}

TEST(InsightViewTest, WhetherToTrustIsSaidInWords) {
  EXPECT_THAT(TrustInWords(Quality(0.9)), StartsWith("yes"));
  EXPECT_THAT(TrustInWords(Quality(0.5)), StartsWith("roughly"));
  EXPECT_THAT(TrustInWords(Quality(0.1, 0.2)), StartsWith("no: "));
  EXPECT_THAT(TrustInWords(Quality(-0.5, 0.9)),
              StartsWith("no, but for the order"));
}

TEST(InsightViewTest, QualityShowsTheTrialsPredictedWorst) {
  const auto lines = QualityLines(Quality(0.5), 2, kPlain);
  const std::string text = Text(lines);
  EXPECT_THAT(text, HasSubstr("50 % intervals hold  48 %"));
  EXPECT_THAT(text, HasSubstr("the 2 predicted worst"));
  EXPECT_THAT(lines[lines.size() - 2], HasSubstr("     4  "));
  EXPECT_THAT(lines[lines.size() - 2], HasSubstr("-2.5 to 2.5"));
  EXPECT_THAT(lines[lines.size() - 2], HasSubstr("outside"));
  EXPECT_THAT(lines.back(), HasSubstr("     3  "));
  EXPECT_THAT(Text(QualityLines(Quality(0.5), 0, kPlain)),
              Not(HasSubstr("predicted worst")));
}

v1::ReplayResponse Replayed() {
  v1::ReplayResponse response;
  response.set_trials(9);
  response.set_steps(100);
  response.set_seconds(200);
  response.add_best(4);
  response.set_best_value(0.5);
  v1::RuleReplay& rule = *response.add_rules();
  v1::ReplayedStop& stop = *rule.add_stops();
  stop.set_number(4);
  stop.set_step(3);
  stop.set_steps_saved(25);
  stop.set_was_best(true);
  stop.set_reason("loss 4 is above 3");
  rule.set_steps_saved(25);
  rule.set_seconds_saved(80);
  rule.set_best_stopped(1);
  rule.set_loss(0.25);
  return response;
}

TEST(InsightViewTest, AReplayShowsWhatARuleSavesAndLoses) {
  const auto lines = ReplayLines(Replayed(), {"{median: {}}"}, kPlain);
  ASSERT_EQ(lines.size(), 6u);
  EXPECT_EQ(lines[0], "9 trials, 100 steps, 3 min 20 s; best: trial 4, 0.5");
  EXPECT_THAT(lines[2], StartsWith("{median: {}}      1           25  25 %"));
  EXPECT_THAT(lines[2], HasSubstr("40 %  yes"));
  EXPECT_THAT(lines[2], HasSubstr("0.25"));
  EXPECT_THAT(lines[5], HasSubstr("25 steps  the best  loss 4 is above 3"));
}

TEST(InsightViewTest, AReplayOfSeveralRulesIsATable) {
  v1::ReplayResponse response = Replayed();
  response.add_rules();
  response.set_already_stopped(2);
  const auto lines = ReplayLines(response, {"a", "b"}, kPlain);
  ASSERT_EQ(lines.size(), 5u);
  EXPECT_THAT(lines[1], StartsWith("2 of them were stopped already"));
  EXPECT_THAT(lines[4], HasSubstr("no trial left"));
}

TEST(InsightViewTest, SavingsStandBesideWhatTheyMayHaveCost) {
  v1::SavingsResponse response;
  EXPECT_EQ(Text(SavingsLines(response)), "the rule has stopped no trial");
  response.set_stopped(3);
  EXPECT_EQ(Text(SavingsLines(response)),
            "3 trials stopped early; what they would have run is not known");
  response.set_counted(3);
  response.set_max_steps(27);
  response.set_steps_saved(60);
  response.set_seconds_saved(120);
  response.set_reload_seconds(5);
  response.set_spent_seconds(300);
  EXPECT_EQ(
      Text(SavingsLines(response)),
      "3 trials stopped early, saved 2 min 0 s of training (60 steps to step "
      "27, less 5 s to load checkpoints), beside 5 min 0 s spent");
  v1::LossEstimate& loss = *response.mutable_loss();
  loss.set_judged(3);
  loss.set_chance_better(0.1);
  loss.set_expected(0.01);
  loss.set_high(0.05);
  EXPECT_EQ(SavingsLines(response)[1],
            "had they gone on, one had become the best with a chance of 10 %: "
            "better by 0.01 on average, by 0.05 at most (95 %, of 3 trials)");
  response.set_configurations_left(20);
  response.set_schedule_steps_saved(400);
  response.set_schedule_seconds_saved(900);
  EXPECT_THAT(SavingsLines(response)[0], Not(HasSubstr("load checkpoints")));
  EXPECT_EQ(SavingsLines(response)[1],
            "20 configurations left below step 27 by the schedule, saved 15 "
            "min 0 s of training (400 steps, less 5 s to load checkpoints), "
            "beside 5 min 0 s spent");
}

}  // namespace
}  // namespace assay
