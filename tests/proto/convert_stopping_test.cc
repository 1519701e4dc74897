// When a study stops its trials: each option, its limits, and what it becomes.

#include "proto/convert_stopping.h"

#include <algorithm>
#include <ostream>

#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "search/factory.h"

namespace assay {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

std::vector<MetricSpec> Metrics() {
  return {{.name = "loss"}, {.name = "size", .bound = 10}};
}

v1::Stopping Message(const std::string& text) {
  v1::Stopping message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message))
      << text;
  return message;
}

RuleSpec Rule(const std::string& text) {
  const auto stopping = ToStoppingSpec(Message(text), Metrics());
  EXPECT_TRUE(stopping.ok()) << stopping.status();
  if (!stopping.ok() || stopping->rules.size() != 1) return {};
  return stopping->rules[0];
}

TEST(ConvertStoppingTest, NoRuleIsEmpty) {
  const auto none = ToStoppingSpec({}, Metrics());
  ASSERT_TRUE(none.ok());
  EXPECT_TRUE(none->empty());
}

TEST(ConvertStoppingTest, EveryRuleHasAMessageAndEveryMessageARule) {
  const auto& oneof = *v1::Stopping::descriptor()->oneof_decl(0);
  std::vector<std::string> names;
  for (int i = 0; i < oneof.field_count(); ++i) {
    names.push_back(oneof.field(i)->name());
  }
  EXPECT_THAT(names,
              ::testing::UnorderedElementsAreArray(EarlyStoppingRuleNames()));
}

TEST(ConvertStoppingTest, DefaultsAreThoseOfTheValue) {
  const RuleSpec defaults;
  const RuleSpec median = Rule("median {}");
  EXPECT_EQ(median.name, "median");
  EXPECT_EQ(median.min_trials, defaults.min_trials);
  EXPECT_EQ(median.interval_steps, 1);
  EXPECT_EQ(Rule("patience {}").patience_steps, 10);
  EXPECT_EQ(Rule("percentile {}").percent, 25);
  EXPECT_EQ(Rule("percentile {}").against, Against::kMean);
  EXPECT_EQ(Rule("threshold {}").lower, std::nullopt);
  EXPECT_EQ(Rule("threshold {}").best_factor, std::nullopt);
  EXPECT_EQ(Rule("wilcoxon {}").p, 0.1);
  EXPECT_EQ(Rule("wilcoxon {}").min_pairs, 4);
  EXPECT_EQ(Rule("curve {max_steps: 9}").chance, 0.01);
  EXPECT_EQ(Rule("asha {}").min_steps, 1);
  EXPECT_EQ(Rule("asha {max_steps: 27}").min_steps, 3);
  EXPECT_EQ(Rule("asha {max_steps: 100 reduction: 4}").min_steps, 6);
  EXPECT_EQ(Rule("asha {max_steps: 8}").min_steps, 1);
  EXPECT_EQ(Rule("asha {}").max_steps, 0);
  EXPECT_EQ(Rule("asha {}").reduction, 3);
}

TEST(ConvertStoppingTest, EveryOptionArrives) {
  const RuleSpec percentile = Rule(
      "percentile {percent: 40 against: LATEST warmup_steps: 1 min_trials: 2 "
      "interval_steps: 3 grace_steps: 4} metric: 'size' smoothing: 0.5");
  EXPECT_EQ(percentile.percent, 40);
  EXPECT_EQ(percentile.against, Against::kLatest);
  EXPECT_EQ(percentile.warmup_steps, 1);
  EXPECT_EQ(percentile.min_trials, 2);
  EXPECT_EQ(percentile.interval_steps, 3);
  EXPECT_EQ(percentile.grace_steps, 4);
  EXPECT_EQ(percentile.metric, "size");
  EXPECT_EQ(percentile.smoothing, 0.5);
  EXPECT_EQ(Rule("percentile {against: RUNNING_MEAN}").against, Against::kMean);
  EXPECT_EQ(Rule("percentile {against: BEST}").against, Against::kBest);
  const RuleSpec threshold = Rule(
      "threshold {lower: -1 upper: 0 best_factor: 2 first_factor: 3 "
      "warmup_steps: 4 interval_steps: 5 grace_steps: 6}");
  EXPECT_EQ(threshold.lower, -1);
  EXPECT_EQ(threshold.upper, 0);
  EXPECT_EQ(threshold.best_factor, 2);
  EXPECT_EQ(threshold.first_factor, 3);
  EXPECT_EQ(threshold.warmup_steps, 4);
  EXPECT_EQ(threshold.interval_steps, 5);
  EXPECT_EQ(threshold.grace_steps, 6);
  const RuleSpec patience = Rule(
      "patience {steps: 1 min_delta: 2 warmup_steps: 3 interval_steps: 4 "
      "grace_steps: 5}");
  EXPECT_EQ(patience.patience_steps, 1);
  EXPECT_EQ(patience.min_delta, 2);
  EXPECT_EQ(patience.warmup_steps, 3);
  EXPECT_EQ(patience.interval_steps, 4);
  EXPECT_EQ(patience.grace_steps, 5);
  const RuleSpec wilcoxon = Rule("wilcoxon {p: 0.2 min_pairs: 6}");
  EXPECT_EQ(wilcoxon.p, 0.2);
  EXPECT_EQ(wilcoxon.min_pairs, 6);
  const RuleSpec curve = Rule(
      "curve {max_steps: 81 chance: 0.25 warmup_steps: 9 min_trials: 3 "
      "interval_steps: 2 grace_steps: 1}");
  EXPECT_EQ(curve.max_steps, 81);
  EXPECT_EQ(curve.chance, 0.25);
  EXPECT_EQ(curve.min_trials, 3);
  const RuleSpec asha = Rule("asha {min_steps: 2 max_steps: 32 reduction: 4}");
  EXPECT_EQ(asha.min_steps, 2);
  EXPECT_EQ(asha.max_steps, 32);
  EXPECT_EQ(asha.reduction, 4);
}

TEST(ConvertStoppingTest, AnyOfKeepsTheOrder) {
  const auto stopping = ToStoppingSpec(
      Message("any_of {asha {}} any_of {threshold {} metric: 'size'}"),
      Metrics());
  ASSERT_TRUE(stopping.ok()) << stopping.status();
  ASSERT_THAT(stopping->rules, SizeIs(2));
  EXPECT_EQ(stopping->rules[0].name, "asha");
  EXPECT_EQ(stopping->rules[1].name, "threshold");
  EXPECT_EQ(stopping->rules[1].metric, "size");
}

struct BadText {
  const char* text;
  const char* message;
};
std::ostream& operator<<(std::ostream& out, const BadText& bad) {
  return out << bad.text;
}

class BadStoppingTest : public ::testing::TestWithParam<BadText> {};

TEST_P(BadStoppingTest, IsRefusedNamingFieldValueAndWhatIsAllowed) {
  const absl::Status status =
      ToStoppingSpec(Message(GetParam().text), Metrics()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().message));
  EXPECT_LE(status.message().size(), 500u);
}

INSTANTIATE_TEST_SUITE_P(
    All, BadStoppingTest,
    ::testing::Values(
        BadText{"percentile {percent: 101}",
                "stopping.percentile.percent: 101; above 0, at most 100, or 0 "
                "for 25"},
        BadText{"percentile {percent: nan}",
                "stopping.percentile.percent: nan; "},
        BadText{"percentile {grace_steps: -1}",
                "stopping.percentile.grace_steps: -1; 0 to "},
        BadText{"threshold {lower: inf}",
                "stopping.threshold.lower: inf; a finite number"},
        BadText{"threshold {lower: 2 upper: 1}",
                "stopping.threshold.lower: 2; at most upper"},
        BadText{"threshold {best_factor: 1}",
                "stopping.threshold.best_factor: 1; finite, above 1"},
        BadText{"threshold {first_factor: 0.5}",
                "stopping.threshold.first_factor: 0.5; finite, above 1"},
        BadText{"wilcoxon {p: 0.6}",
                "stopping.wilcoxon.p: 0.6; above 0, at most 0.5, or 0 for 0.1"},
        BadText{"wilcoxon {min_pairs: -1}", "stopping.wilcoxon.min_pairs: -1"},
        BadText{"wilcoxon {} smoothing: 0.5",
                "stopping.smoothing: 0.5; none for wilcoxon"},
        BadText{"curve {}", "stopping.curve.max_steps: 0; 1 to "},
        BadText{"curve {max_steps: 9 chance: -0.1}",
                "stopping.curve.chance: -0.1; "},
        BadText{"asha {reduction: 1}",
                "stopping.asha.reduction: 1; 2 to 1000, or 0 for 3"},
        BadText{"asha {min_steps: 9 max_steps: 9}",
                "stopping.asha.max_steps: 9; 10 to "},
        BadText{"asha {min_steps: -1}", "stopping.asha.min_steps: -1; 1 to "},
        BadText{"median {} smoothing: 1",
                "stopping.smoothing: 1; at least 0, below 1"},
        BadText{"median {} smoothing: nan", "stopping.smoothing: nan; "},
        BadText{"smoothing: 0.5",
                "stopping: a metric or smoothing without a rule; one of asha"},
        BadText{"any_of {median {min_trials: -1}}",
                "stopping.any_of[0].median.min_trials: -1; "},
        BadText{"any_of {median {}} any_of {}",
                "stopping.any_of[1]: no rule; one rule each"},
        BadText{"any_of {any_of {median {}}}",
                "stopping.any_of[0]: another any_of; one rule each"},
        BadText{"any_of {median {} metric: 'x'}",
                "stopping.any_of[0].metric: \"x\"; a metric of the study"},
        BadText{"median {} any_of {asha {}}",
                "stopping: median and any_of; one of asha"},
        BadText{"any_of {median {}} metric: 'loss'",
                "stopping: metric or smoothing beside any_of; inside of it"}));

TEST(ConvertStoppingTest, ManyRulesAreRefused) {
  v1::Stopping message;
  for (int i = 0; i < 17; ++i) message.add_any_of()->mutable_median();
  EXPECT_EQ(ToStoppingSpec(message, Metrics()).status().message(),
            "stopping.any_of: 17; at most 16 rules");
}

TEST(ConvertStoppingTest, AReplayNamesTheRuleThatIsWrong) {
  v1::ReplayRequest request;
  EXPECT_EQ(ToStoppingSpecs(request, Metrics()).status().message(),
            "rules: 0; 1 to 16 rules");
  request.add_rules()->mutable_median();
  request.add_rules()->mutable_asha()->set_reduction(-3);
  EXPECT_EQ(ToStoppingSpecs(request, Metrics()).status().message(),
            "rules[1].asha.reduction: -3; 2 to 1000, or 0 for 3");
  request.mutable_rules(1)->clear_rule();
  EXPECT_THAT(
      std::string(ToStoppingSpecs(request, Metrics()).status().message()),
      HasSubstr("rules[1]: no rule; one of asha"));
  request.mutable_rules(1)->add_any_of()->mutable_threshold();
  EXPECT_THAT(*ToStoppingSpecs(request, Metrics()), SizeIs(2));
}

TEST(ConvertStoppingTest, AReplaySaysWhatItFound) {
  RuleReplay replay;
  replay.stops = {{.number = 4,
                   .step = 3,
                   .reason = "why",
                   .was_best = true,
                   .steps_saved = 6,
                   .seconds_saved = 1.5}};
  replay.trials = 9;
  replay.best = {4};
  replay.best_value = 0.5;
  const v1::ReplayResponse message = ToMessage({replay, RuleReplay()});
  ASSERT_EQ(message.rules_size(), 2);
  EXPECT_EQ(message.rules(0).stops(0).reason(), "why");
  EXPECT_TRUE(message.rules(0).stops(0).was_best());
  EXPECT_FALSE(message.rules(0).has_loss());
  EXPECT_EQ(message.trials(), 9);
  EXPECT_EQ(message.best(0), 4);
  EXPECT_EQ(message.best_value(), 0.5);
}

TEST(ConvertStoppingTest, SavingsSayNoLossWhereThereIsNone) {
  Savings savings{.stopped = 3, .counted = 2, .seconds = -1.5};
  EXPECT_FALSE(ToMessage(savings).has_loss());
  EXPECT_EQ(ToMessage(savings).seconds_saved(), -1.5);
  savings.loss = Savings::Loss{.judged = 3, .high = 0.25};
  EXPECT_EQ(ToMessage(savings).loss().high(), 0.25);
}

TEST(ConvertStoppingTest, SavingsOfAScheduleStandApart) {
  const Savings savings{
      .schedule = {.configurations = 4, .steps = 60, .seconds = 90.5}};
  const v1::SavingsResponse message = ToMessage(savings);
  EXPECT_EQ(message.configurations_left(), 4);
  EXPECT_EQ(message.schedule_steps_saved(), 60);
  EXPECT_EQ(message.schedule_seconds_saved(), 90.5);
  EXPECT_EQ(message.seconds_saved(), 0);
}

}  // namespace
}  // namespace assay
