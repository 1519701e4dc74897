// What every storage promises of studies, of what they were given of earlier
// ones, and of requests.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "tests/storage/conformance.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<std::string> Names(const std::vector<Study>& studies) {
  std::vector<std::string> names;
  for (const Study& study : studies) names.push_back(study.name);
  return names;
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

class StudyConformanceTest : public StorageConformanceTest {};

TEST_P(StudyConformanceTest, StudyComesBackAsGiven) {
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

TEST_P(StudyConformanceTest, UpdatedStudyComesBackAsGiven) {
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

TEST_P(StudyConformanceTest, UpdateProgressChangesNothingElse) {
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

TEST_P(StudyConformanceTest, TakenNameIsAlreadyExists) {
  AddStudy("lenet");
  const absl::Status status = Write([](Transaction& t) {
    return t.InsertStudy(MakeStudy("lenet")).status();
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(status.message()), HasSubstr("lenet"));
}

TEST_P(StudyConformanceTest, HiddenStudyFreesItsNameButKeepsItsId) {
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

TEST_P(StudyConformanceTest, SameNameOfAnotherOwnerIsAnotherStudy) {
  AddStudy("lenet");
  Study study = MakeStudy("lenet");
  study.owner = "bob";
  Do([&](Transaction& t) { return t.InsertStudy(study).status(); });
  EXPECT_EQ(Ask([](Snapshot& s) { return s.FindStudy("bob", "lenet"); })->owner,
            "bob");
}

TEST_P(StudyConformanceTest, StudiesAreListedInPagesById) {
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

TEST_P(StudyConformanceTest, SpecIsKeptByteForByte) {
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

TEST_P(StudyConformanceTest, WhatIsNotThereIsNotFoundByItsId) {
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

TEST_P(StudyConformanceTest, RowOfNothingIsRefused) {
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

TEST_P(StudyConformanceTest, EarlierStudiesComeBackAsGiven) {
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

TEST_P(StudyConformanceTest, AnEarlierStudyHasItsPlaceOnceAndAnOrigin) {
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

TEST_P(StudyConformanceTest, CheckMissesTrialsOfAnEarlierStudy) {
  const StudyId old = AddStudy("old"), study = AddStudy("new");
  EarlierStudy earlier = MakeEarlier(old, 2);
  earlier.used = 3;
  Do([&](Transaction& t) { return t.InsertEarlier(study, 0, earlier); });
  EXPECT_THAT(*storage_->Check(),
              ElementsAre("study 2 has 2 trials of earlier study 0, not 3"));
}

TEST_P(StudyConformanceTest, RequestIsRememberedUntilItIsOld) {
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

ASSAY_FOR_EACH_STORAGE(StudyConformanceTest);

}  // namespace
}  // namespace assay
