#include "worker/gpu_inventory.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

using testing::ElementsAre;
using testing::Field;
using testing::IsEmpty;

const std::vector<GpuDevice> kGpus = {
    {.index = 0, .uuid = "GPU-aa", .name = ""},
    {.index = 1, .uuid = "GPU-bb", .name = ""},
    {.index = 2, .uuid = "GPU-cc", .name = ""}};

TEST(GpuInventoryTest, AMachineWithoutADriverHasNone) {
  for (const GpuDevice& gpu : FindGpus()) EXPECT_FALSE(gpu.uuid.empty());
}

TEST(GpuInventoryTest, VisibleByIndexAndByBeginningOfUuid) {
  EXPECT_THAT(
      VisibleGpus(kGpus, "2, GPU-a"),
      ElementsAre(Field(&GpuDevice::index, 2), Field(&GpuDevice::index, 0)));
}

TEST(GpuInventoryTest, EverythingAfterAnUnknownOneIsInvisible) {
  EXPECT_THAT(VisibleGpus(kGpus, "1,9,2"),
              ElementsAre(Field(&GpuDevice::index, 1)));
  EXPECT_THAT(VisibleGpus(kGpus, ""), IsEmpty());
  EXPECT_THAT(VisibleGpus(kGpus, "-1"), IsEmpty());
}

}  // namespace
}  // namespace assay
