#include "storage/chunk_folder.h"

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "search/base/sha256.h"
#include "search/checkpoint.h"

namespace assay {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class ChunkFolderTest : public ::testing::Test {
 protected:
  ChunkFolderTest() {
    std::string pattern = fs::temp_directory_path() / "chunks-XXXXXX";
    root_ = mkdtemp(pattern.data());
    Open();
  }
  ~ChunkFolderTest() override { fs::remove_all(root_); }

  void Open() {
    auto opened = ChunkFolder::Open(root_, ChunkFolder::Sync::kDurable);
    ASSERT_TRUE(opened.ok()) << opened.status();
    folder_ = *std::move(opened);
  }

  std::string PathOf(const std::string& hash) const {
    const std::string name = absl::BytesToHexString(hash);
    return absl::StrCat(root_, "/", name.substr(0, 2), "/", name);
  }

  void Write(const std::string& path, const std::string& text) {
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }

  std::vector<std::string> All() const {
    std::vector<std::string> hashes;
    folder_->ForEach(
        [&](const ChunkFolder::Entry& entry) { hashes.push_back(entry.hash); });
    return hashes;
  }

  std::string root_;
  std::unique_ptr<ChunkFolder> folder_;
};

TEST_F(ChunkFolderTest, WhatWasPutComesBack) {
  const std::string data(kChunkBytes, 'x');
  ASSERT_TRUE(folder_->Put(Sha256(data), data).ok());
  EXPECT_TRUE(folder_->Has(Sha256(data), kChunkBytes));
  Open();
  EXPECT_EQ(*folder_->Get(Sha256(data)), data);
  EXPECT_TRUE(fs::is_empty(root_ + "/tmp"));
}

TEST_F(ChunkFolderTest, TheSameChunkTwiceIsOneFile) {
  ASSERT_TRUE(folder_->Put(Sha256("a"), "a").ok());
  ASSERT_TRUE(folder_->Put(Sha256("a"), "a").ok());
  EXPECT_THAT(All(), UnorderedElementsAre(Sha256("a")));
}

TEST_F(ChunkFolderTest, ManyWritersOfOneChunkDoNotDisturbEachOther) {
  std::vector<std::thread> writers;
  for (int i = 0; i < 8; ++i) {
    writers.emplace_back([this] {
      for (int k = 0; k < 20; ++k) {
        const std::string data = absl::StrCat("chunk ", k);
        EXPECT_TRUE(folder_->Put(Sha256(data), data).ok());
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(All().size(), 20u);
  for (int k = 0; k < 20; ++k) {
    const std::string data = absl::StrCat("chunk ", k);
    EXPECT_EQ(*folder_->Get(Sha256(data)), data);
  }
}

TEST_F(ChunkFolderTest, AnotherHashIsRefused) {
  const absl::Status status = folder_->Put(Sha256("a"), "b");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("its SHA-256 is 3e23"));
  EXPECT_THAT(All(), UnorderedElementsAre());
}

TEST_F(ChunkFolderTest, SizesAndHashesHaveLimits) {
  const std::string large(kChunkBytes + 1, 'x');
  EXPECT_EQ(folder_->Put(Sha256(large), large).message(),
            "data: 4194305 bytes; 1 to 4194304");
  EXPECT_EQ(folder_->Put(Sha256(""), "").message(),
            "data: 0 bytes; 1 to 4194304");
  EXPECT_EQ(folder_->Put("../../etc", "x").message(), "hash: 9 bytes; 32");
  EXPECT_EQ(folder_->Get("").status().message(), "hash: 0 bytes; 32");
}

// A power cut, a disk that lies, somebody who edits.
TEST_F(ChunkFolderTest, ADamagedFileIsToldAndReplaced) {
  ASSERT_TRUE(folder_->Put(Sha256("abc"), "abc").ok());
  Write(PathOf(Sha256("abc")), "abd");
  EXPECT_EQ(folder_->Get(Sha256("abc")).status().code(),
            absl::StatusCode::kDataLoss);
  ASSERT_TRUE(folder_->Put(Sha256("abc"), "abc").ok());
  EXPECT_EQ(*folder_->Get(Sha256("abc")), "abc");
}

TEST_F(ChunkFolderTest, ATornFileIsNotThere) {
  ASSERT_TRUE(folder_->Put(Sha256("abc"), "abc").ok());
  Write(PathOf(Sha256("abc")), "ab");
  EXPECT_FALSE(folder_->Has(Sha256("abc"), 3));
  ASSERT_TRUE(folder_->Put(Sha256("abc"), "abc").ok());
  EXPECT_TRUE(folder_->Has(Sha256("abc"), 3));
}

TEST_F(ChunkFolderTest, WhatAKilledWriterLeftGoesAfterAnHour) {
  Write(root_ + "/tmp/old", "half");
  Write(root_ + "/tmp/new", "half");
  fs::last_write_time(root_ + "/tmp/old", fs::file_time_type::clock::now() -
                                              std::chrono::minutes(61));
  Open();
  EXPECT_FALSE(fs::exists(root_ + "/tmp/old"));
  EXPECT_TRUE(fs::exists(root_ + "/tmp/new"));
}

TEST_F(ChunkFolderTest, OnlyChunksAreListed) {
  ASSERT_TRUE(folder_->Put(Sha256("a"), "a").ok());
  Write(root_ + "/ca/notes.txt", "x");
  Write(root_ + "/lost+found/x", "x");
  EXPECT_THAT(All(), UnorderedElementsAre(Sha256("a")));
}

TEST_F(ChunkFolderTest, RemoveSaysWhetherItWasThere) {
  ASSERT_TRUE(folder_->Put(Sha256("a"), "a").ok());
  EXPECT_TRUE(folder_->Remove(Sha256("a")).ok());
  EXPECT_EQ(folder_->Remove(Sha256("a")).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(folder_->Get(Sha256("a")).status().code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace assay
