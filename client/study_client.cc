#include "client/study_client.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>
#include <set>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "assay/v1/checkpoint.grpc.pb.h"
#include "assay/v1/insight.grpc.pb.h"
#include "assay/v1/study.grpc.pb.h"
#include "assay/v1/trial.grpc.pb.h"
#include "client/rpc/call.h"
#include "client/rpc/channel.h"
#include "client/rpc/fetch_files.h"
#include "proto/convert_checkpoint.h"
#include "search/base/mutex.h"
#include "search/base/status_macros.h"
#include "storage/checkpoint_files.h"

namespace assay {
namespace {

using Time = std::chrono::steady_clock::time_point;

constexpr absl::Duration kAskWait = absl::Seconds(10);  // Parked at the server.
constexpr absl::Duration kReconnect = absl::Milliseconds(200);
constexpr absl::Duration kHeartbeatTimeout = absl::Seconds(5);
constexpr absl::Duration kNever = absl::Hours(24);

std::string DrawId() {
  std::random_device device;
  return absl::StrFormat("%08x%08x%08x", device(), device(), device());
}

Time Now() { return std::chrono::steady_clock::now(); }

using Key = std::pair<int64_t, int32_t>;  // Trial and attempt.

Key KeyOf(const v1::Assignment& held) {
  return {held.trial().id(), held.attempt()};
}

}  // namespace

// What one client holds, and the thread that renews it.
//
// A trial is asked for under the name of a free place, one at a time: the
// server gives the running trial of that name or else a new one, so that two
// threads never get the same, and a lost answer is given again to who asked.
class StudyClient::Connection {
 public:
  struct Place {
    std::string study;  // As the caller names it.
    int number = 0;
    auto operator<=>(const Place&) const = default;
  };

  Connection(const std::string& address, Options options)
      : options_(std::move(options)), resumes_(!options_.client_id.empty()) {
    if (!resumes_) options_.client_id = DrawId();
    const auto channel = MakeChannel(address);
    studies_ = v1::StudyService::NewStub(channel);
    trials_ = v1::TrialService::NewStub(channel);
    insight_ = v1::InsightService::NewStub(channel);
    checkpoints_ = v1::CheckpointService::NewStub(channel);
    renewer_ = std::thread([this] { Renew(); });
  }

  ~Connection() {
    {
      MutexLock lock(mutex_);
      closing_ = true;
    }
    changed_.NotifyAll();
    renewer_.join();
  }

  const Options& options() const { return options_; }
  v1::StudyService::Stub& studies() { return *studies_; }

  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(
      grpc::Status (v1::StudyService::Stub::*method)(grpc::ClientContext*,
                                                     const Request&, Response*),
      const Request& request) {
    return assay::Call(*studies_, method, request, How());
  }
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(
      grpc::Status (v1::TrialService::Stub::*method)(grpc::ClientContext*,
                                                     const Request&, Response*),
      const Request& request) {
    return assay::Call(*trials_, method, request, How());
  }
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(
      grpc::Status (v1::InsightService::Stub::*method)(grpc::ClientContext*,
                                                       const Request&,
                                                       Response*),
      const Request& request) {
    CallOptions how = How();
    how.attempt_timeout = how.timeout;  // It computes for seconds.
    return assay::Call(*insight_, method, request, how);
  }

  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(
      grpc::Status (v1::CheckpointService::Stub::*method)(grpc::ClientContext*,
                                                          const Request&,
                                                          Response*),
      const Request& request) {
    return assay::Call(*checkpoints_, method, request, How());
  }

  // The first free place, now taken.
  Place Take(const std::string& study) {
    MutexLock lock(mutex_);
    Place place{.study = study};
    while (!taken_.insert(place).second) ++place.number;
    return place;
  }
  void Free(const Place& place) {
    MutexLock lock(mutex_);
    taken_.erase(place);
  }

  // Each chunk that the server lacks, from the folder.
  absl::Status PutMissing(const v1::CommitCheckpointRequest& request,
                          const Manifest& manifest, const std::string& folder);

  // What the server gives under the name of this place.
  absl::StatusOr<v1::Assignment> AwaitTrial(const Place& place,
                                            absl::Duration wait);

  // Renews the trial from now on. Its reports go on after those that an earlier
  // holder of this name made.
  absl::Status Hold(const Place& place, const v1::Assignment& assignment) {
    const Key key = KeyOf(assignment);
    int64_t sequence = 0;
    if (MayHaveReports(key)) {
      v1::GetTrialRequest request;
      request.set_trial_id(key.first);
      ASSAY_ASSIGN_OR_RETURN(const v1::Trial trial,
                             Call(&v1::TrialService::Stub::Get, request));
      sequence = trial.last_measurement().sequence();
    }
    const absl::Duration lease = absl::Seconds(assignment.lease_seconds());
    // Two heartbeats may be lost.
    const auto period = absl::ToChronoNanoseconds(
        lease > absl::ZeroDuration() ? lease / 3 : kNever);
    {
      MutexLock lock(mutex_);
      held_[key] = {.place = place,
                    .sequence = sequence,
                    .since = Now(),
                    .period = period,
                    .next_heartbeat = Now() + period};
    }
    changed_.NotifyAll();
    return absl::OkStatus();
  }

  // `ended`: the server said so; otherwise it may be given again.
  void Release(const v1::Assignment& assignment, bool ended) {
    MutexLock lock(mutex_);
    ReleaseLocked(KeyOf(assignment), ended);
  }

  // Gives it the next sequence and the time. FailedPrecondition if the trial is
  // not held.
  absl::Status Stamp(const v1::Assignment& assignment,
                     v1::Measurement& measurement) {
    MutexLock lock(mutex_);
    const auto it = held_.find(KeyOf(assignment));
    if (it == held_.end()) {
      return absl::FailedPreconditionError(
          absl::StrCat("trial ", assignment.trial().id(), ", attempt ",
                       assignment.attempt(), ": this client does not hold it"));
    }
    const std::chrono::duration<double> elapsed = Now() - it->second.since;
    measurement.set_sequence(++it->second.sequence);
    measurement.set_elapsed_seconds(elapsed.count());
    return absl::OkStatus();
  }

 private:
  struct Held {
    Place place;
    int64_t sequence = 0;  // Of the last report.
    Time since;
    std::chrono::nanoseconds period{};
    Time next_heartbeat;
  };

  std::string NameOf(const Place& place) const {
    if (place.number == 0) return options_.client_id;
    return absl::StrCat(options_.client_id, "/", place.number);
  }

  CallOptions How() const { return {.timeout = options_.timeout}; }

  bool MayHaveReports(const Key& key) {
    MutexLock lock(mutex_);
    return resumes_ || unsure_.contains(key);
  }

  void ReleaseLocked(const Key& key, bool ended)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const auto it = held_.find(key);
    if (it == held_.end()) return;
    taken_.erase(it->second.place);
    held_.erase(it);
    if (ended) {
      unsure_.erase(key);
    } else {
      unsure_.insert(key);
    }
  }

  void Renew() {
    while (true) {
      std::vector<Key> due = AwaitDue();
      if (due.empty()) return;
      for (const Key& key : due) RenewOne(key);
    }
  }

  // The trials whose heartbeat is due; none: this is closing.
  std::vector<Key> AwaitDue() {
    MutexLock lock(mutex_);
    while (!closing_) {
      const Time now = Now();
      Time next = now + absl::ToChronoNanoseconds(kNever);
      std::vector<Key> due;
      for (auto& [key, held] : held_) {
        if (held.next_heartbeat <= now) {
          held.next_heartbeat = now + held.period;
          due.push_back(key);
        }
        next = std::min(next, held.next_heartbeat);
      }
      if (!due.empty()) return due;
      changed_.WaitUntil(mutex_, next);
    }
    return {};
  }

  void RenewOne(const Key& key) {
    {
      MutexLock lock(mutex_);
      if (closing_ || !held_.contains(key)) return;
    }
    v1::HeartbeatRequest request;
    request.set_trial_id(key.first);
    request.set_attempt(key.second);
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + kHeartbeatTimeout));
    v1::ReportResponse response;
    const grpc::Status status =
        trials_->Heartbeat(&context, request, &response);
    const auto code = status.error_code();
    if (code != grpc::StatusCode::FAILED_PRECONDITION &&
        code != grpc::StatusCode::NOT_FOUND) {
      return;
    }
    // It is somebody else's by now: the next report says so.
    MutexLock lock(mutex_);
    ReleaseLocked(key, /*ended=*/true);
  }

  Options options_;
  const bool resumes_;  // Another process had this name before.
  std::unique_ptr<v1::StudyService::Stub> studies_;
  std::unique_ptr<v1::TrialService::Stub> trials_;
  std::unique_ptr<v1::InsightService::Stub> insight_;
  std::unique_ptr<v1::CheckpointService::Stub> checkpoints_;

  Mutex mutex_;
  CondVar changed_;
  // Of trials held and of asks that wait.
  std::set<Place> taken_ ABSL_GUARDED_BY(mutex_);
  std::map<Key, Held> held_ ABSL_GUARDED_BY(mutex_);
  // Given up without an answer of the server: may be given again.
  std::set<Key> unsure_ ABSL_GUARDED_BY(mutex_);
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread renewer_;  // Last: it uses everything above.
};

StudyClient::StudyClient(const std::string& address)
    : StudyClient(address, Options()) {}

StudyClient::StudyClient(const std::string& address, Options options)
    : connection_(std::make_unique<Connection>(address, std::move(options))) {}

StudyClient::~StudyClient() = default;

const std::string& StudyClient::client_id() const {
  return connection_->options().client_id;
}

// --- Studies ----------------------------------------------------------------

absl::StatusOr<v1::Study> StudyClient::CreateStudy(const v1::StudySpec& spec) {
  v1::CreateStudyRequest request;
  *request.mutable_spec() = spec;
  return connection_->Call(&v1::StudyService::Stub::Create, request);
}

absl::StatusOr<v1::Study> StudyClient::GetStudy(const std::string& study) {
  v1::GetStudyRequest request;
  request.set_study(study);
  return connection_->Call(&v1::StudyService::Stub::Get, request);
}

absl::StatusOr<std::vector<v1::Study>> StudyClient::ListStudies() {
  std::vector<v1::Study> studies;
  v1::ListStudiesRequest request;
  do {
    ASSAY_ASSIGN_OR_RETURN(
        const v1::ListStudiesResponse page,
        connection_->Call(&v1::StudyService::Stub::List, request));
    studies.insert(studies.end(), page.studies().begin(), page.studies().end());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return studies;
}

absl::StatusOr<std::vector<v1::Trial>> StudyClient::ListTrials(
    const std::string& study) {
  std::vector<v1::Trial> trials;
  v1::ListTrialsRequest request;
  request.set_study(study);
  request.set_page_size(1000);
  do {
    ASSAY_ASSIGN_OR_RETURN(
        const v1::ListTrialsResponse page,
        connection_->Call(&v1::TrialService::Stub::List, request));
    trials.insert(trials.end(), page.trials().begin(), page.trials().end());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return trials;
}

absl::StatusOr<std::vector<v1::Trial>> StudyClient::Best(
    const std::string& study) {
  v1::OptimalRequest request;
  request.set_study(study);
  ASSAY_ASSIGN_OR_RETURN(
      const v1::OptimalResponse optimal,
      connection_->Call(&v1::StudyService::Stub::Optimal, request));
  return std::vector<v1::Trial>(optimal.trials().begin(),
                                optimal.trials().end());
}

// --- Insight ----------------------------------------------------------------

absl::StatusOr<v1::ImportanceResponse> StudyClient::Importance(
    const std::string& study, const std::string& metric) {
  v1::ImportanceRequest request;
  request.set_study(study);
  request.set_metric(metric);
  return connection_->Call(&v1::InsightService::Stub::Importance, request);
}

absl::StatusOr<v1::PredictResponse> StudyClient::Predict(
    const v1::PredictRequest& request) {
  return connection_->Call(&v1::InsightService::Stub::Predict, request);
}

absl::StatusOr<v1::QualityResponse> StudyClient::Quality(
    const std::string& study, const std::string& metric) {
  v1::QualityRequest request;
  request.set_study(study);
  request.set_metric(metric);
  return connection_->Call(&v1::InsightService::Stub::Quality, request);
}

// --- Ask and tell -----------------------------------------------------------

absl::StatusOr<v1::Assignment> StudyClient::Ask(int64_t study_id,
                                                absl::Duration wait) {
  return Ask(absl::StrCat(study_id), wait);
}

absl::StatusOr<v1::Assignment> StudyClient::Ask(const std::string& study,
                                                absl::Duration wait) {
  const Connection::Place place = connection_->Take(study);
  absl::StatusOr<v1::Assignment> assignment =
      connection_->AwaitTrial(place, wait);
  absl::Status status = assignment.status();
  if (status.ok()) status = connection_->Hold(place, *assignment);
  if (status.ok()) return assignment;
  connection_->Free(place);
  return status;
}

absl::StatusOr<v1::Assignment> StudyClient::Connection::AwaitTrial(
    const Place& place, absl::Duration wait) {
  v1::SuggestRequest request;
  request.set_study(place.study);
  request.set_client_id(NameOf(place));
  request.set_client_lease(absl::ToDoubleSeconds(options_.lease));
  const absl::Time deadline = absl::Now() + wait;
  while (true) {
    const absl::Duration left = deadline - absl::Now();
    request.set_wait(absl::ToDoubleSeconds(
        std::clamp(left, absl::ZeroDuration(), kAskWait)));
    ASSAY_ASSIGN_OR_RETURN(const v1::SuggestResponse answer,
                           Call(&v1::TrialService::Stub::Suggest, request));
    if (!answer.assignments().empty()) return answer.assignments(0);
    const absl::Duration pause = absl::Seconds(answer.retry_after());
    if (absl::Now() + pause >= deadline) {
      return absl::ResourceExhaustedError(answer.reason());
    }
    absl::SleepFor(pause);
  }
}

absl::StatusOr<v1::ReportResponse> StudyClient::Report(
    const v1::Assignment& held, int64_t step,
    const std::map<std::string, double>& metrics) {
  v1::ReportRequest request;
  request.set_trial_id(held.trial().id());
  request.set_attempt(held.attempt());
  v1::Measurement& measurement = *request.mutable_measurement();
  measurement.set_step(step);
  measurement.mutable_metrics()->insert(metrics.begin(), metrics.end());
  ASSAY_RETURN_IF_ERROR(connection_->Stamp(held, measurement));
  absl::StatusOr<v1::ReportResponse> answer =
      connection_->Call(&v1::TrialService::Stub::Report, request);
  if (absl::IsFailedPrecondition(answer.status())) {
    connection_->Release(held, /*ended=*/false);
  }
  return answer;
}

absl::Status StudyClient::Connection::PutMissing(
    const v1::CommitCheckpointRequest& request, const Manifest& manifest,
    const std::string& folder) {
  ASSAY_ASSIGN_OR_RETURN(const v1::MissingChunksResponse missing,
                         Call(&v1::CheckpointService::Stub::Missing, request));
  std::set<std::string> left(missing.hashes().begin(), missing.hashes().end());
  for (const CheckpointFile& file : manifest.files) {
    for (size_t i = 0; i < file.chunks.size(); ++i) {
      if (left.erase(file.chunks[i]) == 0) continue;
      v1::PutChunkRequest chunk;
      chunk.set_hash(file.chunks[i]);
      ASSAY_ASSIGN_OR_RETURN(*chunk.mutable_data(), ReadChunk(folder, file, i));
      ASSAY_RETURN_IF_ERROR(
          Call(&v1::CheckpointService::Stub::PutChunk, chunk).status());
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::Checkpoint> StudyClient::SaveCheckpoint(
    const v1::Assignment& held, int64_t step, const std::string& folder) {
  Checkpoint checkpoint;
  checkpoint.trial = {held.trial().id()};
  checkpoint.attempt = held.attempt();
  checkpoint.step = step;
  ASSAY_ASSIGN_OR_RETURN(
      checkpoint.manifest,
      ReadManifest(folder, [](const std::string&, absl::string_view) {
        return absl::OkStatus();
      }));
  const v1::CommitCheckpointRequest request = ToCommitRequest(checkpoint);
  ASSAY_RETURN_IF_ERROR(
      connection_->PutMissing(request, checkpoint.manifest, folder));
  return connection_->Call(&v1::CheckpointService::Stub::Commit, request);
}

absl::StatusOr<int64_t> StudyClient::LoadCheckpoint(const v1::Assignment& held,
                                                    const std::string& folder) {
  if (!held.has_resume()) return 0;
  ASSAY_ASSIGN_OR_RETURN(const Checkpoint checkpoint,
                         ToCheckpoint(held.resume()));
  ASSAY_RETURN_IF_ERROR(FetchFiles(
      checkpoint.manifest, folder, [this](const v1::GetChunkRequest& chunk) {
        return connection_->Call(&v1::CheckpointService::Stub::GetChunk, chunk);
      }));
  return checkpoint.step;
}

absl::StatusOr<v1::Trial> StudyClient::Complete(
    const v1::Assignment& held, const std::map<std::string, double>& metrics) {
  v1::CompleteRequest request;
  request.set_trial_id(held.trial().id());
  request.set_attempt(held.attempt());
  request.mutable_metrics()->insert(metrics.begin(), metrics.end());
  absl::StatusOr<v1::Trial> trial =
      connection_->Call(&v1::TrialService::Stub::Complete, request);
  // A mistake in the values can be mended: it is still held.
  if (!absl::IsInvalidArgument(trial.status())) {
    connection_->Release(held, trial.ok());
  }
  return trial;
}

absl::StatusOr<v1::Trial> StudyClient::Fail(const v1::Assignment& held,
                                            const std::string& reason,
                                            v1::FailRequest::Kind kind) {
  v1::FailRequest request;
  request.set_trial_id(held.trial().id());
  request.set_attempt(held.attempt());
  request.set_reason(reason);
  request.set_kind(kind);
  absl::StatusOr<v1::Trial> trial =
      connection_->Call(&v1::TrialService::Stub::Fail, request);
  if (!absl::IsInvalidArgument(trial.status())) {
    connection_->Release(held, trial.ok());
  }
  return trial;
}

absl::StatusOr<v1::Trial> StudyClient::Enqueue(v1::EnqueueRequest request) {
  if (request.request_id().empty()) request.set_request_id(DrawId());
  return connection_->Call(&v1::TrialService::Stub::Enqueue, request);
}

// --- Watch ------------------------------------------------------------------

absl::Status StudyClient::Watch(
    const std::string& study,
    const std::function<bool(const v1::WatchStudyResponse&)>& take) {
  v1::WatchStudyRequest request;
  request.set_study(study);
  while (true) {
    grpc::ClientContext context;
    const auto stream = connection_->studies().Watch(&context, request);
    v1::WatchStudyResponse message;
    while (stream->Read(&message)) {
      if (!take(message)) {
        context.TryCancel();
        stream->Finish();
        return absl::OkStatus();
      }
      // A snapshot has several messages, none of which is marked as the last.
      if (!message.snapshot()) request.set_after(message.revision());
    }
    const absl::Status status = ToAbslStatus(stream->Finish());
    if (!status.ok() && !absl::IsUnavailable(status) &&
        !absl::IsCancelled(status)) {
      return status;
    }
    absl::SleepFor(kReconnect);
    // Waits for the server as every call does.
    ASSAY_RETURN_IF_ERROR(GetStudy(study).status());
  }
}

// --- Values -----------------------------------------------------------------

double Number(const v1::Trial& trial, const std::string& parameter) {
  const auto it = trial.parameters().find(parameter);
  if (it == trial.parameters().end() || !it->second.has_number_value()) {
    return std::nan("");
  }
  return it->second.number_value();
}

std::string Text(const v1::Trial& trial, const std::string& parameter) {
  const auto it = trial.parameters().find(parameter);
  return it == trial.parameters().end() ? "" : it->second.string_value();
}

}  // namespace assay
