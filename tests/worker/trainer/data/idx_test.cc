#include "worker/trainer/data/idx.h"

#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/trainer/support/scratch_folder.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Idx(std::initializer_list<int> header_and_data) {
  std::string bytes;
  for (const int byte : header_and_data) bytes += static_cast<char>(byte);
  return bytes;
}

TEST(IdxTest, ReadsExtentsAndBytes) {
  const auto array = ParseIdx(
      Idx({0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255}), "x");
  ASSERT_TRUE(array.ok()) << array.error().message;
  EXPECT_THAT(array->extents, ElementsAre(2, 3));
  EXPECT_THAT(array->bytes, ElementsAre(1, 2, 3, 4, 5, 255));
}

struct Malformed {
  std::string content;
  const char* message;
};

class MalformedIdxTest : public ::testing::TestWithParam<Malformed> {};

TEST_P(MalformedIdxTest, IsRefusedByName) {
  const auto array = ParseIdx(GetParam().content, "some-file");
  ASSERT_FALSE(array.ok());
  EXPECT_THAT(array.error().message, HasSubstr("some-file"));
  EXPECT_THAT(array.error().message, HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Table, MalformedIdxTest,
    ::testing::Values(
        Malformed{"", "is not an IDX file"},
        Malformed{"PNG", "is not an IDX file"},
        Malformed{Idx({1, 0, 8, 1, 0, 0, 0, 1, 7}), "is not an IDX file"},
        Malformed{Idx({0, 0, 13, 1, 0, 0, 0, 1, 7}),
                  "type 13; allowed: 8 (unsigned byte)"},
        Malformed{Idx({0, 0, 8, 0}), "0 dimensions; allowed: 1 to 4"},
        Malformed{Idx({0, 0, 8, 200}), "200 dimensions"},
        Malformed{Idx({0, 0, 8, 2, 0, 0, 0, 1}), "is cut short"},
        Malformed{Idx({0, 0, 8, 1, 0, 0, 0, 0}), "dimension 0 is 0"},
        Malformed{Idx({0, 0, 8, 1, 0, 0, 0, 3, 1, 2}),
                  "holds 2 bytes of data; its header says 3"},
        Malformed{Idx({0, 0, 8, 1, 0, 0, 0, 1, 1, 2}),
                  "holds 2 bytes of data; its header says 1"},
        Malformed{Idx({0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255,
                       255, 255, 255, 1}),
                  "dimension 1 is 4294967295"}));

class IdxFolderTest : public ::testing::Test {
 protected:
  ScratchFolder folder_;
};

TEST_F(IdxFolderTest, ImagesOfTwoDimensionsHaveOneChannel) {
  folder_.Write("train-images-idx3-ubyte",
                Idx({0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2,  //
                     1, 2, 3, 4}));
  folder_.Write("train-labels-idx1-ubyte", Idx({0, 0, 8, 1, 0, 0, 0, 2, 0, 4}));
  const auto data = ReadIdxFolder(folder_.path(), IdxPart::kTrain);
  ASSERT_TRUE(data.ok()) << data.error().message;
  EXPECT_THAT(data->shape, ElementsAre(1, 1, 2));
  EXPECT_THAT(data->labels, ElementsAre(0, 4));
  EXPECT_EQ(data->classes, 5);
  EXPECT_FALSE(HasIdxPart(folder_.path(), IdxPart::kTest));
}

TEST_F(IdxFolderTest, MissingFileIsNamed) {
  const auto data = ReadIdxFolder(folder_.path(), IdxPart::kTrain);
  ASSERT_FALSE(data.ok());
  EXPECT_THAT(data.error().message, HasSubstr("has no file train-images"));
}

TEST_F(IdxFolderTest, AsManyLabelsAsImages) {
  folder_.Write("train-images-idx3-ubyte",
                Idx({0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 1, 1, 2}));
  folder_.Write("train-labels-idx1-ubyte", Idx({0, 0, 8, 1, 0, 0, 0, 1, 0}));
  const auto data = ReadIdxFolder(folder_.path(), IdxPart::kTrain);
  ASSERT_FALSE(data.ok());
  EXPECT_THAT(data.error().message, HasSubstr("2 images but 1 labels"));
}

TEST_F(IdxFolderTest, BrokenGzipIsRefused) {
  folder_.Write("train-images-idx3-ubyte.gz",
                Idx({0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x63, 0x60}));
  folder_.Write("train-labels-idx1-ubyte", Idx({0, 0, 8, 1, 0, 0, 0, 1, 0}));
  EXPECT_FALSE(ReadIdxFolder(folder_.path(), IdxPart::kTrain).ok());
}

}  // namespace
}  // namespace assay
