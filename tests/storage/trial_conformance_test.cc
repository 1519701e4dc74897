// What every storage promises of trials and their attempts.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "tests/storage/conformance.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

class TrialConformanceTest : public StorageConformanceTest {};

TEST_P(TrialConformanceTest, TrialComesBackAsGiven) {
  const StudyId study = AddStudy();
  Trial trial = MakeTrial(study, 0);
  trial.parameters = {{"momentum", 0.1 + 0.2}, {"whole", 3.0},
                      {"units", int64_t{3}},   {"name", std::string("NaN")},
                      {"nesterov", true},      {"nan", std::nan("")},
                      {"inf", -kInfinity}};
  trial.state = TrialState::kFailed;
  trial.from_step = 3;
  trial.to_step = 9;
  trial.continues = TrialId{5};
  trial.retry_of = TrialId{6};
  trial.replicate = 2;
  trial.origin = {"random", "why not", 17, 4, 3};
  trial.spec_revision = 8;
  trial.note = "look at this";
  trial.attempts = 5;
  trial.failed_attempts = 3;
  trial.lost_attempts = 1;
  trial.reason = "exit code 1";
  trial.final_metrics = {{"loss", kInfinity}, {"acc", 0.875}};
  trial.last_step = 7;
  trial.hidden = true;
  trial.started = absl::FromUnixMicros(21);
  trial.ended = absl::FromUnixMicros(22);
  trial.created_revision = 30;
  trial.ended_revision = 31;
  trial.revision = 32;
  trial.id = AddTrial(trial);
  const Trial got = Ask([&](Snapshot& s) { return s.GetTrial(trial.id); });
  EXPECT_EQ(got.id, trial.id);
  EXPECT_EQ(got.study, study);
  EXPECT_EQ(got.number, 0);
  EXPECT_EQ(got.state, trial.state);
  EXPECT_TRUE(std::isnan(std::get<double>(got.parameters.at("nan"))));
  Parameters numbers = got.parameters;
  numbers.erase("nan");
  trial.parameters.erase("nan");
  EXPECT_EQ(numbers, trial.parameters);
  EXPECT_EQ(got.from_step, 3);
  EXPECT_EQ(got.to_step, 9);
  EXPECT_EQ(got.continues, trial.continues);
  EXPECT_EQ(got.retry_of, trial.retry_of);
  EXPECT_EQ(got.replicate, 2);
  EXPECT_EQ(got.origin.strategy, "random");
  EXPECT_EQ(got.origin.why, "why not");
  EXPECT_EQ(got.origin.ordinal, 17);
  EXPECT_EQ(got.origin.seen_revision, 4);
  EXPECT_EQ(got.origin.batch_index, 3);
  EXPECT_EQ(got.spec_revision, 8);
  EXPECT_EQ(got.note, trial.note);
  EXPECT_EQ(got.attempts, 5);
  EXPECT_EQ(got.failed_attempts, 3);
  EXPECT_EQ(got.lost_attempts, 1);
  EXPECT_EQ(got.reason, trial.reason);
  EXPECT_EQ(got.final_metrics, trial.final_metrics);
  EXPECT_EQ(got.last_step, 7);
  EXPECT_TRUE(got.hidden);
  EXPECT_EQ(got.created, trial.created);
  EXPECT_EQ(got.started, trial.started);
  EXPECT_EQ(got.ended, trial.ended);
  EXPECT_EQ(got.created_revision, 30);
  EXPECT_EQ(got.ended_revision, 31);
  EXPECT_EQ(got.revision, 32);
}

TEST_P(TrialConformanceTest, UpdatedTrialKeepsWhatItWasCreatedWith) {
  const StudyId study = AddStudy();
  Trial trial = MakeTrial(study, 0);
  trial.id = AddTrial(trial);
  const Parameters parameters = trial.parameters;
  trial.parameters = {};
  trial.number = 5;
  trial.state = TrialState::kRunning;
  trial.note = "now running";
  trial.started = absl::FromUnixMicros(1);
  trial.revision = 8;
  Do([&](Transaction& t) { return t.UpdateTrial(trial, std::nullopt); });
  const Trial got = Ask([&](Snapshot& s) { return s.GetTrial(trial.id); });
  EXPECT_EQ(got.parameters, parameters);
  EXPECT_EQ(got.number, 0);
  EXPECT_EQ(got.state, TrialState::kRunning);
  EXPECT_EQ(got.note, "now running");
  EXPECT_EQ(got.started, trial.started);
  EXPECT_EQ(got.revision, 8);
}

TEST_P(TrialConformanceTest, UpdateLastStepChangesNothingElse) {
  const StudyId study = AddStudy();
  Trial trial = MakeTrial(study, 0);
  trial.id = AddTrial(trial);
  Do([&](Transaction& t) { return t.UpdateLastStep(trial.id, 12); });
  const Trial got = Ask([&](Snapshot& s) { return s.GetTrial(trial.id); });
  EXPECT_EQ(got.last_step, 12);
  EXPECT_EQ(got.revision, trial.revision);
}

TEST_P(TrialConformanceTest, TrialNumberIsTakenOncePerStudy) {
  const StudyId study = AddStudy("a");
  const StudyId other = AddStudy("b");
  AddTrial(MakeTrial(study, 0));
  AddTrial(MakeTrial(other, 0));
  Trial again = MakeTrial(study, 0);
  again.revision = 50;
  EXPECT_EQ(Write([&](Transaction& t) {
              return t.InsertTrial(again).status();
            }).code(),
            absl::StatusCode::kAlreadyExists);
}

TEST_P(TrialConformanceTest, TrialIsFoundByItsNumber) {
  const StudyId study = AddStudy();
  AddTrial(MakeTrial(study, 0));
  const TrialId second = AddTrial(MakeTrial(study, 1));
  EXPECT_EQ(Ask([&](Snapshot& s) { return s.FindTrial(study, 1); })->id,
            second);
  EXPECT_FALSE(
      Ask([&](Snapshot& s) { return s.FindTrial(study, 2); }).has_value());
}

TEST_P(TrialConformanceTest, TrialsAreListedByNumberStateAndPage) {
  const StudyId study = AddStudy();
  AddTrial(MakeTrial(study, 0));
  AddEnded(study, 1, TrialState::kFailed, 101, {});
  AddEnded(study, 2, TrialState::kCompleted, 102, 0.5);
  AddEnded(study, 3, TrialState::kFailed, 103, {});
  Trial hidden = MakeTrial(study, 4);
  hidden.hidden = true;
  AddTrial(hidden);
  const auto list = [&](const TrialQuery& query) {
    return Numbers(
        Ask([&](Snapshot& s) { return s.ListTrials(study, query); }));
  };
  EXPECT_THAT(list({}), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(list({.after_number = 0, .limit = 2, .states = {}}),
              ElementsAre(1, 2));
  EXPECT_THAT(list({.states = {TrialState::kFailed}}), ElementsAre(1, 3));
  EXPECT_THAT(list({.states = {TrialState::kPending, TrialState::kCompleted}}),
              ElementsAre(0, 2));
  EXPECT_THAT(list({.limit = 0, .states = {}}), IsEmpty());
}

TEST_P(TrialConformanceTest, UnfinishedTrialsAreListedAndTheOldestIsNext) {
  const StudyId study = AddStudy();
  AddEnded(study, 0, TrialState::kCompleted, 100, 1.0);
  Trial running = MakeTrial(study, 1);
  running.state = TrialState::kRunning;
  AddTrial(running);
  AddTrial(MakeTrial(study, 2));
  AddTrial(MakeTrial(study, 3));
  EXPECT_THAT(
      Numbers(Ask([&](Snapshot& s) { return s.ListUnfinished(study); })),
      ElementsAre(1, 2, 3));
  EXPECT_EQ(Ask([&](Snapshot& s) { return s.FirstPending(study); })->number, 2);
  EXPECT_FALSE(Ask([&](Snapshot& s) {
                 return s.FirstPending(StudyId{99});
               }).has_value());
}

TEST_P(TrialConformanceTest, EndedTrialsAreListedInTheOrderOfTheirEnd) {
  const StudyId study = AddStudy();
  AddEnded(study, 0, TrialState::kCompleted, 203, 1.0);
  AddEnded(study, 1, TrialState::kFailed, 201, {});
  AddEnded(study, 2, TrialState::kStopped, 202, 2.0);
  AddTrial(MakeTrial(study, 3));
  const auto list = [&](int64_t after, int limit) {
    return Numbers(
        Ask([&](Snapshot& s) { return s.ListEnded(study, after, limit); }));
  };
  EXPECT_THAT(list(0, 10), ElementsAre(1, 2, 0));
  EXPECT_THAT(list(201, 1), ElementsAre(2));
}

TEST_P(TrialConformanceTest, BestTrialsAreThoseOfTheGoal) {
  const StudyId study = AddStudy();
  AddEnded(study, 0, TrialState::kCompleted, 201, 0.5);
  AddEnded(study, 1, TrialState::kCompleted, 202, 0.75);
  AddEnded(study, 2, TrialState::kCompleted, 203, 0.5);
  AddEnded(study, 3, TrialState::kStopped, 204, 0.0);
  AddEnded(study, 4, TrialState::kCompleted, 205, std::nullopt);
  AddEnded(study, 5, TrialState::kCompleted, 206, kInfinity);
  const auto list = [&](Goal goal, int limit) {
    return Numbers(
        Ask([&](Snapshot& s) { return s.ListBest(study, goal, 0, limit); }));
  };
  EXPECT_THAT(list(Goal::kMinimize, 10), ElementsAre(0, 2, 1, 5));
  EXPECT_THAT(list(Goal::kMaximize, 10), ElementsAre(5, 1, 0, 2));
  EXPECT_THAT(list(Goal::kMaximize, 1), ElementsAre(5));
}

TEST_P(TrialConformanceTest, BestTrialsMayHaveToRunSoFar) {
  const StudyId study = AddStudy();
  for (int64_t number = 0; number < 4; ++number) {
    Trial trial = MakeTrial(study, number);
    trial.to_step = number < 2 ? 9 : 27;
    trial.id = AddTrial(trial);
    trial.state = TrialState::kCompleted;
    trial.revision = trial.ended_revision = 201 + number;
    Do([&](Transaction& t) {
      return t.UpdateTrial(trial, static_cast<double>(number));
    });
  }
  const auto list = [&](int64_t least_to_step) {
    return Numbers(Ask([&](Snapshot& s) {
      return s.ListBest(study, Goal::kMinimize, least_to_step, 9);
    }));
  };
  EXPECT_THAT(list(0), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(list(27), ElementsAre(2, 3));
  EXPECT_THAT(list(28), ElementsAre());
}

TEST_P(TrialConformanceTest, NewestEndedTrialsAreListedFromTheLastOne) {
  const StudyId study = AddStudy();
  AddEnded(study, 0, TrialState::kCompleted, 12, 1.0);
  AddEnded(study, 1, TrialState::kFailed, 11, std::nullopt);
  AddTrial(MakeTrial(study, 2));
  AddEnded(study, 3, TrialState::kStopped, 14, 2.0);
  AddEnded(AddStudy("other"), 0, TrialState::kCompleted, 13, 1.0);
  const auto newest = [&](int limit) {
    return Numbers(
        Ask([&](Snapshot& s) { return s.ListNewestEnded(study, limit); }));
  };
  EXPECT_THAT(newest(10), ElementsAre(3, 0, 1));
  EXPECT_THAT(newest(2), ElementsAre(3, 0));
}

TEST_P(TrialConformanceTest, StoppedTrialsAreBestOnlyWithoutACompletedOne) {
  const StudyId study = AddStudy();
  AddEnded(study, 0, TrialState::kStopped, 201, 0.5);
  AddEnded(study, 1, TrialState::kStopped, 202, 0.25);
  const auto list = [&] {
    return Numbers(Ask(
        [&](Snapshot& s) { return s.ListBest(study, Goal::kMinimize, 0, 9); }));
  };
  EXPECT_THAT(list(), ElementsAre(1, 0));
  AddEnded(study, 2, TrialState::kCompleted, 203, 9.0);
  EXPECT_THAT(list(), ElementsAre(2));
}

TEST_P(TrialConformanceTest, AttemptComesBackAsGiven) {
  const StudyId study = AddStudy();
  const TrialId trial = AddTrial(MakeTrial(study, 0));
  Attempt attempt = MakeAttempt(trial, 1);
  attempt.instance = "f00d";
  attempt.by_worker = true;
  Do([&](Transaction& t) { return t.InsertAttempt(attempt, study); });
  attempt.ended = absl::FromUnixMicros(77);
  attempt.outcome = AttemptOutcome::kFailed;
  attempt.reason = "signal 11";
  attempt.stop_reason = "below the median";
  attempt.training_seconds = 1.5;
  attempt.finish = "{\"failed\":\"signal 11\"}";
  attempt.lease = absl::InfiniteDuration();
  attempt.slot = 3;
  attempt.gpu = "2: NVIDIA H100";
  Do([&](Transaction& t) { return t.UpdateAttempt(attempt); });
  const Attempt got = Ask([&](Snapshot& s) { return s.GetAttempt(trial, 1); });
  EXPECT_EQ(got.trial, trial);
  EXPECT_EQ(got.number, 1);
  EXPECT_EQ(got.holder, "worker-1");
  EXPECT_EQ(got.instance, "f00d");
  EXPECT_TRUE(got.by_worker);
  EXPECT_EQ(got.started, attempt.started);
  EXPECT_EQ(got.ended, attempt.ended);
  EXPECT_EQ(got.outcome, AttemptOutcome::kFailed);
  EXPECT_EQ(got.reason, attempt.reason);
  EXPECT_EQ(got.stop_reason, attempt.stop_reason);
  EXPECT_EQ(got.training_seconds, 1.5);
  EXPECT_EQ(got.finish, attempt.finish);
  EXPECT_EQ(got.slot, 3);
  EXPECT_EQ(got.gpu, "2: NVIDIA H100");
  EXPECT_EQ(got.lease, absl::InfiniteDuration());
}

TEST_P(TrialConformanceTest, SecondRunningAttemptOfATrialIsRefused) {
  const StudyId study = AddStudy();
  const TrialId trial = AddTrial(MakeTrial(study, 0));
  Attempt first = MakeAttempt(trial, 1);
  Do([&](Transaction& t) { return t.InsertAttempt(first, study); });
  const auto insert_second = [&](Transaction& t) {
    return t.InsertAttempt(MakeAttempt(trial, 2), study);
  };
  EXPECT_EQ(Write(insert_second).code(), absl::StatusCode::kAlreadyExists);
  first.outcome = AttemptOutcome::kLost;
  Do([&](Transaction& t) { return t.UpdateAttempt(first); });
  Do(insert_second);
  EXPECT_THAT(Ask([&](Snapshot& s) { return s.ListAttempts(trial); }),
              SizeIs(2));
}

TEST_P(TrialConformanceTest, RunningAttemptsAreListedByHolder) {
  const StudyId study = AddStudy();
  std::vector<TrialId> trials;
  for (int i = 0; i < 4; ++i) {
    trials.push_back(AddTrial(MakeTrial(study, i)));
    Attempt attempt = MakeAttempt(trials.back(), 1);
    attempt.holder = i % 2 == 0 ? "even" : "odd";
    if (i == 2) attempt.outcome = AttemptOutcome::kCompleted;
    Do([&](Transaction& t) { return t.InsertAttempt(attempt, study); });
  }
  const auto ids = [](const std::vector<Attempt>& attempts) {
    std::vector<TrialId> of;
    for (const Attempt& attempt : attempts) of.push_back(attempt.trial);
    return of;
  };
  EXPECT_THAT(ids(Ask([](Snapshot& s) { return s.ListRunningAttempts(); })),
              ElementsAre(trials[0], trials[1], trials[3]));
  EXPECT_THAT(ids(Ask([&](Snapshot& s) {
                return s.ListRunningAttempts(study, "odd");
              })),
              ElementsAre(trials[1], trials[3]));
  EXPECT_THAT(ids(Ask([&](Snapshot& s) {
                return s.ListRunningAttempts(StudyId{99}, "odd");
              })),
              IsEmpty());
}

ASSAY_FOR_EACH_STORAGE(TrialConformanceTest);

}  // namespace
}  // namespace assay
