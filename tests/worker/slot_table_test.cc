#include "worker/slot_table.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

using testing::ElementsAre;
using testing::Optional;

TEST(SlotTableTest, ATrialWithoutGpusGetsOneSlotAGpuFirst) {
  SlotTable slots(2, {4});
  EXPECT_THAT(slots.Take(0), Optional(ElementsAre(0)));
  EXPECT_THAT(slots.Take(0), Optional(ElementsAre(1)));
  EXPECT_EQ(slots.Take(0), std::nullopt);
  slots.Release({0});
  EXPECT_THAT(slots.Take(0), Optional(ElementsAre(0)));
}

TEST(SlotTableTest, ATrialOfNGpusGetsNSlotsWithOneEach) {
  SlotTable slots(4, {0, 1, 2});
  EXPECT_THAT(slots.Take(2), Optional(ElementsAre(0, 1)));
  EXPECT_EQ(slots.Take(2), std::nullopt);
  EXPECT_THAT(slots.Take(1), Optional(ElementsAre(2)));
  EXPECT_THAT(slots.Take(0), Optional(ElementsAre(3)));
}

TEST(SlotTableTest, KnowsWhatItCanNeverGive) {
  const SlotTable slots(4, {0, 1});
  EXPECT_TRUE(slots.CanEverTake(0));
  EXPECT_TRUE(slots.CanEverTake(2));
  EXPECT_FALSE(slots.CanEverTake(3));
}

TEST(SlotTableTest, NamesTheDevicesOfSlots) {
  const SlotTable slots(3, {5, 7});
  EXPECT_EQ(slots.DevicesOf({0, 1}), "5,7");
  EXPECT_EQ(slots.DevicesOf({2}), "");
}

TEST(SlotTableTest, TellsWhatIsBusy) {
  SlotTable slots(3, {5, 7});
  slots.Take(0);
  slots.Take(1);
  EXPECT_EQ(slots.busy(), 2);
  EXPECT_THAT(slots.BusyGpus(), ElementsAre(5, 7));
  slots.Release({0});
  slots.Take(0);
  slots.Take(0);
  EXPECT_EQ(slots.busy(), 3);
  slots.Release({0, 1});
  EXPECT_THAT(slots.BusyGpus(), ElementsAre());
}

TEST(SlotTableTest, MoreGpusThanSlotsAreLeftAlone) {
  SlotTable slots(1, {0, 1});
  EXPECT_FALSE(slots.CanEverTake(2));
}

}  // namespace
}  // namespace assay
