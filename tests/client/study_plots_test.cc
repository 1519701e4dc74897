#include "client/cli/study_plots.h"

#include "client/cli/gnuplot.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

using testing::HasSubstr;
using testing::Not;

v1::Study Study(v1::Goal goal = v1::MINIMIZE) {
  v1::Study study;
  study.set_name("s");
  study.set_owner("local");
  v1::Metric& metric = *study.mutable_spec()->add_metrics();
  metric.set_name("m");
  metric.set_goal(goal);
  return study;
}

v1::Trial Trial(int64_t number, double value,
                v1::Trial::State state = v1::Trial::COMPLETED) {
  v1::Trial trial;
  trial.set_id(number + 1);
  trial.set_number(number);
  trial.set_state(state);
  (*trial.mutable_final_metrics())["m"] = value;
  return trial;
}

std::string History(const v1::Study& study,
                    const std::vector<v1::Trial>& trials) {
  return HistoryPlot(study, trials, "out.svg");
}

TEST(StudyPlotsTest, TheBestSoFarFallsAndReachesTheLastTrial) {
  const std::string script =
      History(Study(), {Trial(0, 3), Trial(1, 5), Trial(2, 1), Trial(3, 4)});
  EXPECT_THAT(script, HasSubstr("$best << EOD\n0 3\n2 1\n3 1\nEOD\n"));
}

TEST(StudyPlotsTest, TheBestSoFarRisesWhereHighIsGood) {
  const std::string script =
      History(Study(v1::MAXIMIZE), {Trial(0, 3), Trial(1, 5), Trial(2, 1)});
  EXPECT_THAT(script, HasSubstr("$best << EOD\n0 3\n1 5\n2 5\nEOD\n"));
}

TEST(StudyPlotsTest, WhatWasStoppedOrBreaksABoundIsNoBest) {
  v1::Study study = Study();
  v1::Metric& bound = *study.mutable_spec()->add_metrics();
  bound.set_name("latency");
  bound.set_goal(v1::MINIMIZE);
  bound.set_bound(10);
  v1::Trial slow = Trial(1, 1), good = Trial(0, 3);
  (*slow.mutable_final_metrics())["latency"] = 11;
  (*good.mutable_final_metrics())["latency"] = 10;
  const std::string script =
      History(study, {good, slow, Trial(2, 0, v1::Trial::STOPPED)});
  EXPECT_THAT(script, HasSubstr("$best << EOD\n0 3\n2 3\nEOD\n"));
  EXPECT_THAT(script, HasSubstr("$outside << EOD\n1 1\nEOD\n"));
  EXPECT_THAT(script, HasSubstr("$stopped << EOD\n2 0\nEOD\n"));
}

TEST(StudyPlotsTest, OfAScheduleOnlyTheLongestRunsAreBest) {
  v1::Trial shorter = Trial(0, 1), longer = Trial(1, 2);
  shorter.set_to_step(3);
  longer.set_to_step(9);
  const std::string script = History(Study(), {shorter, longer});
  EXPECT_THAT(script, HasSubstr("$best << EOD\n1 2\n1 2\nEOD\n"));
  EXPECT_THAT(script, HasSubstr("$shorter << EOD\n0 1\nEOD\n"));
}

TEST(StudyPlotsTest, AValueThatFallsByPowersOfTenIsShownSo) {
  EXPECT_THAT(History(Study(), {Trial(0, 1), Trial(1, 1e-4)}),
              HasSubstr("\nset logscale y\n"));
  EXPECT_THAT(History(Study(), {Trial(0, 1), Trial(1, -1e-4)}),
              HasSubstr("unset logscale y\n"));
}

TEST(StudyPlotsTest, WhatHasNoValueIsNotDrawn) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(History(Study(), {Trial(0, nan)}),
              HasSubstr("plot NaN notitle\n"));
}

TEST(StudyPlotsTest, TheFrontIsDrawnFromLeftToRight) {
  v1::Study study = Study();
  *study.mutable_spec()->add_metrics() = study.spec().metrics(0);
  study.mutable_spec()->mutable_metrics(1)->set_name("size");
  std::vector<v1::Trial> trials = {Trial(0, 3), Trial(1, 1), Trial(2, 5)};
  for (v1::Trial& trial : trials) {
    (*trial.mutable_final_metrics())["size"] = 10 - trial.number();
  }
  v1::OptimalResponse optimal;
  *optimal.add_trials() = trials[0];
  *optimal.add_trials() = trials[1];
  optimal.set_knee_trial_id(2);
  const std::string script =
      ParetoPlot(study, trials, optimal, study.spec().metrics(0),
                 study.spec().metrics(1), "out.svg");
  EXPECT_THAT(script, HasSubstr("$front << EOD\n1 9\n3 10\nEOD\n"));
  EXPECT_THAT(script, HasSubstr("$others << EOD\n5 8\nEOD\n"));
  EXPECT_THAT(script, HasSubstr("$knee << EOD\n1 9\nEOD\n"));
}

TEST(StudyPlotsTest, ATextIsOneWordToGnuplot) {
  EXPECT_EQ(GnuplotText("it's `a` \"b\""), "'it''s `a` \"b\"'");
  EXPECT_THAT(GnuplotText("two\nlines"), Not(HasSubstr("\n")));
}

}  // namespace
}  // namespace assay
