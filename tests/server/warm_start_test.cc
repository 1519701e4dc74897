// Studies that learn from others: what is copied when they are created, and
// that nothing alters it afterwards.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/server/server_fixture.h"

namespace assay {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

using absl::StatusCode;

constexpr int kPoints = 100'000;

// A search that learns of everything, over x from 0 to `points` - 1.
StudySpec Learner(const std::string& name, int points,
                  std::vector<WarmStart> warm_start = {}) {
  StudySpec spec = GridSpec(name, points);
  spec.algorithm.name = "bayesian";
  spec.seed = 3;
  spec.max_wait = absl::InfiniteDuration();
  spec.warm_start = std::move(warm_start);
  return spec;
}

double Loss(int64_t x) {
  const double distance = static_cast<double>(x) / kPoints - 0.3;
  return distance * distance;
}

// Runs so many trials of the study.
void RunTrials(Core& core, StudyId study, int trials) {
  for (int i = 0; i < trials; ++i) {
    core.Settle();
    const Handout handout = core.Lease(study, "c");
    ASSERT_TRUE(core.Complete(TokenOf(handout), Loss(XOf(handout.trial))).ok());
  }
}

std::vector<EarlierStudy> EarlierOf(Storage& storage, StudyId study) {
  std::vector<EarlierStudy> earlier;
  EXPECT_TRUE(storage
                  .Read([&](Snapshot& rows) {
                    auto read = rows.ListEarlierWithTrials(study);
                    if (read.ok()) earlier = *std::move(read);
                    return read.status();
                  })
                  .ok());
  return earlier;
}

class WarmStartTest : public CoreTest {
 protected:
  void SetUp() override {
    source_ = core_->Create(Learner("source", kPoints));
    RunTrials(*core_, source_, 6);
  }

  absl::StatusOr<StudyView> Create(const StudySpec& spec) {
    return core_->Create(spec, codec_.Add(spec));
  }

  StudyId source_;
};

TEST_F(WarmStartTest, FinishedTrialsAreCopiedWithTheirOrigin) {
  core_->Settle();
  core_->Lease(source_, "c");  // Runs: has no result to give.
  const Study before = core_->StudyOf(source_);
  const auto view = Create(Learner("new", kPoints, {{"source"}}));
  ASSERT_TRUE(view.ok()) << view.status();
  ASSERT_THAT(view->earlier, SizeIs(1));
  EXPECT_EQ(view->earlier[0].id, source_);
  EXPECT_EQ(view->earlier[0].name, "local/source");
  EXPECT_EQ(view->earlier[0].revision, before.revision);
  EXPECT_EQ(view->earlier[0].trust, Trust::kSame);
  EXPECT_EQ(view->earlier[0].ended, 6);
  EXPECT_EQ(view->earlier[0].used, 6);
  EXPECT_THAT(view->earlier[0].trials, IsEmpty());

  const auto copies = EarlierOf(*rows_, view->study.id);
  ASSERT_THAT(copies.at(0).trials, SizeIs(6));
  for (int i = 0; i < 6; ++i) {
    const Trial& copy = copies[0].trials[i];
    EXPECT_EQ(copy.number, i);
    EXPECT_EQ(copy.parameters, core_->TrialsOf(source_)[i].parameters);
    EXPECT_EQ(copy.final_metrics.at("loss"), Loss(XOf(copy)));
  }
  EXPECT_THAT(core_->studies.Get(view->study.id)->earlier, SizeIs(1));
}

TEST_F(WarmStartTest, CopiesCountForNothing) {
  StudySpec spec = Learner("new", kPoints, {{"source"}});
  spec.budget.max_trials = 2;
  const StudyId study = core_->Create(spec);
  EXPECT_THAT(core_->TrialsOf(study), IsEmpty());
  EXPECT_EQ(core_->StudyOf(study).counts.trials, 0);
  RunTrials(*core_, study, 2);
  EXPECT_EQ(core_->StudyOf(study).counts.configurations, 2);
  EXPECT_EQ(core_->TrialsOf(study)[0].number, 0);
}

TEST_F(WarmStartTest, TheSearchLearnsOfThem) {
  const StudyId study = core_->Create(Learner("new", kPoints, {{"source"}}));
  core_->Settle();
  const Trial first = core_->Lease(study, "c").trial;
  EXPECT_THAT(first.origin.why, HasSubstr("from 6 results"));
}

TEST_F(WarmStartTest, SimilarStudiesGiveTheStart) {
  const StudyId study =
      core_->Create(Learner("new", kPoints, {{"source", Trust::kSimilar}}));
  core_->Settle();
  const Trial first = core_->Lease(study, "c").trial;
  EXPECT_THAT(first.origin.why, HasSubstr("portfolio of 1 earlier"));
  double best = 1;
  for (const Trial& trial : core_->TrialsOf(source_)) {
    if (IsFinished(trial)) best = std::min(best, Loss(XOf(trial)));
  }
  EXPECT_EQ(Loss(XOf(first)), best);
}

TEST_F(WarmStartTest, LaterChangesOfTheSourceAlterNothing) {
  const StudySpec spec = Learner("new", kPoints, {{"source"}});
  const StudyId one = core_->Create(spec);
  RunTrials(*core_, one, 5);
  StudySpec same = spec;
  same.name = "same";
  const StudyId two = core_->Create(same);
  RunTrials(*core_, source_, 3);
  ASSERT_TRUE(core_->Delete(source_).ok());
  (*core_->studies.Runner(two))->Reset();
  RunTrials(*core_, two, 5);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(core_->TrialsOf(one)[i].parameters,
              core_->TrialsOf(two)[i].parameters);
  }
  EXPECT_EQ(EarlierOf(*rows_, two).at(0).used, 6);
}

TEST_F(WarmStartTest, CreateAgainReturnsTheStudyWhateverBecameOfTheSource) {
  const StudySpec spec = Learner("new", kPoints, {{"source"}});
  const std::string text = codec_.Add(spec);
  const auto first = core_->Create(spec, text);
  RunTrials(*core_, source_, 1);
  auto again = core_->Create(spec, text);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->study.id, first->study.id);
  EXPECT_EQ(again->earlier.at(0).used, 6);
  ASSERT_TRUE(core_->Delete(source_).ok());
  again = core_->Create(spec, text);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->study.id, first->study.id);
}

TEST_F(WarmStartTest, SaysWhyTrialsAreOfNoUse) {
  // Half of the range: some of the start points lie outside.
  int outside = 0;
  for (const Trial& trial : core_->TrialsOf(source_)) {
    outside += XOf(trial) >= kPoints / 2;
  }
  ASSERT_GT(outside, 0);
  const auto view = Create(Learner("new", kPoints / 2, {{"source"}}));
  ASSERT_TRUE(view.ok()) << view.status();
  EXPECT_EQ(view->earlier[0].used, 6 - outside);
  EXPECT_THAT(
      view->earlier[0].unused,
      UnorderedElementsAre(Pair("x is not in its domain here", outside)));
}

TEST_F(WarmStartTest, OfALongStudyTheBestAndTheNewestAreTaken) {
  const StudyId grid = core_->Create(GridSpec("long", kPoints));
  for (int i = 0; i < kMaxEarlierTrials + 300; ++i) {
    TrialEditor::Imported imported;
    imported.parameters = X(i);
    imported.metrics = {{"loss", static_cast<double>(i)}};
    ASSERT_TRUE(core_->Import(grid, std::move(imported)).ok());
  }
  const auto view = Create(Learner("new", kPoints, {{"long"}}));
  ASSERT_TRUE(view.ok()) << view.status();
  EXPECT_EQ(view->earlier[0].ended, kMaxEarlierTrials + 300);
  EXPECT_EQ(view->earlier[0].used, kMaxEarlierTrials);
  const auto copies = EarlierOf(*rows_, view->study.id);
  // The best 500 are the oldest here; between them and the newest lies a gap.
  EXPECT_EQ(copies[0].trials[499].number, 499);
  EXPECT_EQ(copies[0].trials[500].number, 800);
  EXPECT_EQ(copies[0].trials.back().number, kMaxEarlierTrials + 299);
}

TEST_F(WarmStartTest, RefusesWhatCannotBeLearnedFrom) {
  const auto refused = [&](std::vector<WarmStart> warm_start) {
    return Create(Learner("new", kPoints, std::move(warm_start))).status();
  };
  const auto with = [](StatusCode code, const std::string& words) {
    return testing::Truly([=](const absl::Status& status) {
      return status.code() == code &&
             std::string(status.message()).find(words) != std::string::npos;
    });
  };
  EXPECT_THAT(refused({{"source"}, {"nothing"}}),
              with(StatusCode::kNotFound, "warm_start[1].study: \"nothing\""));
  EXPECT_THAT(refused({{"99"}}), with(StatusCode::kNotFound, "\"99\""));
  EXPECT_THAT(refused({{"new"}}),
              with(StatusCode::kInvalidArgument, "from itself"));
  EXPECT_THAT(
      refused({{"source"}, {absl::StrCat(source_.value)}}),
      with(StatusCode::kInvalidArgument, "the same study as warm_start[0]"));
  StudySpec other = Learner("other", kPoints);
  other.metrics[0].goal = Goal::kMaximize;
  core_->Create(other);
  EXPECT_THAT(refused({{"other"}}),
              with(StatusCode::kInvalidArgument, "goal MAXIMIZE"));
  other.name = "third", other.metrics[0].name = "accuracy";
  core_->Create(other);
  EXPECT_THAT(refused({{"local/third"}}),
              with(StatusCode::kInvalidArgument, "none of the objectives"));
  ASSERT_TRUE(core_->Delete(source_).ok());
  EXPECT_THAT(refused({{"source"}}), with(StatusCode::kNotFound, "source"));
  EXPECT_THAT(refused({{absl::StrCat(source_.value)}}),
              with(StatusCode::kNotFound, "no study"));
  EXPECT_FALSE(core_->studies.Resolve("new").ok()) << "nothing was created";
}

// --- Proposals recompute from the earlier studies and the log ----------------

class WarmRestartTest : public RestartTest {};

TEST_F(WarmRestartTest, AProposalIsTheSameAfterARestart) {
  const StudyId source = core_->Create(Learner("source", kPoints));
  RunTrials(*core_, source, 8);
  std::vector<StudyId> studies;
  for (const Trust trust : {Trust::kSame, Trust::kSimilar}) {
    // Two of the same seed: one goes on, the other is interrupted.
    for (const char* name : {"a", "b"}) {
      studies.push_back(core_->Create(Learner(absl::StrCat(name, ToText(trust)),
                                              kPoints, {{"source", trust}})));
    }
  }
  for (const StudyId study : studies) RunTrials(*core_, study, 7);
  Restart();
  for (const StudyId study : studies) RunTrials(*core_, study, 3);
  for (size_t i = 0; i < studies.size(); i += 2) {
    const auto one = core_->TrialsOf(studies[i]);
    const auto other = core_->TrialsOf(studies[i + 1]);
    ASSERT_THAT(one, SizeIs(10));
    for (int k = 0; k < 10; ++k) {
      EXPECT_EQ(one[k].parameters, other[k].parameters) << k;
    }
    // From the rows alone, in a strategy of its own.
    StudySpec spec = *core_->studies.Get(studies[i])->spec;
    auto strategy = MakeSearchStrategy(spec).value();
    for (const EarlierStudy& earlier : EarlierOf(*rows_, studies[i])) {
      strategy->ObserveEarlier(earlier);
    }
    for (int k = 0; k < 10; ++k) {
      Random random(spec.seed, static_cast<uint64_t>(k) << 24);
      EXPECT_EQ(strategy->Suggest({}, 1, random)->at(0).parameters,
                one[k].parameters)
          << k;
      strategy->Observe(one[k]);
    }
  }
}

}  // namespace
}  // namespace assay
