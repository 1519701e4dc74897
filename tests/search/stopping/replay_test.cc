#include "search/stopping/replay.h"

#include <algorithm>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

using ::testing::ElementsAre;

StudySpec Study(RuleSpec rule) {
  StudySpec study;
  study.metrics = {{.name = "loss"}};
  study.stopping.rules = {std::move(rule)};
  return study;
}

// A finished trial that reported at steps 1, 2, ..., each after `pace` seconds,
// from this revision of the study on.
RecordedTrial Recorded(int64_t number, int64_t revision,
                       const std::vector<double>& losses, double pace = 2,
                       TrialState state = TrialState::kCompleted) {
  RecordedTrial recorded;
  recorded.trial = {.id = {number + 100}, .number = number, .state = state};
  for (const double loss : losses) {
    Measurement measurement{.revision = revision++};
    measurement.step = static_cast<int64_t>(recorded.reports.size()) + 1;
    measurement.elapsed_seconds =
        3 + pace * static_cast<double>(measurement.step);
    measurement.metrics = {{"loss", loss}};
    recorded.reports.push_back({1, measurement});
  }
  recorded.trial.final_metrics = {{"loss", losses.back()}};
  recorded.trial.ended_revision = revision;
  return recorded;
}

TEST(ReplayTest, TellsWhatWouldHaveBeenStoppedAndSaved) {
  const std::vector<RecordedTrial> recorded = {
      Recorded(0, 1, {3, 2, 1, 0.5}), Recorded(1, 10, {9, 8, 7, 6}, 4)};
  const auto replay = ReplayRule(
      Study({.name = "threshold", .warmup_steps = 2, .upper = 5}), recorded);
  ASSERT_TRUE(replay.ok()) << replay.status();
  ASSERT_EQ(replay->stops.size(), 1u);
  EXPECT_EQ(replay->stops[0].number, 1);
  EXPECT_EQ(replay->stops[0].step, 2);
  EXPECT_EQ(replay->stops[0].reason, "loss 8 at step 2 is above 5");
  EXPECT_EQ(replay->stops[0].steps_saved, 2);
  EXPECT_EQ(replay->stops[0].seconds_saved, 8);
  EXPECT_EQ(replay->trials, 2);
  EXPECT_EQ(replay->steps, 8);
  EXPECT_EQ(replay->seconds, 24);
  EXPECT_EQ(replay->steps_saved, 2);
  EXPECT_EQ(replay->seconds_saved, 8);
  EXPECT_THAT(replay->best, ElementsAre(0));
  EXPECT_EQ(replay->best_stopped, 0);
  EXPECT_EQ(replay->best_value, 0.5);
  EXPECT_EQ(replay->loss, 0);
}

TEST(ReplayTest, TellsThatTheBestWouldHaveBeenStopped) {
  const std::vector<RecordedTrial> recorded = {Recorded(0, 1, {3, 2, 1}),
                                               Recorded(1, 10, {9, 8, 0.25})};
  const auto replay =
      ReplayRule(Study({.name = "threshold", .upper = 5}), recorded);
  ASSERT_TRUE(replay.ok()) << replay.status();
  EXPECT_THAT(replay->best, ElementsAre(1));
  EXPECT_EQ(replay->best_stopped, 1);
  EXPECT_TRUE(replay->stops[0].was_best);
  EXPECT_EQ(replay->loss, 0.75);
  const auto all =
      ReplayRule(Study({.name = "threshold", .upper = 0}), recorded);
  EXPECT_EQ(all->stops.size(), 2u);
  EXPECT_EQ(all->loss, std::nullopt);
}

// Trial 2 is told the median of those that ended before its reports.
TEST(ReplayTest, FollowsTheOrderOfTheLog) {
  std::vector<RecordedTrial> recorded = {
      Recorded(0, 1, {1, 1}), Recorded(1, 2, {1, 1}), Recorded(2, 50, {2, 2})};
  const StudySpec study = Study({.name = "median", .min_trials = 2});
  EXPECT_EQ(ReplayRule(study, recorded)->stops.size(), 1u);
  std::reverse(recorded.begin(), recorded.end());
  EXPECT_EQ(ReplayRule(study, recorded)->stops.size(), 1u);
  recorded[0] = Recorded(2, 0, {2, 2});  // Reports before they end.
  EXPECT_EQ(ReplayRule(study, recorded)->stops.size(), 0u);
}

// What a stopped trial would have reported later is no history.
TEST(ReplayTest, AStoppedTrialEndsThere) {
  const std::vector<RecordedTrial> recorded = {Recorded(0, 1, {5, 1, 1}),
                                               Recorded(1, 10, {6, 2, 0}),
                                               Recorded(2, 20, {5, 3, 2})};
  const StudySpec study = Study({.name = "median", .min_trials = 2});
  const auto replay = ReplayRule(study, recorded);
  EXPECT_TRUE(replay->stops.empty());
  StudySpec strict = Study({.name = "median", .min_trials = 1});
  const auto stopped = ReplayRule(strict, recorded);
  ASSERT_EQ(stopped->stops.size(),
            1u);  // Trial 2 meets only trial 0 from step 2 on.
  EXPECT_EQ(stopped->stops[0].number, 1);
}

TEST(ReplayTest, CountsWhatTheRecordStoppedAlready) {
  const std::vector<RecordedTrial> recorded = {
      Recorded(0, 1, {1, 1}), Recorded(1, 10, {9, 9}, 1, TrialState::kStopped)};
  const auto replay =
      ReplayRule(Study({.name = "threshold", .upper = 5}), recorded);
  EXPECT_EQ(replay->already_stopped, 1);
  EXPECT_EQ(replay->steps_saved, 1);
}

TEST(ReplayTest, RefusesNoRuleAndStopsWhenNobodyWaits) {
  StudySpec study = Study({.name = "median"});
  study.stopping.rules.clear();
  EXPECT_EQ(ReplayRule(study, {}).status().code(),
            absl::StatusCode::kInvalidArgument);
  std::vector<RecordedTrial> recorded = {
      Recorded(0, 1, std::vector<double>(2000, 1))};
  EXPECT_EQ(
      ReplayRule(Study({.name = "median"}), recorded, [] { return false; })
          .status()
          .code(),
      absl::StatusCode::kCancelled);
}

TEST(RecordedTrialTest, PaceIsThatOfTheLastAttempt) {
  RecordedTrial recorded = Recorded(0, 1, {1, 1, 1}, 2);
  EXPECT_EQ(SecondsAStep(recorded), 2);
  EXPECT_EQ(LastStep(recorded), 3);
  Measurement resumed{.step = 3, .elapsed_seconds = 25};
  recorded.reports.push_back({2, resumed});
  resumed = {.step = 5, .elapsed_seconds = 35};
  recorded.reports.push_back({2, resumed});
  EXPECT_EQ(SecondsAStep(recorded), 5);
  EXPECT_EQ(LastStep(recorded), 5);
  // From step 2 to 3 in 25 s, of which 5 are training.
  EXPECT_EQ(ReloadSeconds(recorded), 20);
}

TEST(RecordedTrialTest, WithoutAClockOfItsOwnTheCoordinatorsCounts) {
  RecordedTrial recorded = Recorded(0, 1, {1, 1, 1});
  for (auto& report : recorded.reports) {
    report.measurement.elapsed_seconds = 0;
    report.measurement.time =
        absl::FromUnixSeconds(7 * report.measurement.step);
  }
  EXPECT_EQ(SecondsAStep(recorded), 7);
  EXPECT_EQ(ReloadSeconds(recorded), 0);
}

TEST(RecordedTrialTest, OneReportTellsThePaceWithTheStart) {
  EXPECT_EQ(SecondsAStep(Recorded(0, 1, {1}, 2)), 5);
  RecordedTrial none;
  EXPECT_EQ(SecondsAStep(none), std::nullopt);
  EXPECT_EQ(LastStep(none), 0);
}

}  // namespace
}  // namespace assay
