#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "search/base/mutex.h"
#include "search/trial.h"
#include "server/lease_table.h"
#include "server/study_registry.h"
#include "server/timer.h"
#include "storage/storage.h"

namespace assay {

// Whether a holder should go on.
struct Advice {
  bool should_stop = false;
  std::string reason;
};

// How a holder says its attempt ended.
enum class End {
  kCompleted = 1,
  kStopped = 2,     // As told, or by its own decision.
  kFailed = 3,      // Tried again while attempts are left.
  kFatal = 4,       // FAILED at once: trying again cannot help.
  kInfeasible = 5,  // The parameters are at fault.
  kHandedBack = 6,  // Queued again; counts nowhere.
};

struct FinishReport {
  Token token;
  End end = End::kCompleted;
  std::string reason;
  Metrics metrics;  // What is missing is taken from the measurements.
  std::vector<Attribute> attributes;
  // Where it ran, as Attempt has it. 0: not told; what is known stays.
  int32_t slot = 0;
  std::string gpu;
  // A client may correct a Complete without an objective: InvalidArgument. A
  // worker's trial is over by then: a FAILED attempt.
  bool may_correct = true;
};

// Takes what the holders of trials report. Each write is known by its natural
// key: the same again is answered the same and changes nothing. Errors:
// NotFound (no such trial or attempt), FailedPrecondition (the attempt is over,
// or the key was used with other content). Thread-safe; results come on the
// writer thread, decisions of a stopping rule from the pool.
class TrialRecorder {
 public:
  struct Parts {  // All must outlive the recorder.
    StudyRegistry& registry;
    Storage& storage;
    LeaseTable& leases;
    Timer& timer;
  };
  explicit TrialRecorder(Parts parts) : parts_(parts) {}

  // Records the measurement, then asks the study's stopping rule, at most
  // max_wait long. Sequence 0: the next one.
  using AdviceDone = absl::AnyInvocable<void(absl::StatusOr<Advice>)>;
  void Report(Token token, Measurement measurement, AdviceDone done)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Several, by rising sequence; those known already are skipped. A stop comes
  // to the worker by itself. Gives the last sequence that is durable. Batches
  // of an attempt that come while the one before still waits for the writer
  // join it: they are recorded, or refused, together.
  using BatchDone = absl::AnyInvocable<void(absl::StatusOr<int64_t>)>;
  void ReportBatch(Token token, std::vector<Measurement> measurements,
                   BatchDone done) ABSL_LOCKS_EXCLUDED(mutex_);

  // Renews the lease. No write.
  absl::StatusOr<Advice> Heartbeat(Token token);

  using FinishDone = absl::AnyInvocable<void(absl::StatusOr<Trial>)>;
  void Finish(FinishReport report, FinishDone done) ABSL_LOCKS_EXCLUDED(mutex_);

  // Keeps a piece of output. Also after the attempt ended.
  void AppendLog(Token token, LogPiece piece,
                 absl::AnyInvocable<void(absl::Status)> done);

 private:
  // Batches that share a write.
  struct Joined {
    struct Part {
      size_t end = 0;  // In `measurements`.
      BatchDone done;
    };
    std::vector<Measurement> measurements;
    std::vector<Part> parts;

    void Add(std::vector<Measurement> batch, BatchDone done);
    void Answer(const absl::Status& status);
  };

  // Nullptr if the batch joined one that waits, else the new one.
  std::shared_ptr<Joined> JoinOrOpen(Token token,
                                     std::vector<Measurement> measurements,
                                     BatchDone done)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // From now on nothing joins it, or whatever waits of this attempt.
  void Close(Token token, const Joined& joined) ABSL_LOCKS_EXCLUDED(mutex_);
  void CloseAny(Token token) ABSL_LOCKS_EXCLUDED(mutex_);

  void Decide(Token token, StudyId study, const Measurement& measurement,
              AdviceDone done);
  void TellToStop(Token token, std::string reason,
                  absl::AnyInvocable<void(absl::Status)> done);

  const Parts parts_;

  Mutex mutex_;
  absl::flat_hash_map<Token, std::shared_ptr<Joined>> open_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace assay
