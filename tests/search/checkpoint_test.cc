#include "search/checkpoint.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "search/base/sha256.h"

namespace assay {
namespace {

using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

CheckpointFile File(std::string path, int64_t size = 3) {
  CheckpointFile file = {.path = std::move(path), .size = size};
  for (int64_t at = 0; at < size; at += kChunkBytes) {
    file.chunks.push_back(Sha256(absl::StrCat(file.path, " ", at)));
  }
  return file;
}

std::string WhyNot(const Manifest& manifest) {
  const absl::Status status = CheckManifest(manifest);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  return std::string(status.message());
}

std::string WhyNot(CheckpointFile file) {
  return WhyNot(Manifest{{std::move(file)}});
}

TEST(CheckpointTest, AFolderOfFilesIsFine) {
  const Manifest manifest = {{File("model.bin", 2 * kChunkBytes + 1),
                              File("state/optimizer/0.bin"), File("empty", 0),
                              File("...", 1)}};
  EXPECT_TRUE(CheckManifest(manifest).ok()) << CheckManifest(manifest);
  EXPECT_EQ(BytesOf(manifest), 2 * kChunkBytes + 1 + 3 + 0 + 1);
}

TEST(CheckpointTest, NoPathLeavesTheFolder) {
  for (const char* path :
       {"/etc/passwd", "../x", "a/../../x", "a/./b", "a//b", "a/", ".", ".."}) {
    EXPECT_THAT(WhyNot(File(path)), HasSubstr("has to be relative")) << path;
  }
}

TEST(CheckpointTest, APathIsATextOfLimitedLength) {
  EXPECT_THAT(WhyNot(File("")), HasSubstr("a path of 0 bytes; 1 to 512"));
  EXPECT_THAT(WhyNot(File(std::string(513, 'x'))), HasSubstr("513 bytes"));
  EXPECT_THAT(WhyNot(File("caf\xe9")), HasSubstr("no UTF-8 text"));
  EXPECT_THAT(WhyNot(File(std::string("a\0b", 3))), HasSubstr("no UTF-8"));
}

TEST(CheckpointTest, NoFileComesTwiceOrLiesInAnother) {
  EXPECT_THAT(WhyNot(Manifest{{File("a"), File("a")}}),
              HasSubstr("\"a\": is there twice"));
  EXPECT_THAT(WhyNot(Manifest{{File("a/b/c"), File("a/b")}}),
              HasSubstr("\"a/b/c\": lies in \"a/b\", which is a file"));
}

TEST(CheckpointTest, ChunksFitTheSize) {
  CheckpointFile file = File("a", kChunkBytes + 1);
  file.chunks.pop_back();
  EXPECT_THAT(WhyNot(file),
              HasSubstr("1 chunks for 4194305 bytes; 2 of up to 4194304"));
  file.chunks.push_back("short");
  EXPECT_THAT(WhyNot(file), HasSubstr("a hash of 5 bytes; 32"));
  file.size = -1;
  EXPECT_THAT(WhyNot(file), HasSubstr("a size of -1 bytes"));
}

TEST(CheckpointTest, OneHashHasOneSize) {
  CheckpointFile other = File("b", 4);
  other.chunks = File("a").chunks;
  EXPECT_THAT(WhyNot(Manifest{{File("a", 3), other}}),
              HasSubstr("4 bytes here and 3 elsewhere"));
}

TEST(CheckpointTest, LimitsAreNamed) {
  EXPECT_THAT(WhyNot(Manifest{}), HasSubstr("manifest.files: 0; 1 to 10000"));
  Manifest many;
  for (size_t i = 0; i <= kMaxCheckpointFiles; ++i) {
    many.files.push_back(File(absl::StrCat(i), 0));
  }
  EXPECT_THAT(WhyNot(many), HasSubstr("10001; 1 to 10000"));
  CheckpointFile setuid = File("a");
  setuid.mode = 04755;
  EXPECT_THAT(WhyNot(setuid), HasSubstr("mode 2541; 0 to 511"));
  CheckpointFile half = {.path = "a", .size = kMaxCheckpointBytes};
  half.chunks.assign(kMaxCheckpointBytes / kChunkBytes, Sha256("x"));
  CheckpointFile rest = half;
  rest.path = "b";
  EXPECT_THAT(WhyNot(Manifest{{half, rest}}),
              HasSubstr("more than 274877906944 bytes together"));
}

TEST(CheckpointTest, EachChunkIsNamedOnce) {
  const CheckpointFile a = File("a", kChunkBytes + 7);
  CheckpointFile b = File("b", 7);
  b.chunks = {a.chunks[1]};
  EXPECT_THAT(ChunksOf(Manifest{{a, b}}),
              UnorderedElementsAre(Pair(a.chunks[0], kChunkBytes),
                                   Pair(a.chunks[1], 7)));
}

}  // namespace
}  // namespace assay
