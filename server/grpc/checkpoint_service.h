#pragma once

#include <atomic>

#include "assay/v1/checkpoint.grpc.pb.h"
#include "server/checkpoint_registry.h"
#include "server/executor.h"
#include "server/grpc/service_context.h"

namespace assay {

// Checkpoints over gRPC. All of it waits for the disk: on a pool of its own.
class CheckpointService final : public v1::CheckpointService::CallbackService {
 public:
  // Each holds up to a chunk in memory; more are refused.
  static constexpr int kMaxWaiting = 64;

  // All must outlive this.
  CheckpointService(const ServiceContext& context,
                    CheckpointRegistry& checkpoints, Executor& pool)
      : context_(context), checkpoints_(checkpoints), pool_(pool) {}

  grpc::ServerUnaryReactor* Missing(
      grpc::CallbackServerContext* call,
      const v1::CommitCheckpointRequest* request,
      v1::MissingChunksResponse* response) override;
  grpc::ServerUnaryReactor* PutChunk(grpc::CallbackServerContext* call,
                                     const v1::PutChunkRequest* request,
                                     v1::PutChunkResponse* response) override;
  grpc::ServerUnaryReactor* Commit(grpc::CallbackServerContext* call,
                                   const v1::CommitCheckpointRequest* request,
                                   v1::Checkpoint* response) override;
  grpc::ServerUnaryReactor* GetChunk(grpc::CallbackServerContext* call,
                                     const v1::GetChunkRequest* request,
                                     v1::GetChunkResponse* response) override;
  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* call,
                                const v1::GetCheckpointRequest* request,
                                v1::Checkpoint* response) override;
  grpc::ServerUnaryReactor* List(
      grpc::CallbackServerContext* call,
      const v1::ListCheckpointsRequest* request,
      v1::ListCheckpointsResponse* response) override;

 private:
  // `act(reply)` on the pool, which it leaves soon.
  template <typename Response, typename Act>
  grpc::ServerUnaryReactor* HandleHere(grpc::CallbackServerContext* call,
                                       const char* method, Response* response,
                                       Act act);

  const ServiceContext& context_;
  CheckpointRegistry& checkpoints_;
  Executor& pool_;
  std::atomic<int> waiting_ = 0;
};

}  // namespace assay
