#include "search/stopping/running_savings.h"

#include <algorithm>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "search/factory.h"
#include "search/math/random.h"
#include "search/stopping/recorded_trial.h"
#include "search/stopping/savings.h"

namespace assay {
namespace {

// A study's log, as workers that train side by side write it: curves with
// noise, trials that the rule or a user stops, attempts that go on from a
// checkpoint.
class Log {
 public:
  explicit Log(const StudySpec& study) : study_(study) {}

  std::vector<RecordedTrial> Record(int trials) {
    auto rule = MakeEarlyStoppingRule(study_);
    std::vector<RecordedTrial> all;
    for (int64_t number = 0; number < trials; ++number) {
      all.push_back(New(number));
    }
    std::vector<RecordedTrial*> running;
    size_t next = 0;
    while (next < all.size() || !running.empty()) {
      while (running.size() < 4 && next < all.size()) {
        running.push_back(&all[next++]);
      }
      const size_t i = random_.Below(running.size());
      RecordedTrial& one = *running[i];
      if (*rule) Report(one, **rule);
      if (!*rule) Report(one);
      if (!IsFinished(one.trial)) continue;
      one.trial.ended_revision = ++revision_;
      if (*rule) (*rule)->ObserveEnd(one.trial);
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
    }
    return all;
  }

 private:
  RecordedTrial New(int64_t number) {
    RecordedTrial one;
    one.trial = {
        .id = {number + 1}, .number = number, .state = TrialState::kRunning};
    // Of a ladder: every third goes on from an earlier one.
    if (study_.schedule.exists() && number % 3 == 2) {
      one.trial.continues = {number - 1};
      one.trial.from_step = 3;
    }
    return one;
  }

  Measurement Add(RecordedTrial& one) {
    const bool resumes = one.reports.size() == 2 && one.trial.number % 5 == 0;
    const int32_t attempt =
        one.reports.empty() ? 1 : one.reports.back().attempt + resumes;
    Measurement measurement{.revision = ++revision_};
    measurement.step =
        one.trial.from_step + 1 + static_cast<int64_t>(one.reports.size());
    measurement.elapsed_seconds =
        static_cast<double>(measurement.step) *
        (1 + static_cast<double>(one.trial.number % 4));
    measurement.metrics = {{"loss", random_.Uniform()}};
    one.reports.push_back({attempt, measurement});
    return measurement;
  }

  void Report(RecordedTrial& one) {
    const Measurement measurement = Add(one);
    if (measurement.step < 9 && random_.Uniform() > 0.2) return;
    one.trial.state = TrialState::kCompleted;
    one.trial.final_metrics = measurement.metrics;
  }

  void Report(RecordedTrial& one, EarlyStoppingRule& rule) {
    Report(one);
    rule.ObserveReport(one.trial.id, one.reports.back().attempt,
                       one.reports.back().measurement);
    const bool by_user = random_.Uniform() < 0.05;
    if (by_user || rule.ReasonToStop(one.trial.id)) {
      one.trial.state = TrialState::kStopped;
    }
  }

  const StudySpec& study_;
  Random random_{3};
  int64_t revision_ = 0;
};

Savings Follow(const StudySpec& study,
               const std::vector<RecordedTrial>& recorded) {
  auto running = RunningSavings::Create(study);
  EXPECT_TRUE(running.ok()) << running.status();
  for (const auto& [revision, i, report] : EventsOf(recorded)) {
    const Trial& trial = recorded[i].trial;
    if (report) {
      Trial unfinished = trial;
      unfinished.state = TrialState::kRunning;
      (*running)->ObserveUnfinished(unfinished);
      (*running)->ObserveReport(trial.id, report->attempt, report->measurement);
    } else {
      (*running)->ObserveEnd(trial);
      (*running)->ObserveEnd(trial);  // Edited later: told again.
    }
  }
  return (*running)->savings();
}

class RunningSavingsTest : public testing::TestWithParam<StudySpec> {};

TEST_P(RunningSavingsTest, SaysWhatTheRecordSays) {
  const StudySpec& study = GetParam();
  const std::vector<RecordedTrial> recorded = Log(study).Record(300);
  const absl::StatusOr<Savings> said = SavingsOf(study, recorded);
  ASSERT_TRUE(said.ok()) << said.status();
  const Savings followed = Follow(study, recorded);
  EXPECT_EQ(followed.stopped, said->stopped);
  EXPECT_EQ(followed.counted, said->counted);
  EXPECT_EQ(followed.max_steps, said->max_steps);
  EXPECT_EQ(followed.steps, said->steps);
  EXPECT_NEAR(followed.seconds, said->seconds, 1e-6);
  EXPECT_NEAR(followed.reload_seconds, said->reload_seconds, 1e-6);
  EXPECT_NEAR(followed.spent_seconds, said->spent_seconds, 1e-6);
  EXPECT_EQ(followed.schedule.configurations, said->schedule.configurations);
  EXPECT_EQ(followed.schedule.steps, said->schedule.steps);
  EXPECT_NEAR(followed.schedule.seconds, said->schedule.seconds, 1e-6);
  EXPECT_GT(said->stopped + said->schedule.configurations, 10);
}

StudySpec StudyWith(std::vector<RuleSpec> rules, ScheduleSpec schedule = {}) {
  StudySpec study;
  study.metrics = {{.name = "loss"}};
  study.stopping.rules = std::move(rules);
  study.schedule = std::move(schedule);
  return study;
}

INSTANTIATE_TEST_SUITE_P(
    Studies, RunningSavingsTest,
    testing::Values(StudyWith({{.name = "median"}}),
                    StudyWith({{.name = "asha", .max_steps = 9}}),
                    StudyWith({{.name = "threshold", .upper = 0.8},
                               {.name = "median"}}),
                    StudyWith({}, {.name = "asha", .max_steps = 27}),
                    StudyWith({{.name = "median"}},
                              {.name = "hyperband", .max_steps = 27})));

}  // namespace
}  // namespace assay
