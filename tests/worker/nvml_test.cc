#include "worker/nvml.h"

#include <dlfcn.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

class NvmlTest : public testing::Test {
 protected:
  // A library that is loaded already is found by its name.
  NvmlTest() : fake_(dlopen(FAKE_NVML, RTLD_NOW)) {}
  ~NvmlTest() override { dlclose(fake_); }

  void* const fake_;
};

TEST_F(NvmlTest, ReadsWhatAGpuDoes) {
  const Nvml nvml;
  ASSERT_EQ(nvml.Count(), 2);
  const GpuReading reading = nvml.Read(0);
  EXPECT_EQ(reading.utilization, 0.75);
  EXPECT_EQ(reading.memory_used_bytes, double{10ULL << 30});
  EXPECT_EQ(reading.power_watts, 300);
  EXPECT_EQ(reading.temperature_celsius, 60);
}

TEST_F(NvmlTest, WhatAGpuDoesNotTellIsMissing) {
  const GpuReading reading = Nvml().Read(1);
  EXPECT_EQ(reading.utilization, 0);
  EXPECT_FALSE(reading.power_watts.has_value());
}

}  // namespace
}  // namespace assay
