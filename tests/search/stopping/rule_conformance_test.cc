// What every early-stopping rule promises. A new one is one more line in kAll.

#include <cmath>
#include <limits>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "search/factory.h"
#include "search/math/random.h"

namespace assay {
namespace {

const double kInfinity = std::numeric_limits<double>::infinity();
const double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr int64_t kSteps = 12;
constexpr int64_t kWarmUp = 9;

struct Case {
  const char* name;
  std::vector<RuleSpec> rules;
  // The same with nothing before step or instance kWarmUp.
  std::vector<RuleSpec> warm;
  bool has_more_metrics = false;  // Two objectives and a bound.
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.name;
}

const std::vector<Case>& All() {
  static const std::vector<Case> kAll = {
      {"any_of",
       {{.name = "threshold", .upper = 20}, {.name = "median"}},
       {{.name = "threshold", .warmup_steps = kWarmUp},
        {.name = "median", .warmup_steps = kWarmUp}}},
      {"asha",
       {{.name = "asha", .max_steps = 27}},
       {{.name = "asha", .min_steps = kWarmUp}}},
      {"asha_of_several",
       {{.name = "asha", .max_steps = 27}},
       {{.name = "asha", .min_steps = kWarmUp}},
       true},
      {"asha_smoothed",
       {{.name = "asha", .smoothing = 0.5}},
       {{.name = "asha", .smoothing = 0.5, .min_steps = kWarmUp}}},
      {"curve",
       {{.name = "curve", .max_steps = 27}},
       {{.name = "curve", .warmup_steps = kWarmUp, .max_steps = 27}}},
      {"median",
       {{.name = "median"}},
       {{.name = "median", .warmup_steps = kWarmUp}}},
      {"median_of_several",
       {{.name = "median"}},
       {{.name = "median", .warmup_steps = kWarmUp}},
       true},
      {"patience",
       {{.name = "patience"}},
       {{.name = "patience", .warmup_steps = kWarmUp}}},
      {"percentile",
       {{.name = "percentile", .against = Against::kLatest}},
       {{.name = "percentile",
         .grace_steps = kWarmUp - 1,
         .against = Against::kBest}}},
      {"threshold",
       {{.name = "threshold", .upper = 5, .best_factor = 10}},
       {{.name = "threshold", .warmup_steps = kWarmUp, .upper = 5}}},
      {"wilcoxon",
       {{.name = "wilcoxon"}},
       {{.name = "wilcoxon", .min_pairs = kWarmUp}}},
  };
  return kAll;
}

class RuleConformanceTest : public ::testing::TestWithParam<Case> {
 protected:
  RuleConformanceTest() : rule_(Make(GetParam().rules)) {}

  static std::unique_ptr<EarlyStoppingRule> Make(std::vector<RuleSpec> rules) {
    StudySpec spec;
    spec.metrics = {{.name = "loss"}};
    if (GetParam().has_more_metrics) {
      spec.metrics.push_back({.name = "speed", .goal = Goal::kMaximize});
      spec.metrics.push_back({.name = "size", .bound = 100});
    }
    spec.stopping.rules = std::move(rules);
    auto rule = MakeEarlyStoppingRule(spec);
    EXPECT_TRUE(rule.ok()) << rule.status();
    return *std::move(rule);
  }

  // Also as the instance, and with further metrics that say the same.
  static Measurement At(int64_t step, double loss) {
    Measurement measurement{.step = step, .instance = step};
    measurement.metrics = {{"loss", loss}, {"speed", -loss}, {"size", 10}};
    return measurement;
  }

  void Report(int64_t id, int64_t step, double loss, int32_t attempt = 1) {
    rule_->ObserveReport({id}, attempt, At(step, loss));
  }

  void End(int64_t id, TrialState state, double loss) {
    Trial trial{.id = {id}, .number = id, .state = state};
    trial.final_metrics = {{"loss", loss}, {"speed", -loss}, {"size", 10}};
    rule_->ObserveEnd(trial);
  }

  static double Falling(double level, int64_t step) {
    return level + 1 / static_cast<double>(step);
  }

  // Trials 1000, 1001, ... with falling curves around `level`.
  void Finish(int count, double level,
              TrialState state = TrialState::kCompleted) {
    for (int i = 0; i < count; ++i) {
      const double own = level + 0.01 * i;
      for (int64_t step = 1; step <= kSteps; ++step) {
        Report(1000 + i, step, Falling(own, step));
      }
      End(1000 + i, state, Falling(own, kSteps));
    }
  }

  std::optional<std::string> Reason(int64_t id) const {
    return rule_->ReasonToStop({id});
  }

  // Reports a bad curve in this order of steps; the answer at the end.
  std::optional<std::string> AfterBad(const std::vector<int64_t>& steps) {
    for (const int64_t step : steps) Report(1, step, 9);
    return Reason(1);
  }

  static std::vector<int64_t> InOrder() {
    std::vector<int64_t> steps;
    for (int64_t step = 1; step <= kSteps; ++step) steps.push_back(step);
    return steps;
  }

  std::unique_ptr<EarlyStoppingRule> rule_;
};

INSTANTIATE_TEST_SUITE_P(All, RuleConformanceTest, ::testing::ValuesIn(All()),
                         [](const auto& test) { return test.param.name; });

TEST_P(RuleConformanceTest, StopsWhatIsBadWithAReasonAndNotWhatIsGood) {
  Finish(30, 1);
  const auto reason = AfterBad(InOrder());
  ASSERT_TRUE(reason.has_value());
  EXPECT_THAT(*reason, ::testing::HasSubstr("loss"));
  for (int64_t step = 1; step <= kSteps; ++step) {
    Report(2, step, Falling(0.5, step));
    EXPECT_EQ(Reason(2), std::nullopt) << step;
  }
}

TEST_P(RuleConformanceTest, SaysNothingOfTrialsThatItDoesNotKnow) {
  Finish(30, 1);
  EXPECT_EQ(Reason(7), std::nullopt);
  EXPECT_EQ(Reason(1000), std::nullopt);
}

TEST_P(RuleConformanceTest, NothingIsStoppedBeforeTheWarmUp) {
  rule_ = Make(GetParam().warm);
  Finish(30, 1);
  for (int64_t step = 1; step < kWarmUp; ++step) {
    Report(1, step, step % 2 ? 9 : kNan);
    EXPECT_EQ(Reason(1), std::nullopt) << step;
  }
  for (int64_t step = kWarmUp; step <= kSteps; ++step) Report(1, step, 9);
  if (GetParam().name == std::string("curve")) return;  // Too few points.
  EXPECT_NE(Reason(1), std::nullopt);
}

TEST_P(RuleConformanceTest, EqualConstantCurvesStopNothing) {
  if (GetParam().rules[0].name == "patience") return;  // Its purpose.
  for (int64_t id = 1; id <= 30; ++id) {
    for (int64_t step = 1; step <= kSteps; ++step) {
      Report(id, step, 1);
      ASSERT_EQ(Reason(id), std::nullopt) << id << " at " << step;
    }
    End(id, TrialState::kCompleted, 1);
  }
}

TEST_P(RuleConformanceTest, TheOrderOfStepsDoesNotMatter) {
  Finish(30, 1);
  const auto ordered = AfterBad(InOrder());
  EXPECT_NE(ordered, std::nullopt);
  rule_ = Make(GetParam().rules);
  Finish(30, 1);
  EXPECT_EQ(AfterBad({12, 3, 1, 2, 7, 5, 4, 6, 11, 9, 8, 10}), ordered);
}

TEST_P(RuleConformanceTest, TheLaterReportOfAStepCounts) {
  Finish(30, 1);
  const auto once = AfterBad(InOrder());
  rule_ = Make(GetParam().rules);
  Finish(30, 1);
  for (int64_t step = 1; step <= kSteps; ++step) {
    for (const double loss : {0.0, kNan, 9.0}) Report(1, step, loss);
  }
  EXPECT_EQ(Reason(1), once);
}

TEST_P(RuleConformanceTest, AnAttemptThatBeginsAnewForgetsTheOneBefore) {
  Finish(30, 1);
  const auto once = AfterBad(InOrder());
  rule_ = Make(GetParam().rules);
  Finish(30, 1);
  for (int64_t step = 1; step <= kSteps; ++step) Report(1, step, -3);
  for (int64_t step = 1; step <= kSteps; ++step) Report(1, step, 9, 2);
  Report(1, 5, -3, 1);  // Of the attempt that is over.
  EXPECT_EQ(Reason(1), once);
}

TEST_P(RuleConformanceTest, WhatFailedIsNoMeasureForOthers) {
  for (const TrialState state :
       {TrialState::kFailed, TrialState::kInfeasible}) {
    rule_ = Make(GetParam().rules);
    Finish(30, -5, state);
    for (int64_t step = 1; step <= kSteps; ++step) {
      Report(1, step, Falling(1, step));
      EXPECT_EQ(Reason(1), std::nullopt) << ToText(state) << " at " << step;
    }
  }
}

TEST_P(RuleConformanceTest, NanIsNoMeasureForOthers) {
  for (int64_t id = 1000; id < 1030; ++id) {
    for (int64_t step = 1; step <= kSteps; ++step) Report(id, step, kNan);
    End(id, TrialState::kCompleted, kNan);
  }
  for (int64_t step = 1; step <= kSteps; ++step) {
    Report(1, step, Falling(1, step));
    EXPECT_EQ(Reason(1), std::nullopt) << step;
  }
}

// One event of a log of a study whose trials do anything.
struct Event {
  Trial trial;
  int32_t attempt = 1;
  std::optional<Measurement> measurement;  // Else its end.
};

std::vector<Event> WildLog(uint64_t seed) {
  Random random(seed);
  std::vector<Event> log;
  for (int64_t id = 1; id <= 60; ++id) {
    Trial trial{.id = {id}, .number = id};
    int32_t attempt = 1;
    const double level = random.Uniform();
    for (uint64_t i = random.Below(25); i-- > 0;) {
      const double kinds[] = {kNan, kInfinity, -kInfinity, 1e308, -1e308};
      const double loss = random.Below(8) == 0 ? kinds[random.Below(5)]
                                               : level + random.Uniform();
      attempt += random.Below(12) == 0;
      Measurement measurement{
          .step = static_cast<int64_t>(random.Below(30)),
          .instance = static_cast<int64_t>(random.Below(10))};
      measurement.metrics = {{"loss", loss}, {"speed", random.Uniform()}};
      if (random.Below(3) == 0) measurement.metrics["size"] = 200 * level;
      log.push_back({trial, attempt, measurement});
    }
    const TrialState states[] = {TrialState::kCompleted, TrialState::kStopped,
                                 TrialState::kFailed, TrialState::kInfeasible};
    trial.state = states[random.Below(4)];
    trial.final_metrics = {{"loss", level}, {"size", 200 * level}};
    log.push_back({trial});
  }
  // Trials run beside each other.
  for (size_t i = 0; i + 1 < log.size(); ++i) {
    if (log[i].trial.id != log[i + 1].trial.id && random.Below(2) == 0 &&
        log[i].measurement) {
      std::swap(log[i], log[i + 1]);
    }
  }
  return log;
}

void Feed(EarlyStoppingRule& rule, const Event& event) {
  if (event.measurement) {
    rule.ObserveReport(event.trial.id, event.attempt, *event.measurement);
  } else {
    rule.ObserveEnd(event.trial);
  }
}

TEST_P(RuleConformanceTest, AReplayOfTheLogGivesTheSameAnswers) {
  for (const uint64_t seed : {1, 2, 3}) {
    const std::vector<Event> log = WildLog(seed);
    const auto asked = Make(GetParam().rules);
    for (size_t i = 0; i < log.size(); ++i) {
      Feed(*asked, log[i]);
      const auto reason = asked->ReasonToStop(log[i].trial.id);
      EXPECT_EQ(reason, asked->ReasonToStop(log[i].trial.id));
      if (i % 97 > 0) continue;
      const auto replayed = Make(GetParam().rules);
      for (size_t k = 0; k <= i; ++k) Feed(*replayed, log[k]);
      EXPECT_EQ(reason, replayed->ReasonToStop(log[i].trial.id)) << i;
    }
  }
}

TEST_P(RuleConformanceTest, TakesTenThousandTrials) {
  Random random(11);
  int good = 0, bad = 0;
  for (int64_t id = 1; id <= 10'000; ++id) {
    const bool is_bad = id % 2 == 0;
    const double level = is_bad ? 8 + random.Uniform() : 1 / (1.0 + id);
    bool stopped = false;
    for (int64_t step = 1; step <= kSteps && !stopped; ++step) {
      Report(id, step, is_bad ? level : Falling(level, step));
      stopped = Reason(id).has_value();
    }
    End(id, stopped ? TrialState::kStopped : TrialState::kCompleted,
        is_bad ? level : Falling(level, kSteps));
    (is_bad ? bad : good) += stopped;
  }
  EXPECT_GT(bad, 4'950);
  EXPECT_LT(good, 50);
}

TEST_P(RuleConformanceTest, BadOptionsAreRefused) {
  for (RuleSpec rule : GetParam().rules) {
    rule.smoothing = 1;
    StudySpec spec;
    spec.metrics = {{.name = "loss"}};
    spec.stopping.rules = {rule};
    EXPECT_EQ(MakeEarlyStoppingRule(spec).status().message(),
              "stopping: smoothing 1, must be 0 or more and below 1");
  }
}

}  // namespace
}  // namespace assay
