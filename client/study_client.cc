#include "client/study_client.h"

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <random>
#include <set>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "assay/v1/study.grpc.pb.h"
#include "assay/v1/trial.grpc.pb.h"
#include "client/rpc/call.h"
#include "client/rpc/channel.h"
#include "search/base/mutex.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

constexpr double kWaitSeconds = 10;  // One call of Ask.
constexpr absl::Duration kReconnect = absl::Milliseconds(200);

std::string DrawClientId() {
  std::random_device device;
  return absl::StrFormat("%08x%08x%08x", device(), device(), device());
}

using Key = std::pair<int64_t, int32_t>;  // Trial and attempt.

Key KeyOf(const v1::Assignment& held) {
  return {held.trial().id(), held.attempt()};
}

}  // namespace

class StudyClient::Connection {
 public:
  Connection(const std::string& address, Options options)
      : options_(std::move(options)) {
    if (options_.client_id.empty()) options_.client_id = DrawClientId();
    const auto channel = MakeChannel(address);
    studies_ = v1::StudyService::NewStub(channel);
    trials_ = v1::TrialService::NewStub(channel);
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

  void Hold(const v1::Assignment& held) {
    {
      MutexLock lock(mutex_);
      held_[KeyOf(held)] = {};
    }
    changed_.NotifyAll();
  }
  void Release(const v1::Assignment& held) {
    MutexLock lock(mutex_);
    held_.erase(KeyOf(held));
  }
  int64_t NextSequence(const v1::Assignment& held) {
    MutexLock lock(mutex_);
    return ++held_[KeyOf(held)].sequence;
  }
  // A trial that is given again goes on after what was reported before.
  void SetSequence(const v1::Assignment& held, int64_t sequence) {
    MutexLock lock(mutex_);
    held_[KeyOf(held)].sequence = sequence;
  }
  bool IsHeld(const v1::Assignment& held) {
    MutexLock lock(mutex_);
    return held_.contains(KeyOf(held));
  }

 private:
  struct Held {
    int64_t sequence = 0;  // Of the last report.
  };

  CallOptions How() const { return {.timeout = options_.timeout}; }

  // Three heartbeats a lease: two may be lost.
  void Renew() {
    const absl::Duration lease = options_.lease > absl::ZeroDuration()
                                     ? options_.lease
                                     : absl::Hours(24);  // Never expires.
    const auto period = absl::ToChronoMilliseconds(lease / 3);
    while (true) {
      std::vector<Key> keys;
      {
        MutexLock lock(mutex_);
        const auto next = std::chrono::steady_clock::now() + period;
        while (!closing_ && changed_.WaitUntil(mutex_, next)) {
        }
        if (closing_) return;
        for (const auto& [key, held] : held_) keys.push_back(key);
      }
      for (const Key& key : keys) RenewOne(key);
    }
  }

  void RenewOne(const Key& key) {
    v1::HeartbeatRequest request;
    request.set_trial_id(key.first);
    request.set_attempt(key.second);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::seconds(5));
    v1::ReportResponse response;
    const grpc::Status status =
        trials_->Heartbeat(&context, request, &response);
    // It is somebody else's by now: the next report says so.
    if (status.error_code() != grpc::StatusCode::FAILED_PRECONDITION) return;
    MutexLock lock(mutex_);
    held_.erase(key);
  }

  Options options_;
  std::unique_ptr<v1::StudyService::Stub> studies_;
  std::unique_ptr<v1::TrialService::Stub> trials_;

  Mutex mutex_;
  CondVar changed_;
  std::map<Key, Held> held_ ABSL_GUARDED_BY(mutex_);
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

// --- Ask and tell -----------------------------------------------------------

absl::StatusOr<v1::Assignment> StudyClient::Ask(int64_t study_id) {
  return Ask(absl::StrCat(study_id));
}

absl::StatusOr<v1::Assignment> StudyClient::Ask(const std::string& study) {
  v1::SuggestRequest request;
  request.set_study(study);
  request.set_client_id(client_id());
  request.set_wait(kWaitSeconds);
  request.set_client_lease(
      absl::ToDoubleSeconds(connection_->options().lease));
  // Threads of one client hold several at a time: the first one that is not
  // held here yet is new.
  int count = 1;
  while (true) {
    request.set_count(count);
    ASSAY_ASSIGN_OR_RETURN(
        const v1::SuggestResponse answer,
        connection_->Call(&v1::TrialService::Stub::Suggest, request));
    for (const v1::Assignment& assignment : answer.assignments()) {
      if (connection_->IsHeld(assignment)) continue;
      connection_->Hold(assignment);
      v1::GetTrialRequest get;
      get.set_trial_id(assignment.trial().id());
      if (assignment.trial().last_step() > 0) {
        ASSAY_ASSIGN_OR_RETURN(
            const v1::Trial trial,
            connection_->Call(&v1::TrialService::Stub::Get, get));
        connection_->SetSequence(assignment,
                                 trial.last_measurement().sequence());
      }
      return assignment;
    }
    if (!answer.assignments().empty()) {
      ++count;
    } else if (answer.retry_after() > 0) {
      absl::SleepFor(absl::Seconds(answer.retry_after()));
    }
  }
}

absl::StatusOr<bool> StudyClient::Report(
    const v1::Assignment& held, int64_t step,
    const std::map<std::string, double>& metrics) {
  v1::ReportRequest request;
  request.set_trial_id(held.trial().id());
  request.set_attempt(held.attempt());
  v1::Measurement& measurement = *request.mutable_measurement();
  measurement.set_sequence(connection_->NextSequence(held));
  measurement.set_step(step);
  measurement.mutable_metrics()->insert(metrics.begin(), metrics.end());
  ASSAY_ASSIGN_OR_RETURN(
      const v1::ReportResponse answer,
      connection_->Call(&v1::TrialService::Stub::Report, request));
  return answer.should_stop();
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
  if (!absl::IsInvalidArgument(trial.status())) connection_->Release(held);
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
  connection_->Release(held);
  return trial;
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
    bool wanted = true;
    while (wanted && stream->Read(&message)) {
      wanted = take(message);
      request.set_after(message.revision());
    }
    if (!wanted) context.TryCancel();
    const absl::Status status = ToAbslStatus(stream->Finish());
    if (!wanted) return absl::OkStatus();
    if (!status.ok() && !absl::IsUnavailable(status)) return status;
    absl::SleepFor(kReconnect);
  }
}

}  // namespace assay
