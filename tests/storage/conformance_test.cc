// What every storage promises.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <filesystem>
#include <future>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "search/base/status_macros.h"
#include "storage/sqlite_storage.h"
#include "storage/storage.h"
#include "tests/storage/rows_for_tests.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Kind {
  std::string name;
  absl::StatusOr<std::unique_ptr<Storage>> (*open)(const std::string& folder);
};

class StorageConformanceTest : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    auto opened = GetParam().open(folder_.path());
    ASSERT_TRUE(opened.ok()) << opened.status();
    storage_ = *std::move(opened);
  }

  absl::Status Write(Storage::Body body) {
    return WriteNow(*storage_, std::move(body));
  }

  // Writes one thing that must succeed.
  template <class Change>
  void Do(Change change) {
    const absl::Status status =
        Write([&](Transaction& transaction) -> absl::Status {
          return change(transaction);
        });
    ASSERT_TRUE(status.ok()) << status;
  }

  // What one getter says; its error fails the test.
  template <class Get>
  auto Ask(Get get) {
    using Result = decltype(get(std::declval<Snapshot&>()));
    Result result = absl::UnknownError("not asked");
    EXPECT_TRUE(storage_
                    ->Read([&](Snapshot& snapshot) {
                      result = get(snapshot);
                      return absl::OkStatus();
                    })
                    .ok());
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *std::move(result) : typename Result::value_type{};
  }

  template <class Get>
  absl::Status ErrorOf(Get get) {
    return storage_->Read(
        [&](Snapshot& snapshot) { return get(snapshot).status(); });
  }

  StudyId AddStudy(const std::string& name = "s") {
    StudyId id;
    Do([&](Transaction& t) {
      auto inserted = t.InsertStudy(MakeStudy(name));
      if (inserted.ok()) id = *inserted;
      return inserted.status();
    });
    return id;
  }

  TrialId AddTrial(const Trial& trial) {
    TrialId id;
    Do([&](Transaction& t) {
      auto inserted = t.InsertTrial(trial);
      if (inserted.ok()) id = *inserted;
      return inserted.status();
    });
    return id;
  }

  // A trial of `number` in that state, ended at that revision.
  TrialId AddEnded(StudyId study, int64_t number, TrialState state,
                   int64_t revision, std::optional<double> objective) {
    Trial trial = MakeTrial(study, number);
    trial.id = AddTrial(trial);
    trial.state = state;
    trial.revision = trial.ended_revision = revision;
    Do([&](Transaction& t) { return t.UpdateTrial(trial, objective); });
    return trial.id;
  }

  TemporaryFolder folder_;
  std::unique_ptr<Storage> storage_;
};

std::vector<int64_t> Numbers(const std::vector<Trial>& trials) {
  std::vector<int64_t> numbers;
  for (const Trial& trial : trials) numbers.push_back(trial.number);
  return numbers;
}

std::vector<std::string> Names(const std::vector<Study>& studies) {
  std::vector<std::string> names;
  for (const Study& study : studies) names.push_back(study.name);
  return names;
}

std::vector<int64_t> Sequences(const std::vector<Measurement>& measurements) {
  std::vector<int64_t> sequences;
  for (const auto& m : measurements) sequences.push_back(m.sequence);
  return sequences;
}

// What study `id` gave to another one.
EarlierStudy MakeEarlier(StudyId id, int trials) {
  EarlierStudy earlier{.id = id,
                       .name = "ada/old",
                       .revision = 17,
                       .trust = Trust::kSimilar,
                       .ended = 9,
                       .unused = {{"lr is not in its domain here", 2}}};
  for (int i = 0; i < trials; ++i) {
    Trial trial;
    trial.number = 3 + i;
    trial.state = TrialState::kStopped;
    trial.parameters = {{"lr", 0.1 * i}, {"optimizer", std::string("sgd")}};
    trial.final_metrics = {{"loss", i == 1 ? kInfinity : i}};
    trial.last_step = i;
    earlier.trials.push_back(trial);
  }
  earlier.used = trials;
  return earlier;
}

// --- Studies ----------------------------------------------------------------

TEST_P(StorageConformanceTest, StudyComesBackAsGiven) {
  Study study = MakeStudy("everything");
  study.state = StudyState::kCompleted;
  study.completion = CompletionReason::kTargetReached;
  study.reason = "target 0.9 reached";
  study.seed = std::numeric_limits<uint64_t>::max();
  study.spec_revision = 3;
  study.counts = {.trials = 21,
                  .configurations = 20,
                  .pending = 1,
                  .running = 2,
                  .completed = 3,
                  .stopped = 4,
                  .failed = 5,
                  .infeasible = 6,
                  .measurements = 7,
                  .steps = 8,
                  .training_seconds = 9.25};
  study.first_lease = absl::FromUnixMicros(11);
  study.paused_since = absl::FromUnixMicros(12);
  study.paused_seconds = 0.1;
  study.completed = absl::FromUnixMicros(13);
  study.revision = 99;
  study.changed_revision = 98;
  StudyId id;
  Do([&](Transaction& t) {
    id = *t.InsertStudy(study);
    return absl::OkStatus();
  });
  const Study got = Ask([&](Snapshot& s) { return s.GetStudy(id); });
  EXPECT_EQ(got.id, id);
  EXPECT_EQ(got.owner, study.owner);
  EXPECT_EQ(got.name, study.name);
  EXPECT_EQ(got.state, study.state);
  EXPECT_EQ(got.completion, study.completion);
  EXPECT_EQ(got.reason, study.reason);
  EXPECT_EQ(got.seed, study.seed);
  EXPECT_EQ(got.spec_revision, study.spec_revision);
  EXPECT_EQ(got.counts.trials, 21);
  EXPECT_EQ(got.counts.configurations, 20);
  EXPECT_EQ(got.counts.pending, 1);
  EXPECT_EQ(got.counts.running, 2);
  EXPECT_EQ(got.counts.completed, 3);
  EXPECT_EQ(got.counts.stopped, 4);
  EXPECT_EQ(got.counts.failed, 5);
  EXPECT_EQ(got.counts.infeasible, 6);
  EXPECT_EQ(got.counts.measurements, 7);
  EXPECT_EQ(got.counts.steps, 8);
  EXPECT_EQ(got.counts.training_seconds, 9.25);
  EXPECT_EQ(got.created, study.created);
  EXPECT_EQ(got.first_lease, study.first_lease);
  EXPECT_EQ(got.paused_since, study.paused_since);
  EXPECT_EQ(got.paused_seconds, study.paused_seconds);
  EXPECT_EQ(got.completed, study.completed);
  EXPECT_FALSE(got.hidden);
  EXPECT_EQ(got.revision, 99);
  EXPECT_EQ(got.changed_revision, 98);
}

TEST_P(StorageConformanceTest, UpdatedStudyComesBackAsGiven) {
  Study study = MakeStudy("s");
  study.id = AddStudy("s");
  study.state = StudyState::kPaused;
  study.paused_since = absl::FromUnixMicros(5);
  study.counts.trials = 4;
  study.revision = 7;
  Do([&](Transaction& t) { return t.UpdateStudy(study); });
  const Study got = Ask([&](Snapshot& s) { return s.GetStudy(study.id); });
  EXPECT_EQ(got.state, StudyState::kPaused);
  EXPECT_EQ(got.paused_since, study.paused_since);
  EXPECT_EQ(got.counts.trials, 4);
  EXPECT_EQ(got.revision, 7);
}

TEST_P(StorageConformanceTest, UpdateProgressChangesNothingElse) {
  Study study = MakeStudy("s");
  study.id = AddStudy("s");
  study.state = StudyState::kPaused;
  study.counts.trials = 4;
  study.counts.measurements = 5;
  study.counts.steps = 6;
  study.revision = 7;
  Do([&](Transaction& t) { return t.UpdateProgress(study); });
  const Study got = Ask([&](Snapshot& s) { return s.GetStudy(study.id); });
  EXPECT_EQ(got.counts.measurements, 5);
  EXPECT_EQ(got.counts.steps, 6);
  EXPECT_EQ(got.revision, 7);
  EXPECT_EQ(got.state, MakeStudy("s").state);
  EXPECT_EQ(got.counts.trials, MakeStudy("s").counts.trials);
}

TEST_P(StorageConformanceTest, TakenNameIsAlreadyExists) {
  AddStudy("lenet");
  const absl::Status status = Write([](Transaction& t) {
    return t.InsertStudy(MakeStudy("lenet")).status();
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(status.message()), HasSubstr("lenet"));
}

TEST_P(StorageConformanceTest, HiddenStudyFreesItsNameButKeepsItsId) {
  Study study = MakeStudy("lenet");
  study.id = AddStudy("lenet");
  study.hidden = true;
  Do([&](Transaction& t) { return t.UpdateStudy(study); });
  EXPECT_FALSE(
      Ask([](Snapshot& s) { return s.FindStudy("ada", "lenet"); }).has_value());
  EXPECT_TRUE(Ask([&](Snapshot& s) { return s.GetStudy(study.id); }).hidden);
  const StudyId second = AddStudy("lenet");
  EXPECT_GT(second, study.id);
  EXPECT_EQ(Ask([](Snapshot& s) { return s.FindStudy("ada", "lenet"); })->id,
            second);
}

TEST_P(StorageConformanceTest, SameNameOfAnotherOwnerIsAnotherStudy) {
  AddStudy("lenet");
  Study study = MakeStudy("lenet");
  study.owner = "bob";
  Do([&](Transaction& t) { return t.InsertStudy(study).status(); });
  EXPECT_EQ(Ask([](Snapshot& s) { return s.FindStudy("bob", "lenet"); })->owner,
            "bob");
}

TEST_P(StorageConformanceTest, StudiesAreListedInPagesById) {
  const StudyId first = AddStudy("a");
  AddStudy("b");
  Study hidden = MakeStudy("c");
  hidden.hidden = true;
  Do([&](Transaction& t) { return t.InsertStudy(hidden).status(); });
  AddStudy("d");
  auto page = Ask([&](Snapshot& s) { return s.ListStudies(StudyId{}, 2); });
  EXPECT_THAT(Names(page), ElementsAre("a", "b"));
  page = Ask([&](Snapshot& s) { return s.ListStudies(first, 100); });
  EXPECT_THAT(Names(page), ElementsAre("b", "d"));
}

TEST_P(StorageConformanceTest, SpecIsKeptByteForByte) {
  const StudyId study = AddStudy();
  const SpecRevision spec{.number = 2,
                          .spec = std::string("\0\xff{}", 4),
                          .author = "ada",
                          .time = absl::FromUnixMicros(9)};
  Do([&](Transaction& t) { return t.InsertSpec(study, spec); });
  const auto got = Ask([&](Snapshot& s) { return s.GetSpec(study, 2); });
  EXPECT_EQ(got.number, 2);
  EXPECT_EQ(got.spec, spec.spec);
  EXPECT_EQ(got.author, "ada");
  EXPECT_EQ(got.time, spec.time);
}

TEST_P(StorageConformanceTest, WhatIsNotThereIsNotFoundByItsId) {
  const auto expect = [](const absl::Status& status, const char* name) {
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(name));
  };
  expect(ErrorOf([](Snapshot& s) { return s.GetStudy(StudyId{41}); }),
         "study 41");
  expect(ErrorOf([](Snapshot& s) { return s.GetSpec(StudyId{42}, 7); }),
         "study 42 spec revision 7");
  expect(ErrorOf([](Snapshot& s) { return s.GetTrial(TrialId{43}); }),
         "trial 43");
  expect(ErrorOf([](Snapshot& s) { return s.GetAttempt(TrialId{44}, 2); }),
         "trial 44 attempt 2");
  expect(ErrorOf([](Snapshot& s) { return s.ChangesAfter({45}, 0, 9); }),
         "study 45");
  Study study = MakeStudy("x");
  study.id = StudyId{46};
  expect(Write([&](Transaction& t) { return t.UpdateStudy(study); }),
         "study 46");
  expect(Write([&](Transaction& t) { return t.UpdateProgress(study); }),
         "study 46");
  Trial trial = MakeTrial(study.id, 0);
  trial.id = TrialId{47};
  expect(Write([&](Transaction& t) { return t.UpdateTrial(trial, {}); }),
         "trial 47");
  expect(Write([&](Transaction& t) { return t.UpdateLastStep(trial.id, 1); }),
         "trial 47");
  const Attempt attempt = MakeAttempt(TrialId{48}, 3);
  expect(Write([&](Transaction& t) { return t.UpdateAttempt(attempt); }),
         "trial 48 attempt 3");
}

TEST_P(StorageConformanceTest, RowOfNothingIsRefused) {
  const StudyId study = AddStudy();
  const auto expect_not_found = [&](Storage::Body body) {
    EXPECT_EQ(Write(std::move(body)).code(), absl::StatusCode::kNotFound);
  };
  expect_not_found([](Transaction& t) {
    return t.InsertTrial(MakeTrial(StudyId{99}, 0)).status();
  });
  expect_not_found(
      [](Transaction& t) { return t.InsertSpec(StudyId{99}, SpecRevision{}); });
  expect_not_found([&](Transaction& t) {
    return t.InsertAttempt(MakeAttempt(TrialId{99}, 1), study);
  });
  expect_not_found([&](Transaction& t) {
    return t.InsertMeasurement(study, TrialId{99}, 1, MakeMeasurement(1, 1));
  });
  expect_not_found([&](Transaction& t) {
    return t.AppendLog(TrialId{99}, 1, {0, "x"}, 100);
  });
  expect_not_found([&](Transaction& t) {
    return t.SetAttribute(study, TrialId{99}, {"user", "k", "v"});
  });
}

// --- Trials -----------------------------------------------------------------

TEST_P(StorageConformanceTest, TrialComesBackAsGiven) {
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

TEST_P(StorageConformanceTest, UpdatedTrialKeepsWhatItWasCreatedWith) {
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

TEST_P(StorageConformanceTest, UpdateLastStepChangesNothingElse) {
  const StudyId study = AddStudy();
  Trial trial = MakeTrial(study, 0);
  trial.id = AddTrial(trial);
  Do([&](Transaction& t) { return t.UpdateLastStep(trial.id, 12); });
  const Trial got = Ask([&](Snapshot& s) { return s.GetTrial(trial.id); });
  EXPECT_EQ(got.last_step, 12);
  EXPECT_EQ(got.revision, trial.revision);
}

TEST_P(StorageConformanceTest, TrialNumberIsTakenOncePerStudy) {
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

TEST_P(StorageConformanceTest, TrialIsFoundByItsNumber) {
  const StudyId study = AddStudy();
  AddTrial(MakeTrial(study, 0));
  const TrialId second = AddTrial(MakeTrial(study, 1));
  EXPECT_EQ(Ask([&](Snapshot& s) { return s.FindTrial(study, 1); })->id,
            second);
  EXPECT_FALSE(
      Ask([&](Snapshot& s) { return s.FindTrial(study, 2); }).has_value());
}

TEST_P(StorageConformanceTest, TrialsAreListedByNumberStateAndPage) {
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

TEST_P(StorageConformanceTest, UnfinishedTrialsAreListedAndTheOldestIsNext) {
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

TEST_P(StorageConformanceTest, EndedTrialsAreListedInTheOrderOfTheirEnd) {
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

TEST_P(StorageConformanceTest, BestTrialsAreThoseOfTheGoal) {
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

TEST_P(StorageConformanceTest, BestTrialsMayHaveToRunSoFar) {
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

TEST_P(StorageConformanceTest, NewestEndedTrialsAreListedFromTheLastOne) {
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

TEST_P(StorageConformanceTest, EarlierStudiesComeBackAsGiven) {
  const StudyId old = AddStudy("old"), study = AddStudy("new");
  const EarlierStudy first = MakeEarlier(old, 3), second = MakeEarlier(old, 0);
  Do([&](Transaction& t) { return t.InsertEarlier(study, 0, first); });
  Do([&](Transaction& t) { return t.InsertEarlier(study, 1, second); });

  const auto shown = Ask([&](Snapshot& s) { return s.ListEarlier(study); });
  ASSERT_THAT(shown, SizeIs(2));
  EXPECT_EQ(shown[0].id, old);
  EXPECT_EQ(shown[0].name, "ada/old");
  EXPECT_EQ(shown[0].revision, 17);
  EXPECT_EQ(shown[0].trust, Trust::kSimilar);
  EXPECT_EQ(shown[0].ended, 9);
  EXPECT_EQ(shown[0].used, 3);
  EXPECT_EQ(shown[0].unused, first.unused);
  EXPECT_THAT(shown[0].trials, IsEmpty());

  const auto whole =
      Ask([&](Snapshot& s) { return s.ListEarlierWithTrials(study); });
  ASSERT_THAT(whole, SizeIs(2));
  EXPECT_THAT(whole[1].trials, IsEmpty());
  ASSERT_THAT(whole[0].trials, SizeIs(3));
  for (int i = 0; i < 3; ++i) {
    const Trial& trial = whole[0].trials[i];
    EXPECT_FALSE(trial.id);
    EXPECT_EQ(trial.number, 3 + i);
    EXPECT_EQ(trial.state, TrialState::kStopped);
    EXPECT_EQ(trial.parameters, first.trials[i].parameters);
    EXPECT_EQ(trial.final_metrics, first.trials[i].final_metrics);
    EXPECT_EQ(trial.last_step, i);
  }
  EXPECT_THAT(Ask([&](Snapshot& s) { return s.ListEarlier(old); }), IsEmpty());
}

TEST_P(StorageConformanceTest, AnEarlierStudyHasItsPlaceOnceAndAnOrigin) {
  const StudyId old = AddStudy("old"), study = AddStudy("new");
  const auto insert = [&](StudyId from, StudyId to) {
    return Write([&](Transaction& t) {
      return t.InsertEarlier(to, 0, MakeEarlier(from, 1));
    });
  };
  EXPECT_FALSE(insert({99}, study).ok());
  EXPECT_FALSE(insert(old, {99}).ok());
  EXPECT_TRUE(insert(old, study).ok());
  EXPECT_FALSE(insert(old, study).ok());
  EXPECT_THAT(*storage_->Check(), IsEmpty());
}

TEST_P(StorageConformanceTest, CheckMissesTrialsOfAnEarlierStudy) {
  const StudyId old = AddStudy("old"), study = AddStudy("new");
  EarlierStudy earlier = MakeEarlier(old, 2);
  earlier.used = 3;
  Do([&](Transaction& t) { return t.InsertEarlier(study, 0, earlier); });
  EXPECT_THAT(*storage_->Check(),
              ElementsAre("study 2 has 2 trials of earlier study 0, not 3"));
}

TEST_P(StorageConformanceTest, StoppedTrialsAreBestOnlyWithoutACompletedOne) {
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

// --- Attempts ---------------------------------------------------------------

TEST_P(StorageConformanceTest, AttemptComesBackAsGiven) {
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

TEST_P(StorageConformanceTest, SecondRunningAttemptOfATrialIsRefused) {
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

TEST_P(StorageConformanceTest, RunningAttemptsAreListedByHolder) {
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

// --- Measurements -----------------------------------------------------------

class MeasurementConformanceTest : public StorageConformanceTest {
 protected:
  void SetUp() override {
    StorageConformanceTest::SetUp();
    study_ = AddStudy();
    trial_ = AddTrial(MakeTrial(study_, 0));
    Do([&](Transaction& t) {
      return t.InsertAttempt(MakeAttempt(trial_, 1), study_);
    });
  }
  void Add(const Measurement& measurement) {
    Do([&](Transaction& t) {
      return t.InsertMeasurement(study_, trial_, 1, measurement);
    });
  }
  StudyId study_;
  TrialId trial_;
};

TEST_P(MeasurementConformanceTest, MeasurementComesBackAsGiven) {
  Measurement measurement = MakeMeasurement(3, 12);
  measurement.step = 2;
  measurement.elapsed_seconds = 0.3;
  measurement.metrics = {{"loss", std::nan("")}, {"up", kInfinity},
                         {"down", -kInfinity},   {"tiny", 5e-324},
                         {"third", 1.0 / 3},     {"minus zero", -0.0},
                         {"quote \"\n", 1e300}};
  measurement.gradients = {{"loss", {{"lr", std::nan("")}, {"wd", 0.1}}},
                           {"empty", {}}};
  measurement.gradient_deviations = {{"loss", {{"wd", 0.02}}}};
  measurement.instance = 4;
  Add(measurement);
  const auto found =
      Ask([&](Snapshot& s) { return s.FindMeasurement(trial_, 1, 3); });
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->sequence, 3);
  EXPECT_EQ(found->step, 2);
  EXPECT_EQ(found->elapsed_seconds, 0.3);
  EXPECT_TRUE(std::isnan(found->metrics.at("loss")));
  EXPECT_EQ(found->metrics.at("up"), kInfinity);
  EXPECT_EQ(found->metrics.at("down"), -kInfinity);
  EXPECT_EQ(found->metrics.at("tiny"), 5e-324);
  EXPECT_EQ(found->metrics.at("third"), 1.0 / 3);
  EXPECT_TRUE(std::signbit(found->metrics.at("minus zero")));
  EXPECT_EQ(found->metrics.at("quote \"\n"), 1e300);
  EXPECT_THAT(found->metrics, SizeIs(7));
  EXPECT_TRUE(std::isnan(found->gradients.at("loss").at("lr")));
  EXPECT_EQ(found->gradients.at("loss").at("wd"), 0.1);
  EXPECT_THAT(found->gradients.at("empty"), IsEmpty());
  EXPECT_EQ(found->gradient_deviations, measurement.gradient_deviations);
  EXPECT_EQ(found->instance, 4);
  EXPECT_EQ(found->revision, 12);
  EXPECT_EQ(found->time, measurement.time);
}

TEST_P(MeasurementConformanceTest, ElapsedTimeMayBeNaN) {
  Measurement measurement = MakeMeasurement(1, 12);
  measurement.elapsed_seconds = std::nan("");
  Add(measurement);
  EXPECT_TRUE(std::isnan(Ask([&](Snapshot& s) {
                           return s.FindMeasurement(trial_, 1, 1);
                         })->elapsed_seconds));
}

TEST_P(MeasurementConformanceTest, SameSequenceTwiceIsAlreadyExists) {
  Add(MakeMeasurement(1, 12));
  const absl::Status status = Write([&](Transaction& t) {
    return t.InsertMeasurement(study_, trial_, 1, MakeMeasurement(1, 13));
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(status.message()), HasSubstr("measurement 1"));
}

TEST_P(MeasurementConformanceTest, NameThatIsNotUtf8IsRefused) {
  Measurement measurement = MakeMeasurement(1, 12);
  measurement.metrics = {{"\xff", 1.0}};
  EXPECT_EQ(Write([&](Transaction& t) {
              return t.InsertMeasurement(study_, trial_, 1, measurement);
            }).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_P(MeasurementConformanceTest, MeasurementsAreListedBySequenceInPages) {
  for (int64_t sequence : {3, 1, 2, 5}) {
    Add(MakeMeasurement(sequence, 10 + sequence));
  }
  const auto list = [&](int64_t after, int limit) {
    return Sequences(Ask([&](Snapshot& s) {
      return s.ListMeasurements(trial_, 1, after, limit);
    }));
  };
  EXPECT_THAT(list(0, 10), ElementsAre(1, 2, 3, 5));
  EXPECT_THAT(list(1, 2), ElementsAre(2, 3));
  EXPECT_THAT(
      Ask([&](Snapshot& s) { return s.ListMeasurements(trial_, 2, 0, 9); }),
      IsEmpty());
}

TEST_P(MeasurementConformanceTest, LastSequenceIsTheHighest) {
  const auto last = [&] {
    return Ask([&](Snapshot& s) { return s.LastSequence(trial_, 1); });
  };
  EXPECT_EQ(last(), 0);
  for (int64_t sequence : {1, 7, 2})
    Add(MakeMeasurement(sequence, 9 + sequence));
  EXPECT_EQ(last(), 7);
}

// What a body reads of the rows that writers come back to.
struct RowsOfAReport {
  int64_t study_revision = 0;
  int64_t last_step = 0;
  std::string stop_reason;
  int64_t last_sequence = 0;
  auto operator<=>(const RowsOfAReport&) const = default;
};

absl::StatusOr<RowsOfAReport> ReadRows(Transaction& t, StudyId study,
                                       TrialId trial) {
  RowsOfAReport rows;
  ASSAY_ASSIGN_OR_RETURN(const Study got, t.GetStudy(study));
  rows.study_revision = got.revision;
  ASSAY_ASSIGN_OR_RETURN(const Trial got_trial, t.GetTrial(trial));
  rows.last_step = got_trial.last_step;
  ASSAY_ASSIGN_OR_RETURN(const Attempt attempt, t.GetAttempt(trial, 1));
  rows.stop_reason = attempt.stop_reason;
  ASSAY_ASSIGN_OR_RETURN(rows.last_sequence, t.LastSequence(trial, 1));
  return rows;
}

absl::Status ChangeRows(Transaction& t, StudyId study, TrialId trial,
                        const RowsOfAReport& to) {
  ASSAY_ASSIGN_OR_RETURN(Study row, t.GetStudy(study));
  row.revision = to.study_revision;
  ASSAY_RETURN_IF_ERROR(t.UpdateProgress(row));
  ASSAY_RETURN_IF_ERROR(t.UpdateLastStep(trial, to.last_step));
  ASSAY_ASSIGN_OR_RETURN(Attempt attempt, t.GetAttempt(trial, 1));
  attempt.stop_reason = to.stop_reason;
  ASSAY_RETURN_IF_ERROR(t.UpdateAttempt(attempt));
  return t.InsertMeasurement(
      study, trial, 1, MakeMeasurement(to.last_sequence, to.study_revision));
}

TEST_P(MeasurementConformanceTest, ABodySeesWhatItAndThoseBeforeItChanged) {
  const RowsOfAReport first{30, 4, "told", 3}, second{31, 5, "again", 4};
  for (const RowsOfAReport& to : {first, second}) {
    RowsOfAReport own, later;
    Do([&](Transaction& t) -> absl::Status {
      ASSAY_RETURN_IF_ERROR(ReadRows(t, study_, trial_).status());
      ASSAY_RETURN_IF_ERROR(ChangeRows(t, study_, trial_, to));
      ASSAY_ASSIGN_OR_RETURN(own, ReadRows(t, study_, trial_));
      return absl::OkStatus();
    });
    Do([&](Transaction& t) -> absl::Status {
      ASSAY_ASSIGN_OR_RETURN(later, ReadRows(t, study_, trial_));
      return absl::OkStatus();
    });
    EXPECT_EQ(own, to);
    EXPECT_EQ(later, to);
  }
}

TEST_P(MeasurementConformanceTest, ABodySeesNothingOfOneThatFailed) {
  RowsOfAReport before, after;
  Do([&](Transaction& t) -> absl::Status {
    ASSAY_ASSIGN_OR_RETURN(before, ReadRows(t, study_, trial_));
    return absl::OkStatus();
  });
  const absl::Status failed = Write([&](Transaction& t) -> absl::Status {
    ASSAY_RETURN_IF_ERROR(ChangeRows(t, study_, trial_, {30, 4, "told", 3}));
    return absl::AbortedError("on purpose");
  });
  EXPECT_EQ(failed.code(), absl::StatusCode::kAborted);
  Do([&](Transaction& t) -> absl::Status {
    ASSAY_ASSIGN_OR_RETURN(after, ReadRows(t, study_, trial_));
    return absl::OkStatus();
  });
  EXPECT_EQ(after, before);
}

TEST_P(MeasurementConformanceTest, RowsOfManyTrialsStayApart) {
  std::vector<TrialId> trials;
  Do([&](Transaction& t) -> absl::Status {
    for (int i = 1; i <= 1500; ++i) {
      ASSAY_ASSIGN_OR_RETURN(const TrialId id,
                             t.InsertTrial(MakeTrial(study_, i)));
      ASSAY_RETURN_IF_ERROR(t.GetTrial(id).status());
      ASSAY_RETURN_IF_ERROR(t.UpdateLastStep(id, i));
      trials.push_back(id);
    }
    return absl::OkStatus();
  });
  Do([&](Transaction& t) -> absl::Status {
    for (size_t i = 0; i < trials.size(); ++i) {
      ASSAY_ASSIGN_OR_RETURN(const Trial trial, t.GetTrial(trials[i]));
      EXPECT_EQ(trial.last_step, static_cast<int64_t>(i) + 1);
    }
    return absl::OkStatus();
  });
}

TEST_P(MeasurementConformanceTest, LastMeasurementHasTheHighestSequence) {
  const auto last = [&] {
    return Ask([&](Snapshot& s) { return s.LastMeasurement(trial_, 1); });
  };
  EXPECT_FALSE(last().has_value());
  for (int64_t sequence : {1, 7, 2})
    Add(MakeMeasurement(sequence, 9 + sequence));
  EXPECT_EQ(last()->sequence, 7);
}

TEST_P(MeasurementConformanceTest, ChangesComeByRevisionInCompletePages) {
  Study study = MakeStudy("s");
  study.id = study_;
  for (int64_t sequence = 1; sequence <= 4; ++sequence) {
    Add(MakeMeasurement(sequence, 1 + sequence));  // 2 to 5; the trial is 1.
  }
  Trial second = MakeTrial(study_, 1);
  second.revision = 6;
  AddTrial(second);
  study.revision = 7;  // Of the study itself.
  study.changed_revision = 7;
  Do([&](Transaction& t) { return t.UpdateStudy(study); });
  const auto after = [&](int64_t revision, int limit) {
    return Ask(
        [&](Snapshot& s) { return s.ChangesAfter(study_, revision, limit); });
  };
  Changes page = after(0, 3);
  EXPECT_THAT(Numbers(page.trials), ElementsAre(0));
  EXPECT_THAT(Sequences(page.measurements), ElementsAre(1, 2));
  EXPECT_THAT(page.measurement_trials, ElementsAre(trial_, trial_));
  EXPECT_THAT(page.measurement_attempts, ElementsAre(1, 1));
  EXPECT_EQ(page.through, 3);
  page = after(3, 3);
  EXPECT_THAT(Numbers(page.trials), ElementsAre(1));
  EXPECT_THAT(Sequences(page.measurements), ElementsAre(3, 4));
  EXPECT_EQ(page.through, 6);
  page = after(6, 3);
  EXPECT_THAT(page.trials, IsEmpty());
  EXPECT_THAT(page.measurements, IsEmpty());
  EXPECT_EQ(page.through, 7);
  ASSERT_TRUE(page.study.has_value());
  EXPECT_EQ(page.study->revision, 7);
  page = after(7, 3);
  EXPECT_FALSE(page.study.has_value());
  EXPECT_EQ(page.through, 7);
}

TEST_P(MeasurementConformanceTest, LogIsReadFromAnyOffset) {
  const auto append = [&](int64_t offset, const std::string& bytes) {
    Do([&](Transaction& t) {
      return t.AppendLog(trial_, 1, {offset, bytes}, 1 << 20);
    });
  };
  append(0, "abc");
  append(3, std::string("\0\xff", 2));
  append(5, "fgh");
  const auto offsets = [&](int64_t offset, int limit) {
    std::vector<int64_t> starts;
    for (const LogPiece& piece : Ask([&](Snapshot& s) {
           return s.ReadLog(trial_, 1, offset, limit);
         })) {
      starts.push_back(piece.offset);
    }
    return starts;
  };
  EXPECT_THAT(offsets(0, 10), ElementsAre(0, 3, 5));
  EXPECT_THAT(offsets(4, 10), ElementsAre(3, 5));
  EXPECT_THAT(offsets(5, 10), ElementsAre(5));
  EXPECT_THAT(offsets(8, 10), IsEmpty());
  EXPECT_THAT(offsets(0, 1), ElementsAre(0));
  EXPECT_EQ(
      Ask([&](Snapshot& s) { return s.FindLogPiece(trial_, 1, 3); })->bytes,
      std::string("\0\xff", 2));
  EXPECT_FALSE(Ask([&](Snapshot& s) {
                 return s.FindLogPiece(trial_, 1, 4);
               }).has_value());
  EXPECT_EQ(Write([&](Transaction& t) {
              return t.AppendLog(trial_, 1, {3, "other"}, 1 << 20);
            }).code(),
            absl::StatusCode::kAlreadyExists);
}

TEST_P(MeasurementConformanceTest, LogKeepsItsLastBytesInWholePieces) {
  for (int64_t offset = 0; offset < 100; offset += 10) {
    Do([&](Transaction& t) {
      return t.AppendLog(trial_, 1, {offset, "0123456789"}, 25);
    });
  }
  const auto pieces =
      Ask([&](Snapshot& s) { return s.ReadLog(trial_, 1, 0, 100); });
  ASSERT_THAT(pieces, SizeIs(3));
  EXPECT_EQ(pieces.front().offset, 70);
  EXPECT_EQ(pieces.back().offset, 90);
}

// --- Attributes and requests ------------------------------------------------

TEST_P(MeasurementConformanceTest, AttributesOfStudyAndTrialStandApart) {
  const auto set = [&](TrialId trial, const Attribute& attribute) {
    Do([&](Transaction& t) {
      return t.SetAttribute(study_, trial, attribute);
    });
  };
  set({}, {"user", "team", "red"});
  set({}, {"system", "z", "1"});
  set({}, {"user", "team", "blue"});
  set(trial_, {"user", "team", "green"});
  const auto of_study =
      Ask([&](Snapshot& s) { return s.ListAttributes(study_, {}); });
  ASSERT_THAT(of_study, SizeIs(2));
  EXPECT_EQ(of_study[0].ns, "system");
  EXPECT_EQ(of_study[1].key, "team");
  EXPECT_EQ(of_study[1].value, "blue");
  const auto of_trial =
      Ask([&](Snapshot& s) { return s.ListAttributes(study_, trial_); });
  ASSERT_THAT(of_trial, SizeIs(1));
  EXPECT_EQ(of_trial[0].value, "green");
}

TEST_P(StorageConformanceTest, RequestIsRememberedUntilItIsOld) {
  const RequestRecord record{.method = "Enqueue",
                             .fingerprint = std::string("\0f", 2),
                             .response = "",
                             .time = absl::FromUnixSeconds(1000)};
  const auto insert = [&](Transaction& t) {
    return t.InsertRequest("ada", "r1", record);
  };
  const auto find = [&] {
    return Ask([](Snapshot& s) { return s.FindRequest("ada", "r1"); });
  };
  Do(insert);
  ASSERT_TRUE(find().has_value());
  EXPECT_EQ(find()->method, "Enqueue");
  EXPECT_EQ(find()->fingerprint, record.fingerprint);
  EXPECT_EQ(find()->response, "");
  EXPECT_EQ(find()->time, record.time);
  EXPECT_EQ(Write(insert).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_FALSE(
      Ask([](Snapshot& s) { return s.FindRequest("bob", "r1"); }).has_value());
  Do([](Transaction& t) {
    return t.DeleteRequestsBefore(absl::FromUnixSeconds(1000));
  });
  EXPECT_TRUE(find().has_value());
  Do([](Transaction& t) {
    return t.DeleteRequestsBefore(absl::FromUnixSeconds(1001));
  });
  EXPECT_FALSE(find().has_value());
}

// --- Writing and reading ----------------------------------------------------

TEST_P(StorageConformanceTest, FailedBodyLeavesNothing) {
  const absl::Status status = Write([](Transaction& t) -> absl::Status {
    EXPECT_TRUE(t.InsertStudy(MakeStudy("gone")).ok());
    return absl::FailedPreconditionError("changed my mind");
  });
  EXPECT_EQ(status, absl::FailedPreconditionError("changed my mind"));
  EXPECT_FALSE(
      Ask([](Snapshot& s) { return s.FindStudy("ada", "gone"); }).has_value());
}

TEST_P(StorageConformanceTest, FailedBodyDoesNotHarmTheOthersOfItsGroup) {
  std::promise<void> go;
  std::shared_future<void> gone = go.get_future().share();
  std::atomic<int> failed = 0;
  storage_->Write(
      [gone](Transaction&) {
        gone.wait();
        return absl::OkStatus();
      },
      [](const absl::Status&) {});
  for (int i = 0; i < 20; ++i) {
    storage_->Write(
        [i](Transaction& t) {
          auto id = t.InsertStudy(MakeStudy("s" + std::to_string(i)));
          return i % 2 == 0 ? id.status() : absl::AbortedError("odd");
        },
        [&failed](const absl::Status& status) { failed += !status.ok(); });
  }
  go.set_value();
  Do([](Transaction&) { return absl::OkStatus(); });
  EXPECT_EQ(failed, 10);
  EXPECT_THAT(Ask([](Snapshot& s) { return s.ListStudies({}, 100); }),
              SizeIs(10));
}

TEST_P(StorageConformanceTest, BodySeesItsOwnChangesAndThoseBefore) {
  Do([](Transaction& t) -> absl::Status {
    const StudyId study = *t.InsertStudy(MakeStudy("s"));
    const TrialId trial = *t.InsertTrial(MakeTrial(study, 0));
    EXPECT_EQ(t.GetTrial(trial)->number, 0);
    EXPECT_EQ(t.FindStudy("ada", "s")->value().id, study);
    return absl::OkStatus();
  });
  Do([](Transaction& t) -> absl::Status {
    EXPECT_TRUE(t.FindStudy("ada", "s")->has_value());
    return absl::OkStatus();
  });
}

TEST_P(StorageConformanceTest, WritesRunAndAnswerInTheOrderOfTheCalls) {
  std::vector<int> ran;
  std::vector<int> answered;
  for (int i = 0; i < 100; ++i) {
    storage_->Write(
        [i, &ran](Transaction&) {
          ran.push_back(i);
          return absl::OkStatus();
        },
        [i, &answered](const absl::Status&) { answered.push_back(i); });
  }
  Do([](Transaction&) { return absl::OkStatus(); });
  std::vector<int> expected(100);
  for (int i = 0; i < 100; ++i) expected[i] = i;
  EXPECT_EQ(ran, expected);
  EXPECT_EQ(answered, expected);
}

TEST_P(StorageConformanceTest, DoneMayWriteAgain) {
  std::promise<absl::Status> second;
  storage_->Write(
      [](Transaction& t) { return t.InsertStudy(MakeStudy("a")).status(); },
      [&](const absl::Status&) {
        storage_->Write(
            [](Transaction& t) {
              return t.InsertStudy(MakeStudy("b")).status();
            },
            [&](absl::Status status) { second.set_value(std::move(status)); });
      });
  EXPECT_TRUE(second.get_future().get().ok());
}

TEST_P(StorageConformanceTest, QueuedWritesAreFinishedWhenItCloses) {
  std::atomic<int> done = 0;
  for (int i = 0; i < 50; ++i) {
    storage_->Write(
        [i](Transaction& t) {
          return t.InsertStudy(MakeStudy(std::to_string(i))).status();
        },
        [&done](const absl::Status& status) { done += status.ok(); });
  }
  storage_.reset();
  EXPECT_EQ(done, 50);
}

TEST_P(StorageConformanceTest, ReadersSeeWholeWritesWhileAWriterRuns) {
  const StudyId study = AddStudy();
  constexpr int kPairs = 100;
  std::atomic<bool> over = false;
  std::atomic<int> torn = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!over) {
        const auto count = ReadNow<size_t>(*storage_, [&](Snapshot& s) {
          const size_t once = s.ListTrials(study, {})->size();
          return once == s.ListTrials(study, {})->size() ? once : size_t{1};
        });
        if (count % 2 != 0) ++torn;
      }
    });
  }
  for (int i = 0; i < kPairs; ++i) {
    Do([&](Transaction& t) -> absl::Status {
      EXPECT_TRUE(t.InsertTrial(MakeTrial(study, 2 * i)).ok());
      return t.InsertTrial(MakeTrial(study, 2 * i + 1)).status();
    });
  }
  over = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(torn, 0);
}

TEST_P(StorageConformanceTest, ReadReturnsTheErrorOfItsBody) {
  EXPECT_EQ(storage_->Read([](Snapshot&) { return absl::AbortedError("no"); }),
            absl::AbortedError("no"));
}

TEST_P(StorageConformanceTest, StatsAndObserverCountCommits) {
  std::atomic<int> observed = 0;
  storage_->SetCommitObserver([&](absl::Duration duration, int writes) {
    EXPECT_GE(duration, absl::ZeroDuration());
    observed += writes;
  });
  AddStudy("a");
  AddStudy("b");
  const StorageStats stats = storage_->Stats();
  EXPECT_EQ(stats.commits, 2);
  EXPECT_EQ(stats.writes, 2);
  EXPECT_GT(stats.database_bytes, 0);
  EXPECT_EQ(observed, 2);
  EXPECT_TRUE(storage_->Health().ok());
}

TEST_P(StorageConformanceTest, BackupIsACompleteDatabase) {
  AddTrial(MakeTrial(AddStudy("kept"), 0));
  std::filesystem::create_directory(folder_.path() + "/copy");
  const std::string path = folder_.path() + "/copy/assay.db";
  const absl::Status status = storage_->Backup(path);
  ASSERT_TRUE(status.ok()) << status;
  auto copy = OpenSqliteStorage(folder_.path() + "/copy");
  ASSERT_TRUE(copy.ok()) << copy.status();
  (*copy)
      ->Read([](Snapshot& s) {
        EXPECT_TRUE(s.FindStudy("ada", "kept")->has_value());
        EXPECT_EQ(s.ListUnfinished(StudyId{1})->size(), 1);
        return absl::OkStatus();
      })
      .IgnoreError();
}

TEST_P(StorageConformanceTest, BackupNeverReplacesAFile) {
  const std::string path = folder_.path() + "/copy.db";
  ASSERT_TRUE(storage_->Backup(path).ok());
  EXPECT_EQ(storage_->Backup(path).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_FALSE(storage_->Backup(folder_.path() + "/none/copy.db").ok());
}

TEST_P(StorageConformanceTest, CheckFindsNothingWrongInARightStudy) {
  Do([](Transaction& t) -> absl::Status {
    Study study = MakeStudy("right");
    study.id = *t.InsertStudy(study);
    Trial trial = MakeTrial(study.id, 0);
    trial.state = TrialState::kRunning;
    trial.attempts = 1;
    trial.id = *t.InsertTrial(trial);
    EXPECT_TRUE(t.InsertAttempt(MakeAttempt(trial.id, 1), study.id).ok());
    EXPECT_TRUE(
        t.InsertMeasurement(study.id, trial.id, 1, MakeMeasurement(1, 2)).ok());
    study.counts.trials = study.counts.running = study.counts.measurements = 1;
    study.revision = 2;
    return t.UpdateStudy(study);
  });
  const auto lines = storage_->Check();
  ASSERT_TRUE(lines.ok()) << lines.status();
  EXPECT_THAT(*lines, IsEmpty());
}

TEST_P(StorageConformanceTest, CheckNamesEachBrokenInvariant) {
  Do([](Transaction& t) -> absl::Status {
    Study study = MakeStudy("wrong");
    study.id = *t.InsertStudy(study);  // Counts nothing, revision 0.
    Trial trial = MakeTrial(study.id, 1);
    trial.state = TrialState::kRunning;
    trial.id = *t.InsertTrial(trial);
    Trial pending = MakeTrial(study.id, 2);
    pending.id = *t.InsertTrial(pending);
    Attempt attempt = MakeAttempt(pending.id, 1);
    EXPECT_TRUE(t.InsertAttempt(attempt, study.id).ok());
    for (int32_t number : {2, 3}) {
      attempt.number = number;
      attempt.outcome = AttemptOutcome::kCompleted;
      EXPECT_TRUE(t.InsertAttempt(attempt, study.id).ok());
    }
    return t.InsertMeasurement(study.id, pending.id, 1, MakeMeasurement(1, 9));
  });
  const auto lines = storage_->Check();
  ASSERT_TRUE(lines.ok()) << lines.status();
  for (const char* text :
       {"numbers are not 0 to", "counts other states",
        "counts 0 measurements, there are 1", "trial 1 at 2",
        "a measurement of it at 9", "trial 1 is RUNNING and has no",
        "trial 2 is not RUNNING, its attempt 1 is",
        "trial 2 has 0 attempts, their numbers",
        "trial 2 has 2 accepted results"}) {
    EXPECT_THAT(*lines, testing::Contains(HasSubstr(text)));
  }
}

const Kind kKinds[] = {
    {"Sqlite",
     [](const std::string& folder) { return OpenSqliteStorage(folder); }},
    {"Memory", [](const std::string&) { return OpenMemoryStorage(); }},
};

std::string NameOf(const testing::TestParamInfo<Kind>& info) {
  return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(All, StorageConformanceTest, testing::ValuesIn(kKinds),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(All, MeasurementConformanceTest,
                         testing::ValuesIn(kKinds), NameOf);

}  // namespace
}  // namespace assay
