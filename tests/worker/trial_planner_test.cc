#include "worker/trial_planner.h"

#include <cstdlib>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/worker/fake_coordinator.h"

namespace assay {
namespace {

using nlohmann::json;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const TrialPlaces kPlaces = {.key = {12, 2},
                             .scratch = "/scratch/12-2",
                             .socket = "/run/1",
                             .devices = "3",
                             .process_mark = "ASSAY_WORKER_MARK=m"};

v1::WorkerAssignment Assignment(const std::vector<std::string>& argv) {
  return Assign(12, 2, argv).assignment();
}

WorkerConfig AnyCommand() {
  WorkerConfig config;
  config.any_command = true;
  config.own_folder = "/opt/assay";
  return config;
}

TEST(TrialPlannerTest, ACommandWithItsParameters) {
  const auto plan =
      PlanTrial(Assignment({"train", "--lr={lr}"}), AnyCommand(), kPlaces);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(plan->command.argv, ElementsAre("train", "--lr=0.5"));
  EXPECT_EQ(plan->command.directory, "/scratch/12-2");
  EXPECT_FALSE(plan->in_standby);
  EXPECT_THAT(plan->objectives, ElementsAre("loss"));
}

TEST(TrialPlannerTest, TheEnvironmentIsAnAllowList) {
  setenv("ASSAY_TOKEN", "secret", 1);
  setenv("LC_ALL", "C.UTF-8", 1);
  const auto plan = PlanTrial(Assignment({"train"}), AnyCommand(), kPlaces);
  unsetenv("ASSAY_TOKEN");
  unsetenv("LC_ALL");
  const std::vector<std::string>& environment = plan->command.environment;
  EXPECT_THAT(environment, Contains("CUDA_VISIBLE_DEVICES=3"));
  EXPECT_THAT(environment, Contains("ASSAY_SOCKET=/run/1"));
  EXPECT_THAT(environment, Contains("ASSAY_TRIAL=/scratch/12-2/trial.json"));
  EXPECT_THAT(environment, Contains("ASSAY_TRIAL_ID=12"));
  EXPECT_THAT(environment, Contains("ASSAY_ATTEMPT=2"));
  EXPECT_THAT(environment, Contains("ASSAY_STUDY=study"));
  EXPECT_THAT(environment, Contains("ASSAY_WORKER_MARK=m"));
  EXPECT_THAT(environment, Contains("LC_ALL=C.UTF-8"));
  EXPECT_THAT(environment, Contains("ASSAY_REPLICATE=0"));
  EXPECT_THAT(environment, Contains(testing::EndsWith(":/opt/assay")));
  EXPECT_THAT(environment, Not(Contains(StartsWith("ASSAY_TOKEN"))));
}

TEST(TrialPlannerTest, TheTrialFileSaysWhatToTrain) {
  v1::WorkerAssignment assignment = Assignment({"train"});
  v1::Trial& trial = *assignment.mutable_trial();
  trial.set_number(3);
  trial.set_replicate(1);
  trial.set_to_step(20);
  (*trial.mutable_parameters())["units"].set_number_value(64);
  (*trial.mutable_parameters())["name"].set_string_value("adam");
  (*trial.mutable_parameters())["flag"].set_bool_value(true);
  WorkerConfig config = AnyCommand();
  config.data_root = "/data";
  const auto plan = PlanTrial(assignment, config, kPlaces);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(json::parse(plan->trial_file), json::parse(R"({
    "study": {"id": 1, "name": "study"},
    "trial": {"id": 12, "number": 3, "attempt": 2, "replicate": 1},
    "parameters": {"lr": 0.5, "units": 64, "name": "adam", "flag": true},
    "budget": {"from": 0, "to": 20},
    "seed": 7,
    "metrics": ["loss"],
    "data_root": "/data"})"));
  EXPECT_THAT(plan->trial_file, HasSubstr("\"units\": 64"));
}

TEST(TrialPlannerTest, CheckpointsHaveFolders) {
  v1::WorkerAssignment assignment = Assignment({"train"});
  assignment.mutable_resume()->set_step(9);
  assignment.set_final_checkpoint(true);
  TrialPlaces places = kPlaces;
  places.checkpoint = "/checkpoints/12-2/out";
  auto plan = PlanTrial(assignment, AnyCommand(), places);
  ASSERT_TRUE(plan.ok()) << plan.status();
  json file = json::parse(plan->trial_file);
  EXPECT_EQ(file["checkpoint"],
            json({{"folder", "/checkpoints/12-2/out"}, {"final", true}}));
  EXPECT_FALSE(file.contains("resume"));
  EXPECT_THAT(plan->command.environment,
              Contains("ASSAY_CHECKPOINT=/checkpoints/12-2/out"));
  EXPECT_THAT(plan->command.environment,
              Not(Contains(StartsWith("ASSAY_RESUME"))));
  places.resume = "/checkpoints/12-2/resume";
  plan = PlanTrial(assignment, AnyCommand(), places);
  file = json::parse(plan->trial_file);
  EXPECT_EQ(file["resume"],
            json({{"folder", "/checkpoints/12-2/resume"}, {"step", 9}}));
  EXPECT_THAT(plan->command.environment,
              Contains("ASSAY_RESUME=/checkpoints/12-2/resume"));
}

TEST(TrialPlannerTest, OnlyWhoWantsIsMeasuredOnTheTestPart) {
  v1::WorkerAssignment assignment = Assignment({"train"});
  const auto file = [&] {
    const auto plan = PlanTrial(assignment, AnyCommand(), kPlaces);
    return json::parse(plan.value().trial_file);
  };
  EXPECT_FALSE(file().contains("final_test"));
  assignment.mutable_template_()->set_final_test(true);
  EXPECT_EQ(file().at("final_test"), true);
}

TEST(TrialPlannerTest, TheBudgetOfAScheduleHasAUnitAndAnEnd) {
  v1::WorkerAssignment assignment = Assignment({"train"});
  assignment.mutable_trial()->set_from_step(3);
  assignment.mutable_trial()->set_to_step(9);
  assignment.mutable_schedule()->set_max_steps(27);
  const auto budget = [&] {
    const auto plan = PlanTrial(assignment, AnyCommand(), kPlaces);
    return json::parse(plan.value().trial_file).at("budget");
  };
  EXPECT_EQ(budget(), json::parse(R"({"from": 3, "to": 9, "max": 27,
                                      "unit": "STEPS"})"));
  assignment.mutable_schedule()->set_unit(v1::Schedule::SECONDS);
  EXPECT_EQ(budget().at("unit"), "SECONDS");
}

TEST(TrialPlannerTest, TheBuiltinTrainerGetsItsConfiguration) {
  v1::WorkerAssignment assignment = Assignment({});
  auto& fields = *assignment.mutable_template_()
                      ->mutable_builtin()
                      ->mutable_config()
                      ->mutable_fields();
  fields["epochs"].set_number_value(20);
  WorkerConfig config;
  config.trainer = "/opt/assay/assay-trainer";
  const auto plan = PlanTrial(assignment, config, kPlaces);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_TRUE(plan->in_standby);
  EXPECT_THAT(plan->command.argv,
              ElementsAre("/opt/assay/assay-trainer", "--standby"));
  const json file = json::parse(plan->trial_file);
  EXPECT_TRUE(file["config"]["epochs"].is_number_integer());
}

TEST(TrialPlannerTest, ARunnerOfTheOperator) {
  v1::WorkerAssignment assignment = Assignment({});
  assignment.mutable_template_()->mutable_runner()->set_name("mine");
  assignment.mutable_template_()->set_max_seconds(5);
  WorkerConfig config;
  config.runners["mine"] = {.argv = {"run", "{lr}"},
                            .environment = {{"HOME", "/elsewhere"}},
                            .directory = "/srv"};
  const auto plan = PlanTrial(assignment, config, kPlaces);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(plan->command.argv, ElementsAre("run", "0.5"));
  EXPECT_THAT(plan->command.environment, Contains("HOME=/elsewhere"));
  EXPECT_EQ(plan->command.directory, "/srv");
  EXPECT_EQ(plan->max_time, absl::Seconds(5));
}

TEST(TrialPlannerTest, RefusesWhatTheOperatorDidNotAllow) {
  EXPECT_THAT(std::string(PlanTrial(Assignment({"rm"}), WorkerConfig(), kPlaces)
                              .status()
                              .message()),
              HasSubstr("--allow-any-command"));
  v1::WorkerAssignment assignment = Assignment({});
  assignment.mutable_template_()->mutable_runner()->set_name("other");
  EXPECT_THAT(
      std::string(
          PlanTrial(assignment, AnyCommand(), kPlaces).status().message()),
      HasSubstr("no runner \"other\"; it has none"));
}

}  // namespace
}  // namespace assay
