#include "server/timed_strategy.h"

#include "gtest/gtest.h"
#include "tests/support/fake_clock.h"

namespace assay {
namespace {

// Takes two seconds a call, and remembers what it was told.
class SlowStrategy final : public SearchStrategy {
 public:
  SlowStrategy(FakeClock& clock, std::vector<std::string>& heard)
      : clock_(clock), heard_(heard) {}

  void ObserveEarlier(const EarlierStudy&) override { Hear("earlier"); }
  void Observe(const Trial&) override { Hear("trial"); }
  void ObserveMean(const Trial&, int) override { Hear("mean"); }
  void ObserveLonger(const Trial&) override { Hear("longer"); }
  void ObserveReport(const Trial&, const Measurement&) override {
    Hear("report");
  }
  bool WantsReports() const override { return true; }
  bool Learns() const override { return true; }
  absl::StatusOr<std::vector<Proposal>> Suggest(absl::Span<const Trial>,
                                                int count, Random&) override {
    clock_.Advance(absl::Seconds(2));
    return std::vector<Proposal>(count);
  }

 private:
  void Hear(const char* what) { heard_.push_back(what); }

  FakeClock& clock_;
  std::vector<std::string>& heard_;
};

TEST(TimedStrategyTest, TellsHowLongEachCallTookAndChangesNothing) {
  FakeClock clock;
  std::vector<std::string> heard;
  std::vector<absl::Duration> told;
  TimedStrategy strategy(
      std::make_unique<SlowStrategy>(clock, heard), clock,
      [&told](absl::Duration took) { told.push_back(took); });
  Random random(1);
  EXPECT_EQ(strategy.Suggest({}, 3, random).value().size(), 3u);
  EXPECT_EQ(told, std::vector<absl::Duration>({absl::Seconds(2)}));
  strategy.ObserveEarlier({});
  strategy.ObserveReport({}, {});
  strategy.Observe({});
  strategy.ObserveMean({}, 2);
  strategy.ObserveLonger({});
  EXPECT_EQ(heard, std::vector<std::string>(
                       {"earlier", "report", "trial", "mean", "longer"}));
  EXPECT_TRUE(strategy.WantsReports());
  EXPECT_TRUE(strategy.Learns());
}

}  // namespace
}  // namespace assay
