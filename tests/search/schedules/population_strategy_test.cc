#include "search/schedules/population_strategy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/search/schedules/schedule_run.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

StudySpec Population(int32_t size, int64_t interval, int64_t max_steps) {
  StudySpec spec = ScheduleStudy("pbt", "random", max_steps);
  spec.schedule.population = {.size = size, .interval = interval};
  return spec;
}

TEST(PopulationTest, MembersBeginTogetherAndGoOnAsTheyEnd) {
  ScheduleRun run(Population(4, 5, 20));
  for (int i = 0; i < 4; ++i) {
    const Trial& trial = run.Start();
    EXPECT_FALSE(trial.continues);
    EXPECT_EQ(trial.to_step, 5);
  }
  EXPECT_THAT(run.Suggest(1).value(), IsEmpty()) << "all run";
  run.Complete(2, 1);
  const Trial next = run.Start();
  EXPECT_EQ(next.continues, run.finished()[0].id);
  EXPECT_EQ(next.parameters, run.finished()[0].parameters);
  EXPECT_EQ(next.from_step, 5);
  EXPECT_EQ(next.to_step, 10);
  EXPECT_EQ(next.origin.why, "pbt: goes on");
}

TEST(PopulationTest, TheWorstCopiesTheBestAndChangesItsParameters) {
  ScheduleRun run(Population(4, 5, 20));
  for (int i = 0; i < 4; ++i) run.Start();
  for (int i = 0; i < 4; ++i) run.Complete(0, i);  // 0 is best, 3 worst.
  const Trial best = run.finished()[0];
  std::map<int64_t, Trial> by_parent;
  int copies = 0;
  for (int i = 0; i < 4; ++i) {
    const Trial& trial = run.Start();
    const bool copied = trial.origin.why.find("copies") != std::string::npos;
    copies += copied;
    if (!copied) continue;
    EXPECT_EQ(trial.continues, best.id);
    EXPECT_NE(trial.parameters, best.parameters);
    EXPECT_THAT(trial.origin.why, HasSubstr("copies trial 0 and changes"));
    EXPECT_EQ(trial.origin.ordinal, run.finished()[3].id.value);
  }
  EXPECT_EQ(copies, 1);
}

TEST(PopulationTest, EndsWhenEveryMemberReachedTheLastStep) {
  StudySpec spec = Population(3, 4, 10);
  spec.schedule.population.quantile = 0;  // Nobody copies one that is ahead.
  ScheduleRun run(spec);
  std::map<int64_t, int> ends;
  for (int i = 0; i < 100; ++i) {
    const auto next = run.Suggest(1);
    if (!next.ok()) {
      EXPECT_EQ(next.status().code(), absl::StatusCode::kOutOfRange);
      EXPECT_EQ(next.status().message(), "every member reached step 10");
      break;
    }
    if (!next->empty()) ends[run.Add(next->at(0)).to_step] += 1;
    if (run.unfinished().size() == 2 || next->empty()) run.Complete(0, i);
  }
  EXPECT_THAT(ends, ElementsAre(testing::Pair(4, 3), testing::Pair(8, 3),
                                testing::Pair(10, 3)));
}

TEST(PopulationTest, AMemberWithoutAResultCopiesOrIsReplaced) {
  ScheduleRun run(Population(2, 5, 20));
  run.Start(), run.Start();
  run.End(0, TrialState::kFailed, {}, 0);
  const Trial replaced = run.Start();
  EXPECT_FALSE(replaced.continues) << "nobody can be copied";
  run.Complete(0, 1);  // The second.
  run.End(0, TrialState::kFailed, {}, 0);
  for (int i = 0; i < 2; ++i) {
    const Trial& trial = run.Start();
    EXPECT_EQ(trial.continues, run.finished()[1].id);
  }
  EXPECT_NE(run.unfinished()[0].parameters, run.unfinished()[1].parameters);
}

TEST(PopulationTest, AFailedMemberThatNobodyLeadsGoesOnWithOtherParameters) {
  StudySpec spec = Population(2, 5, 20);
  ScheduleRun run(spec);
  run.Start(), run.Start();
  run.Complete(0, 1), run.Complete(0, 2);
  const Trial first = run.Start();
  ASSERT_EQ(first.continues, run.finished()[0].id);
  run.End(0, TrialState::kFailed, {}, 7);
  bool found = false;
  for (int i = 0; i < 2; ++i) {
    const Trial& trial = run.Start();
    if (trial.origin.ordinal != run.finished()[0].id.value) continue;
    found = true;
    EXPECT_NE(trial.parameters, first.parameters);
    EXPECT_EQ(trial.from_step, 5);
  }
  EXPECT_TRUE(found);
}

TEST(PopulationTest, AMemberThatFailsOnAndOnIsGivenUp) {
  ScheduleRun run(Population(2, 5, 10));
  run.Start(), run.Start();
  run.Complete(0, 1), run.Complete(0, 2);
  int trials = 0;
  for (auto next = run.Suggest(1); next.ok(); next = run.Suggest(1)) {
    ASSERT_LT(++trials, 20);
    run.Add(next->at(0));
    run.End(0, TrialState::kFailed, {}, 5);
  }
  EXPECT_EQ(trials, 6);
}

TEST(PopulationTest, MaxTrialsBelowThePopulationIsThePopulation) {
  StudySpec spec = Population(8, 5, 20);
  spec.budget.max_trials = 3;
  ScheduleRun run(spec);
  for (int i = 0; i < 3; ++i) run.Start();
  EXPECT_THAT(run.Suggest(1).value(), IsEmpty());
}

// --- Jaderberg et al. 2017, figure 2 ----------------------------------------

// Weights theta follow the gradient of 1.2 - sum h_i theta_i^2, while what
// counts is 1.2 - |theta|^2: who trains the surrogate with h = (0, 1) or (1, 0)
// alone never reaches more than 0.4 from (0.9, 0.9).
struct Toy {
  static constexpr double kRate = 0.01;
  std::map<int64_t, std::array<double, 2>> checkpoints;  // By trial.

  double Train(const Trial& trial) {
    std::array<double, 2> theta = {0.9, 0.9};
    if (trial.continues) theta = checkpoints.at(trial.continues.value);
    const double h[2] = {std::get<double>(trial.parameters.at("h0")),
                         std::get<double>(trial.parameters.at("h1"))};
    for (int64_t step = trial.from_step; step < trial.to_step; ++step) {
      for (int i = 0; i < 2; ++i) theta[i] -= 2 * kRate * h[i] * theta[i];
    }
    checkpoints[trial.id.value] = theta;
    return 1.2 - theta[0] * theta[0] - theta[1] * theta[1];
  }
};

StudySpec ToySpec(double quantile, uint64_t seed) {
  StudySpec spec;
  spec.seed = seed;
  spec.algorithm.name = "random";
  spec.metrics = {{.name = "q", .goal = Goal::kMaximize}};
  spec.space =
      *SearchSpace::Create({{"h0", DoubleDomain{.min = 0, .max = 1}, {}, {}},
                            {"h1", DoubleDomain{.min = 0, .max = 1}, {}, {}}});
  spec.schedule = {.name = "pbt", .max_steps = 200};
  spec.schedule.population = {.size = 2, .interval = 5, .quantile = quantile};
  return spec;
}

double BestOfToy(double quantile, uint64_t seed) {
  ScheduleRun run(ToySpec(quantile, seed));
  Toy toy;
  double best = -1;
  // The two members of the figure.
  for (const double h0 : {0.0, 1.0}) {
    Proposal proposal = run.Suggest(1).value().at(0);
    proposal.parameters = {{"h0", h0}, {"h1", 1 - h0}};
    run.Add(proposal);
  }
  while (true) {
    const double q = toy.Train(run.unfinished()[0]);
    best = std::max(best, q);
    run.End(0, TrialState::kCompleted, {{"q", q}}, run.unfinished()[0].to_step);
    const auto next = run.Suggest(1);
    if (!next.ok()) return best;
    if (!next->empty()) run.Add(next->at(0));
  }
}

TEST(PopulationTest, SolvesTheToyProblemThatIndependentRunsDoNot) {
  double with = 0;
  double without = 0;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    with += BestOfToy(0.5, seed) / 10;
    without += BestOfToy(0, seed) / 10;
  }
  EXPECT_GT(with, 1.1);
  EXPECT_LT(without, 0.45);
}

}  // namespace
}  // namespace assay
