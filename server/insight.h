#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "search/base/mutex.h"
#include "search/insight/importance.h"
#include "search/insight/model_quality.h"
#include "search/insight/prediction.h"
#include "search/insight/study_model.h"
#include "search/stopping/replay.h"
#include "search/stopping/savings.h"
#include "server/executor.h"
#include "server/study_registry.h"
#include "storage/storage.h"

namespace assay {

// Says what the trials of a study tell (search/insight), in the background:
// reads them page by page, keeping some dozen bytes of each, fits the models
// that are asked for, keeps the last few.
// Thread-safe. Answers come from the executor, or, if there is none to wait
// for, from the caller's thread. Errors besides those of search/insight:
// InvalidArgument and NotFound for the study, ResourceExhausted beyond
// kMaxWaiting questions, Cancelled once nobody waits, Unavailable after Stop().
class Insight {
 public:
  static constexpr int kMaxWaiting = 16;

  struct Parts {  // All must outlive this.
    StudyRegistry& studies;
    Storage& storage;
    // Of its own: a fit takes seconds. One thread: one question at a time.
    Executor& executor;
    // Of models: 200 configurations of 10 parameters have 0.3 MB, 1,000 of them
    // 8 MB. The last one is kept in any case.
    size_t bytes_kept = 64 << 20;
  };
  explicit Insight(Parts parts) : parts_(parts) {}

  // Who asks sets it once the answer is of no use any more.
  using Cancelled = std::shared_ptr<const std::atomic<bool>>;
  template <typename Answer>
  using Done = absl::AnyInvocable<void(absl::StatusOr<Answer>)>;

  struct ImportanceAnswer {
    std::string metric;
    Importance importance;
  };
  struct QualityAnswer {
    std::string metric;
    ModelQuality quality;
  };
  struct PredictAnswer {
    struct Configuration {
      std::map<std::string, Prediction> metrics;
      // Of all bounds; nullopt: there is none, or a bounded metric is missing.
      std::optional<double> keeps_bounds;
    };
    std::vector<Configuration> configurations;
    std::map<std::string, std::string> missing;  // Why a metric has no model.
    std::map<std::string, double> r_squared;
  };

  // `study` as StudyRegistry::Resolve() takes it; `metric` as FindMetric().
  void AskImportance(std::string study, std::string metric, Cancelled cancelled,
                     Done<ImportanceAnswer> done);
  void AskQuality(std::string study, std::string metric, Cancelled cancelled,
                  Done<QualityAnswer> done);
  // By every declared metric. InvalidArgument, naming the configuration and the
  // parameter, if one is not of the space.
  void AskPredict(std::string study, std::vector<Parameters> configurations,
                  Cancelled cancelled, Done<PredictAnswer> done);

  // What each of the rules had done to the study as it is recorded, and what
  // its own has saved. `rules_of`: the rules to ask of, for a study. Errors
  // besides: its, those of ReadRecordedTrials() and ReplayRule().
  using RulesOf = std::function<absl::StatusOr<std::vector<StoppingSpec>>(
      const StudySpec& spec)>;
  void AskReplay(std::string study, RulesOf rules_of, Cancelled cancelled,
                 Done<std::vector<RuleReplay>> done);
  void AskSavings(std::string study, Cancelled cancelled, Done<Savings> done);

  // Questions that wait or are answered.
  int waiting() const { return waiting_; }
  // Models that are kept.
  int kept() const ABSL_LOCKS_EXCLUDED(mutex_);

  // Gives up what waits. What is fitted just now is fitted to its end.
  void Stop() { stopped_ = true; }

 private:
  using Model = std::shared_ptr<const StudyModel>;

  // Finished trials never change: their number tells which they are.
  struct Key {
    StudyId study;
    int64_t completed = 0;
    int metric = 0;
    bool operator==(const Key&) const = default;
  };
  // A study at the moment of a question; its rows once they are needed.
  struct Subject {
    StudyView view;
    Cancelled cancelled;
    std::optional<StudyRows> rows;
  };

  // Runs `answer` on the executor.
  template <typename Answer, typename Work>
  void Post(Cancelled cancelled, Done<Answer> done, Work answer);

  absl::Status CheckWanted(const Cancelled& cancelled) const;
  absl::StatusOr<Subject> Find(const std::string& study,
                               const Cancelled& cancelled);
  absl::StatusOr<StudyView> FindView(const std::string& study);
  absl::StatusOr<std::vector<RuleReplay>> Replay(const std::string& study,
                                                 const RulesOf& rules_of,
                                                 const Cancelled& cancelled);
  absl::StatusOr<Model> ModelOf(Subject& subject, int metric)
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<Model> ModelOf(Subject& subject, const std::string& metric);
  absl::StatusOr<StudyRows> ReadRows(const Subject& subject);
  absl::Status ReadParameters(std::vector<StudyRow>& rows);
  Model FindKept(const Key& key) ABSL_LOCKS_EXCLUDED(mutex_);
  void Keep(const Key& key, Model model) ABSL_LOCKS_EXCLUDED(mutex_);

  absl::StatusOr<PredictAnswer> Predict(const std::string& study,
                                        std::vector<Parameters> configurations,
                                        const Cancelled& cancelled);

  const Parts parts_;
  std::atomic<int> waiting_ = 0;
  std::atomic<bool> stopped_ = false;

  mutable Mutex mutex_;
  // The one used last first.
  std::list<std::pair<Key, Model>> kept_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace assay
