#pragma once

#include <memory>
#include <string>
#include <type_traits>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "assay/v1/checkpoint.grpc.pb.h"
#include "assay/v1/insight.grpc.pb.h"
#include "assay/v1/server.grpc.pb.h"
#include "assay/v1/study.grpc.pb.h"
#include "assay/v1/trial.grpc.pb.h"
#include "assay/v1/worker.grpc.pb.h"
#include "client/rpc/call.h"

namespace assay {

// A server, as the commands call it.
class Connection {
 public:
  // Connects at the first call.
  explicit Connection(const std::string& address);

  // Calls, and says in words what to do if no server answers:
  //   connection.Call(&v1::StudyService::Stub::Get, request)
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(
      grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                   Response*),
      const Request& request,
      absl::Duration timeout = absl::Seconds(10)) const {
    absl::StatusOr<Response> response =
        assay::Call(GetStub<Stub>(), method, request,
                    CallOptions{.timeout = timeout,
                                .attempt_timeout = timeout,
                                .wait_for_server = false});
    if (!response.ok()) return Explain(response.status());
    return response;
  }

  // True as soon as a server is connected, false after `time` without one.
  // Polls the channel meanwhile: a channel without a pending call connects
  // again only every 5 s.
  bool WaitUntilConnected(absl::Duration time) const;

  v1::StudyService::Stub& studies() const { return *studies_; }

  // Names the server in the message of Unavailable.
  absl::Status Explain(const absl::Status& status) const;

 private:
  template <typename Stub>
  Stub& GetStub() const {
    if constexpr (std::is_same_v<Stub, v1::StudyService::Stub>) {
      return *studies_;
    } else if constexpr (std::is_same_v<Stub, v1::TrialService::Stub>) {
      return *trials_;
    } else if constexpr (std::is_same_v<Stub, v1::WorkerService::Stub>) {
      return *workers_;
    } else if constexpr (std::is_same_v<Stub, v1::InsightService::Stub>) {
      return *insight_;
    } else if constexpr (std::is_same_v<Stub, v1::CheckpointService::Stub>) {
      return *checkpoints_;
    } else {
      return *server_;
    }
  }

  const std::string address_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::StudyService::Stub> studies_;
  std::unique_ptr<v1::TrialService::Stub> trials_;
  std::unique_ptr<v1::WorkerService::Stub> workers_;
  std::unique_ptr<v1::ServerService::Stub> server_;
  std::unique_ptr<v1::InsightService::Stub> insight_;
  std::unique_ptr<v1::CheckpointService::Stub> checkpoints_;
};

// The study of this name or id.
absl::StatusOr<v1::Study> GetStudy(const Connection& connection,
                                   const std::string& study);

// The trial that a person calls "17" (its id) or "fashion/3", "ann/fashion/3"
// (the study and the number in it), with its attempts.
absl::StatusOr<v1::Trial> GetTrial(const Connection& connection,
                                   const std::string& trial);

}  // namespace assay
