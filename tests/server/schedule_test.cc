// Studies with a schedule: what is handed out after max_trials, and the end.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "search/math/random.h"
#include "tests/server/server_fixture.h"
#include "tests/support/proposal_replay.h"

namespace assay {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

using absl::StatusCode;

class ScheduleTest : public CoreTest {
 protected:
  StudyId Create(Budget budget, const std::string& algorithm = "random",
                 const std::string& schedule = "asha") {
    StudySpec spec = GridSpec("s", 1000);
    spec.algorithm.name = algorithm;
    spec.schedule = {.name = schedule, .max_steps = 9};
    spec.schedule.population = {.size = 4, .interval = 3};
    spec.budget = budget;
    return core_->Create(spec);
  }

  void Report(Token token, int64_t step) {
    Measurement measurement{.sequence = 1, .step = step};
    measurement.metrics["loss"] = 1;
    ASSERT_TRUE(core_->Report(token, measurement).ok());
  }

  void Complete(const Trial& trial, double loss) {
    ASSERT_TRUE(core_->Complete({trial.id, 1}, loss).ok());
    core_->Settle();
  }

  // Runs the study to its end, by one client; older trials are better, so that
  // the best third of a rung is never displaced. The trials by their order.
  std::vector<Trial> RunAll(StudyId study) {
    std::vector<Trial> runs;
    while (core_->StudyOf(study).state == StudyState::kActive) {
      const auto answer = core_->Suggest(study, "c");
      if (!answer.ok() || answer->handouts.empty()) {
        ADD_FAILURE() << answer.status() << " "
                      << (answer.ok() ? answer->reason : "");
        break;
      }
      runs.push_back(answer->handouts.at(0).trial);
      Complete(runs.back(), static_cast<double>(runs.back().number));
    }
    return runs;
  }

  std::map<int64_t, int> CountByEnd(const std::vector<Trial>& runs) {
    std::map<int64_t, int> count;
    for (const Trial& run : runs) count[run.to_step] += 1;
    return count;
  }
};

TEST_F(ScheduleTest, AfterMaxTrialsPromotionsGoOnUntilNoneIsLeft) {
  const StudyId study = Create({.max_trials = 9});
  const std::vector<Trial> runs = RunAll(study);
  EXPECT_THAT(CountByEnd(runs),
              testing::ElementsAre(testing::Pair(1, 9), testing::Pair(3, 3),
                                   testing::Pair(9, 1)));
  const Study row = core_->StudyOf(study);
  EXPECT_EQ(row.state, StudyState::kCompleted);
  EXPECT_EQ(row.completion, CompletionReason::kBudgetSpent);
  EXPECT_EQ(row.reason,
            "max_trials: 9 of 9 started, none is left to go on with");
  EXPECT_EQ(row.counts.configurations, 9);
  EXPECT_EQ(row.counts.trials, 13);
  EXPECT_THAT(core_->Suggest(study, "d"),
              Fails(StatusCode::kOutOfRange, "none is left to go on with"));
}

TEST_F(ScheduleTest, WhoAsksMeanwhileIsToldWhatItWaitsForAndGetsIt) {
  const StudyId study = Create({.max_trials = 3});
  std::vector<Trial> runs;
  for (int i = 0; i < 3; ++i) {
    runs.push_back(core_->Lease(study, absl::StrCat("c", i)).trial);
  }
  const auto nothing = core_->Suggest(study, "d");
  ASSERT_TRUE(nothing.ok());
  EXPECT_THAT(nothing->handouts, IsEmpty());
  EXPECT_EQ(nothing->reason,
            "max_trials: 3 of 3 started; none goes on until one of 3 running "
            "trials ends");
  const auto waiting = core_->Ask(study, "d", absl::Seconds(30));
  Complete(runs[0], 3), Complete(runs[1], 1);
  EXPECT_FALSE(waiting.is_there());
  EXPECT_EQ(core_->StudyOf(study).state, StudyState::kActive);
  Complete(runs[2], 2);
  ASSERT_TRUE(waiting.is_there());
  const Trial promoted = waiting.Get()->handouts.at(0).trial;
  EXPECT_EQ(promoted.continues, runs[1].id);
  EXPECT_EQ(promoted.from_step, 1);
  EXPECT_EQ(promoted.to_step, 3);
}

TEST_F(ScheduleTest, AnAskThatFindsTheStudyAtItsEndIsToldSoAtOnce) {
  const StudyId study = Create({.max_trials = 1});
  const Trial only = core_->Lease(study, "c").trial;
  core_->pool.Hold();
  ASSERT_TRUE(core_->Complete({only.id, 1}, 1).ok());
  const auto answer = core_->Ask(study, "d", absl::Seconds(30));
  core_->pool.Release();
  core_->Settle();
  ASSERT_TRUE(answer.is_there());
  EXPECT_THAT(answer.Get(), Fails(StatusCode::kOutOfRange, "none is left"));
}

// What the search said of fewer results does not end the study.
TEST_F(ScheduleTest, ResultsThatTheSearchDoesNotKnowYetKeepTheStudyGoing) {
  const StudyId study = Create({.max_trials = 3});
  std::vector<Trial> runs;
  for (int i = 0; i < 3; ++i) {
    runs.push_back(core_->Lease(study, absl::StrCat("c", i)).trial);
  }
  Complete(runs[0], 3), Complete(runs[1], 1);
  core_->pool.Hold();  // The search does not learn of the last.
  ASSERT_TRUE(core_->Complete({runs[2].id, 1}, 2).ok());
  const auto answer = core_->Ask(study, "d");
  core_->Advance(absl::Milliseconds(100));
  ASSERT_TRUE(answer.is_there());
  EXPECT_THAT(answer.Get()->handouts, IsEmpty());
  EXPECT_EQ(core_->StudyOf(study).state, StudyState::kActive);
  core_->pool.Release();
  core_->Settle();
  EXPECT_EQ(core_->Lease(study, "d").trial.continues, runs[1].id);
}

TEST_F(ScheduleTest, AFailedPromotionEndsItsLineageAndTheStudyEnds) {
  StudySpec spec = GridSpec("s", 1000);
  spec.algorithm.name = "random";
  spec.schedule = {.name = "asha", .max_steps = 3};
  spec.budget = {.max_trials = 3};
  spec.trial.limits.max_failed = 1;
  const StudyId study = core_->Create(spec);
  for (int i = 0; i < 3; ++i) Complete(core_->Lease(study, "c").trial, i);
  const Handout promoted = core_->Lease(study, "c");
  ASSERT_EQ(promoted.trial.to_step, 3);
  ASSERT_EQ(core_->Fail(TokenOf(promoted))->state, TrialState::kFailed);
  core_->Settle();
  EXPECT_EQ(core_->StudyOf(study).state, StudyState::kCompleted);
}

TEST_F(ScheduleTest, ARequeuedPromotionIsHandedOutAgain) {
  const StudyId study = Create({.max_trials = 3});
  for (int i = 0; i < 3; ++i) Complete(core_->Lease(study, "c").trial, i);
  const Handout promoted = core_->Lease(study, "c");
  ASSERT_EQ(core_->Fail(TokenOf(promoted))->state, TrialState::kPending);
  core_->Settle();
  const Handout again = core_->Lease(study, "d");
  EXPECT_EQ(again.trial.id, promoted.trial.id);
  EXPECT_EQ(again.attempt.number, 2);
}

TEST_F(ScheduleTest, MoreBudgetGoesOnWithNewConfigurations) {
  const StudyId study = Create({.max_trials = 3});
  EXPECT_EQ(RunAll(study).size(), 4u);
  ASSERT_TRUE(core_->SetBudget(study, {.max_trials = 9}).ok());
  core_->Settle();
  EXPECT_EQ(core_->StudyOf(study).state, StudyState::kActive);
  const std::vector<Trial> more = RunAll(study);
  EXPECT_EQ(core_->StudyOf(study).counts.configurations, 9);
  EXPECT_GE(more.size(), 8u);
  EXPECT_EQ(core_->StudyOf(study).state, StudyState::kCompleted);
}

TEST_F(ScheduleTest, WhatIsEnqueuedRunsToTheFirstRung) {
  const StudyId study = Create({});
  const Trial enqueued = core_->Enqueue(study, X(7)).value();
  EXPECT_EQ(enqueued.to_step, 1);
  EXPECT_EQ(core_->Lease(study, "c").trial.id, enqueued.id);
}

TEST_F(ScheduleTest, StepsOfAContinuedTrialCountFromWhereItBegan) {
  const StudyId study = Create({.max_trials = 3});
  for (int i = 0; i < 3; ++i) {
    const Handout first = core_->Lease(study, "c");
    Report(TokenOf(first), 1);
    Complete(first.trial, i);
  }
  EXPECT_EQ(core_->StudyOf(study).counts.steps, 3);
  const Handout promoted = core_->Lease(study, "c");
  Report(TokenOf(promoted), 3);
  EXPECT_EQ(core_->StudyOf(study).counts.steps, 5);
}

TEST_F(ScheduleTest, ARestartGoesOnWithTheLadder) {
  const StudyId study = Create({.max_trials = 9});
  std::vector<Trial> runs;
  for (int i = 0; i < 11; ++i) {
    core_.emplace(*rows_, clock_, codec_);
    ASSERT_TRUE(core_->studies.Load().ok());
    core_->Settle();
    const auto answer = core_->Suggest(study, "c");
    ASSERT_TRUE(answer.ok()) << answer.status();
    core_->Settle();
    runs.push_back(core_->Lease(study, "c").trial);
    Complete(runs.back(), static_cast<double>(runs.back().number));
  }
  const std::vector<Trial> rest = RunAll(study);
  runs.insert(runs.end(), rest.begin(), rest.end());
  EXPECT_THAT(CountByEnd(runs),
              testing::ElementsAre(testing::Pair(1, 9), testing::Pair(3, 3),
                                   testing::Pair(9, 1)));
}

// Many at once, impatient ones, lost proposals: no run is continued twice, and
// each proposal follows from the log.
TEST_F(ScheduleTest, NothingIsPromotedTwiceAndEveryProposalRecomputes) {
  for (const char* schedule : {"asha", "hyperband"}) {
    StudySpec spec = GridSpec(schedule, 1000);
    spec.algorithm.name = "tpe";
    spec.schedule = {.name = schedule, .max_steps = 27};
    spec.budget.max_trials = 60;
    const StudyId study = core_->Create(spec);
    core_->Settle();
    Random random(5);
    std::vector<Trial> running;
    const auto end_one = [&] {
      const auto i = static_cast<int64_t>(random.Below(running.size()));
      ASSERT_TRUE(core_
                      ->Complete({running[i].id, 1},
                                 static_cast<double>(random.Below(50)))
                      .ok());
      running.erase(running.begin() + i);
    };
    for (int i = 0; core_->StudyOf(study).state == StudyState::kActive; ++i) {
      ASSERT_LT(i, 1000);
      if (random.Below(8) == 0) core_->Settle();
      if (random.Below(20) == 0) (*core_->studies.Runner(study))->Reset();
      const auto answer =
          core_->Ask(study, absl::StrCat("c", i), absl::Seconds(5));
      // An impatient one takes what is stale.
      if (random.Below(2) == 0) core_->Advance(absl::Seconds(1));
      if (answer.is_there() && answer.Get().ok() &&
          !answer.Get()->handouts.empty()) {
        running.push_back(answer.Get()->handouts.at(0).trial);
      } else {
        core_->Advance(absl::Seconds(5));
        if (answer.Get().ok() && !answer.Get()->handouts.empty()) {
          running.push_back(answer.Get()->handouts.at(0).trial);
        }
      }
      const bool stuck = !answer.Get().ok() || answer.Get()->handouts.empty();
      while (!running.empty() && (running.size() > 3 + random.Below(10) ||
                                  (stuck && random.Below(3) == 0))) {
        end_one();
      }
      core_->Settle();
    }
    const std::vector<Trial> log = core_->TrialsOf(study);
    std::set<int64_t> continued;
    for (const Trial& trial : log) {
      if (!trial.continues) continue;
      EXPECT_TRUE(continued.insert(trial.continues.value).second);
    }
    EXPECT_GT(continued.size(), 15u);
    StudySpec replayed = spec;
    replayed.seed = core_->StudyOf(study).seed;
    ProposalReplay replay(log, replayed.seed,
                          [&] { return MakeSearchStrategy(replayed); });
    for (const Trial& trial : log) {
      const auto proposal = replay.Propose(trial);
      ASSERT_TRUE(proposal.ok()) << proposal.status();
      EXPECT_EQ(proposal->parameters, trial.parameters) << trial.number;
      EXPECT_EQ(proposal->continues, trial.continues) << trial.number;
      EXPECT_EQ(proposal->to_step, trial.to_step) << trial.number;
    }
  }
}

}  // namespace
}  // namespace assay
