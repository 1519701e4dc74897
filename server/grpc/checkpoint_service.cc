#include "server/grpc/checkpoint_service.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/convert_checkpoint.h"
#include "search/base/status_macros.h"
#include "server/grpc/unary.h"

namespace assay {
namespace {

constexpr int kPage = 100;
constexpr int kMaxPage = 1000;

absl::StatusOr<int> PageSize(const v1::ListCheckpointsRequest& request) {
  if (request.page_size() == 0) return kPage;
  if (request.page_size() > 0 && request.page_size() <= kMaxPage) {
    return request.page_size();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "page_size: ", request.page_size(), "; 1 to ", kMaxPage, ", or 0"));
}

absl::StatusOr<v1::ListCheckpointsResponse> ToMessage(
    const absl::StatusOr<CheckpointRegistry::Page>& page) {
  if (!page.ok()) return page.status();
  v1::ListCheckpointsResponse message;
  for (const Checkpoint& checkpoint : page->checkpoints) {
    *message.add_checkpoints() = assay::ToMessage(checkpoint);
  }
  message.set_study_bytes(page->study_bytes);
  message.set_max_bytes(page->max_bytes);
  return message;
}

absl::StatusOr<v1::Checkpoint> ToMessage(
    const absl::StatusOr<Checkpoint>& checkpoint) {
  if (!checkpoint.ok()) return checkpoint.status();
  return assay::ToMessage(*checkpoint);
}

}  // namespace

template <typename Response, typename Act>
grpc::ServerUnaryReactor* CheckpointService::HandleHere(
    grpc::CallbackServerContext* call, const char* method, Response* response,
    Act act) {
  return Handle(context_, call, method, response, [&](Reply<Response> reply) {
    if (waiting_.fetch_add(1) >= kMaxWaiting) {
      --waiting_;
      return reply(absl::UnavailableError(absl::StrCat(
          kMaxWaiting, " calls about checkpoints wait already; try again")));
    }
    pool_.Post([this, reply = std::move(reply), act = std::move(act)] {
      act(reply);
      --waiting_;
    });
  });
}

grpc::ServerUnaryReactor* CheckpointService::Missing(
    grpc::CallbackServerContext* call,
    const v1::CommitCheckpointRequest* request,
    v1::MissingChunksResponse* response) {
  return HandleHere(
      call, "CheckpointService/Missing", response,
      [this, request](const Reply<v1::MissingChunksResponse>& reply) {
        absl::StatusOr<Checkpoint> checkpoint = ToCheckpoint(*request);
        if (!checkpoint.ok()) return reply(checkpoint.status());
        const auto missing = checkpoints_.Missing(*std::move(checkpoint));
        if (!missing.ok()) return reply(missing.status());
        v1::MissingChunksResponse message;
        for (const std::string& hash : *missing) message.add_hashes(hash);
        reply(std::move(message));
      });
}

grpc::ServerUnaryReactor* CheckpointService::PutChunk(
    grpc::CallbackServerContext* call, const v1::PutChunkRequest* request,
    v1::PutChunkResponse* response) {
  return HandleHere(call, "CheckpointService/PutChunk", response,
                    [this, request](const Reply<v1::PutChunkResponse>& reply) {
                      absl::Status status = checkpoints_.PutChunk(
                          request->hash(), request->data());
                      if (!status.ok()) return reply(std::move(status));
                      reply(v1::PutChunkResponse());
                    });
}

grpc::ServerUnaryReactor* CheckpointService::Commit(
    grpc::CallbackServerContext* call,
    const v1::CommitCheckpointRequest* request, v1::Checkpoint* response) {
  return HandleHere(
      call, "CheckpointService/Commit", response,
      [this, request](const Reply<v1::Checkpoint>& reply) {
        absl::StatusOr<Checkpoint> checkpoint = ToCheckpoint(*request);
        if (!checkpoint.ok()) return reply(checkpoint.status());
        checkpoints_.Commit(*std::move(checkpoint),
                            [reply](absl::StatusOr<Checkpoint> committed) {
                              reply(ToMessage(committed));
                            });
      });
}

grpc::ServerUnaryReactor* CheckpointService::GetChunk(
    grpc::CallbackServerContext* call, const v1::GetChunkRequest* request,
    v1::GetChunkResponse* response) {
  return HandleHere(call, "CheckpointService/GetChunk", response,
                    [this, request](const Reply<v1::GetChunkResponse>& reply) {
                      absl::StatusOr<std::string> data =
                          checkpoints_.GetChunk(request->hash());
                      if (!data.ok()) return reply(data.status());
                      v1::GetChunkResponse message;
                      message.set_data(*std::move(data));
                      reply(std::move(message));
                    });
}

grpc::ServerUnaryReactor* CheckpointService::Get(
    grpc::CallbackServerContext* call, const v1::GetCheckpointRequest* request,
    v1::Checkpoint* response) {
  return HandleHere(
      call, "CheckpointService/Get", response,
      [this, request](const Reply<v1::Checkpoint>& reply) {
        reply(ToMessage(request->id() != 0
                            ? checkpoints_.Get({request->id()})
                            : checkpoints_.Newest({request->trial_id()})));
      });
}

grpc::ServerUnaryReactor* CheckpointService::List(
    grpc::CallbackServerContext* call,
    const v1::ListCheckpointsRequest* request,
    v1::ListCheckpointsResponse* response) {
  return HandleHere(
      call, "CheckpointService/List", response,
      [this, request](const Reply<v1::ListCheckpointsResponse>& reply) {
        const absl::StatusOr<int> limit = PageSize(*request);
        if (!limit.ok()) return reply(limit.status());
        reply(
            ToMessage(checkpoints_.List(request->study(), {request->trial_id()},
                                        {request->after_id()}, *limit)));
      });
}

}  // namespace assay
