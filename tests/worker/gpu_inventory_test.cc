#include "worker/gpu_inventory.h"

#include <dlfcn.h>

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

TEST(GpuInventoryTest, AsksTheDriversLibrary) {
  // One that is loaded already is found by its name.
  void* const fake = dlopen(FAKE_NVML, RTLD_NOW);
  ASSERT_NE(fake, nullptr) << dlerror();
  const std::vector<GpuDevice> gpus = FindGpus();
  ASSERT_EQ(gpus.size(), 2U);
  EXPECT_EQ(gpus[1].index, 1);
  EXPECT_EQ(gpus[1].name, "Fake GPU 1");
  EXPECT_EQ(gpus[1].uuid, "GPU-1");
  EXPECT_EQ(gpus[1].memory_bytes, int64_t{80} << 30);
  dlclose(fake);
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
