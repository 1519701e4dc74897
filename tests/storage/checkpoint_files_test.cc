#include "storage/checkpoint_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/storage/rows_for_tests.h"

namespace assay {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class CheckpointFilesTest : public ::testing::Test {
 protected:
  CheckpointFilesTest() { fs::create_directories(from_); }

  void Write(const std::string& path, const std::string& text) {
    const fs::path full = fs::path(from_) / path;
    fs::create_directories(full.parent_path());
    std::ofstream(full, std::ios::binary) << text;
  }

  static std::string Text(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  Manifest Read() {
    auto manifest = ReadManifest(
        from_, [this](const std::string& hash, absl::string_view data) {
          chunks_[hash] = std::string(data);
          return absl::OkStatus();
        });
    EXPECT_TRUE(manifest.ok()) << manifest.status();
    return manifest.ok() ? *std::move(manifest) : Manifest();
  }

  absl::Status WriteTo(const Manifest& manifest) {
    return WriteFiles(
        manifest, to_,
        [this](const std::string& hash) -> absl::StatusOr<std::string> {
          if (chunks_.contains(hash)) return chunks_[hash];
          return absl::NotFoundError("no such chunk");
        });
  }

  TemporaryFolder folder_;
  const std::string from_ = folder_.path() + "/from";
  const std::string to_ = folder_.path() + "/to";
  std::map<std::string, std::string> chunks_;
};

TEST_F(CheckpointFilesTest, AFolderComesBackAsItWas) {
  const std::string large(2 * kChunkBytes + 10, 'x');
  Write("model.bin", large);
  Write("state/optimizer/0", "momentum");
  Write("empty", "");
  chmod((from_ + "/model.bin").c_str(), 0751);
  const Manifest manifest = Read();
  EXPECT_THAT(manifest.files, SizeIs(3));
  ASSERT_TRUE(WriteTo(manifest).ok()) << WriteTo(manifest);
  EXPECT_EQ(Text(to_ + "/model.bin"), large);
  EXPECT_EQ(Text(to_ + "/state/optimizer/0"), "momentum");
  EXPECT_TRUE(fs::exists(to_ + "/empty"));
  struct stat status;
  stat((to_ + "/model.bin").c_str(), &status);
  EXPECT_EQ(status.st_mode & 0777, 0751u);
}

TEST_F(CheckpointFilesTest, EqualChunksAreOne) {
  Write("zeros", std::string(3 * kChunkBytes, '\0'));
  Read();
  EXPECT_THAT(chunks_, SizeIs(1));
}

TEST_F(CheckpointFilesTest, ACopyDoesNotFollowWhatIsWrittenLater) {
  Write("a/b", "before");
  ASSERT_TRUE(CopyFolder(from_, to_).ok());
  Write("a/b", "after!");
  EXPECT_EQ(Text(to_ + "/a/b"), "before");
}

TEST_F(CheckpointFilesTest, AMissingChunkEndsIt) {
  Write("a", "text");
  const Manifest manifest = Read();
  chunks_.clear();
  EXPECT_EQ(WriteTo(manifest).message(), "no such chunk");
}

TEST_F(CheckpointFilesTest, WhatCannotBeKeptIsNamed) {
  Write("a", "text");
  fs::create_symlink("a", from_ + "/latest");
  EXPECT_EQ(CopyFolder(from_, to_).message(),
            "checkpoint: \"latest\" is a link; only files are kept");
  fs::remove(from_ + "/latest");
  mkfifo((from_ + "/pipe").c_str(), 0600);
  EXPECT_THAT(std::string(LookAtFolder(from_).status().message()),
              HasSubstr("\"pipe\" is neither a file nor a folder"));
  fs::remove(from_ + "/pipe");
  Write("caf\xe9", "text");
  EXPECT_THAT(std::string(LookAtFolder(from_).status().message()),
              HasSubstr("has a name that is no UTF-8"));
}

TEST_F(CheckpointFilesTest, ALookTellsWhetherAnythingWasWritten) {
  EXPECT_EQ(*LookAtFolder(from_), "");
  Write("a", "one");
  const std::string before = *LookAtFolder(from_);
  EXPECT_EQ(*LookAtFolder(from_), before);
  Write("b", "");
  EXPECT_NE(*LookAtFolder(from_), before);
}

TEST_F(CheckpointFilesTest, AChunkIsReadAgainAndItsChangeIsTold) {
  Write("a", std::string(kChunkBytes, 'x').append("tail"));
  const Manifest manifest = Read();
  EXPECT_EQ(*ReadChunk(from_, manifest.files[0], 1), "tail");
  Write("a", std::string(kChunkBytes, 'x').append("TAIL"));
  EXPECT_EQ(ReadChunk(from_, manifest.files[0], 1).status().code(),
            absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace assay
