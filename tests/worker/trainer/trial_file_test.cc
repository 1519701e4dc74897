#include "worker/trainer/trial_file.h"

#include <limits>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TrialFile Valid(const std::string& text) {
  const auto trial = ParseTrialFile(text);
  EXPECT_TRUE(trial.ok()) << trial.error().message;
  return *trial;
}

std::string MistakeOf(const std::string& text) {
  const auto trial = ParseTrialFile(text);
  if (trial.ok()) return "";
  EXPECT_EQ(trial.error().kind, ErrorKind::kConfiguration);
  return trial.error().message;
}

TEST(TrialFileTest, ReadsAllThatAWorkerSays) {
  const TrialFile trial = Valid(R"({
      "study": {"id": 1, "name": "x"},
      "trial": {"id": 12, "number": 3, "attempt": 2},
      "parameters": {"optimizer.learning_rate": 0.01},
      "budget": {"from": 5, "to": 20, "max": 27, "unit": "STEPS"},
      "resume": {"folder": "/r", "step": 5},
      "checkpoint": {"folder": "/c", "final": true},
      "seed": 18446744073709551615,
      "metrics": ["accuracy"], "config": {"batch_size": 32},
      "final_test": true, "of a newer worker": []})");
  EXPECT_EQ(trial.study_name, "x");
  EXPECT_EQ(trial.trial_number, 3);
  EXPECT_EQ(trial.attempt, 2);
  EXPECT_DOUBLE_EQ(trial.config.optimizer.learning_rate, 0.01);
  EXPECT_EQ(trial.config.batch_size, 32);
  EXPECT_EQ(trial.budget.from, 5);
  EXPECT_EQ(trial.resume, "/r");
  EXPECT_EQ(trial.checkpoint, "/c");
  EXPECT_TRUE(trial.final_checkpoint);
  EXPECT_EQ(LastEpoch(trial), 20);
  EXPECT_EQ(SeedOf(trial), std::numeric_limits<uint64_t>::max());
  EXPECT_TRUE(trial.final_test);
}

TEST(TrialFileTest, ConfigAndParametersAreEnough) {
  const TrialFile trial = Valid(R"({"config": {}, "parameters": {}})");
  EXPECT_EQ(trial.budget.from, 0);
  EXPECT_EQ(trial.budget.unit, BudgetUnit::kSteps);
  EXPECT_EQ(trial.resume, "");
  EXPECT_EQ(trial.checkpoint, "");
  EXPECT_FALSE(trial.final_checkpoint);
  EXPECT_EQ(LastEpoch(trial), 10);
  EXPECT_EQ(SeedOf(trial), 0U);
  EXPECT_FALSE(trial.final_test);
}

TEST(TrialFileTest, ConfigurationAloneIsATrialToo) {
  EXPECT_EQ(Valid(R"({"batch_size": 32})").config.batch_size, 32);
}

TEST(TrialFileTest, EpochsAndBudgetTheSmallerCounts) {
  EXPECT_EQ(LastEpoch(Valid(R"({"config": {"epochs": 5}, "parameters": {},
                                "budget": {"to": 20}})")),
            5);
  EXPECT_EQ(LastEpoch(Valid(R"({"config": {"epochs": 27}, "parameters": {},
                                "budget": {"to": 9}})")),
            9);
  EXPECT_EQ(LastEpoch(Valid(R"({"config": {"epochs": 7}, "parameters": {},
                                "budget": {"from": 0, "to": 0}})")),
            7);
}

TEST(TrialFileTest, ScheduleLooksAtTheWholeTrainingNotTheBudget) {
  EXPECT_EQ(Horizon(Valid(R"({"config": {"epochs": 27}, "parameters": {},
                              "budget": {"to": 9}})")),
            27);
  EXPECT_EQ(Horizon(Valid(R"({"config": {}, "parameters": {},
                              "budget": {"to": 9}})")),
            9);
}

TEST(TrialFileTest, ScheduleLooksAtTheStudysLargestBudget) {
  EXPECT_EQ(Horizon(Valid(R"({"config": {}, "parameters": {},
                              "budget": {"to": 9, "max": 27}})")),
            27);
  EXPECT_EQ(Horizon(Valid(R"({"config": {"epochs": 20}, "parameters": {},
                              "budget": {"to": 9, "max": 27}})")),
            20);
}

TEST(TrialFileTest, SecondsLimitNoEpochs) {
  const TrialFile trial = Valid(R"({"config": {}, "parameters": {},
      "budget": {"from": 10, "to": 30, "max": 90, "unit": "SECONDS"}})");
  EXPECT_EQ(LastEpoch(trial), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(HorizonSeconds(trial), 90);
  const TrialFile limited = Valid(R"({"config": {"epochs": 5},
      "parameters": {}, "budget": {"to": 30, "unit": "SECONDS"}})");
  EXPECT_EQ(LastEpoch(limited), 5);
  EXPECT_EQ(HorizonSeconds(limited), std::nullopt);
}

TEST(TrialFileTest, ExamplesAreTheTrainingPart) {
  const TrialFile trial = Valid(R"({"config": {}, "parameters": {},
      "budget": {"from": 100, "to": 300, "unit": "EXAMPLES"}})");
  EXPECT_EQ(trial.config.data.train_examples, 300);
  EXPECT_EQ(LastEpoch(trial), 10);
  EXPECT_EQ(Valid(R"({"config": {"data": {"train_examples": 200}},
                      "parameters": {},
                      "budget": {"to": 300, "unit": "EXAMPLES"}})")
                .config.data.train_examples,
            200);
}

TEST(TrialFileTest, SeedOfTheConfigurationCountsFirst) {
  EXPECT_EQ(SeedOf(Valid(R"({"config": {"seed": 5}, "parameters": {},
                             "seed": 9})")),
            5U);
}

TEST(TrialFileTest, ReplicatesOfOneConfigurationHaveDifferentSeeds) {
  EXPECT_EQ(SeedOf(Valid(R"({"config": {"seed": 5}, "parameters": {},
                             "trial": {"replicate": 2}, "seed": 9})")),
            7U);
  // The trial's own is another for each trial.
  EXPECT_EQ(SeedOf(Valid(R"({"config": {}, "parameters": {},
                             "trial": {"replicate": 2}, "seed": 9})")),
            9U);
}

TEST(TrialFileTest, MistakesAreNamed) {
  EXPECT_THAT(MistakeOf("{"), HasSubstr("not valid JSON"));
  EXPECT_THAT(MistakeOf("[]"), HasSubstr("not a JSON object"));
  EXPECT_THAT(MistakeOf(R"({"config": {}})"),
              HasSubstr("parameters: is missing"));
  EXPECT_THAT(MistakeOf(R"({"parameters": {}})"),
              HasSubstr("config: is missing"));
  EXPECT_THAT(MistakeOf(R"({"config": {}, "parameters": {}, "seed": -1})"),
              HasSubstr("seed: -1 is not an integer from 0"));
  EXPECT_THAT(MistakeOf(R"({"config": {}, "parameters": {}, "budget": 5})"),
              HasSubstr("budget.unit: 5 does not lie in an object"));
  EXPECT_THAT(MistakeOf(R"({"config": {}, "parameters": {},
                            "budget": {"unit": "EPOCHS"}})"),
              HasSubstr("budget.unit: \"EPOCHS\" is not a unit; allowed: "
                        "STEPS, SECONDS, EXAMPLES"));
  EXPECT_THAT(MistakeOf(R"({"config": {}, "parameters": {},
                            "checkpoint": {"final": 1}})"),
              HasSubstr("checkpoint.final: 1 is not true or false"));
  EXPECT_THAT(MistakeOf(R"({"config": {}, "parameters": {}, "budget":
                            {"from": 9, "to": 9, "unit": "SECONDS"}})"),
              HasSubstr("budget.from: 9 leaves nothing to train; allowed: "
                        "below 9"));
  EXPECT_THAT(MistakeOf(R"({"config": {}, "parameters": {},
                            "budget": {"from": 20, "to": 20}})"),
              HasSubstr("budget.from: 20 leaves nothing to train"));
  EXPECT_THAT(MistakeOf(R"({"config": {}, "parameters": {},
                            "final_test": "yes"})"),
              HasSubstr("final_test: \"yes\" is not true or false"));
}

TEST(TrialFileTest, MetricThatIsNeverReportedIsRefused) {
  EXPECT_THAT(MistakeOf(R"({"config": {}, "parameters": {},
                            "metrics": ["acuracy"]})"),
              HasSubstr("did you mean \"accuracy\"?"));
  EXPECT_THAT(MistakeOf(R"({"config": {}, "parameters": {},
                            "metrics": ["rmse"]})"),
              HasSubstr("\"rmse\" is never reported"));
  Valid(R"({"config": {}, "parameters": {}, "metrics": ["test_accuracy"]})");
}

constexpr char kAsked[] = R"({"metric": "loss", "parameters": [],
    "method": "", "every": 0, "work": 0, "splits": 0})";

// A trial of one learning rate and one penalty.
std::string Asking(const std::string& gradients,
                   const std::string& config = "{}",
                   const std::string& rest = R"("seed": 1)") {
  return R"({"config": )" + config +
         R"(, "parameters": {"optimizer.learning_rate": 0.01,
                             "regularization.l2": 0.1, "batch_size": 9},
             "gradients": )" +
         gradients + ", " + rest + "}";
}

TEST(GradientRequestTest, DefaultsAreTruncatedAtTheEndAlone) {
  const TrialFile trial = Valid(Asking(kAsked));
  const HypergradientConfig& config = trial.config.hypergradient;
  EXPECT_EQ(config.method, HypergradientMethod::kTruncated);
  EXPECT_EQ(config.metric, "loss");
  EXPECT_EQ(config.steps, 10);
  EXPECT_EQ(config.splits, 4);
  EXPECT_GE(config.every, LastEpoch(trial));
  EXPECT_THAT(config.parameters,
              ElementsAre("optimizer.learning_rate", "regularization.l2"));
}

TEST(GradientRequestTest, AllThatItSaysBecomesTheConfiguration) {
  const HypergradientConfig config =
      Valid(Asking(R"({"metric": "loss", "parameters": ["regularization.l1"],
                       "method": "ift_cg", "every": 3, "work": 7,
                       "splits": 5})"))
          .config.hypergradient;
  EXPECT_EQ(config.method, HypergradientMethod::kIftCg);
  EXPECT_EQ(config.every, 3);
  EXPECT_EQ(config.terms, 7);
  EXPECT_EQ(config.splits, 5);
  EXPECT_THAT(config.parameters, ElementsAre("regularization.l1"));
  const auto steps_of = [](const std::string& method) {
    return Valid(Asking(R"({"metric": "loss", "work": 7, "method": ")" +
                        method + "\"}"))
        .config.hypergradient.steps;
  };
  EXPECT_EQ(steps_of("truncated"), 7);
  EXPECT_EQ(steps_of("forward"), 7);
  EXPECT_EQ(steps_of("one_step"), std::nullopt);
}

TEST(GradientRequestTest, ConfigurationWithAMethodDecidesItself) {
  const std::string own =
      R"({"hypergradient": {"method": "one_step", "every": 2}})";
  const HypergradientConfig config =
      Valid(Asking(kAsked, own)).config.hypergradient;
  EXPECT_EQ(config.method, HypergradientMethod::kOneStep);
  EXPECT_EQ(config.every, 2);
  EXPECT_EQ(config.splits, 2);
  EXPECT_EQ(Valid(Asking(kAsked, R"({"hypergradient.method": "none"})"))
                .config.hypergradient.method,
            HypergradientMethod::kNone);
}

TEST(GradientRequestTest, SingleKeysOfTheConfigurationStay) {
  const HypergradientConfig config =
      Valid(Asking(R"({"metric": "loss", "method": "ift_neumann", "work": 9})",
                   R"({"hypergradient": {"damping": 0.5, "terms": 3}})"))
          .config.hypergradient;
  EXPECT_EQ(config.method, HypergradientMethod::kIftNeumann);
  EXPECT_DOUBLE_EQ(config.damping, 0.5);
  EXPECT_EQ(config.terms, 3);
}

TEST(GradientRequestTest, WithoutAParameterThatWillDoThereAreNoGradients) {
  const HypergradientConfig config =
      Valid(R"({"config": {}, "parameters": {"model.width": 8},
                "gradients": {"metric": "loss"}})")
          .config.hypergradient;
  EXPECT_EQ(config.method, HypergradientMethod::kNone);
  EXPECT_TRUE(config.parameters.empty());
}

TEST(GradientRequestTest, EmptyMetricIsTheFirstObjective) {
  EXPECT_EQ(Valid(Asking("{}", "{}", R"("metrics": ["loss", "accuracy"])"))
                .config.hypergradient.metric,
            "loss");
  EXPECT_THAT(MistakeOf(Asking("{}", "{}", R"("metrics": ["accuracy"])")),
              HasSubstr("\"accuracy\" has no gradient here"));
}

TEST(GradientRequestTest, OfABudgetInSecondsEachEpochMayBeTheLast) {
  EXPECT_EQ(
      Valid(Asking(kAsked, "{}", R"("budget": {"to": 30, "unit": "SECONDS"})"))
          .config.hypergradient.every,
      1);
}

TEST(GradientRequestTest, MistakesAreNamed) {
  EXPECT_THAT(MistakeOf(Asking(R"({"metric": "accuracy"})")),
              HasSubstr("hypergradient.metric: \"accuracy\" has no gradient "
                        "here; allowed: loss"));
  EXPECT_THAT(MistakeOf(Asking(R"({"metric": "loss", "method": "ift_cg",
                                   "parameters": ["optimizer.learning_rate"]})")),
              HasSubstr("has \"optimizer.learning_rate\", which has no "
                        "gradient here"));
  EXPECT_THAT(MistakeOf(Asking(R"({"method": "none"})")),
              HasSubstr("gradients.method: \"none\" is not a method; allowed: "
                        "ift_neumann, ift_cg, truncated, forward, one_step"));
  EXPECT_THAT(MistakeOf(Asking(R"({"splits": 101})")),
              HasSubstr("gradients.splits: 101 is not an integer from 0 to "
                        "100"));
  EXPECT_THAT(MistakeOf(Asking(R"({"parameters": "all"})")),
              HasSubstr("gradients.parameters: \"all\" is not a list"));
  EXPECT_THAT(MistakeOf(Asking("3")), HasSubstr("gradients.metric: 3 does not "
                                                "lie in an object"));
}

TEST(TrialFileTest, FileThatIsNotThereIsAFailureNotABadConfiguration) {
  const auto trial = ReadTrialFile("/nonexistent/trial.json");
  ASSERT_FALSE(trial.ok());
  EXPECT_EQ(trial.error().kind, ErrorKind::kFailure);
  EXPECT_THAT(trial.error().message, HasSubstr("/nonexistent/trial.json"));
}

}  // namespace
}  // namespace assay
