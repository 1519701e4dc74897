#include "client/cli/watch_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

v1::Trial MakeTrial(int64_t number, v1::Trial::State state, double accuracy) {
  v1::Trial trial;
  trial.set_id(number + 100);
  trial.set_number(number);
  trial.set_state(state);
  trial.set_attempts(1);
  (*trial.mutable_parameters())["lr"].set_number_value(0.01);
  if (state != v1::Trial::RUNNING) {
    (*trial.mutable_final_metrics())["accuracy"] = accuracy;
  }
  return trial;
}

v1::Study MakeStudy() {
  v1::Study study;
  study.set_id(1);
  study.set_state(v1::Study::ACTIVE);
  study.mutable_spec()->set_name("fashion");
  v1::Metric& metric = *study.mutable_spec()->add_metrics();
  metric.set_name("accuracy");
  metric.set_goal(v1::MAXIMIZE);
  study.mutable_spec()->mutable_budget()->set_max_trials(8);
  study.mutable_counts()->set_configurations(5);
  study.mutable_counts()->set_completed(4);
  study.mutable_counts()->set_running(1);
  study.set_seconds_used(60);
  return study;
}

WatchState Watched() {
  v1::WatchStudyResponse message;
  message.set_snapshot(true);
  message.set_revision(10);
  *message.mutable_study() = MakeStudy();
  const double values[] = {0.7, 0.9, 0.8, 0.85};
  for (int i = 0; i < 4; ++i) {
    *message.add_trials() = MakeTrial(i, v1::Trial::COMPLETED, values[i]);
  }
  *message.add_trials() = MakeTrial(4, v1::Trial::RUNNING, 0);
  WatchState state;
  EXPECT_THAT(state.Take(message), IsEmpty());
  return state;
}

Look Plain(int width) {
  return {.color = false, .unicode = false, .width = width};
}

// Without what is blank at the ends of lines.
std::vector<std::string> Trimmed(std::vector<std::string> lines) {
  for (std::string& line : lines) line.erase(line.find_last_not_of(' ') + 1);
  return lines;
}

TEST(WatchViewTest, AtEightyColumns) {
  EXPECT_THAT(
      Trimmed(RenderWatch(Watched(), Plain(80), 24)),
      ElementsAre(
          "fashion  ACTIVE",
          "#############.............  50 %  4 of 8 trials  1 min 0 s, about 1 "
          "min 0 s left",
          "4 completed, 1 running", "best accuracy 0.9 (trial 1)  lr=0.01",
          absl::StrCat("       0.9 ", std::string(23, ' '), "*"),
          absl::StrCat(std::string(79, ' '), "*"),
          absl::StrCat(std::string(56, ' '), "*"), "", "", "       0.7 *",
          "    4  starting                    lr=0.01"));
}

TEST(WatchViewTest, AtTwoHundredColumnsTheBarAndThePlotDoNotFillTheScreen) {
  const auto lines = Trimmed(RenderWatch(Watched(), Plain(200), 24));
  EXPECT_EQ(lines[1].substr(0, 60),
            std::string(30, '#') + std::string(30, '.'));
  EXPECT_EQ(lines[5].size(), 111u);
}

TEST(WatchViewTest, NoLineIsWiderThanTheTerminal) {
  for (const int width : {20, 40, 80, 200}) {
    for (const std::string& line : RenderWatch(Watched(), Plain(width), 24)) {
      EXPECT_LE(DisplayWidth(line), width) << line;
    }
  }
}

TEST(WatchViewTest, ALowTerminalHasNoPlot) {
  EXPECT_LE(RenderWatch(Watched(), Plain(80), 8).size(), 8u);
}

TEST(WatchViewTest, EndedTrialsAreNewsOnce) {
  WatchState state = Watched();
  v1::WatchStudyResponse message;
  message.set_revision(11);
  *message.add_trials() = MakeTrial(4, v1::Trial::COMPLETED, 0.95);
  EXPECT_THAT(state.Take(message), SizeIs(1));
  EXPECT_THAT(state.Take(message), IsEmpty());
  ASSERT_NE(state.best(), nullptr);
  EXPECT_EQ(state.best()->number(), 4);
  EXPECT_THAT(state.running(), IsEmpty());
}

TEST(WatchViewTest, RunningTrialsShowTheirLastMeasurement) {
  WatchState state = Watched();
  v1::WatchStudyResponse message;
  message.set_revision(11);
  v1::TrialMeasurement& one = *message.add_measurements();
  one.set_trial_id(104);
  one.mutable_measurement()->set_step(3);
  (*one.mutable_measurement()->mutable_metrics())["accuracy"] = 0.81;
  state.Take(message);
  const std::string picture =
      absl::StrJoin(RenderWatch(state, Plain(80), 24), "\n");
  EXPECT_THAT(picture, HasSubstr("step 3  accuracy=0.81"));
}

TEST(WatchViewTest, ASnapshotReplacesWhatWasKnown) {
  WatchState state = Watched();
  v1::WatchStudyResponse message;
  message.set_snapshot(true);
  message.set_revision(50);
  *message.mutable_study() = MakeStudy();
  EXPECT_THAT(state.Take(message), IsEmpty());
  EXPECT_EQ(state.best(), nullptr);
  EXPECT_THAT(state.history(), IsEmpty());
}

TEST(WatchViewTest, ABreakInASnapshotStartsItAnew) {
  WatchState state = Watched();
  EXPECT_EQ(state.resume_after(), 0);
  v1::WatchStudyResponse message;
  message.set_revision(11);
  state.Take(message);
  EXPECT_EQ(state.resume_after(), 11);
}

TEST(WatchViewTest, AFailureSaysWhy) {
  v1::Trial trial = MakeTrial(7, v1::Trial::FAILED, 0.1);
  trial.set_reason("signal 11\nstack");
  const std::string line = RenderEnded(MakeStudy().spec(), trial, Plain(0));
  EXPECT_THAT(line, HasSubstr("7  FAILED"));
  EXPECT_THAT(line, HasSubstr("(signal 11 stack)"));
}

}  // namespace
}  // namespace assay
