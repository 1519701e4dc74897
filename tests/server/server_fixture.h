#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "search/base/mutex.h"
#include "search/study.h"
#include "search/trial.h"
#include "server/change_feed.h"
#include "server/lease_table.h"
#include "server/study_registry.h"
#include "server/timer.h"
#include "server/trial_dispatcher.h"
#include "server/trial_editor.h"
#include "server/trial_recorder.h"
#include "server/worker_registry.h"
#include "storage/storage.h"
#include "tests/support/fake_clock.h"
#include "tests/support/faulty_storage.h"
#include "tests/support/later.h"
#include "tests/support/watched_pool.h"

namespace assay {

// Specs of tests: the text of one is its place in a table.
class TableCodec final : public SpecCodec {
 public:
  std::string Add(StudySpec spec) const ABSL_LOCKS_EXCLUDED(mutex_);

  absl::StatusOr<StudySpec> Decode(const std::string& text) const override
      ABSL_LOCKS_EXCLUDED(mutex_);
  std::string Edit(const std::string& text,
                   const StudyEdit& edit) const override;

 private:
  mutable Mutex mutex_;
  mutable std::vector<StudySpec> specs_ ABSL_GUARDED_BY(mutex_);
};

// One metric "loss" to minimize, one integer parameter "x" in [0, points).
StudySpec GridSpec(const std::string& name, int points);
// The same, but trials bring their own parameters.
StudySpec SpaceFreeSpec(const std::string& name);
// GridSpec that workers with the runner "shell" train.
StudySpec WorkerSpec(const std::string& owner, const std::string& name,
                     int points = 100);

Parameters X(int64_t x);
int64_t XOf(const Trial& trial);
Token TokenOf(const Handout& handout);

// The parts of a coordinator that decide, wired as server/server.cc does, over
// a storage that outlives them; and calls that wait for their answers.
class Core {
 public:
  static constexpr absl::Duration kWorkerLease = absl::Seconds(60);

  Core(Storage& rows, FakeClock& clock_in, const TableCodec& codec_in,
       int64_t max_parked = TrialDispatcher::kMaxParked,
       SearchRunner::StrategyMaker make_strategy = MakeSearchStrategy);
  ~Core();

  // Until nothing happens any more: every write and task has ended.
  void Settle();
  // Moves the clock, runs what the timer has by then, and settles.
  void Advance(absl::Duration duration);

  absl::StatusOr<StudyView> Create(StudySpec spec, std::string text);
  // Of a study that must be new.
  StudyId Create(StudySpec spec);

  absl::StatusOr<StudyView> Update(StudyId study, StudyEdit edit,
                                   std::string request_id = "",
                                   std::string fingerprint = "");
  absl::StatusOr<StudyView> SetBudget(StudyId study, Budget budget);
  absl::StatusOr<StudyView> Pause(StudyId study);
  absl::StatusOr<StudyView> Resume(StudyId study);
  absl::StatusOr<StudyView> Stop(StudyId study);
  absl::StatusOr<StudyView> Delete(StudyId study);

  // Does not wait.
  Later<absl::StatusOr<Answer>> Ask(StudyId study, std::string client,
                                    absl::Duration wait = absl::ZeroDuration(),
                                    int count = 1);
  absl::StatusOr<Answer> Suggest(StudyId study, std::string client,
                                 int count = 1);
  // One trial, which there must be.
  Handout Lease(StudyId study, std::string client);
  // The next one, with its attempt, for a worker.
  absl::StatusOr<Answer> LeaseToWorker(StudyId study, std::string worker);

  absl::StatusOr<Advice> Report(Token token, Measurement measurement);
  absl::StatusOr<int64_t> ReportBatch(Token token,
                                      std::vector<Measurement> measurements);
  absl::StatusOr<Trial> Finish(FinishReport report);
  absl::StatusOr<Trial> Complete(Token token, double loss);
  absl::StatusOr<Trial> Fail(Token token, std::string reason = "bad luck");

  absl::StatusOr<Trial> Enqueue(StudyId study, Parameters parameters,
                                std::string request_id = "");
  absl::StatusOr<Trial> StopTrial(TrialId trial, std::string reason = "");
  absl::StatusOr<Trial> Retry(TrialId trial, std::string request_id = "");
  absl::StatusOr<Trial> Import(StudyId study, TrialEditor::Imported imported,
                               std::string request_id = "");

  // Rows.
  Study StudyOf(StudyId study);
  Trial TrialOf(TrialId trial);
  Attempt AttemptOf(Token token);
  std::vector<Trial> TrialsOf(StudyId study);

  FakeClock& clock;
  const TableCodec& codec;
  FaultyStorage storage;
  WatchedPool pool{2};
  Timer timer;
  ChangeFeed feed;
  LeaseTable leases;
  StudyRegistry studies;
  TrialDispatcher dispatcher;
  TrialRecorder recorder;
  TrialEditor editor;
  WorkerRegistry workers;

 private:
  void Flush();

  int64_t flushes_ = 0;
};

// A core in memory.
class CoreTest : public ::testing::Test {
 protected:
  CoreTest();
  // The rows obey the model's invariants after each test.
  void TearDown() override;

  FakeClock clock_;
  TableCodec codec_;
  std::unique_ptr<Storage> rows_;
  std::optional<Core> core_;
};

// A core over SQLite in a folder of its own, which can be started again.
class RestartTest : public ::testing::Test {
 protected:
  RestartTest();
  ~RestartTest() override;

  void Restart();

  FakeClock clock_;
  TableCodec codec_;
  std::string folder_;
  std::unique_ptr<Storage> rows_;
  std::optional<Core> core_;
};

MATCHER_P(HasCode, code, "") {
  *result_listener << arg.status();
  return arg.status().code() == code;
}
MATCHER_P2(Fails, code, words, "") {
  *result_listener << arg.status();
  return arg.status().code() == code &&
         ::testing::Matches(::testing::HasSubstr(words))(
             std::string(arg.status().message()));
}

}  // namespace assay
