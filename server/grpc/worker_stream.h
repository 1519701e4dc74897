#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "assay/v1/worker.pb.h"
#include "search/base/mutex.h"
#include "server/grpc/service_context.h"
#include "server/grpc/unary.h"
#include "server/worker_registry.h"

namespace assay {

// The stream of one worker. Reads on while at most kMaxUnwritten messages wait
// for the disk; acknowledgements of one attempt are merged while they wait.
class WorkerStream final
    : public grpc::ServerBidiReactor<v1::WorkerMessage, v1::ServerMessage>,
      public WorkerSession,
      public std::enable_shared_from_this<WorkerStream> {
 public:
  static constexpr int kMaxUnwritten = 512;
  static constexpr size_t kMaxQueued = 100'000;  // Messages to the worker.

  WorkerStream(const ServiceContext& context, CallRecord record)
      : context_(context), record_(std::move(record)) {}

  void Begin();
  void Refuse(absl::Status status);

  // WorkerSession.
  void Welcome(absl::Duration lease,
               const std::vector<WorkerVerdict>& verdicts) override;
  void Assign(const Handout& handout) override;
  void StopAttempt(Token token, const std::string& reason, bool kill) override;
  void Drain(bool draining) override;
  void Close(absl::Status status) override ABSL_LOCKS_EXCLUDED(mutex_);

  // gRPC.
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override ABSL_LOCKS_EXCLUDED(mutex_);
  void OnCancel() override;
  void OnDone() override;

 private:
  absl::Status Take(const v1::WorkerMessage& message);
  absl::Status TakeHello(const v1::Hello& hello);
  absl::Status TakeMeasurements(const v1::MeasurementBatch& batch);
  absl::Status TakeFinish(const v1::Finish& finish);
  absl::Status TakeLog(const v1::LogPiece& piece);
  absl::Status TakeHeartbeat(const v1::WorkerHeartbeat& heartbeat);

  void Begun() ABSL_LOCKS_EXCLUDED(mutex_);
  void Ended() ABSL_LOCKS_EXCLUDED(mutex_);
  // What becomes of an attempt whose report was refused.
  void Refused(Token token, const absl::Status& status);

  void Send(v1::ServerMessage message) ABSL_LOCKS_EXCLUDED(mutex_);
  void Acknowledge(Token token, int64_t sequence, int64_t offset, bool finished)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void WriteNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const ServiceContext& context_;
  CallRecord record_;
  v1::WorkerMessage incoming_;
  bool greeted_ = false;
  WorkerHello hello_;  // Without `held`.

  Mutex mutex_;
  v1::ServerMessage outgoing_;  // While it is written.
  std::deque<v1::ServerMessage> queue_ ABSL_GUARDED_BY(mutex_);
  std::map<Token, v1::Acknowledgement> acknowledgements_
      ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  int unwritten_ ABSL_GUARDED_BY(mutex_) = 0;
  bool reading_paused_ ABSL_GUARDED_BY(mutex_) = false;
  std::shared_ptr<WorkerStream> self_;  // Until gRPC is done with this.
};

}  // namespace assay
