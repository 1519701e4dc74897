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
      "budget": {"from": 5, "to": 20}, "seed": 18446744073709551615,
      "metrics": ["accuracy"], "config": {"batch_size": 32},
      "final_test": true, "of a newer worker": []})");
  EXPECT_EQ(trial.study_name, "x");
  EXPECT_EQ(trial.trial_number, 3);
  EXPECT_EQ(trial.attempt, 2);
  EXPECT_DOUBLE_EQ(trial.config.optimizer.learning_rate, 0.01);
  EXPECT_EQ(trial.config.batch_size, 32);
  EXPECT_EQ(trial.from, 5);
  EXPECT_EQ(LastEpoch(trial), 20);
  EXPECT_EQ(SeedOf(trial), std::numeric_limits<uint64_t>::max());
  EXPECT_TRUE(trial.final_test);
}

TEST(TrialFileTest, ConfigAndParametersAreEnough) {
  const TrialFile trial = Valid(R"({"config": {}, "parameters": {}})");
  EXPECT_EQ(trial.from, 0);
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
              HasSubstr("budget.from: 5 does not lie in an object"));
  EXPECT_THAT(MistakeOf(R"({"config": {}, "parameters": {},
                            "budget": {"from": 20, "to": 20}})"),
              HasSubstr("budget.from: 20 leaves no epoch to train"));
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
