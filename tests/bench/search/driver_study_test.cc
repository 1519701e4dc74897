#include "tests/bench/search/driver_study.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "search/factory.h"
#include "tests/bench/search/spec_json.h"

namespace assay {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

StudySpec SpecOf(const std::string& text) {
  const auto spec = ReadStudySpec(nlohmann::json::parse(text));
  EXPECT_TRUE(spec.ok()) << spec.status();
  return *spec;
}

StudySpec RandomSpec() {
  return SpecOf(R"({"algorithm": "random", "seed": 7,
    "metrics": [{"name": "loss", "goal": "MINIMIZE"}],
    "parameters": [{"name": "x", "double": {"min": 0, "max": 1}}]})");
}

DriverStudy StudyOf(StudySpec spec) {
  auto study = DriverStudy::Create(std::move(spec));
  EXPECT_TRUE(study.ok()) << study.status();
  return *std::move(study);
}

TEST(DriverStudyTest, ProposesWhatTheStrategyDoes) {
  const StudySpec spec = RandomSpec();
  const auto strategy = *MakeSearchStrategy(spec);
  Random random(spec.seed, 0);
  const Parameters expected =
      (*strategy->Suggest({}, 1, random)).front().parameters;
  EXPECT_EQ((*StudyOf(spec).Suggest(1)).front().parameters, expected);
}

TEST(DriverStudyTest, OnePerCallOrManyAtOnceAreTheSame) {
  DriverStudy one = StudyOf(RandomSpec());
  DriverStudy many = StudyOf(RandomSpec());
  const std::vector<Trial> batch = *many.Suggest(3);
  ASSERT_THAT(batch, SizeIs(3));
  for (const Trial& trial : batch) {
    EXPECT_EQ((*one.Suggest(1)).front().parameters, trial.parameters);
  }
}

TEST(DriverStudyTest, LearnsOfEarlierStudiesFirst) {
  StudySpec spec = RandomSpec();
  spec.algorithm.name = "bayesian";
  EarlierStudy earlier{.name = "old", .trust = Trust::kSimilar};
  for (const double x : {0.2, 0.7, 0.9}) {
    Trial trial;
    trial.state = TrialState::kCompleted;
    trial.parameters = {{"x", x}};
    trial.final_metrics = {{"loss", std::abs(x - 0.7)}};
    AddEarlier(trial, spec, earlier);
  }
  DriverStudy study = *DriverStudy::Create(spec, {earlier});
  EXPECT_EQ((*study.Suggest(1)).front().parameters, (Parameters{{"x", 0.7}}));
}

TEST(DriverStudyTest, ATrialEndsOnce) {
  DriverStudy study = StudyOf(RandomSpec());
  const int64_t number = (*study.Suggest(1)).front().number;
  EXPECT_TRUE(study.End(number, TrialState::kCompleted, {{"loss", 1}}).ok());
  const absl::Status again = study.End(number, TrialState::kFailed, {});
  EXPECT_TRUE(absl::IsNotFound(again)) << again;
}

TEST(DriverStudyTest, AddedTrialsLieInTheSpace) {
  DriverStudy study = StudyOf(RandomSpec());
  EXPECT_TRUE(study.Add({{"x", 0.5}}, {{"loss", 1}}).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(study.Add({{"x", 2.0}}, {})));
}

TEST(DriverStudyTest, TellsWhenTheSpaceIsUsedUp) {
  DriverStudy study = StudyOf(SpecOf(R"({"algorithm": "grid",
    "metrics": [{"name": "loss"}],
    "parameters": [{"name": "n", "integer": {"min": 1, "max": 2}}]})"));
  const std::vector<Trial> both = *study.Suggest(2);
  for (const Trial& trial : both) {
    EXPECT_TRUE(study.End(trial.number, TrialState::kCompleted, {}).ok());
  }
  EXPECT_TRUE(absl::IsOutOfRange(study.Suggest(1).status()));
}

TEST(ReadStudySpecTest, ReadsEachKindOfParameter) {
  const StudySpec spec = SpecOf(R"({
    "metrics": [{"name": "a", "goal": "MAXIMIZE"}, {"name": "c", "bound": 2}],
    "parameters": [
      {"name": "d", "double": {"min": 1, "max": 2, "scale": "LOG"}},
      {"name": "n", "integer": {"min": 0, "max": 8, "step": 2}},
      {"name": "k", "categorical": {"values": ["a", 1, true]}},
      {"name": "v", "discrete": {"values": [1, 2.5]},
       "when": {"parent": "k", "values": ["a"]}}]})");
  EXPECT_THAT(spec.space.parameters(), SizeIs(4));
  EXPECT_EQ(spec.metrics[0].goal, Goal::kMaximize);
  EXPECT_EQ(spec.metrics[1].bound, 2.0);
  EXPECT_EQ(spec.space.parent(3), 2);
}

TEST(ReadStudySpecTest, NamesAnOptionThatIsNotThere) {
  const auto spec = ReadStudySpec(nlohmann::json::parse(R"({
    "options": {"speed": 1}, "metrics": [{"name": "a"}],
    "parameters": [{"name": "d", "double": {"min": 1, "max": 2}}]})"));
  EXPECT_THAT(std::string(spec.status().message()), HasSubstr("speed"));
}

TEST(DriverStudyTest, ReportsAreJudgedByTheStudysRule) {
  StudySpec spec = RandomSpec();
  spec.stopping.rules = {{.name = "patience", .patience_steps = 2}};
  DriverStudy study = StudyOf(spec);
  const int64_t trial = study.Suggest(1)->front().number;
  EXPECT_EQ(*study.Report(trial, 1, {{"loss", 1}}), std::nullopt);
  EXPECT_EQ(*study.Report(trial, 2, {{"loss", 2}}), std::nullopt);
  EXPECT_TRUE(study.Report(trial, 3, {{"loss", 2}})->has_value());
}

TEST(DriverStudyTest, WithoutARuleNothingStops) {
  DriverStudy study = StudyOf(RandomSpec());
  const int64_t trial = study.Suggest(1)->front().number;
  EXPECT_EQ(*study.Report(trial, 1, {{"loss", std::nan("")}}), std::nullopt);
}

}  // namespace
}  // namespace assay
