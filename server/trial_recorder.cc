#include "server/trial_recorder.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "search/base/mutex.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

constexpr int64_t kKeptLogBytes = 256 << 10;

// What joins a write is not in its count of bytes.
constexpr size_t kMaxJoinedMeasurements = 256;

bool SameNumber(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

bool SameMetrics(const Metrics& a, const Metrics& b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](auto& x, auto& y) {
           return x.first == y.first && SameNumber(x.second, y.second);
         });
}

using Gradients = std::map<std::string, std::map<std::string, double>>;

bool SameGradients(const Gradients& a, const Gradients& b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](auto& x, auto& y) {
           return x.first == y.first && SameMetrics(x.second, y.second);
         });
}

bool SameContent(const Measurement& a, const Measurement& b) {
  return a.step == b.step && a.instance == b.instance &&
         SameNumber(a.elapsed_seconds, b.elapsed_seconds) &&
         SameMetrics(a.metrics, b.metrics) &&
         SameGradients(a.gradients, b.gradients) &&
         SameGradients(a.gradient_deviations, b.gradient_deviations);
}

// Distinguishes finishes of one attempt: "1 bad luck {loss: 0.25}".
std::string Fingerprint(const FinishReport& report) {
  return absl::StrCat(static_cast<int>(report.end), " ", report.reason, " {",
                      absl::StrJoin(report.metrics, ", ",
                                    [](std::string* out, const auto& metric) {
                                      absl::StrAppendFormat(out, "%s: %.17g",
                                                            metric.first,
                                                            metric.second);
                                    }),
                      "}");
}

absl::Status SequenceTaken(const Measurement& measurement) {
  return absl::FailedPreconditionError(
      absl::StrCat("measurement.sequence ", measurement.sequence,
                   " was reported before with other content"));
}

// True if it was stored before; an error if that was with other content.
absl::StatusOr<bool> IsStored(Snapshot& rows, Token token,
                              Measurement& measurement) {
  ASSAY_ASSIGN_OR_RETURN(
      const std::optional<Measurement> same,
      rows.FindMeasurement(token.trial, token.attempt, measurement.sequence));
  if (!same) return false;
  if (!SameContent(*same, measurement)) return SequenceTaken(measurement);
  measurement.revision = same->revision;
  return true;
}

absl::Status StoreNew(StudyTransaction& transaction, Trial& trial,
                      const Attempt& attempt,
                      absl::Span<Measurement> measurements) {
  if (measurements.empty()) return absl::OkStatus();
  ASSAY_RETURN_IF_ERROR(CheckFence(trial, attempt.number));
  return transaction.Add(trial, attempt, measurements);
}

// Stores those that are not there. Above the last sequence all are new; what
// may be known is looked up after those before it were stored.
absl::Status Record(StudyTransaction& transaction, Trial& trial, Token token,
                    absl::Span<Measurement> measurements) {
  Transaction& rows = transaction.rows();
  ASSAY_ASSIGN_OR_RETURN(const Attempt attempt,
                         rows.GetAttempt(token.trial, token.attempt));
  ASSAY_ASSIGN_OR_RETURN(int64_t last,
                         rows.LastSequence(token.trial, token.attempt));
  size_t begin = 0;
  for (size_t i = 0; i < measurements.size(); ++i) {
    Measurement& measurement = measurements[i];
    if (measurement.sequence == 0) measurement.sequence = last + 1;
    if (measurement.sequence > last) {
      last = measurement.sequence;
      continue;
    }
    ASSAY_RETURN_IF_ERROR(StoreNew(transaction, trial, attempt,
                                   measurements.subspan(begin, i - begin)));
    ASSAY_ASSIGN_OR_RETURN(const bool stored,
                           IsStored(rows, token, measurement));
    begin = stored ? i + 1 : i;
  }
  return StoreNew(transaction, trial, attempt, measurements.subspan(begin));
}

}  // namespace

// --- Measurements -----------------------------------------------------------

void TrialRecorder::Report(Token token, Measurement measurement,
                           AdviceDone done) {
  parts_.leases.Renew(token);
  CloseAny(token);
  auto recorded = std::make_shared<Measurement>(std::move(measurement));
  auto study = std::make_shared<StudyId>();
  parts_.registry.ChangeByTrial(
      token.trial,
      [token, recorded, study](StudyTransaction& transaction,
                               Trial& trial) -> absl::Status {
        *study = transaction.study().id;
        return Record(transaction, trial, token,
                      absl::MakeSpan(recorded.get(), 1));
      },
      [this, token, recorded, study,
       done = std::move(done)](absl::Status status) mutable {
        if (!status.ok()) return done(std::move(status));
        Decide(token, *study, *recorded, std::move(done));
      });
}

void TrialRecorder::Decide(Token token, StudyId study,
                           const Measurement& measurement, AdviceDone done) {
  const auto lease = parts_.leases.Find(token);
  const auto spec = parts_.registry.KnownSpec(study);
  const bool has_rule = spec && !spec->stopping.empty();
  if (!lease || !lease->stop_reason.empty() || !has_rule) {
    return done(Advice{lease && !lease->stop_reason.empty(),
                       lease ? lease->stop_reason : ""});
  }
  const auto runner = parts_.registry.Runner(study);
  if (!runner.ok()) return done(Advice{});
  // Whoever comes first answers: the decision, or the end of the patience.
  struct Once {
    Mutex mutex;
    AdviceDone done ABSL_GUARDED_BY(mutex);
    void Answer(absl::StatusOr<Advice> advice) {
      AdviceDone first;
      {
        MutexLock lock(mutex);
        first = std::exchange(done, nullptr);
      }
      if (first) first(std::move(advice));
    }
  };
  auto once = std::make_shared<Once>();
  {
    MutexLock lock(once->mutex);
    once->done = std::move(done);
  }
  if (spec->max_wait < absl::InfiniteDuration()) {
    parts_.timer.After(spec->max_wait, [once] { once->Answer(Advice{}); });
  }
  (*runner)->Decide(token.trial, measurement,
                    [this, token, once](std::optional<std::string> reason) {
                      if (!reason) return once->Answer(Advice{});
                      TellToStop(token, *reason,
                                 [once, reason](absl::Status status) {
                                   if (!status.ok()) once->Answer(Advice{});
                                   once->Answer(Advice{true, *reason});
                                 });
                    });
}

void TrialRecorder::TellToStop(Token token, std::string reason,
                               absl::AnyInvocable<void(absl::Status)> done) {
  parts_.registry.ChangeByTrial(
      token.trial,
      [token, reason = std::move(reason)](StudyTransaction& transaction,
                                          Trial& trial) -> absl::Status {
        ASSAY_RETURN_IF_ERROR(CheckFence(trial, token.attempt));
        ASSAY_ASSIGN_OR_RETURN(
            Attempt attempt,
            transaction.rows().GetAttempt(token.trial, token.attempt));
        return transaction.TellToStop(trial, attempt, reason);
      },
      std::move(done));
}

void TrialRecorder::Joined::Add(std::vector<Measurement> batch,
                                BatchDone done) {
  measurements.insert(measurements.end(),
                      std::make_move_iterator(batch.begin()),
                      std::make_move_iterator(batch.end()));
  parts.push_back({measurements.size(), std::move(done)});
}

void TrialRecorder::Joined::Answer(const absl::Status& status) {
  size_t begin = 0;
  for (Part& part : parts) {
    if (!status.ok()) {
      part.done(status);
    } else {
      part.done(part.end == begin ? 0 : measurements[part.end - 1].sequence);
    }
    begin = part.end;
  }
}

std::shared_ptr<TrialRecorder::Joined> TrialRecorder::JoinOrOpen(
    Token token, std::vector<Measurement> measurements, BatchDone done) {
  MutexLock lock(mutex_);
  std::shared_ptr<Joined>& open = open_[token];
  const bool joins = open && open->measurements.size() + measurements.size() <=
                                 kMaxJoinedMeasurements;
  if (!joins) open = std::make_shared<Joined>();
  open->Add(std::move(measurements), std::move(done));
  return joins ? nullptr : open;
}

void TrialRecorder::Close(Token token, const Joined& joined) {
  MutexLock lock(mutex_);
  const auto it = open_.find(token);
  if (it != open_.end() && it->second.get() == &joined) open_.erase(it);
}

void TrialRecorder::CloseAny(Token token) {
  MutexLock lock(mutex_);
  open_.erase(token);
}

void TrialRecorder::ReportBatch(Token token,
                                std::vector<Measurement> measurements,
                                BatchDone done) {
  parts_.leases.Renew(token);
  const size_t bytes = measurements.size() * 256 + 512;
  const std::shared_ptr<Joined> joined =
      JoinOrOpen(token, std::move(measurements), std::move(done));
  if (!joined) return;
  auto study = std::make_shared<StudyId>();
  parts_.registry.ChangeByTrial(
      token.trial,
      [this, token, joined, study](StudyTransaction& transaction,
                                   Trial& trial) -> absl::Status {
        Close(token, *joined);
        *study = transaction.study().id;
        return Record(transaction, trial, token,
                      absl::MakeSpan(joined->measurements));
      },
      [this, token, joined, study](absl::Status status) {
        Close(token, *joined);
        joined->Answer(status);
        if (!status.ok() || joined->measurements.empty()) return;
        Decide(token, *study, joined->measurements.back(),
               [](absl::StatusOr<Advice>) {});
      },
      bytes);
}

absl::StatusOr<Advice> TrialRecorder::Heartbeat(Token token) {
  if (const auto lease = parts_.leases.Renew(token)) {
    return Advice{!lease->stop_reason.empty(), lease->stop_reason};
  }
  absl::Status status =
      parts_.storage.Read([&](Snapshot& rows) -> absl::Status {
        ASSAY_ASSIGN_OR_RETURN(const Trial trial, rows.GetTrial(token.trial));
        ASSAY_RETURN_IF_ERROR(
            rows.GetAttempt(token.trial, token.attempt).status());
        ASSAY_RETURN_IF_ERROR(CheckFence(trial, token.attempt));
        return absl::FailedPreconditionError(
            absl::StrCat("trial ", token.trial.value, ": attempt ",
                         token.attempt, " is about to end"));
      });
  return status;
}

// --- The end ----------------------------------------------------------------

namespace {

// The objectives that have no value.
std::vector<std::string> MissingObjectives(const StudySpec& spec,
                                           const Metrics& metrics) {
  std::vector<std::string> missing;
  for (const int i : Objectives(spec)) {
    if (!metrics.contains(spec.metrics[i].name)) {
      missing.push_back(absl::StrCat("\"", spec.metrics[i].name, "\""));
    }
  }
  return missing;
}

std::optional<std::string> NanObjective(const StudySpec& spec,
                                        const Metrics& metrics) {
  for (const int i : Objectives(spec)) {
    const auto it = metrics.find(spec.metrics[i].name);
    if (it != metrics.end() && std::isnan(it->second)) return it->first;
  }
  return std::nullopt;
}

absl::Status CompleteOrFail(StudyTransaction& transaction, Trial& trial,
                            Attempt& attempt, const FinishReport& report,
                            Metrics metrics) {
  const StudySpec& spec = transaction.spec();
  const absl::Time now = transaction.now();
  const bool told_to_stop = !attempt.stop_reason.empty();
  if (const auto name = NanObjective(spec, metrics); name && !told_to_stop) {
    trial.final_metrics = std::move(metrics);
    return Fail(trial, attempt, absl::StrCat("metric \"", *name, "\" is NaN"),
                /*retry=*/false, spec.trial.limits, now);
  }
  const std::vector<std::string> missing = MissingObjectives(spec, metrics);
  if (missing.empty() || told_to_stop) {
    return Complete(trial, attempt, std::move(metrics), now);
  }
  const std::string what =
      absl::StrCat(absl::StrJoin(missing, ", "),
                   missing.size() == 1 ? " has no value" : " have no values");
  if (report.may_correct) {
    return absl::InvalidArgumentError(absl::StrCat(
        "metrics: ", what, "; give each objective, or report it before"));
  }
  return Fail(trial, attempt,
              absl::StrCat("ended without its objective: ", what),
              /*retry=*/true, spec.trial.limits, now);
}

absl::Status Apply(StudyTransaction& transaction, Trial& trial,
                   Attempt& attempt, const FinishReport& report) {
  const AttemptLimits& limits = transaction.spec().trial.limits;
  const absl::Time now = transaction.now();
  Metrics metrics;
  const bool has_values = report.end == End::kCompleted ||
                          report.end == End::kStopped ||
                          !attempt.stop_reason.empty();
  if (has_values) {
    ASSAY_ASSIGN_OR_RETURN(
        metrics, transaction.FinalMetrics(trial, attempt, report.metrics));
  }
  switch (report.end) {
    case End::kCompleted:
      return CompleteOrFail(transaction, trial, attempt, report,
                            std::move(metrics));
    case End::kStopped:
      trial.final_metrics = std::move(metrics);
      return EndStopped(trial, attempt, report.reason, now);
    case End::kFailed:
    case End::kFatal:
      trial.final_metrics = std::move(metrics);
      return Fail(trial, attempt, report.reason, report.end == End::kFailed,
                  limits, now);
    case End::kInfeasible:
      trial.final_metrics = std::move(metrics);
      return MarkInfeasible(trial, attempt, report.reason, now);
    case End::kHandedBack:
      trial.final_metrics = std::move(metrics);
      return Requeue(trial, attempt, AttemptOutcome::kPreempted, report.reason,
                     limits, now);
  }
  return absl::InternalError("unknown end");
}

}  // namespace

void TrialRecorder::Finish(FinishReport report, FinishDone done) {
  auto result = std::make_shared<Trial>();
  const size_t bytes = 1024 + report.reason.size();
  const TrialId id = report.token.trial;
  CloseAny(report.token);
  parts_.registry.ChangeByTrial(
      id,
      [report = std::move(report), result](StudyTransaction& transaction,
                                           Trial& trial) -> absl::Status {
        ASSAY_ASSIGN_OR_RETURN(Attempt attempt,
                               transaction.rows().GetAttempt(
                                   report.token.trial, report.token.attempt));
        const std::string fingerprint = Fingerprint(report);
        if (attempt.finish == fingerprint) {
          *result = trial;
          return absl::OkStatus();
        }
        ASSAY_RETURN_IF_ERROR(CheckFence(trial, attempt.number));
        const TrialState before = trial.state;
        ASSAY_RETURN_IF_ERROR(Apply(transaction, trial, attempt, report));
        attempt.finish = fingerprint;
        if (report.slot != 0) {
          attempt.slot = report.slot;
          attempt.gpu = report.gpu;
        }
        for (const Attribute& attribute : report.attributes) {
          ASSAY_RETURN_IF_ERROR(transaction.rows().SetAttribute(
              transaction.study().id, trial.id, attribute));
        }
        ASSAY_RETURN_IF_ERROR(transaction.Store(trial, attempt, before));
        *result = trial;
        return absl::OkStatus();
      },
      [result, done = std::move(done)](absl::Status status) mutable {
        if (!status.ok()) return done(std::move(status));
        done(std::move(*result));
      },
      bytes);
}

void TrialRecorder::AppendLog(Token token, LogPiece piece,
                              absl::AnyInvocable<void(absl::Status)> done) {
  const size_t bytes = piece.bytes.size() + 512;
  parts_.storage.Write(
      [token, piece = std::move(piece)](Transaction& rows) -> absl::Status {
        ASSAY_RETURN_IF_ERROR(
            rows.GetAttempt(token.trial, token.attempt).status());
        ASSAY_ASSIGN_OR_RETURN(
            const std::optional<LogPiece> same,
            rows.FindLogPiece(token.trial, token.attempt, piece.offset));
        if (!same) {
          return rows.AppendLog(token.trial, token.attempt, piece,
                                kKeptLogBytes);
        }
        if (same->bytes == piece.bytes) return absl::OkStatus();
        return absl::FailedPreconditionError(
            absl::StrCat("output at offset ", piece.offset,
                         " was sent before with other content"));
      },
      std::move(done), bytes);
}

}  // namespace assay
