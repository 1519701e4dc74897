#include "worker/chunk_cache.h"

#include <fstream>
#include <memory>
#include <string>

#include "absl/strings/escaping.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "search/base/sha256.h"
#include "tests/worker/temporary_folder.h"

namespace assay {
namespace {

class ChunkCacheTest : public ::testing::Test {
 protected:
  ChunkCacheTest() { Open(10); }

  void Open(int64_t capacity) {
    auto opened = ChunkCache::Open(folder_.path() + "/cache", capacity);
    ASSERT_TRUE(opened.ok()) << opened.status();
    cache_ = *std::move(opened);
  }

  void Put(const std::string& text) { cache_->Put(Sha256(text), text); }
  bool Has(const std::string& text) {
    const auto data = cache_->Get(Sha256(text));
    EXPECT_TRUE(!data.ok() || *data == text);
    return data.ok();
  }

  TemporaryFolder folder_;
  std::unique_ptr<ChunkCache> cache_;
};

TEST_F(ChunkCacheTest, WhatWasNotUsedForLongestGoes) {
  Put("aaaa");
  Put("bbbb");
  EXPECT_TRUE(Has("aaaa"));
  Put("cccc");
  EXPECT_TRUE(Has("aaaa"));
  EXPECT_FALSE(Has("bbbb"));
  EXPECT_TRUE(Has("cccc"));
  EXPECT_EQ(cache_->bytes(), 8);
}

TEST_F(ChunkCacheTest, TwiceIsCountedOnce) {
  Put("aaaa");
  Put("aaaa");
  EXPECT_EQ(cache_->bytes(), 4);
}

TEST_F(ChunkCacheTest, WhatIsLargerThanAllOfItIsNotKept) {
  Put("aaaa");
  Put("bbbbbbbbbbb");
  EXPECT_TRUE(Has("aaaa"));
  EXPECT_FALSE(Has("bbbbbbbbbbb"));
}

TEST_F(ChunkCacheTest, ARestartKeepsIt) {
  Put("aaaa");
  Open(10);
  EXPECT_EQ(cache_->bytes(), 4);
  EXPECT_TRUE(Has("aaaa"));
  Open(3);
  EXPECT_EQ(cache_->bytes(), 0);
  EXPECT_FALSE(Has("aaaa"));
}

TEST_F(ChunkCacheTest, ADamagedOneIsNotThere) {
  Put("aaaa");
  const std::string name = absl::BytesToHexString(Sha256("aaaa"));
  std::ofstream(folder_.path() + "/cache/" + name.substr(0, 2) + "/" + name)
      << "aaab";
  EXPECT_FALSE(Has("aaaa"));
  EXPECT_EQ(cache_->bytes(), 0);
  Put("aaaa");
  EXPECT_TRUE(Has("aaaa"));
}

}  // namespace
}  // namespace assay
