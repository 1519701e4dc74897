#include "server/lease_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Token kFirst{TrialId{1}, 1};
constexpr Token kSecond{TrialId{2}, 1};

class LeaseTableTest : public ::testing::Test {
 protected:
  LeaseTable::Lease Lease(absl::Duration period) {
    return {.study = StudyId{1},
            .owner = "ann",
            .holder = "w1",
            .instance = "i1",
            .by_worker = true,
            .period = period};
  }

  FakeClock clock_;
  LeaseTable leases_{clock_};
};

TEST_F(LeaseTableTest, RunsOutAfterItsPeriod) {
  leases_.Add(kFirst, Lease(absl::Seconds(10)));
  clock_.Advance(absl::Seconds(9.9));
  EXPECT_THAT(leases_.Expired(), IsEmpty());
  EXPECT_FALSE(leases_.IsExpired(kFirst));
  clock_.Advance(absl::Seconds(0.1));
  EXPECT_THAT(leases_.Expired(), ElementsAre(kFirst));
  EXPECT_TRUE(leases_.IsExpired(kFirst));
}

TEST_F(LeaseTableTest, RenewStartsANewPeriod) {
  leases_.Add(kFirst, Lease(absl::Seconds(10)));
  clock_.Advance(absl::Seconds(8));
  EXPECT_TRUE(leases_.Renew(kFirst).has_value());
  clock_.Advance(absl::Seconds(8));
  EXPECT_THAT(leases_.Expired(), IsEmpty());
}

TEST_F(LeaseTableTest, RenewSavesOneThatRanOutButIsStillThere) {
  leases_.Add(kFirst, Lease(absl::Seconds(10)));
  clock_.Advance(absl::Seconds(11));
  EXPECT_TRUE(leases_.Renew(kFirst).has_value());
  EXPECT_FALSE(leases_.IsExpired(kFirst));
}

TEST_F(LeaseTableTest, RenewOfWhatIsNotThereSaysSo) {
  EXPECT_FALSE(leases_.Renew(kFirst).has_value());
}

TEST_F(LeaseTableTest, PeriodZeroNeverRunsOut) {
  leases_.Add(kFirst, Lease(absl::ZeroDuration()));
  clock_.Advance(absl::Hours(100'000));
  leases_.Renew(kFirst);
  EXPECT_THAT(leases_.Expired(), IsEmpty());
}

TEST_F(LeaseTableTest, RemembersThatItWasToldToStop) {
  leases_.Add(kFirst, Lease(absl::Seconds(10)));
  leases_.TellToStop(kFirst, "enough");
  leases_.TellToStop(kSecond, "nobody hears");
  EXPECT_EQ(leases_.Renew(kFirst)->stop_reason, "enough");
  EXPECT_EQ(leases_.Find(kFirst)->stop_reason, "enough");
}

TEST_F(LeaseTableTest, CountsWhatRunsByStudyAndOwner) {
  leases_.Add(kFirst, Lease(absl::Seconds(10)));
  leases_.Add(kFirst, Lease(absl::Seconds(10)));  // Replaced, not doubled.
  leases_.Add(kSecond, Lease(absl::Seconds(10)));
  EXPECT_EQ(leases_.RunningOf(StudyId{1}), 2);
  EXPECT_EQ(leases_.RunningOf("ann"), 2);
  leases_.Remove(kFirst);
  leases_.Remove(kFirst);
  EXPECT_EQ(leases_.RunningOf(StudyId{1}), 1);
  EXPECT_EQ(leases_.RunningOf("ann"), 1);
  EXPECT_EQ(leases_.RunningOf("bob"), 0);
}

TEST_F(LeaseTableTest, HeldByIsOfOneProcessOfAWorker) {
  leases_.Add(kFirst, Lease(absl::Seconds(10)));
  LeaseTable::Lease client = Lease(absl::Seconds(10));
  client.by_worker = false;
  leases_.Add(kSecond, client);
  EXPECT_THAT(leases_.HeldBy("w1", "i1"), ElementsAre(kFirst));
  EXPECT_THAT(leases_.HeldBy("w1", "i2"), IsEmpty());
  EXPECT_THAT(leases_.HeldBy("w2", "i1"), IsEmpty());
}

}  // namespace
}  // namespace assay
