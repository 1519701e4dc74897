// What every storage promises of what trials report: measurements, logs and
// attributes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "search/base/status_macros.h"
#include "tests/storage/conformance.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<int64_t> Sequences(const std::vector<Measurement>& measurements) {
  std::vector<int64_t> sequences;
  for (const auto& m : measurements) sequences.push_back(m.sequence);
  return sequences;
}

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

ASSAY_FOR_EACH_STORAGE(MeasurementConformanceTest);

}  // namespace
}  // namespace assay
