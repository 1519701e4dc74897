#include "server/insight.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"
#include "server/recorded_trials.h"

namespace assay {
namespace {

constexpr int kPage = 1000;

absl::Status CheckSpace(const StudySpec& spec) {
  if (!spec.space.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("study \"", spec.name,
                   "\" declares no parameters: there is nothing to model"));
}

absl::Status MakeCanonical(const StudySpec& spec,
                           std::vector<Parameters>& configurations) {
  for (size_t i = 0; i < configurations.size(); ++i) {
    absl::StatusOr<Parameters> canonical =
        spec.space.Canonical(configurations[i]);
    if (!canonical.ok()) {
      return absl::Status(
          canonical.status().code(),
          absl::StrCat("configurations[", i,
                       "]: ", std::string(canonical.status().message())));
    }
    configurations[i] = *std::move(canonical);
  }
  return absl::OkStatus();
}

// About: of its factor and its points.
size_t BytesOf(const StudyModel& model) {
  const size_t rows = model.rows().size();
  return sizeof(double) * rows * (rows + model.features().size());
}

// As if the metrics were independent.
void MultiplyBounds(const StudySpec& spec,
                    Insight::PredictAnswer::Configuration& configuration) {
  std::optional<double> chance;
  for (const MetricSpec& metric : spec.metrics) {
    if (!metric.bound) continue;
    const auto found = configuration.metrics.find(metric.name);
    if (found == configuration.metrics.end()) return;
    chance = chance.value_or(1) * found->second.keeps_bound.value_or(0);
  }
  configuration.keeps_bounds = chance;
}

}  // namespace

template <typename Answer, typename Work>
void Insight::Post(Cancelled cancelled, Done<Answer> done, Work work) {
  if (waiting_.fetch_add(1) >= kMaxWaiting) {
    --waiting_;
    return done(absl::ResourceExhaustedError(absl::StrCat(
        kMaxWaiting, " questions about studies wait already; try again")));
  }
  parts_.executor.Post([this, cancelled = std::move(cancelled),
                        done = std::move(done),
                        work = std::move(work)]() mutable {
    const absl::Status wanted = CheckWanted(cancelled);
    absl::StatusOr<Answer> answer =
        wanted.ok() ? work(cancelled) : absl::StatusOr<Answer>(wanted);
    --waiting_;
    done(std::move(answer));
  });
}

absl::Status Insight::CheckWanted(const Cancelled& cancelled) const {
  if (stopped_) return absl::UnavailableError("the server is shutting down");
  if (*cancelled) return absl::CancelledError("nobody waits any more");
  return absl::OkStatus();
}

void Insight::AskImportance(std::string study, std::string metric,
                            Cancelled cancelled, Done<ImportanceAnswer> done) {
  Post<ImportanceAnswer>(
      std::move(cancelled), std::move(done),
      [this, study = std::move(study), metric = std::move(metric)](
          const Cancelled& unwanted) -> absl::StatusOr<ImportanceAnswer> {
        ASSAY_ASSIGN_OR_RETURN(Subject subject, Find(study, unwanted));
        ASSAY_ASSIGN_OR_RETURN(const Model model, ModelOf(subject, metric));
        absl::StatusOr<Importance> importance = AssessImportance(
            *model, [&] { return CheckWanted(unwanted).ok(); });
        ASSAY_RETURN_IF_ERROR(CheckWanted(unwanted));
        ASSAY_RETURN_IF_ERROR(importance.status());
        return ImportanceAnswer{model->metric().name, *std::move(importance)};
      });
}

void Insight::AskQuality(std::string study, std::string metric,
                         Cancelled cancelled, Done<QualityAnswer> done) {
  Post<QualityAnswer>(
      std::move(cancelled), std::move(done),
      [this, study = std::move(study), metric = std::move(metric)](
          const Cancelled& unwanted) -> absl::StatusOr<QualityAnswer> {
        ASSAY_ASSIGN_OR_RETURN(Subject subject, Find(study, unwanted));
        ASSAY_ASSIGN_OR_RETURN(const Model model, ModelOf(subject, metric));
        return QualityAnswer{model->metric().name, AssessQuality(*model)};
      });
}

void Insight::AskPredict(std::string study,
                         std::vector<Parameters> configurations,
                         Cancelled cancelled, Done<PredictAnswer> done) {
  Post<PredictAnswer>(
      std::move(cancelled), std::move(done),
      [this, study = std::move(study),
       configurations =
           std::move(configurations)](const Cancelled& unwanted) mutable {
        return Predict(study, std::move(configurations), unwanted);
      });
}

absl::StatusOr<Insight::PredictAnswer> Insight::Predict(
    const std::string& study, std::vector<Parameters> configurations,
    const Cancelled& cancelled) {
  ASSAY_ASSIGN_OR_RETURN(Subject subject, Find(study, cancelled));
  const StudySpec& spec = *subject.view.spec;
  ASSAY_RETURN_IF_ERROR(MakeCanonical(spec, configurations));
  PredictAnswer answer;
  answer.configurations.resize(configurations.size());
  absl::Status why;
  for (size_t k = 0; k < spec.metrics.size(); ++k) {
    ASSAY_RETURN_IF_ERROR(CheckWanted(cancelled));
    const std::string& name = spec.metrics[k].name;
    const absl::StatusOr<Model> model = ModelOf(subject, static_cast<int>(k));
    if (absl::IsFailedPrecondition(model.status())) {
      why.Update(model.status());
      answer.missing[name] = std::string(model.status().message());
      continue;
    }
    ASSAY_RETURN_IF_ERROR(model.status());
    answer.r_squared[name] = (*model)->r_squared();
    const std::vector<Prediction> said =
        assay::Predict(**model, configurations);
    for (size_t i = 0; i < said.size(); ++i) {
      answer.configurations[i].metrics[name] = said[i];
    }
  }
  if (answer.r_squared.empty()) return why;
  for (auto& configuration : answer.configurations) {
    MultiplyBounds(spec, configuration);
  }
  return answer;
}

void Insight::AskReplay(std::string study, RulesOf rules_of,
                        Cancelled cancelled,
                        Done<std::vector<RuleReplay>> done) {
  Post<std::vector<RuleReplay>>(
      std::move(cancelled), std::move(done),
      [this, study = std::move(study),
       rules_of = std::move(rules_of)](const Cancelled& unwanted) {
        return Replay(study, rules_of, unwanted);
      });
}

absl::StatusOr<std::vector<RuleReplay>> Insight::Replay(
    const std::string& study, const RulesOf& rules_of,
    const Cancelled& cancelled) {
  ASSAY_ASSIGN_OR_RETURN(const StudyView view, FindView(study));
  ASSAY_ASSIGN_OR_RETURN(const std::vector<StoppingSpec> rules,
                         rules_of(*view.spec));
  const auto check = [&] { return CheckWanted(cancelled); };
  ASSAY_ASSIGN_OR_RETURN(const std::vector<RecordedTrial> recorded,
                         ReadRecordedTrials(parts_.storage, view, check));
  std::vector<RuleReplay> replays;
  StudySpec spec = *view.spec;
  for (const StoppingSpec& rule : rules) {
    spec.stopping = rule;
    absl::StatusOr<RuleReplay> replay =
        ReplayRule(spec, recorded, [&] { return check().ok(); });
    ASSAY_RETURN_IF_ERROR(check());
    ASSAY_RETURN_IF_ERROR(replay.status());
    replays.push_back(*std::move(replay));
  }
  return replays;
}

void Insight::AskSavings(std::string study, Cancelled cancelled,
                         Done<Savings> done) {
  Post<Savings>(std::move(cancelled), std::move(done),
                [this, study = std::move(study)](
                    const Cancelled& unwanted) -> absl::StatusOr<Savings> {
                  ASSAY_ASSIGN_OR_RETURN(const StudyView view, FindView(study));
                  ASSAY_ASSIGN_OR_RETURN(
                      const std::vector<RecordedTrial> recorded,
                      ReadRecordedTrials(parts_.storage, view, [&] {
                        return CheckWanted(unwanted);
                      }));
                  return SavingsOf(*view.spec, recorded);
                });
}

absl::StatusOr<StudyView> Insight::FindView(const std::string& study) {
  ASSAY_ASSIGN_OR_RETURN(const StudyId id, parts_.studies.Resolve(study));
  return parts_.studies.Get(id);
}

absl::StatusOr<Insight::Subject> Insight::Find(const std::string& study,
                                               const Cancelled& cancelled) {
  Subject subject{.cancelled = cancelled};
  ASSAY_ASSIGN_OR_RETURN(subject.view, FindView(study));
  ASSAY_RETURN_IF_ERROR(CheckSpace(*subject.view.spec));
  return subject;
}

absl::StatusOr<Insight::Model> Insight::ModelOf(Subject& subject,
                                                const std::string& metric) {
  ASSAY_ASSIGN_OR_RETURN(const int index,
                         FindMetric(*subject.view.spec, metric));
  return ModelOf(subject, index);
}

absl::StatusOr<Insight::Model> Insight::ModelOf(Subject& subject, int metric) {
  const Study& study = subject.view.study;
  const Key key{study.id, study.counts.completed, metric};
  if (Model kept = FindKept(key)) return kept;
  if (!subject.rows) {
    ASSAY_ASSIGN_OR_RETURN(subject.rows, ReadRows(subject));
  }
  std::vector<StudyRow> rows = StudyModel::Choose(*subject.rows, metric);
  ASSAY_RETURN_IF_ERROR(ReadParameters(rows));
  ASSAY_ASSIGN_OR_RETURN(
      StudyModel fitted,
      StudyModel::Fit(subject.view.spec, metric, std::move(rows)));
  auto model = std::make_shared<const StudyModel>(std::move(fitted));
  Keep(key, model);
  return model;
}

// Of the moment of its study, in the order in which the trials ended.
absl::StatusOr<StudyRows> Insight::ReadRows(const Subject& subject) {
  const Study& study = subject.view.study;
  StudyRows all(*subject.view.spec);
  for (int64_t after = 0;;) {
    ASSAY_RETURN_IF_ERROR(CheckWanted(subject.cancelled));
    std::vector<Trial> page;
    ASSAY_RETURN_IF_ERROR(
        parts_.storage.Read([&](Snapshot& rows) -> absl::Status {
          ASSAY_ASSIGN_OR_RETURN(page, rows.ListEnded(study.id, after, kPage));
          return absl::OkStatus();
        }));
    const bool is_last = page.size() < kPage;
    for (Trial& trial : page) {
      after = trial.ended_revision;
      if (after > study.revision) return all;
      if (!trial.hidden) all.Add(std::move(trial));
    }
    if (is_last) return all;
  }
}

absl::Status Insight::ReadParameters(std::vector<StudyRow>& rows) {
  return parts_.storage.Read([&](Snapshot& snapshot) -> absl::Status {
    for (StudyRow& row : rows) {
      ASSAY_ASSIGN_OR_RETURN(Trial trial, snapshot.GetTrial(row.id));
      row.parameters = std::move(trial.parameters);
    }
    return absl::OkStatus();
  });
}

int Insight::kept() const {
  MutexLock lock(mutex_);
  return static_cast<int>(kept_.size());
}

Insight::Model Insight::FindKept(const Key& key) {
  MutexLock lock(mutex_);
  const auto found =
      std::find_if(kept_.begin(), kept_.end(),
                   [&](const auto& entry) { return entry.first == key; });
  if (found == kept_.end()) return nullptr;
  kept_.splice(kept_.begin(), kept_, found);
  return kept_.front().second;
}

// An older model of the same metric is of no use any more.
void Insight::Keep(const Key& key, Model model) {
  MutexLock lock(mutex_);
  kept_.remove_if([&](const auto& entry) {
    return entry.first.study == key.study && entry.first.metric == key.metric;
  });
  kept_.emplace_front(key, std::move(model));
  size_t bytes = 0;
  auto end = kept_.begin();
  do {
    bytes += BytesOf(*end++->second);
  } while (end != kept_.end() &&
           bytes + BytesOf(*end->second) <= parts_.bytes_kept);
  kept_.erase(end, kept_.end());
}

}  // namespace assay
