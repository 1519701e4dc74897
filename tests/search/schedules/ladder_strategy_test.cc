#include "search/schedules/ladder_strategy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/search/schedules/schedule_run.h"

namespace assay {
namespace {

using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Starts and completes one run after the other.
std::vector<Trial> RunOneByOne(
    ScheduleRun& run, int count,
    const std::function<double(const Trial&)>& loss) {
  std::vector<Trial> runs;
  for (int i = 0; i < count; ++i) {
    const Trial trial = run.Start();
    runs.push_back(trial);
    run.Complete(0, loss(trial));
  }
  return runs;
}

TEST(AshaTest, TheBestOfThreeGoesOnFromItsCheckpoint) {
  ScheduleRun run(ScheduleStudy("asha"));
  const std::vector<double> losses = {3, 1, 2};
  const auto runs = RunOneByOne(
      run, 3, [&](const Trial& trial) { return losses[trial.number]; });
  for (const Trial& trial : runs) {
    EXPECT_EQ(trial.from_step, 0);
    EXPECT_EQ(trial.to_step, 1);
    EXPECT_FALSE(trial.continues);
    EXPECT_EQ(trial.origin.strategy, "random");
    EXPECT_THAT(trial.origin.why, HasSubstr("asha: to step 1 at first; "));
  }
  const Trial promoted = run.Start();
  EXPECT_EQ(promoted.continues, runs[1].id);
  EXPECT_EQ(promoted.from_step, 1);
  EXPECT_EQ(promoted.to_step, 3);
  EXPECT_EQ(promoted.parameters, runs[1].parameters);
  EXPECT_EQ(promoted.origin.strategy, "asha");
  EXPECT_EQ(promoted.origin.why,
            "asha: of the best 1 of 3 at step 1, goes on to 3");
  EXPECT_FALSE(run.Start().continues) << "nobody else is of the best third";
}

TEST(AshaTest, TheTopmostRungGoesFirst) {
  ScheduleRun run(ScheduleStudy("asha"));
  // The older ones are better: each rung's best third is never displaced.
  const auto runs =
      RunOneByOne(run, 40, [](const Trial& trial) { return trial.number; });
  std::map<int64_t, int> ends;
  for (const Trial& trial : runs) ends[trial.to_step] += 1;
  EXPECT_THAT(ends, ElementsAre(testing::Pair(1, 27), testing::Pair(3, 9),
                                testing::Pair(9, 3), testing::Pair(27, 1)));
  EXPECT_EQ(runs.back().to_step, 27);
}

TEST(AshaTest, NoWorkerWaitsForARung) {
  ScheduleRun run(ScheduleStudy("asha"));
  for (int i = 0; i < 100; ++i) run.Start();
  EXPECT_EQ(run.unfinished().size(), 100u);
  std::set<int64_t> continued;
  while (run.finished().size() < 90) {
    run.Complete(0, static_cast<double>(run.finished().size() % 7));
  }
  for (int i = 0; i < 30; ++i) {
    const Trial& trial = run.Start();
    ASSERT_TRUE(trial.continues);
    ASSERT_TRUE(continued.insert(trial.continues.value).second);
  }
  EXPECT_FALSE(run.Start().continues);
}

TEST(AshaTest, AFailedPromotionLeavesTheConfigurationWhereItWas) {
  ScheduleRun run(ScheduleStudy("asha"));
  RunOneByOne(run, 3, [](const Trial& t) { return t.number; });
  const Trial promoted = run.Start();
  ASSERT_EQ(promoted.to_step, 3);
  run.End(0, TrialState::kFailed, {}, 2);
  // 0 keeps its place among the three and is not promoted again.
  EXPECT_FALSE(run.Start().continues);
}

TEST(AshaTest, WhatWasStoppedIsNotPromoted) {
  ScheduleRun run(ScheduleStudy("asha"));
  for (int i = 0; i < 6; ++i) run.Start();
  run.End(0, TrialState::kStopped, {{"loss", 0}}, 1);
  for (int i = 1; i < 6; ++i) run.Complete(0, i);
  EXPECT_EQ(run.Start().continues, run.finished()[1].id);
  EXPECT_FALSE(run.Start().continues) << "the stopped one has the other place";
}

TEST(AshaTest, WhatWasStoppedBeforeTheRungIsNotInIt) {
  StudySpec spec = ScheduleStudy("asha");
  spec.schedule.min_steps = 2;
  ScheduleRun run(spec);
  for (int i = 0; i < 3; ++i) run.Start();
  run.End(0, TrialState::kStopped, {{"loss", 0}}, 1);
  run.Complete(0, 1), run.Complete(0, 2);
  EXPECT_FALSE(run.Start().continues) << "two are in the rung";
}

TEST(AshaTest, InfeasibleOnesAreNotInTheRung) {
  ScheduleRun run(ScheduleStudy("asha"));
  for (int i = 0; i < 3; ++i) run.Start();
  run.End(0, TrialState::kInfeasible, {}, 0);
  run.Complete(0, 1), run.Complete(0, 2);
  EXPECT_FALSE(run.Start().continues);
}

TEST(AshaTest, WhatAUserEnqueuesTakesPart) {
  ScheduleRun run(ScheduleStudy("asha"));
  Proposal own = run.Suggest(1).value()[0];
  own.origin = {.strategy = "user"};
  run.Add(own);
  const Proposal next = run.Suggest(1).value()[0];
  EXPECT_NE(next.parameters, own.parameters);
  run.Complete(0, 0);
  RunOneByOne(run, 2, [](const Trial&) { return 1; });
  EXPECT_EQ(run.Start().parameters, own.parameters);
}

TEST(AshaTest, WithOneRungNothingIsPromoted) {
  ScheduleRun run(ScheduleStudy("asha", "random", 1));
  for (const Trial& trial :
       RunOneByOne(run, 20, [](const Trial& t) { return t.number; })) {
    EXPECT_EQ(trial.to_step, 1);
    EXPECT_FALSE(trial.continues);
  }
}

// The end of a small space: what can be promoted still is.
TEST(AshaTest, AUsedUpSpaceEndsWithItsLadder) {
  StudySpec spec = ScheduleStudy("asha");
  spec.space =
      *SearchSpace::Create({{"n", IntegerDomain{.min = 1, .max = 9}, {}, {}}});
  ScheduleRun run(spec);
  for (int i = 0; i < 9; ++i) run.Start();
  auto none = run.Suggest(1);
  ASSERT_TRUE(none.ok()) << "not the end: one of them may be promoted";
  EXPECT_THAT(*none, IsEmpty());
  for (int i = 0; i < 9; ++i) run.Complete(0, i);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(run.Start().to_step, 3);
  while (!run.unfinished().empty()) run.Complete(0, 1);
  EXPECT_EQ(run.Start().to_step, 9);
  run.Complete(0, 1);
  EXPECT_EQ(run.Suggest(1).status().code(), absl::StatusCode::kOutOfRange);
}

TEST(AshaTest, GradientsOfEachRungReachTheModelInside) {
  StudySpec spec = ScheduleStudy("asha", "bayesian", 9);
  spec.gradients.metric = "loss";
  ScheduleRun run(spec);
  std::string why;
  for (int i = 0; i < 45; ++i) {
    const Trial trial = run.Start();
    why = trial.continues ? why : trial.origin.why;
    const double off = std::get<double>(trial.parameters.at("x")) - 0.3;
    const auto step = static_cast<double>(trial.to_step);
    run.End(0, TrialState::kCompleted, {{"loss", off * off + 1 / step}},
            trial.to_step, {{"x", 2 * off}}, {{"x", 0.01}});
  }
  EXPECT_THAT(why, ContainsRegex("results with [0-9]+ gradients"));
  EXPECT_EQ(run.Suggest(3)->back().parameters,
            run.SuggestAnew(3)->back().parameters);
}

TEST(AshaTest, TakesSeveralObjectives) {
  StudySpec spec = ScheduleStudy("asha");
  spec.metrics.push_back({.name = "size"});
  ScheduleRun run(spec);
  for (int i = 0; i < 6; ++i) run.Start();
  // 2 and 4 are the front.
  const std::vector<double> loss = {3, 3, 1, 4, 2, 5};
  const std::vector<double> size = {3, 4, 2, 3, 1, 5};
  for (int i = 0; i < 6; ++i) {
    run.End(0, TrialState::kCompleted, {{"loss", loss[i]}, {"size", size[i]}},
            1);
  }
  EXPECT_EQ(run.Start().continues, run.finished()[2].id);
  EXPECT_EQ(run.Start().continues, run.finished()[4].id);
  EXPECT_FALSE(run.Start().continues);
}

// --- Hyperband --------------------------------------------------------------

TEST(HyperbandTest, BracketsGetTheirShares) {
  ScheduleRun run(ScheduleStudy("hyperband"));
  std::map<int64_t, int> starts;
  for (int i = 0; i < 490; ++i) {
    const Trial trial = run.Start();
    if (!trial.continues) starts[trial.to_step] += 1;
    run.End(0, TrialState::kFailed, {}, 0);  // So that none is promoted.
  }
  // ceil(4 / (s + 1) 3^s) for s = 3, 2, 1, 0: 27, 12, 6, 4 of 49.
  EXPECT_THAT(starts, ElementsAre(testing::Pair(1, 270), testing::Pair(3, 120),
                                  testing::Pair(9, 60), testing::Pair(27, 40)));
}

TEST(HyperbandTest, AConfigurationStaysInItsBracket) {
  ScheduleRun run(ScheduleStudy("hyperband"));
  const auto runs = RunOneByOne(run, 300, [](const Trial& trial) {
    return std::get<double>(trial.parameters.at("x"));
  });
  std::map<std::pair<int64_t, int64_t>, int> moves;
  std::map<int64_t, int64_t> ended;  // By run.
  std::map<int64_t, int64_t> started;
  for (const Trial& trial : runs) {
    ended[trial.id.value] = trial.to_step;
    started[trial.id.value] =
        trial.continues ? started[trial.continues.value] : trial.to_step;
    if (!trial.continues) continue;
    EXPECT_EQ(ended[trial.continues.value], trial.from_step);
    moves[{started[trial.id.value], trial.to_step}] += 1;
  }
  // Each ladder promotes a third of its own.
  EXPECT_GT((moves[{1, 3}]), 40);
  EXPECT_GT((moves[{3, 9}]), 15);
  EXPECT_GT((moves[{9, 27}]), 7);
}

// --- PASHA ------------------------------------------------------------------

int64_t LongestOf(const std::vector<Trial>& runs) {
  int64_t longest = 0;
  for (const Trial& trial : runs) longest = std::max(longest, trial.to_step);
  return longest;
}

TEST(PashaTest, StaysBelowWhileTheRankingIsTheSame) {
  ScheduleRun run(ScheduleStudy("pasha"));
  const auto runs = RunOneByOne(run, 200, [](const Trial& trial) {
    return std::get<double>(trial.parameters.at("x")) /
           static_cast<double>(trial.to_step);
  });
  EXPECT_EQ(LongestOf(runs), 3);
}

TEST(PashaTest, OpensTheNextRungWhenTheRankingChanges) {
  ScheduleRun run(ScheduleStudy("pasha"));
  const auto runs = RunOneByOne(run, 200, [](const Trial& trial) {
    const double x = std::get<double>(trial.parameters.at("x"));
    return trial.to_step % 2 == 1 && trial.to_step > 1 && trial.to_step != 9
               ? -x
               : x;
  });
  EXPECT_EQ(LongestOf(runs), 27);
}

}  // namespace
}  // namespace assay
