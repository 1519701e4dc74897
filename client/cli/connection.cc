#include "client/cli/connection.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/rpc/channel.h"

namespace assay {
namespace {

absl::StatusOr<v1::GetTrialRequest> ParseTrialName(const std::string& name) {
  v1::GetTrialRequest request;
  const size_t slash = name.rfind('/');
  int64_t number;
  if (!absl::SimpleAtoi(name.substr(slash == name.npos ? 0 : slash + 1),
                        &number) ||
      number < 0 || slash == 0 || (slash == name.npos && number == 0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("trial \"", name,
                     "\": give its id (17), or study and number (fashion/3)"));
  }
  if (slash == name.npos) {
    request.set_trial_id(number);
  } else {
    request.set_study(name.substr(0, slash));
    request.set_number(number);
  }
  return request;
}

}  // namespace

Connection::Connection(const std::string& address)
    : address_(address), channel_(MakeChannel(address)) {
  studies_ = v1::StudyService::NewStub(channel_);
  trials_ = v1::TrialService::NewStub(channel_);
  workers_ = v1::WorkerService::NewStub(channel_);
  server_ = v1::ServerService::NewStub(channel_);
  insight_ = v1::InsightService::NewStub(channel_);
  checkpoints_ = v1::CheckpointService::NewStub(channel_);
}

bool Connection::WaitUntilConnected(absl::Duration time) const {
  return channel_->WaitForConnected(absl::ToChronoTime(absl::Now() + time));
}

absl::Status Connection::Explain(const absl::Status& status) const {
  if (status.code() == absl::StatusCode::kDeadlineExceeded) {
    return absl::UnavailableError(
        absl::StrCat("the server at ", address_, " does not answer"));
  }
  // gRPC's own words for a connection that was refused help nobody.
  if (absl::IsUnavailable(status) &&
      absl::StrContains(status.message(), "connect")) {
    return absl::UnavailableError(absl::StrCat(
        "no server answers at ", address_,
        "; start one with `assay-server`, or name another with --server ADDR "
        "or ASSAY_SERVER"));
  }
  return status;
}

absl::StatusOr<v1::Study> GetStudy(const Connection& connection,
                                   const std::string& study) {
  v1::GetStudyRequest request;
  request.set_study(study);
  return connection.Call(&v1::StudyService::Stub::Get, request);
}

absl::StatusOr<v1::Trial> GetTrial(const Connection& connection,
                                   const std::string& trial) {
  const absl::StatusOr<v1::GetTrialRequest> request = ParseTrialName(trial);
  if (!request.ok()) return request.status();
  return connection.Call(&v1::TrialService::Stub::Get, *request);
}

}  // namespace assay
