#include "search/schedules/gradient_strategy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "search/checkpoint_retention.h"
#include "tests/search/schedules/schedule_run.h"

namespace assay {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

StudySpec Chains(int32_t size, int64_t interval, int64_t max_steps) {
  StudySpec spec = ScheduleStudy("gradient", "random", max_steps);
  spec.schedule.population = {.size = size, .interval = interval};
  spec.schedule.gradient.audit_share = 0;
  return spec;
}

double XOf(const Trial& trial) {
  return std::get<double>(trial.parameters.at("x"));
}

// loss = (x - 0.7)^2 + 1 / step: a training that x makes better or worse.
double LossOf(const Trial& trial, int64_t step) {
  return std::pow(XOf(trial) - 0.7, 2) + 1.0 / static_cast<double>(step);
}

// Ends the i-th unfinished one with what it would measure.
void Train(ScheduleRun& run, size_t i, double sign = 1) {
  const Trial trial = run.unfinished()[i];
  run.End(i, TrialState::kCompleted, {{"loss", LossOf(trial, trial.to_step)}},
          trial.to_step, {{"x", sign * 2 * (XOf(trial) - 0.7)}},
          {{"x", 0.001}});
}

// Starts and trains one after the other, up to `most`.
void TrainAll(ScheduleRun& run, int most, double sign = 1) {
  for (int i = 0; i < most; ++i) {
    const auto next = run.Suggest(1);
    if (!next.ok() || next->empty()) return;
    run.Add(next->at(0));
    Train(run, 0, sign);
  }
}

std::vector<Trial> Those(const ScheduleRun& run,
                         const std::function<bool(const Trial&)>& of) {
  std::vector<Trial> found;
  for (const Trial& trial : run.finished()) {
    if (of(trial)) found.push_back(trial);
  }
  return found;
}

TEST(GradientStrategyTest, EachRunMovesAlongTheGradientOfTheOneBefore) {
  ScheduleRun run(Chains(1, 2, 20));
  run.Start();
  Train(run, 0);
  const Trial before = run.finished()[0];
  const Trial after = run.Start();
  EXPECT_EQ(after.continues, before.id);
  EXPECT_EQ(after.from_step, 2);
  EXPECT_EQ(after.to_step, 4);
  const double toward = XOf(before) < 0.7 ? 0.05 : -0.05;
  EXPECT_NEAR(XOf(after) - XOf(before), toward, 1e-3);
  EXPECT_EQ(after.parameters.at("n"), before.parameters.at("n"));
  EXPECT_EQ(after.parameters.at("kind"), before.parameters.at("kind"));
  EXPECT_THAT(after.origin.why, HasSubstr("gradient: x 0."));
  EXPECT_THAT(after.origin.why, HasSubstr(" -> "));
}

TEST(GradientStrategyTest, ChainsReachTheOptimumAndTrainTheirMeanFromNothing) {
  StudySpec spec = Chains(2, 1, 30);
  spec.budget.max_trials = 4;
  ScheduleRun run(spec);
  TrainAll(run, 500);
  EXPECT_EQ(run.Suggest(1).status().code(), absl::StatusCode::kOutOfRange);
  const auto ends =
      Those(run, [](const Trial& t) { return t.to_step == 30 && t.continues; });
  ASSERT_GE(ends.size(), 2u);
  for (const Trial& end : ends) EXPECT_NEAR(XOf(end), 0.7, 0.08);
  const auto retrained = Those(
      run, [](const Trial& t) { return t.to_step == 30 && t.from_step == 0; });
  ASSERT_GE(retrained.size(), 1u);
  EXPECT_FALSE(retrained[0].continues);
  double sum = 0;
  const auto path = Those(run, [&](const Trial& t) {
    return t.id.value == retrained[0].origin.ordinal ||
           (t.continues && t.origin.ordinal == retrained[0].origin.ordinal);
  });
  for (const Trial& trial : path) sum += XOf(trial);
  EXPECT_NEAR(XOf(retrained[0]), sum / static_cast<double>(path.size()), 1e-9);
  EXPECT_EQ(retrained[0].origin.strategy, "gradient");
  EXPECT_THAT(retrained[0].origin.why, HasSubstr("trains from nothing"));
  const auto from_nothing =
      Those(run, [](const Trial& t) { return !t.continues; });
  EXPECT_LE(from_nothing.size(), 4u);
}

TEST(GradientStrategyTest, WithoutGradientsAChainGoesOnAsItIs) {
  ScheduleRun run(Chains(1, 2, 20));
  run.Start();
  run.Complete(0, 0.5);
  const Trial after = run.Start();
  EXPECT_EQ(after.parameters, run.finished()[0].parameters);
  EXPECT_EQ(after.origin.why, "gradient: goes on as it is");
}

TEST(GradientStrategyTest, AMuchWorseRunIsTakenBackAndTheMoveHalved) {
  ScheduleRun run(Chains(1, 1, 20));
  for (const double loss : {3, 2, 1}) {
    run.Start();
    run.End(0, TrialState::kCompleted, {{"loss", loss}},
            run.unfinished()[0].to_step, {{"x", -0.1}}, {{"x", 0.001}});
  }
  const Trial good = run.finished().back();
  const Trial bad = run.Start();
  run.End(0, TrialState::kCompleted, {{"loss", 50}}, bad.to_step, {{"x", -0.1}},
          {{"x", 0.001}});
  const Trial again = run.Start();
  EXPECT_EQ(again.continues, good.id);
  EXPECT_NEAR(XOf(again) - XOf(good), (XOf(bad) - XOf(good)) / 2, 1e-9);
}

TEST(GradientStrategyTest, TheWorstChainGoesOnFromTheBest) {
  ScheduleRun run(Chains(3, 1, 20));
  for (int i = 0; i < 3; ++i) run.Start();
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 3; ++i) {
      // The order in which they began stays: 0 is best.
      const Trial trial = run.unfinished()[0];
      const auto first =
          trial.continues ? trial.origin.ordinal : trial.id.value;
      run.Complete(0, static_cast<double>(first));
    }
    if (round < 2) {
      for (int i = 0; i < 3; ++i) run.Start();
    }
  }
  std::vector<Trial> next;
  for (int i = 0; i < 3; ++i) next.push_back(run.Start());
  int copies = 0;
  for (const Trial& trial : next) {
    if (trial.origin.why.find("with other parameters") == std::string::npos) {
      continue;
    }
    ++copies;
    EXPECT_EQ(trial.origin.ordinal, 102);
    const auto& all = run.finished();
    const auto parent =
        std::find_if(all.begin(), all.end(),
                     [&](const Trial& t) { return t.id == trial.continues; });
    ASSERT_NE(parent, all.end());
    EXPECT_EQ(parent->origin.ordinal, 100);
    EXPECT_NE(XOf(trial), XOf(*parent));
    EXPECT_EQ(trial.parameters.at("n"), parent->parameters.at("n"));
  }
  EXPECT_EQ(copies, 1);
}

TEST(GradientStrategyTest, AuditsRunBesideTheRunWithTheGradient) {
  StudySpec spec = Chains(1, 1, 20);
  spec.schedule.gradient.audit_share = 0.01;
  ScheduleRun run(spec);
  run.Start();
  Train(run, 0);
  std::vector<Trial> next;
  const std::vector<Proposal> proposals = run.Suggest(3).value();
  for (const Proposal& proposal : proposals) next.push_back(run.Add(proposal));
  ASSERT_EQ(next.size(), 3u);
  int audits = 0;
  double sum = 0, moved = 0;
  for (const Trial& trial : next) {
    EXPECT_EQ(trial.continues, run.finished()[0].id);
    EXPECT_EQ(trial.to_step, 2);
    if (IsAudit(trial)) {
      ++audits, sum += XOf(trial);
      EXPECT_THAT(trial.origin.why, HasSubstr("audits"));
    } else {
      moved = XOf(trial);
    }
  }
  EXPECT_EQ(audits, 2);
  EXPECT_NEAR(sum / 2, moved, 1e-9);
}

TEST(GradientStrategyTest, AMethodThatKeepsBeingWrongIsNotFollowed) {
  StudySpec spec = Chains(2, 1, 40);
  spec.schedule.gradient.audit_share = 0.01;
  ScheduleRun run(spec);
  TrainAll(run, 30, /*sign=*/-1);
  const auto next = run.Suggest(1).value();
  EXPECT_THAT(next.at(0).origin.why,
              HasSubstr("3 of 3 audited gradients were wrong"));
  ScheduleRun right(spec);
  TrainAll(right, 30);
  EXPECT_THAT(right.Suggest(1).value().at(0).origin.why,
              testing::Not(HasSubstr("wrong")));
}

TEST(GradientStrategyTest, RandomDirectionsAreAsLongAndNotTheGradients) {
  StudySpec spec = Chains(1, 1, 20);
  spec.space =
      *SearchSpace::Create({{"x", DoubleDomain{.min = 0, .max = 1}, {}, {}},
                            {"y", DoubleDomain{.min = 0, .max = 1}, {}, {}}});
  spec.schedule.gradient.random_directions = true;
  ScheduleRun run(spec);
  run.Start();
  run.End(0, TrialState::kCompleted, {{"loss", 1}}, 1,
          {{"x", 0.1}, {"y", -0.1}});
  const Trial& before = run.finished()[0];
  const Trial after = run.Start();
  const double x = XOf(after) - XOf(before);
  const double y = std::get<double>(after.parameters.at("y")) -
                   std::get<double>(before.parameters.at("y"));
  EXPECT_NEAR(std::hypot(x, y), std::hypot(0.05, 0.05), 1e-9);
  EXPECT_GT(std::hypot(x + 0.05, y - 0.05), 0.001);
}

TEST(GradientStrategyTest, AGradientThatItsSolverDoubtsIsNotFollowed) {
  for (const std::string method : {"ift_cg", "truncated"}) {
    StudySpec spec = Chains(1, 1, 20);
    spec.gradients.method = method;
    ScheduleRun run(spec);
    run.Start();
    run.End(0, TrialState::kCompleted,
            {{"loss", 1}, {"gradient_residual", 0.7}}, 1, {{"x", 0.1}});
    EXPECT_EQ(run.Start().origin.why == "gradient: goes on as it is",
              method == "ift_cg");
  }
}

TEST(GradientStrategyTest, WhatRanWholeIsNotTrainedAgain) {
  StudySpec spec = Chains(1, 5, 5);
  spec.budget.max_trials = 3;
  ScheduleRun run(spec);
  TrainAll(run, 10);
  EXPECT_THAT(Those(run, [](const Trial& t) { return !t.continues; }),
              testing::SizeIs(3));
  EXPECT_EQ(run.Suggest(1).status().code(), absl::StatusCode::kOutOfRange);
}

TEST(GradientStrategyTest, WhatFailsAtFirstMakesRoomForAnother) {
  ScheduleRun run(Chains(1, 1, 20));
  run.Start();
  run.End(0, TrialState::kFailed, {}, 0);
  const Trial next = run.Start();
  EXPECT_FALSE(next.continues);
  EXPECT_THAT(run.Suggest(1).value(), IsEmpty());
}

}  // namespace
}  // namespace assay
