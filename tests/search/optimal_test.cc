#include "search/optimal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "search/trial_fields.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

StudySpec Spec(std::vector<MetricSpec> metrics) {
  StudySpec spec;
  spec.metrics = std::move(metrics);
  spec.space = *SearchSpace::Create({{.name = "x", .domain = DoubleDomain{}}});
  return spec;
}

StudySpec OneGoal() { return Spec({{.name = "loss"}}); }

StudySpec Bounded() {
  return Spec({{.name = "acc", .goal = Goal::kMaximize},
               {.name = "latency", .bound = 20}});
}

StudySpec TwoGoals() {
  return Spec({{.name = "acc", .goal = Goal::kMaximize}, {.name = "size"}});
}

struct Row {
  Metrics metrics = {};
  TrialState state = TrialState::kCompleted;
};

std::vector<Trial> Trials(const std::vector<Row>& rows) {
  std::vector<Trial> trials;
  for (const Row& row : rows) {
    Trial trial;
    trial.number = static_cast<int64_t>(trials.size());
    trial.id = TrialId{100 + trial.number};
    trial.parameters = {{"x", 0.125 * static_cast<double>(trial.number)}};
    trial.state = row.state;
    trial.final_metrics = row.metrics;
    trials.push_back(trial);
  }
  return trials;
}

OptimalQuery Where(const std::string& text) {
  return {.count = 10, .where = *Expression::Parse(text)};
}

std::vector<int64_t> NumbersOf(const Optimal& optimal) {
  std::vector<int64_t> numbers;
  for (const Trial& trial : optimal.trials) numbers.push_back(trial.number);
  return numbers;
}

std::vector<int64_t> Best(const StudySpec& spec, const std::vector<Row>& rows,
                          const OptimalQuery& query = {.count = 10}) {
  return NumbersOf(FindOptimal(spec, Trials(rows), query));
}

TEST(OptimalTest, OneObjectiveRanksBestFirstAndTiesByNumber) {
  EXPECT_THAT(
      Best(
          OneGoal(),
          {{{{"loss", 2}}}, {{{"loss", 1}}}, {{{"loss", 3}}}, {{{"loss", 1}}}}),
      ElementsAre(1, 3, 0, 2));
}

TEST(OptimalTest, CountIsTheMost) {
  EXPECT_THAT(Best(OneGoal(), {{{{"loss", 2}}}, {{{"loss", 1}}}}, {.count = 1}),
              ElementsAre(1));
}

TEST(OptimalTest, StoppedTrialsCountOnlyIfNoneIsCompleted) {
  const Row stopped = {{{"loss", 0}}, TrialState::kStopped};
  const Row failed = {{{"loss", -1}}, TrialState::kFailed};
  EXPECT_THAT(Best(OneGoal(), {stopped, {{{"loss", 1}}}, failed}),
              ElementsAre(1));
  EXPECT_THAT(Best(OneGoal(), {stopped, failed}), ElementsAre(0));
}

TEST(OptimalTest, ATrialWithoutItsObjectiveIsNone) {
  EXPECT_THAT(Best(OneGoal(), {{{{"loss", std::nan("")}}}, {{{"other", 1}}}}),
              IsEmpty());
}

TEST(OptimalTest, WhereSeesParametersMetricsAndFields) {
  const std::vector<Row> rows = {
      {{{"loss", 1}}}, {{{"loss", 2}, {"time", 5}}}, {{{"loss", 3}}}};
  EXPECT_THAT(Best(OneGoal(), rows, Where("x > 0.1")), ElementsAre(1, 2));
  EXPECT_THAT(Best(OneGoal(), rows, Where("time < 9")), ElementsAre(1));
  EXPECT_THAT(Best(OneGoal(), rows, Where("number != 0 and loss > 2")),
              ElementsAre(2));
}

TEST(OptimalTest, WhereMayAskForStoppedTrials) {
  EXPECT_THAT(
      Best(OneGoal(), {{{{"loss", 1}}}, {{{"loss", 2}}, TrialState::kStopped}},
           Where("state == 'STOPPED'")),
      ElementsAre(1));
}

TEST(OptimalTest, FeasibleTrialsAreBeforeBetterOnes) {
  const Optimal optimal = FindOptimal(Bounded(),
                                      Trials({{{{"acc", 0.9}, {"latency", 30}}},
                                              {{{"acc", 0.7}, {"latency", 20}}},
                                              {{{"acc", 0.8}, {"latency", 10}}},
                                              {{{"acc", 0.95}}}}),
                                      {.count = 10});
  EXPECT_THAT(NumbersOf(optimal), ElementsAre(2, 1));
  EXPECT_FALSE(optimal.infeasible);
}

TEST(OptimalTest, SaysIfNoneIsFeasible) {
  const Optimal optimal =
      FindOptimal(Bounded(),
                  Trials({{{{"acc", 0.7}, {"latency", 30}}},
                          {{{"acc", 0.9}, {"latency", 40}}}}),
                  {.count = 10});
  EXPECT_THAT(NumbersOf(optimal), ElementsAre(1, 0));
  EXPECT_TRUE(optimal.infeasible);
  EXPECT_FALSE(FindOptimal(Bounded(), {}, {}).infeasible);
}

TEST(OptimalTest, SeveralObjectivesGiveTheFrontAndItsKnee) {
  const Optimal optimal = FindOptimal(TwoGoals(),
                                      Trials({{{{"acc", 0.9}, {"size", 100}}},
                                              {{{"acc", 0.85}, {"size", 20}}},
                                              {{{"acc", 0.84}, {"size", 30}}},
                                              {{{"acc", 0.5}, {"size", 10}}}}),
                                      {.count = 1});
  EXPECT_THAT(NumbersOf(optimal), ElementsAre(0, 1, 3));
  EXPECT_EQ(optimal.knee, TrialId{101});
}

TEST(OptimalTest, PreferRanksTheFront) {
  const std::vector<Row> rows = {{{{"acc", 0.5}, {"size", 10}}},
                                 {{{"acc", 0.9}, {"size", 100}}},
                                 {{{"acc", 0.4}, {"size", 11}}}};
  EXPECT_THAT(Best(TwoGoals(), rows, {.count = 5, .prefer = "acc"}),
              ElementsAre(1, 0));
  EXPECT_THAT(Best(TwoGoals(), rows, {.count = 1, .prefer = "size"}),
              ElementsAre(0));
}

TEST(OptimalTest, PreferMayBeAMetricThatSomeLack) {
  StudySpec spec = TwoGoals();
  spec.metrics.push_back({.name = "latency", .bound = 20});
  EXPECT_THAT(Best(spec,
                   {{{{"acc", 0.5}, {"size", 1}}},
                    {{{"acc", 0.9}, {"size", 5}, {"latency", 30}}},
                    {{{"acc", 0.95}, {"size", 9}, {"latency", 25}}}},
                   {.count = 3, .prefer = "latency"}),
              ElementsAre(2, 1, 0));
}

TEST(OptimalTest, NamesThatNothingHasAreRefused) {
  const std::vector<Trial> trials = Trials({{{{"loss", 1}, {"time", 2}}}});
  EXPECT_TRUE(CheckQuery(OneGoal(), Where("time < 2 and x > 1"), trials).ok());
  const absl::Status typo = CheckQuery(OneGoal(), Where("latncy < 2"), trials);
  EXPECT_EQ(typo.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(typo.message()),
              HasSubstr("where: \"latncy\" is no"));
  EXPECT_THAT(
      std::string(CheckQuery(OneGoal(), {.prefer = "time"}, trials).message()),
      HasSubstr("prefer: \"time\" is no metric of the study; loss"));
}

// --- Replicates -------------------------------------------------------------

// Rows of one configuration, of the parameter's value `x`.
std::vector<Trial> Configurations(
    const std::vector<std::vector<double>>& losses) {
  std::vector<Trial> trials;
  for (size_t i = 0; i < losses.size(); ++i) {
    for (const double loss : losses[i]) {
      Trial trial = Trials({{{{"loss", loss}}}})[0];
      trial.number = static_cast<int64_t>(trials.size());
      trial.id = TrialId{100 + trial.number};
      trial.parameters = {{"x", 0.25 * static_cast<double>(i)}};
      trials.push_back(trial);
    }
  }
  return trials;
}

TEST(OptimalConfigurationsTest, TheMeanRanks) {
  const OptimalConfigurations found = FindOptimalConfigurations(
      OneGoal(), Configurations({{0, 4}, {1, 2}}), {.count = 5});
  EXPECT_THAT(NumbersOf(found.optimal), ElementsAre(2, 0));
  ASSERT_EQ(found.replicates.size(), 2u);
  EXPECT_EQ(found.replicates[0].mean.final_metrics.at("loss"), 1.5);
  // What stands for them is a trial as it is.
  EXPECT_EQ(found.optimal.trials[0].final_metrics.at("loss"), 1);
}

TEST(OptimalConfigurationsTest, TheSecondTellsOfATieAlsoIfItIsNotShown) {
  const OptimalConfigurations found = FindOptimalConfigurations(
      OneGoal(), Configurations({{0, 4}, {1, 2}}), {.count = 1});
  EXPECT_THAT(NumbersOf(found.optimal), ElementsAre(2));
  EXPECT_EQ(found.replicates.size(), 1u);
  EXPECT_THAT(found.tie, HasSubstr("trials 2 and 0 cannot be told apart"));
}

TEST(OptimalConfigurationsTest, AClearWinnerIsNotTied) {
  EXPECT_EQ(FindOptimalConfigurations(
                OneGoal(), Configurations({{1, 1.1}, {5, 5.1}}), {.count = 2})
                .tie,
            "");
}

TEST(OptimalConfigurationsTest, WhereSeesTheMean) {
  EXPECT_THAT(NumbersOf(FindOptimalConfigurations(
                            OneGoal(), Configurations({{0, 4}, {1, 2}}),
                            Where("loss > 1.9"))
                            .optimal),
              ElementsAre(0));
}

TEST(OptimalConfigurationsTest, ATrialThatDidNotCompleteIsNotInTheMean) {
  std::vector<Trial> trials = Configurations({{0, 4, 2}});
  trials[1].state = TrialState::kFailed;
  const OptimalConfigurations found =
      FindOptimalConfigurations(OneGoal(), trials, {.count = 1});
  EXPECT_EQ(found.replicates.at(0).count, 2);
  EXPECT_EQ(found.replicates.at(0).mean.final_metrics.at("loss"), 1);
}

TEST(TrialFieldsTest, OwnFieldsComeBeforeParametersAndMetrics) {
  Trial trial;
  trial.number = 3;
  trial.parameters = {{"number", int64_t{7}}, {"x", int64_t{1}}};
  trial.final_metrics = {{"x", 2}, {"y", 5}};
  EXPECT_TRUE(
      Passes(*Expression::Parse("number == 3 and x == 1 and y == 5"), trial));
  EXPECT_FALSE(Passes(*Expression::Parse("z < 1"), trial));
}

}  // namespace
}  // namespace assay
