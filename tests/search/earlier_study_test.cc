#include "search/earlier_study.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace assay {
namespace {

using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

ParameterValue Text(const char* text) { return std::string(text); }

SearchSpace Space(std::vector<std::string> constraints = {}) {
  return *SearchSpace::Create(
      {{"lr",
        DoubleDomain{.min = 1e-4, .max = 0.1, .scale = Scale::kLog},
        {},
        {}},
       {"width", IntegerDomain{.min = 8, .max = 64}, int64_t{32}, {}},
       {"optimizer", CategoricalDomain{{Text("sgd"), Text("adam")}}, {}, {}},
       {"momentum",
        DoubleDomain{.min = 0, .max = 0.99},
        {},
        Condition{"optimizer", {Text("sgd")}}}},
      std::move(constraints));
}

StudySpec Spec() {
  StudySpec spec;
  spec.metrics = {{.name = "loss"}};
  spec.space = Space();
  return spec;
}

std::string Error(const absl::Status& status) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  return std::string(status.message());
}

// --- Parameters -------------------------------------------------------------

TEST(TakeOverTest, TakesParametersByName) {
  const Parameters given = {{"lr", 0.01},
                            {"width", int64_t{16}},
                            {"optimizer", Text("sgd")},
                            {"momentum", 0.9}};
  EXPECT_EQ(TakeOver(given, Space()).value(), given);
}

TEST(TakeOverTest, GivesEachValueTheTypeOfItsParameter) {
  const auto taken = TakeOver(
      {{"lr", 0.01}, {"width", 16.0}, {"optimizer", Text("adam")}}, Space());
  EXPECT_EQ(taken.value().at("width"), ParameterValue(int64_t{16}));
}

TEST(TakeOverTest, LeavesOutWhatTheSpaceLacksOrIsNotActive) {
  const auto taken = TakeOver({{"lr", 0.01},
                               {"width", int64_t{16}},
                               {"optimizer", Text("adam")},
                               {"momentum", 0.9},
                               {"depth", int64_t{3}}},
                              Space());
  EXPECT_EQ(Identity(*taken), Identity({{"lr", 0.01},
                                        {"width", int64_t{16}},
                                        {"optimizer", Text("adam")}}));
}

TEST(TakeOverTest, AMissingParameterTakesItsDefault) {
  const auto taken =
      TakeOver({{"lr", 0.01}, {"optimizer", Text("adam")}}, Space());
  EXPECT_EQ(taken.value().at("width"), ParameterValue(int64_t{32}));
}

TEST(TakeOverTest, AMissingOneWithoutDefaultIsRefused) {
  EXPECT_EQ(Error(TakeOver({{"optimizer", Text("adam")}}, Space()).status()),
            "lr is missing and has no default");
  EXPECT_EQ(Error(TakeOver({{"lr", 0.01}, {"optimizer", Text("sgd")}}, Space())
                      .status()),
            "momentum is missing and has no default");
}

TEST(TakeOverTest, ValuesOutOfRangeOrOfAnotherTypeAreRefused) {
  for (const ParameterValue& lr :
       {ParameterValue(0.5), Text("0.01"), ParameterValue(true)}) {
    EXPECT_EQ(Error(TakeOver({{"lr", lr}, {"optimizer", Text("adam")}}, Space())
                        .status()),
              "lr is not in its domain here");
  }
}

TEST(TakeOverTest, WhatBreaksAConstraintIsRefused) {
  EXPECT_EQ(Error(TakeOver({{"lr", 0.05}, {"optimizer", Text("adam")}},
                           Space({"lr * width < 1"}))
                      .status()),
            "a constraint is broken");
}

// --- Metrics ----------------------------------------------------------------

TEST(CheckEarlierTest, OneObjectiveInCommonIsEnough) {
  StudySpec spec = Spec(), earlier = Spec();
  spec.metrics = {{.name = "loss"}, {.name = "latency"}};
  EXPECT_TRUE(CheckEarlier(spec, earlier).ok());
  earlier.metrics = {{.name = "latency"}, {.name = "memory"}};
  EXPECT_TRUE(CheckEarlier(spec, earlier).ok());
}

TEST(CheckEarlierTest, NoObjectiveInCommonIsRefused) {
  StudySpec earlier = Spec();
  earlier.metrics = {{.name = "accuracy", .goal = Goal::kMaximize}};
  EXPECT_THAT(Error(CheckEarlier(Spec(), earlier)),
              HasSubstr("none of the objectives loss, but accuracy"));
  earlier.metrics.push_back({.name = "loss", .bound = 1});
  EXPECT_THAT(Error(CheckEarlier(Spec(), earlier)), HasSubstr("none"));
}

TEST(CheckEarlierTest, AMetricOfTheOtherGoalIsRefused) {
  StudySpec earlier = Spec();
  earlier.metrics = {{.name = "loss", .goal = Goal::kMaximize}};
  EXPECT_THAT(Error(CheckEarlier(Spec(), earlier)),
              HasSubstr("\"loss\" has the goal MAXIMIZE, this study's has "
                        "MINIMIZE"));
}

// --- Trials -----------------------------------------------------------------

Trial Ended(TrialState state, double loss) {
  Trial trial;
  trial.id = {7};
  trial.number = 6;
  trial.state = state;
  trial.parameters = {{"lr", 0.01}, {"optimizer", Text("adam")}};
  trial.final_metrics = {{"loss", loss}, {"time", 3}};
  trial.last_step = 9;
  trial.origin = {.strategy = "tpe", .ordinal = 4};
  return trial;
}

TEST(AddEarlierTest, CopiesWhatIsLearnedOfAndNothingElse) {
  EarlierStudy earlier;
  AddEarlier(Ended(TrialState::kStopped, 0.5), Spec(), earlier);
  ASSERT_EQ(earlier.used, 1);
  const Trial& trial = earlier.trials.at(0);
  EXPECT_FALSE(trial.id);
  EXPECT_EQ(trial.origin.strategy, "");
  EXPECT_EQ(trial.origin.ordinal, -1);
  EXPECT_EQ(trial.number, 6);
  EXPECT_EQ(trial.state, TrialState::kStopped);
  EXPECT_EQ(trial.last_step, 9);
  EXPECT_EQ(trial.final_metrics, (Metrics{{"loss", 0.5}, {"time", 3}}));
  EXPECT_EQ(trial.parameters.at("width"), ParameterValue(int64_t{32}));
}

TEST(AddEarlierTest, CountsByReasonWhyTrialsAreOfNoUse) {
  EarlierStudy earlier;
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  AddEarlier(Ended(TrialState::kCompleted, kNaN), Spec(), earlier);
  Trial trial = Ended(TrialState::kCompleted, 1);
  trial.parameters["lr"] = 7.0;
  AddEarlier(trial, Spec(), earlier);
  AddEarlier(trial, Spec(), earlier);
  EXPECT_EQ(earlier.used, 0);
  EXPECT_THAT(earlier.unused,
              UnorderedElementsAre(Pair("an objective has no value", 1),
                                   Pair("lr is not in its domain here", 2)));
}

TEST(AddEarlierTest, FailuresTellOfTheSameObjectiveOnly) {
  EarlierStudy same, similar{.trust = Trust::kSimilar};
  for (const TrialState state :
       {TrialState::kFailed, TrialState::kInfeasible, TrialState::kStopped,
        TrialState::kCompleted}) {
    AddEarlier(Ended(state, 1), Spec(), same);
    AddEarlier(Ended(state, 1), Spec(), similar);
  }
  EXPECT_EQ(same.used, 4);
  EXPECT_EQ(similar.used, 1);
  EXPECT_THAT(similar.unused, UnorderedElementsAre(Pair("it is FAILED", 1),
                                                   Pair("it is INFEASIBLE", 1),
                                                   Pair("it is STOPPED", 1)));
}

}  // namespace
}  // namespace assay
