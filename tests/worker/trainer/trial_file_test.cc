#include "worker/trainer/trial_file.h"

#include <limits>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

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

TEST(TrialFileTest, FileThatIsNotThereIsAFailureNotABadConfiguration) {
  const auto trial = ReadTrialFile("/nonexistent/trial.json");
  ASSERT_FALSE(trial.ok());
  EXPECT_EQ(trial.error().kind, ErrorKind::kFailure);
  EXPECT_THAT(trial.error().message, HasSubstr("/nonexistent/trial.json"));
}

}  // namespace
}  // namespace assay
