#include "search/strategies/cma_es.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "search/factory.h"
#include "tests/search/strategies/study_run.h"

namespace assay {
namespace {

using ::testing::HasSubstr;

StudySpec Spec(int parameters, uint64_t seed = 1) {
  StudySpec spec;
  spec.algorithm.name = "cma_es";
  spec.metrics = {{.name = "loss"}};
  std::vector<Parameter> all;
  for (int i = 0; i < parameters; ++i) {
    all.push_back({absl::StrCat("x", i), DoubleDomain{}, {}, {}});
  }
  spec.space = *SearchSpace::Create(all);
  spec.seed = seed;
  return spec;
}

double Sphere(const Parameters& parameters) {
  double sum = 0;
  for (const auto& [name, value] : parameters) {
    sum += std::pow(*AsNumber(value) - 0.3, 2);
  }
  return sum;
}

Metrics TrainSphere(const Parameters& parameters) {
  return {{"loss", Sphere(parameters)}};
}

double Best(const std::vector<Trial>& trials) {
  double best = INFINITY;
  for (const Trial& trial : trials) {
    best = std::min(best, trial.final_metrics.at("loss"));
  }
  return best;
}

TEST(CmaEsTest, SeveralObjectivesAreRefusedNamingThoseThatTakeThem) {
  StudySpec spec = Spec(2);
  spec.metrics.push_back({.name = "size"});
  const absl::Status status = MakeSearchStrategy(spec).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("algorithm \"cma_es\": 2 objectives, takes one; nsga2 "
                        "and bayesian take several"));
}

TEST(CmaEsTest, ConvergesOnASphereAtAnyParallelism) {
  for (const size_t workers : {1, 7, 30}) {
    EXPECT_LT(Best(RunStudy(Spec(5), 600, workers, TrainSphere)), 1e-5)
        << workers;
  }
}

TEST(CmaEsTest, ALostTrialHoldsNothingUp) {
  const auto strategy = MakeSearchStrategy(Spec(3)).value();
  std::vector<Trial> lost;
  double best = INFINITY;
  for (int i = 1; i <= 400; ++i) {
    Random random(1, i);
    Trial trial = AsTrial(strategy->Suggest(lost, 1, random).value()[0]);
    if (i % 20 == 0) {
      lost.push_back(trial);
      continue;
    }
    trial.id = {i};
    trial.state = TrialState::kCompleted;
    trial.final_metrics = {{"loss", Sphere(trial.parameters)}};
    best = std::min(best, trial.final_metrics["loss"]);
    strategy->Observe(trial);
  }
  EXPECT_LT(best, 1e-6);
}

TEST(CmaEsTest, LeavesWhereTrialsFail) {
  const auto strategy = MakeSearchStrategy(Spec(3)).value();
  int failed_late = 0;
  for (int i = 1; i <= 300; ++i) {
    Random random(1, i);
    Trial trial = AsTrial(strategy->Suggest({}, 1, random).value()[0]);
    trial.id = {i};
    const double x = *AsNumber(trial.parameters.at("x0"));
    const bool fails = x > 0.4;
    trial.state = fails ? TrialState::kFailed : TrialState::kCompleted;
    if (!fails) trial.final_metrics = {{"loss", Sphere(trial.parameters)}};
    failed_late += fails && i > 200;
    strategy->Observe(trial);
  }
  EXPECT_LT(failed_late, 10);
}

TEST(CmaEsTest, AFailingStudyGoesOnDrawing) {
  const auto strategy = MakeSearchStrategy(Spec(2)).value();
  for (int i = 1; i <= 100; ++i) {
    Random random(1, i);
    Trial trial = AsTrial(strategy->Suggest({}, 1, random).value()[0]);
    trial.id = {i};
    trial.state = TrialState::kFailed;
    strategy->Observe(trial);
  }
}

TEST(CmaEsTest, ATrialOfAUserDrawsTheSearchToIt) {
  const auto strategy = MakeSearchStrategy(Spec(4)).value();
  Trial user;
  user.origin.strategy = "user";
  for (int i = 0; i < 4; ++i) {
    user.parameters[absl::StrCat("x", i)] = 0.95;
  }
  user.id = {1};
  user.state = TrialState::kCompleted;
  user.final_metrics = {{"loss", -1.0}};
  strategy->Observe(user);
  double sum = 0;
  for (int i = 2; i <= 60; ++i) {
    Random random(1, i);
    Trial trial = AsTrial(strategy->Suggest({}, 1, random).value()[0]);
    trial.id = {i};
    trial.state = TrialState::kCompleted;
    trial.final_metrics = {{"loss", 1.0}};
    if (i > 40) sum += *AsNumber(trial.parameters.at("x0"));
    strategy->Observe(trial);
  }
  EXPECT_GT(sum / 20, 0.6);
}

TEST(CmaEsTest, StartsAgainElsewhereWhenItStagnates) {
  std::set<std::string> reasons;
  for (const Trial& trial : RunStudy(Spec(2), 2000, 1, TrainSphere)) {
    if (trial.origin.why.find("restart 1") != std::string::npos) {
      reasons.insert("restarted");
    }
  }
  EXPECT_EQ(reasons.size(), 1u);
}

}  // namespace
}  // namespace assay
