#include "server/insight.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "tests/server/server_fixture.h"

namespace assay {
namespace {

using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::UnorderedElementsAre;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kPrecondition = absl::StatusCode::kFailedPrecondition;

// Two numbers, of which one decides about the loss.
StudySpec Spec(const std::string& name) {
  StudySpec spec = GridSpec(name, 2);
  spec.space =
      *SearchSpace::Create({{.name = "x", .domain = DoubleDomain{0, 1}},
                            {.name = "idle", .domain = DoubleDomain{0, 1}}});
  spec.algorithm.name = "random";
  return spec;
}

class InsightTest : public CoreTest {
 protected:
  InsightTest() { insight_.emplace(InsightParts()); }

  Insight::Parts InsightParts() {
    return {core_->studies, core_->storage, executor_};
  }

  StudyId Study(StudySpec spec, int trials) {
    const StudyId id = core_->Create(std::move(spec));
    for (int i = 0; i < trials; ++i) Add(id, i);
    return id;
  }

  void Add(StudyId id, int i, TrialState state = TrialState::kCompleted) {
    const double x = std::fmod(0.6180339887 * (i + 1), 1);
    const double idle = std::fmod(0.7320508076 * (i + 1), 1);
    TrialEditor::Imported imported;
    imported.state = state;
    imported.parameters = {{"x", x}, {"idle", idle}};
    imported.metrics = {{"loss", std::sin(4 * x)}, {"size", 10 * x}};
    const auto trial = core_->Import(id, std::move(imported));
    ASSERT_TRUE(trial.ok()) << trial.status();
  }

  static Insight::Cancelled Wanted() {
    return std::make_shared<std::atomic<bool>>(false);
  }

  // Ask...() with a `done`, answered.
  template <typename Answer, typename Call>
  absl::StatusOr<Answer> Await(Call call) {
    Later<absl::StatusOr<Answer>> later;
    call(later.Callback());
    executor_.WaitUntilIdle();
    return later.Get();
  }

  absl::StatusOr<Insight::ImportanceAnswer> Importance(
      const std::string& study, const std::string& metric = "") {
    return Await<Insight::ImportanceAnswer>([&](auto done) {
      insight_->AskImportance(study, metric, Wanted(), std::move(done));
    });
  }
  absl::StatusOr<Insight::QualityAnswer> Quality(
      const std::string& study, const std::string& metric = "") {
    return Await<Insight::QualityAnswer>([&](auto done) {
      insight_->AskQuality(study, metric, Wanted(), std::move(done));
    });
  }
  absl::StatusOr<Insight::PredictAnswer> Predict(
      const std::string& study, std::vector<Parameters> configurations) {
    return Await<Insight::PredictAnswer>([&](auto done) {
      insight_->AskPredict(study, std::move(configurations), Wanted(),
                           std::move(done));
    });
  }

  WatchedPool executor_{1};
  std::optional<Insight> insight_;
};

TEST_F(InsightTest, TheParameterThatDecidesComesFirst) {
  Study(Spec("s"), 40);
  const auto answer = Importance("s");
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->metric, "loss");
  EXPECT_EQ(answer->importance.rows, 40);
  EXPECT_EQ(answer->importance.parameters[0].name, "x");
  EXPECT_GT(answer->importance.parameters[0].total.value, 0.9);
  EXPECT_LT(answer->importance.parameters[1].total.value, 0.05);
}

TEST_F(InsightTest, AnAnswerKnowsWhatEndedBeforeTheQuestion) {
  const StudyId id = Study(Spec("s"), 10);
  EXPECT_EQ(Quality("s")->quality.trials.size(), 10u);
  Add(id, 10);
  EXPECT_EQ(Quality("s")->quality.trials.size(), 11u);
  EXPECT_EQ(Quality(absl::StrCat(id.value))->quality.trials.size(), 11u);
}

TEST_F(InsightTest, OtherEndsChangeNothing) {
  const StudyId id = Study(Spec("s"), 10);
  const double before = Quality("s")->quality.r_squared;
  for (const TrialState state :
       {TrialState::kStopped, TrialState::kFailed, TrialState::kInfeasible}) {
    Add(id, 20, state);
  }
  insight_.emplace(InsightParts());  // Without what it keeps.
  EXPECT_EQ(Quality("s")->quality.r_squared, before);
}

TEST_F(InsightTest, PredictsEachMetricAndSaysWhichItCannot) {
  StudySpec spec = Spec("s");
  spec.metrics.push_back({.name = "size", .bound = 5.0});
  spec.metrics.push_back({.name = "other", .bound = 1.0});
  Study(std::move(spec), 30);
  const auto answer =
      Predict("s", {{{"x", 0.2}, {"idle", 0.5}}, {{"x", 0.9}, {"idle", 0.5}}});
  ASSERT_TRUE(answer.ok()) << answer.status();
  ASSERT_EQ(answer->configurations.size(), 2u);
  EXPECT_THAT(answer->configurations[0].metrics,
              UnorderedElementsAre(Key("loss"), Key("size")));
  EXPECT_NEAR(answer->configurations[0].metrics.at("loss").median,
              std::sin(0.8), 0.1);
  EXPECT_GT(*answer->configurations[0].metrics.at("size").keeps_bound, 0.95);
  EXPECT_LT(*answer->configurations[1].metrics.at("size").keeps_bound, 0.05);
  EXPECT_FALSE(answer->configurations[0].keeps_bounds.has_value());
  EXPECT_THAT(answer->missing.at("other"), HasSubstr("0 configurations"));
}

TEST_F(InsightTest, TheChanceOfAllBoundsIsTheirProduct) {
  StudySpec spec = Spec("s");
  spec.metrics.push_back({.name = "size", .bound = 5.0});
  Study(std::move(spec), 30);
  const auto answer = Predict("s", {{{"x", 0.49}, {"idle", 0.5}}});
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->configurations[0].keeps_bounds,
            answer->configurations[0].metrics.at("size").keeps_bound);
}

TEST_F(InsightTest, TheModelsOfManyMetricsAreKept) {
  constexpr int kMetrics = 12;
  const StudyId id = core_->Create([] {
    StudySpec spec = Spec("s");
    for (int k = 1; k < kMetrics; ++k) {
      spec.metrics.push_back({.name = absl::StrCat("m", k), .bound = 1});
    }
    return spec;
  }());
  for (int i = 0; i < 5; ++i) {
    TrialEditor::Imported imported;
    imported.state = TrialState::kCompleted;
    imported.parameters = {{"x", 0.2 * i}, {"idle", 0.5}};
    imported.metrics = {{"loss", i}};
    for (int k = 1; k < kMetrics; ++k) {
      imported.metrics[absl::StrCat("m", k)] = k * i;
    }
    ASSERT_TRUE(core_->Import(id, std::move(imported)).ok());
  }
  ASSERT_TRUE(Predict("s", {{{"x", 0.2}, {"idle", 0.5}}}).ok());
  EXPECT_EQ(insight_->kept(), kMetrics);
}

TEST_F(InsightTest, OfModelsThatNeedTooMuchTheLastAreKept) {
  Insight::Parts parts = InsightParts();
  parts.bytes_kept = sizeof(double) * 2 * 20 * 22;
  insight_.emplace(parts);
  for (const char* name : {"a", "b", "c"}) {
    Study(Spec(name), 20);
    ASSERT_TRUE(Quality(name).ok());
  }
  EXPECT_EQ(insight_->kept(), 2);
  Study(Spec("large"), 40);
  ASSERT_TRUE(Quality("large").ok());
  EXPECT_EQ(insight_->kept(), 1);
}

TEST_F(InsightTest, AWrongConfigurationIsNamed) {
  Study(Spec("s"), 10);
  const auto at = [](ParameterValue x) {
    return std::vector<Parameters>{{{"x", 0.5}, {"idle", 0.5}},
                                   {{"x", x}, {"idle", 0.5}}};
  };
  EXPECT_THAT(Predict("s", at(2.0)),
              Fails(kInvalid, "configurations[1]: parameter \"x\": 2"));
  EXPECT_THAT(Predict("s", at("high")), Fails(kInvalid, "\"x\""));
  EXPECT_THAT(Predict("s", {{{"x", 0.5}}}), Fails(kInvalid, "idle"));
  EXPECT_THAT(Predict("s", {{{"x", 0.5}, {"idle", 0.5}, {"y", 0.5}}}),
              Fails(kInvalid, "\"y\""));
}

TEST_F(InsightTest, WhatCannotBeAnsweredSaysWhy) {
  Study(Spec("few"), 3);
  core_->Create(SpaceFreeSpec("free"));
  EXPECT_THAT(Importance("few"), Fails(kPrecondition, "3 config"));
  EXPECT_THAT(Quality("few"), Fails(kPrecondition, "3 config"));
  EXPECT_THAT(Predict("few", {{{"x", 0.5}, {"idle", 0.5}}}),
              Fails(kPrecondition, "3 config"));
  EXPECT_THAT(Importance("free"),
              Fails(kPrecondition, "\"free\" declares no parameters"));
  EXPECT_THAT(Quality("few", "speed"), Fails(kInvalid, "speed"));
  EXPECT_THAT(Quality("none"), HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(Quality(""), Fails(kInvalid, "study: empty"));
}

TEST_F(InsightTest, BeyondSixteenQuestionsNoneWaits) {
  Study(Spec("s"), 10);
  executor_.Hold();
  std::vector<absl::StatusOr<Insight::QualityAnswer>> ended(
      Insight::kMaxWaiting + 1, absl::UnknownError("not yet"));
  for (auto& answer : ended) {
    insight_->AskQuality("s", "", Wanted(),
                         [&answer](auto given) { answer = std::move(given); });
  }
  EXPECT_THAT(ended.back(), Fails(absl::StatusCode::kResourceExhausted, "16"));
  EXPECT_EQ(insight_->waiting(), Insight::kMaxWaiting);
  executor_.Release();
  executor_.WaitUntilIdle();
  EXPECT_TRUE(ended.front().ok()) << ended.front().status();
  EXPECT_EQ(insight_->waiting(), 0);
}

TEST_F(InsightTest, AQuestionThatNobodyWaitsForIsDropped) {
  Study(Spec("s"), 10);
  const auto cancelled = std::make_shared<std::atomic<bool>>(true);
  const auto answer = Await<Insight::QualityAnswer>([&](auto done) {
    insight_->AskQuality("s", "", cancelled, std::move(done));
  });
  EXPECT_THAT(answer, HasCode(absl::StatusCode::kCancelled));
}

TEST_F(InsightTest, AfterStopNothingIsComputed) {
  Study(Spec("s"), 10);
  insight_->Stop();
  EXPECT_THAT(Quality("s"), HasCode(absl::StatusCode::kUnavailable));
}

// 2,500 trials are three pages.
TEST_F(InsightTest, LongStudiesAreReadInPages) {
  const StudyId id = core_->Create(Spec("s"));
  for (int i = 0; i < 2500; ++i) Add(id, i);
  const auto answer = Quality("s");
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->quality.trials.size(), 1000u);
  EXPECT_EQ(answer->quality.trials.back().number, 2499);
}

// Clients that report their trials' losses.
class CurveInsightTest : public InsightTest {
 protected:
  CurveInsightTest() : study_(core_->Create(StoppingStudy())) {}

  static StudySpec StoppingStudy() {
    StudySpec spec = Spec("curves");
    spec.stopping.rules = {{.name = "threshold", .upper = 5}};
    return spec;
  }

  // Each report after a second; completes unless it is told to stop.
  void Train(const std::vector<double>& losses) {
    const Token token = TokenOf(core_->Lease(study_, "c"));
    int64_t step = 0;
    for (const double loss : losses) {
      ++step;
      Measurement measurement{.sequence = step, .step = step};
      measurement.elapsed_seconds = static_cast<double>(step);
      measurement.metrics = {{"loss", loss}, {"size", 1}};
      const auto advice = core_->Report(token, measurement);
      ASSERT_TRUE(advice.ok()) << advice.status();
      if (advice->should_stop) break;
    }
    ASSERT_TRUE(core_->Finish({.token = token}).ok());
  }

  absl::StatusOr<std::vector<RuleReplay>> Replay(
      std::vector<StoppingSpec> rules) {
    return Await<std::vector<RuleReplay>>([&](auto done) {
      insight_->AskReplay(
          "curves", [rules](const StudySpec&) { return rules; }, Wanted(),
          std::move(done));
    });
  }

  StudyId study_;
};

TEST_F(CurveInsightTest, ReplaysOtherRulesOverTheRecord) {
  Train({3, 2, 1});
  Train({4, 4, 0.5});
  const auto replays = Replay({{{{.name = "threshold", .upper = 3.5}}},
                               {{{.name = "threshold", .upper = 99}}}});
  ASSERT_TRUE(replays.ok()) << replays.status();
  ASSERT_EQ(replays->size(), 2u);
  const RuleReplay& strict = (*replays)[0];
  ASSERT_EQ(strict.stops.size(), 1u);
  EXPECT_EQ(strict.stops[0].number, 1);
  EXPECT_EQ(strict.stops[0].step, 1);
  EXPECT_EQ(strict.stops[0].steps_saved, 2);
  EXPECT_EQ(strict.seconds_saved, 2);
  EXPECT_EQ(strict.best_stopped, 1);
  EXPECT_EQ(strict.loss, 0.5);
  EXPECT_TRUE((*replays)[1].stops.empty());
  EXPECT_EQ((*replays)[1].steps, 6);
}

TEST_F(CurveInsightTest, ARuleThatIsWrongIsRefused) {
  EXPECT_EQ(Replay({{{{.name = "oracle"}}}}).status().code(), kInvalid);
}

TEST_F(CurveInsightTest, TellsWhatTheStudysRuleSaved) {
  Train({3, 2, 1});
  Train({9, 9, 9});
  const auto savings = Await<Savings>([&](auto done) {
    insight_->AskSavings("curves", Wanted(), std::move(done));
  });
  ASSERT_TRUE(savings.ok()) << savings.status();
  EXPECT_EQ(savings->stopped, 1);
  EXPECT_EQ(savings->max_steps, 3);
  EXPECT_EQ(savings->steps, 2);
  EXPECT_EQ(savings->seconds, 2);
}

}  // namespace
}  // namespace assay
