#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "search/trial.h"
#include "server/requests.h"
#include "server/study_registry.h"

namespace assay {

// What people do to trials: enqueue, import, stop, retry, annotate.
// Thread-safe; results come on the writer thread.
class TrialEditor {
 public:
  // `registry` must outlive this.
  explicit TrialEditor(StudyRegistry& registry) : registry_(registry) {}

  using Done = absl::AnyInvocable<void(absl::StatusOr<Trial>)>;

  // A waiting trial, handed out before new proposals. InvalidArgument for
  // parameters outside the space; FailedPrecondition if the study is over.
  struct Enqueued {
    Parameters parameters;
    int64_t to_step = 0;  // 0: as far as a schedule's first run goes, or all.
    std::string note;
  };
  void Enqueue(StudyId study, Enqueued enqueued, RequestKey request, Done done);

  // A trial that was run elsewhere. InvalidArgument as above, or if it is not
  // finished, or COMPLETED without an objective.
  struct Imported {
    Parameters parameters;
    TrialState state = TrialState::kCompleted;
    Metrics metrics;
    std::vector<Measurement> curve;
    std::string reason;
    std::string note = {};
    int64_t from_step = 0;
    int64_t to_step = 0;
    int64_t last_step = 0;  // 0: that of the curve; else not below it.
    int32_t replicate = 0;
    std::optional<absl::Time> started = {};  // Absent: when it ended.
    std::optional<absl::Time> ended = {};    // Absent: now.
    std::string holder = "import";
  };
  void Import(StudyId study, Imported imported, RequestKey request, Done done);

  // PENDING: stopped at once. RUNNING: its holder is told. OK if it is STOPPED
  // already; FailedPrecondition if it ended otherwise.
  void Stop(TrialId trial, std::string reason, Done done);

  // A new trial with the parameters and budget of a finished one.
  void Retry(TrialId trial, RequestKey request, Done done);

 private:
  void AddToQueue(
      StudyId study,
      absl::AnyInvocable<absl::StatusOr<Trial>(StudyTransaction&)> make,
      RequestKey request, Done done);

  StudyRegistry& registry_;
};

}  // namespace assay
