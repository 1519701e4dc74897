// What every schedule promises, around any strategy. A new one is one more line
// in kSchedules.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "absl/strings/str_cat.h"
#include "search/rung_steps.h"
#include "tests/search/schedules/schedule_run.h"

namespace assay {
namespace {

std::string RunOf(const Proposal& p) {
  return absl::StrCat(Identity(p.parameters), "/", p.from_step, "/", p.to_step,
                      "/", p.continues.value, "/", p.replicate);
}

struct Case {
  const char* schedule;
  const char* algorithm;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.schedule << "_" << c.algorithm;
}

class ScheduleConformanceTest : public testing::TestWithParam<Case> {
 protected:
  ScheduleRun Make(int64_t max_steps = 27) const {
    return ScheduleRun(
        ScheduleStudy(GetParam().schedule, GetParam().algorithm, max_steps));
  }
  bool IsPopulation() const {
    return ScheduleStudy(GetParam().schedule).schedule.IsPopulation();
  }

  // Models cost: fewer of their proposals.
  int Proposals(int count) const {
    const std::string algorithm = GetParam().algorithm;
    return algorithm == "bayesian" || algorithm == "auto" ? count / 3 : count;
  }

  // Ends one as it may end.
  static void EndOne(ScheduleRun& run, Random& random) {
    const size_t i = random.Below(run.unfinished().size());
    const Trial trial = run.unfinished()[i];
    const double x = std::get<double>(trial.parameters.at("x"));
    const double loss = x + 0.3 * random.Uniform() / double(trial.to_step);
    switch (random.Below(12)) {
      case 0:
        return run.End(i, TrialState::kFailed, {}, trial.from_step);
      case 1:
        return run.End(i, TrialState::kInfeasible, {}, 0);
      case 2:
        return run.End(i, TrialState::kStopped, {{"loss", loss}},
                       (trial.from_step + trial.to_step) / 2);
      case 3:
        return run.End(i, TrialState::kStopped, {{"loss", loss}},
                       trial.to_step);
      case 4:
        return run.End(i, TrialState::kCompleted,
                       {{"loss", std::numeric_limits<double>::quiet_NaN()}},
                       trial.to_step);
      case 5:
        return run.Complete(i, loss);
      default:
        return run.End(i, TrialState::kCompleted, {{"loss", loss}},
                       trial.to_step, {{"x", 0.5 + random.Uniform()}},
                       {{"x", random.Uniform()}});
    }
  }
};

constexpr Case kSchedules[] = {
    {"asha", "random"},
    {"asha", "bayesian"},
    {"asha", "tpe"},
    {"asha", "auto"},
    {"asha", "cma_es"},
    {"asha", "regularized_evolution"},
    {"gradient", "random"},
    {"gradient", "bayesian"},
    {"gradient", "tpe"},
    {"hyperband", "random"},
    {"hyperband", "bayesian"},
    {"hyperband", "tpe"},
    {"pasha", "random"},
    {"pasha", "bayesian"},
    {"pasha", "tpe"},
    {"pb2", "random"},
    {"pbt", "random"},
    {"pbt", "bayesian"},
    {"pbt", "tpe"},
};

INSTANTIATE_TEST_SUITE_P(All, ScheduleConformanceTest,
                         testing::ValuesIn(kSchedules), [](const auto& test) {
                           return absl::StrCat(test.param.schedule, "_",
                                               test.param.algorithm);
                         });

TEST_P(ScheduleConformanceTest, WithAnyNumberOfWorkersNothingRepeatsOrWaits) {
  for (const size_t workers : {1, 3, 20, 100}) {
    ScheduleRun run = Make();
    Random random(workers);
    std::set<std::string> seen;
    std::set<int64_t> continued;
    for (int i = 0; i < Proposals(300); ++i) {
      const auto proposals = run.Suggest(1);
      if (!proposals.ok() || proposals->empty()) {
        ASSERT_TRUE(IsPopulation()) << proposals.status();
        if (run.unfinished().empty()) break;
        EndOne(run, random);
        continue;
      }
      const Proposal& proposal = proposals->at(0);
      ASSERT_TRUE(seen.insert(RunOf(proposal)).second) << i;
      ASSERT_TRUE(run.spec().space.Check(proposal.parameters).ok());
      ASSERT_LT(proposal.from_step, proposal.to_step);
      ASSERT_LE(proposal.to_step, 27);
      ASSERT_EQ(proposal.from_step > 0, static_cast<bool>(proposal.continues));
      run.Add(proposal);
      while (run.unfinished().size() >= workers) EndOne(run, random);
    }
  }
}

TEST_P(ScheduleConformanceTest, ReplayOfTheLogGivesTheSameProposals) {
  ScheduleRun run = Make();
  Random random(7);
  for (int i = 0; i < Proposals(90); ++i) {
    const int count = 1 + static_cast<int>(random.Below(4));
    const auto proposals = run.Suggest(count);
    const auto again = run.SuggestAnew(count);
    ASSERT_EQ(again.status(), proposals.status());
    if (!proposals.ok()) break;
    ASSERT_EQ(again->size(), proposals->size());
    for (size_t k = 0; k < again->size(); ++k) {
      ASSERT_EQ(RunOf((*again)[k]), RunOf((*proposals)[k])) << i;
      ASSERT_EQ((*again)[k].origin.why, (*proposals)[k].origin.why) << i;
    }
    for (const Proposal& proposal : *again) {
      if (random.Below(4) > 0) run.Add(proposal);  // Some are lost.
    }
    while (run.unfinished().size() > random.Below(10)) EndOne(run, random);
  }
}

TEST_P(ScheduleConformanceTest, FirstOfManyAreThoseOfFewer) {
  ScheduleRun run = Make();
  Random random(5);
  for (int i = 0; i < 30; ++i) {
    const auto next = run.Suggest(1);
    if (next.ok() && !next->empty()) run.Add(next->at(0));
    if (i > 8 && !run.unfinished().empty()) EndOne(run, random);
  }
  const auto many = run.Suggest(10).value();
  for (size_t count = 1; count <= many.size(); ++count) {
    const auto few = run.Suggest(static_cast<int>(count)).value();
    ASSERT_EQ(few.size(), count);
    for (size_t i = 0; i < count; ++i) {
      ASSERT_EQ(RunOf(few[i]), RunOf(many[i]));
    }
  }
}

// A continued run starts where the one before ended, in the same lineage.
TEST_P(ScheduleConformanceTest, RunsContinueFinishedOnesAtTheirLastStep) {
  for (const int64_t max_steps : {1, 2, 10, 100}) {
    ScheduleRun run = Make(max_steps);
    Random random(3);
    for (int i = 0; i < Proposals(120); ++i) {
      const auto next = run.Suggest(1);
      if (next.ok() && !next->empty()) {
        const Proposal& proposal = next->at(0);
        ASSERT_LE(proposal.to_step, max_steps);
        if (proposal.continues) {
          const auto& all = run.finished();
          const auto parent =
              std::find_if(all.begin(), all.end(), [&](const Trial& trial) {
                return trial.id == proposal.continues;
              });
          ASSERT_NE(parent, all.end());
          ASSERT_EQ(parent->state, TrialState::kCompleted);
          ASSERT_EQ(parent->to_step, proposal.from_step);
        }
        run.Add(proposal);
      } else if (run.unfinished().empty()) {
        break;
      }
      if (i > 4 && !run.unfinished().empty()) EndOne(run, random);
    }
  }
}

}  // namespace
}  // namespace assay
