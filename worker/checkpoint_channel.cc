#include "worker/checkpoint_channel.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "assay/v1/checkpoint.grpc.pb.h"
#include "proto/convert_checkpoint.h"
#include "search/base/sha256.h"
#include "search/base/status_macros.h"

namespace assay {
namespace {

constexpr int kMaxMessageBytes = 17 << 20;
constexpr std::chrono::seconds kPatience(60);

absl::Status ToStatus(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      status.error_message());
}

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& server) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  return grpc::CreateCustomChannel(server, grpc::InsecureChannelCredentials(),
                                   arguments);
}

class GrpcChannel : public CheckpointChannel {
 public:
  explicit GrpcChannel(const std::string& server)
      : stub_(v1::CheckpointService::NewStub(MakeChannel(server))) {}

  absl::StatusOr<std::vector<std::string>> Missing(
      const Checkpoint& checkpoint, Cancellation& cancellation) override {
    v1::MissingChunksResponse response;
    ASSAY_RETURN_IF_ERROR(Call(&v1::CheckpointService::Stub::Missing,
                               ToCommitRequest(checkpoint), response,
                               cancellation));
    return std::vector<std::string>(response.hashes().begin(),
                                    response.hashes().end());
  }

  absl::Status PutChunk(const std::string& hash, absl::string_view data,
                        Cancellation& cancellation) override {
    v1::PutChunkRequest request;
    request.set_hash(hash);
    request.set_data(data.data(), data.size());
    v1::PutChunkResponse response;
    return Call(&v1::CheckpointService::Stub::PutChunk, request, response,
                cancellation);
  }

  absl::Status Commit(const Checkpoint& checkpoint,
                      Cancellation& cancellation) override {
    v1::Checkpoint response;
    return Call(&v1::CheckpointService::Stub::Commit,
                ToCommitRequest(checkpoint), response, cancellation);
  }

  absl::StatusOr<std::string> GetChunk(const std::string& hash,
                                       Cancellation& cancellation) override {
    v1::GetChunkRequest request;
    request.set_hash(hash);
    v1::GetChunkResponse response;
    ASSAY_RETURN_IF_ERROR(Call(&v1::CheckpointService::Stub::GetChunk, request,
                               response, cancellation));
    if (Sha256(response.data()) == hash) {
      return std::move(*response.mutable_data());
    }
    return absl::DataLossError("a chunk arrived with another hash");
  }

 private:
  template <typename Request, typename Response>
  absl::Status Call(grpc::Status (v1::CheckpointService::Stub::*method)(
                        grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response& response,
                    Cancellation& cancellation) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kPatience);
    cancellation.SetCall([&context] { context.TryCancel(); });
    const grpc::Status status =
        (stub_.get()->*method)(&context, request, &response);
    cancellation.SetCall(nullptr);
    return ToStatus(status);
  }

  const std::unique_ptr<v1::CheckpointService::Stub> stub_;
};

// Manifests by gRPC, chunks by the folder.
class SharedFolderChannel : public GrpcChannel {
 public:
  SharedFolderChannel(const std::string& server,
                      std::unique_ptr<ChunkFolder> folder)
      : GrpcChannel(server), folder_(std::move(folder)) {}

  absl::Status PutChunk(const std::string& hash, absl::string_view data,
                        Cancellation& cancellation) override {
    if (cancellation.cancelled()) return absl::CancelledError("");
    return folder_->Put(hash, data);
  }

  absl::StatusOr<std::string> GetChunk(const std::string& hash,
                                       Cancellation& cancellation) override {
    if (cancellation.cancelled()) return absl::CancelledError("");
    return folder_->Get(hash);
  }

 private:
  const std::unique_ptr<ChunkFolder> folder_;
};

}  // namespace

std::unique_ptr<CheckpointChannel> OpenCheckpointChannel(
    const std::string& server, std::unique_ptr<ChunkFolder> shared) {
  if (shared == nullptr) return std::make_unique<GrpcChannel>(server);
  return std::make_unique<SharedFolderChannel>(server, std::move(shared));
}

}  // namespace assay
