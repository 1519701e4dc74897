#include "search/schedules/check_schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/search/schedules/schedule_run.h"

namespace assay {
namespace {

void ExpectRefused(const StudySpec& spec, const std::string& words) {
  const absl::Status status = MakeSearchStrategy(spec).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr(words));
}

TEST(CheckScheduleTest, NamesFieldValueAndWhatIsAllowed) {
  StudySpec spec = ScheduleStudy("asha");
  EXPECT_TRUE(CheckSchedule(spec).ok());
  spec.schedule.max_steps = 0;
  ExpectRefused(spec, "schedule.max_steps: 0; 1 to 9007199254740992");
  spec.schedule = {.name = "asha", .min_steps = 28, .max_steps = 27};
  ExpectRefused(spec, "schedule.min_steps: 28; 1 to 27");
  spec.schedule = {.name = "hyperband", .max_steps = 27, .reduction = 1};
  ExpectRefused(spec, "schedule.hyperband.reduction: 1; 2 to 100");
  spec = ScheduleStudy("pbt");
  spec.schedule.population.interval = 28;
  ExpectRefused(spec, "schedule.pbt.interval: 28; 1 to 27");
  spec.schedule.population = {.size = 1};
  ExpectRefused(spec, "schedule.pbt.population: 1; 2 to 1000");
  spec.schedule.population = {.quantile = 0.6};
  ExpectRefused(spec, "schedule.pbt.quantile: 0.6; 0 to 0.5");
  spec.schedule = {.name = "ashe", .max_steps = 27};
  ExpectRefused(
      spec,
      "schedule: \"ashe\"; one of asha, gradient, hyperband, pasha, pb2, pbt");
}

TEST(CheckScheduleTest, RefusesWhatDoesNotGoTogether) {
  StudySpec spec = ScheduleStudy("asha");
  spec.replicates = 3;
  ExpectRefused(spec, "with replicates.count 3");
  spec.schedule.min_steps = spec.schedule.max_steps;
  EXPECT_TRUE(MakeSearchStrategy(spec).ok()) << "nothing goes on";
  spec = ScheduleStudy("pasha");
  spec.metrics.push_back({.name = "size"});
  ExpectRefused(spec, "schedule.pasha: 2 objectives; one");
}

TEST(CheckScheduleTest, EveryNamedScheduleIsMade) {
  for (const std::string& name : ScheduleNames()) {
    EXPECT_TRUE(MakeSearchStrategy(ScheduleStudy(name)).ok()) << name;
  }
}

}  // namespace
}  // namespace assay
