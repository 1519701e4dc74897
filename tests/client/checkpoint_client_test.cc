// How StudyClient saves and loads checkpoints.

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "assay/v1/checkpoint.grpc.pb.h"
#include "client/study_client.h"
#include "search/base/mutex.h"
#include "search/base/sha256.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr size_t kChunk = 4 << 20;

// Keeps chunks, and the checkpoint that was committed last.
class FakeCheckpoints final : public v1::CheckpointService::Service {
 public:
  grpc::Status Missing(grpc::ServerContext*,
                       const v1::CommitCheckpointRequest* request,
                       v1::MissingChunksResponse* response) override {
    MutexLock lock(mutex);
    if (!refusal.ok()) return refusal;
    for (const v1::CheckpointFile& file : request->manifest().files()) {
      for (const std::string& hash : file.chunks()) {
        if (!chunks.contains(hash)) response->add_hashes(hash);
      }
    }
    return grpc::Status::OK;
  }
  grpc::Status PutChunk(grpc::ServerContext*,
                        const v1::PutChunkRequest* request,
                        v1::PutChunkResponse*) override {
    MutexLock lock(mutex);
    EXPECT_EQ(Sha256(request->data()), request->hash());
    ++puts;
    chunks[request->hash()] = request->data();
    if (failures-- > 0) {
      return {grpc::StatusCode::UNAVAILABLE, "the answer was lost"};
    }
    return grpc::Status::OK;
  }
  grpc::Status Commit(grpc::ServerContext*,
                      const v1::CommitCheckpointRequest* request,
                      v1::Checkpoint* response) override {
    MutexLock lock(mutex);
    committed.set_id(committed.id() + 1);
    committed.set_trial_id(request->trial_id());
    committed.set_attempt(request->attempt());
    committed.set_step(request->step());
    *committed.mutable_manifest() = request->manifest();
    *response = committed;
    return grpc::Status::OK;
  }
  grpc::Status GetChunk(grpc::ServerContext*,
                        const v1::GetChunkRequest* request,
                        v1::GetChunkResponse* response) override {
    MutexLock lock(mutex);
    response->set_data(damaged ? "x" : chunks.at(request->hash()));
    return grpc::Status::OK;
  }

  Mutex mutex;
  grpc::Status refusal;  // Of Missing().
  int failures = 0;
  bool damaged = false;
  int puts = 0;
  std::map<std::string, std::string> chunks;  // By hash.
  v1::Checkpoint committed;
};

class CheckpointClientTest : public ::testing::Test {
 protected:
  CheckpointClientTest() {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                             &port);
    builder.RegisterService(&service_);
    builder.SetMaxReceiveMessageSize(2 * kChunk);
    server_ = builder.BuildAndStart();
    client_ = std::make_unique<StudyClient>(absl::StrCat("127.0.0.1:", port));
    held_.mutable_trial()->set_id(7);
    held_.set_attempt(2);
  }

  std::string Path(const std::string& name) const {
    return absl::StrCat(folder_.path(), "/", name);
  }
  void WriteText(const std::string& name, const std::string& text) {
    const std::filesystem::path path = Path(name);
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }
  std::string ReadText(const std::string& name) {
    std::ostringstream text;
    text << std::ifstream(Path(name), std::ios::binary).rdbuf();
    return text.str();
  }
  // What a trial that goes on from the last commit is given.
  v1::Assignment Next() {
    v1::Assignment next;
    next.mutable_trial()->set_id(8);
    *next.mutable_resume() = service_.committed;
    return next;
  }

  TemporaryFolder folder_;
  FakeCheckpoints service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<StudyClient> client_;
  v1::Assignment held_;
};

TEST_F(CheckpointClientTest, WhatIsSavedIsLoaded) {
  const std::string weights(kChunk + 9, 'w');
  WriteText("from/model/weights", weights);
  WriteText("from/step", "3");
  const auto saved = client_->SaveCheckpoint(held_, 3, Path("from"));
  ASSERT_TRUE(saved.ok()) << saved.status();
  EXPECT_EQ(saved->trial_id(), 7);
  EXPECT_EQ(saved->attempt(), 2);
  EXPECT_EQ(service_.puts, 3);
  const auto step = client_->LoadCheckpoint(Next(), Path("to"));
  ASSERT_TRUE(step.ok()) << step.status();
  EXPECT_EQ(*step, 3);
  EXPECT_EQ(ReadText("to/model/weights"), weights);
  EXPECT_EQ(ReadText("to/step"), "3");
}

TEST_F(CheckpointClientTest, WhatIsThereIsNotSentAgain) {
  WriteText("from/weights", "as before");
  WriteText("from/step", "1");
  ASSERT_TRUE(client_->SaveCheckpoint(held_, 1, Path("from")).ok());
  WriteText("from/step", "2");
  ASSERT_TRUE(client_->SaveCheckpoint(held_, 2, Path("from")).ok());
  EXPECT_EQ(service_.puts, 3);
  EXPECT_EQ(service_.committed.step(), 2);
}

TEST_F(CheckpointClientTest, EqualPiecesAreSentOnce) {
  WriteText("from/a", "same");
  WriteText("from/b", "same");
  ASSERT_TRUE(client_->SaveCheckpoint(held_, 1, Path("from")).ok());
  EXPECT_EQ(service_.puts, 1);
}

TEST_F(CheckpointClientTest, ALostAnswerIsAskedForAgain) {
  service_.failures = 2;
  WriteText("from/a", "text");
  ASSERT_TRUE(client_->SaveCheckpoint(held_, 1, Path("from")).ok());
  EXPECT_EQ(service_.puts, 3);
  EXPECT_THAT(service_.chunks, SizeIs(1));
}

TEST_F(CheckpointClientTest, RefusalsSendNothing) {
  WriteText("from/a", "text");
  service_.refusal = {grpc::StatusCode::FAILED_PRECONDITION,
                      "the attempt is over"};
  const auto saved = client_->SaveCheckpoint(held_, 1, Path("from"));
  EXPECT_TRUE(absl::IsFailedPrecondition(saved.status())) << saved.status();
  EXPECT_THAT(service_.chunks, IsEmpty());
}

TEST_F(CheckpointClientTest, WhatACheckpointCannotHoldIsNamed) {
  std::filesystem::create_directories(Path("from"));
  std::filesystem::create_symlink("/etc/passwd", Path("from/link"));
  const auto saved = client_->SaveCheckpoint(held_, 1, Path("from"));
  EXPECT_TRUE(absl::IsInvalidArgument(saved.status())) << saved.status();
  EXPECT_THAT(std::string(saved.status().message()), HasSubstr("link"));
}

TEST_F(CheckpointClientTest, WithNothingToGoOnFromThereIsNoFolder) {
  EXPECT_EQ(*client_->LoadCheckpoint(held_, Path("to")), 0);
  EXPECT_FALSE(std::filesystem::exists(Path("to")));
}

TEST_F(CheckpointClientTest, FilesThatAreThereAreNotTouched) {
  WriteText("from/a", "text");
  ASSERT_TRUE(client_->SaveCheckpoint(held_, 1, Path("from")).ok());
  WriteText("to/a", "mine");
  const auto step = client_->LoadCheckpoint(Next(), Path("to"));
  EXPECT_TRUE(absl::IsFailedPrecondition(step.status())) << step.status();
  EXPECT_EQ(ReadText("to/a"), "mine");
}

TEST_F(CheckpointClientTest, ADamagedPieceIsFoundOut) {
  WriteText("from/a", "text");
  ASSERT_TRUE(client_->SaveCheckpoint(held_, 1, Path("from")).ok());
  service_.damaged = true;
  const auto step = client_->LoadCheckpoint(Next(), Path("to"));
  EXPECT_EQ(step.status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace assay
