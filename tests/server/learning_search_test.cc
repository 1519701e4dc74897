// The search runner with a strategy that learns.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "absl/hash/hash.h"
#include "search/math/random.h"
#include "tests/server/server_fixture.h"
#include "tests/support/proposal_replay.h"

namespace assay {
namespace {

constexpr int64_t kPoints = 1'000'000;

// A proposal that depends on every result, on the curves of the first 50, and
// on every trial without a result, in their order: as sensitive to what it was
// made from as can be.
class Sensitive final : public SearchStrategy {
 public:
  void Observe(const Trial& trial) override {
    Mix(state_, trial);
    used_.insert(XOf(trial));
    ++observed_;
  }

  bool WantsReports() const override { return observed_ < 50; }
  void ObserveReport(const Trial& trial,
                     const Measurement& measurement) override {
    if (!WantsReports()) return;
    state_ += static_cast<uint64_t>(measurement.step);
    Mix(state_, trial);
  }

  absl::StatusOr<std::vector<Proposal>> Suggest(
      absl::Span<const Trial> unfinished, int count, Random& random) override {
    EXPECT_EQ(count, 1) << "one by one, so that what is new is seen at once";
    uint64_t mixed = state_ ^ random.NextBits();
    std::set<int64_t> used = used_;
    for (const Trial& trial : unfinished) {
      Mix(mixed, trial);
      used.insert(XOf(trial));
    }
    auto x = static_cast<int64_t>(mixed % kPoints);
    while (used.contains(x)) x = (x + 1) % kPoints;
    Proposal proposal;
    proposal.parameters = X(x);
    proposal.origin.strategy = "sensitive";
    proposal.origin.why = std::to_string(observed_);
    return std::vector<Proposal>{std::move(proposal)};
  }

  bool Learns() const override { return true; }

 private:
  static void Mix(uint64_t& state, const Trial& trial) {
    state = (state ^ static_cast<uint64_t>(XOf(trial) + 1)) *
            uint64_t{0x9E3779B97F4A7C15};
    state ^= state >> 29;
  }

  uint64_t state_ = 7;
  int observed_ = 0;
  std::set<int64_t> used_;
};

absl::StatusOr<std::unique_ptr<SearchStrategy>> MakeSensitive(
    const StudySpec&) {
  return std::make_unique<Sensitive>();
}

int Seen(const Trial& trial) { return std::stoi(trial.origin.why); }

class LearningSearchTest : public CoreTest {
 protected:
  void SetUp() override {
    core_.emplace(*rows_, clock_, codec_, TrialDispatcher::kMaxParked,
                  MakeSensitive);
    Create(absl::Milliseconds(100));
  }

  void Create(absl::Duration max_wait) {
    StudySpec spec = GridSpec(absl::FormatDuration(max_wait), kPoints);
    spec.max_wait = max_wait;
    study_ = core_->Create(spec);
    core_->Settle();
  }

  Trial Lease(const std::string& client) {
    return core_->Lease(study_, client).trial;
  }

  void Complete(const Trial& trial) {
    ASSERT_TRUE(core_->Complete({trial.id, 1}, 1).ok());
  }

  // A trial that runs, and one result that the stock does not know.
  void MakeStale() {
    const Trial trial = Lease("a");
    core_->Settle();
    core_->pool.Hold();
    Complete(trial);
  }

  void Report(const Trial& trial, int64_t sequence, int64_t step) {
    Measurement measurement{.sequence = sequence, .step = step};
    measurement.metrics["loss"] = 1;
    ASSERT_TRUE(core_->Report({trial.id, 1}, measurement).ok());
  }

  std::vector<Measurement> CurveOf(const Trial& trial) {
    std::vector<Measurement> curve;
    EXPECT_TRUE(rows_
                    ->Read([&](Snapshot& rows) {
                      curve = rows.ListMeasurements(trial.id, trial.attempts, 0,
                                                    1000)
                                  .value();
                      return absl::OkStatus();
                    })
                    .ok());
    return curve;
  }

  StudyId study_;
};

TEST_F(LearningSearchTest, AProposalKnowsEveryResultBeforeTheAsk) {
  for (int i = 0; i < 20; ++i) {
    const Trial trial = Lease("a");
    EXPECT_EQ(Seen(trial), i);
    Complete(trial);
    core_->Settle();
  }
}

TEST_F(LearningSearchTest, WhoWaitedMaxWaitTakesAStaleProposal) {
  MakeStale();
  const auto answer = core_->Ask(study_, "b", absl::Seconds(10));
  core_->Advance(absl::Milliseconds(99));
  EXPECT_FALSE(answer.is_there());
  core_->Advance(absl::Milliseconds(1));
  ASSERT_TRUE(answer.is_there());
  EXPECT_EQ(Seen(answer.Get()->handouts.at(0).trial), 0);
  core_->pool.Release();
}

TEST_F(LearningSearchTest, WhoWaitsForAFreshOneHasItAsSoonAsItIsThere) {
  MakeStale();
  const auto answer = core_->Ask(study_, "b", absl::Seconds(10));
  EXPECT_FALSE(answer.is_there());
  core_->pool.Release();
  core_->Settle();
  ASSERT_TRUE(answer.is_there());
  EXPECT_EQ(Seen(answer.Get()->handouts.at(0).trial), 1);
}

TEST_F(LearningSearchTest, AStudyThatWaitsForEverNeverTakesAStaleProposal) {
  Create(absl::InfiniteDuration());
  MakeStale();
  const auto answer = core_->Ask(study_, "b", absl::Hours(1));
  core_->Advance(absl::Minutes(30));
  EXPECT_FALSE(answer.is_there());
  core_->pool.Release();
  core_->Settle();
  EXPECT_EQ(Seen(answer.Get()->handouts.at(0).trial), 1);
}

TEST_F(LearningSearchTest, AStudyThatNeverWaitsTakesWhatIsThere) {
  Create(absl::ZeroDuration());
  MakeStale();
  bool ready = false;
  (*core_->studies.Runner(study_))->WhenReady(1, [&] { ready = true; });
  EXPECT_TRUE(ready) << "at once, without a turn of the timer";
  EXPECT_EQ(Seen(Lease("b")), 0);
  core_->pool.Release();
}

TEST_F(LearningSearchTest, AnAskForSeveralWaitsForAllOfThem) {
  const auto answer = core_->Ask(study_, "a", absl::Seconds(10), 5);
  core_->Settle();
  ASSERT_TRUE(answer.is_there());
  EXPECT_EQ(answer.Get()->handouts.size(), 5u);
}

TEST_F(LearningSearchTest, KeepsMoreReadyWhereMoreRuns) {
  const auto runner = *core_->studies.Runner(study_);
  core_->Settle();
  EXPECT_EQ(runner->stock(), 1);
  for (int i = 0; i < 12; ++i) Lease("c" + std::to_string(i));
  core_->Settle();
  EXPECT_GE(runner->stock(), 6);
}

TEST_F(LearningSearchTest, WhatAUserEnqueuesIsNotProposedAgain) {
  const auto runner = *core_->studies.Runner(study_);
  for (int i = 0; i < 8; ++i) Lease("c" + std::to_string(i));
  core_->Settle();
  std::set<int64_t> seen;
  for (const Trial& trial : core_->TrialsOf(study_)) seen.insert(XOf(trial));
  // Whatever comes next without it.
  const auto next = runner->Take();
  ASSERT_TRUE(next.has_value());
  runner->Reset();
  core_->Settle();
  ASSERT_TRUE(core_->Enqueue(study_, next->proposal.parameters).ok());
  core_->Settle();
  for (int i = 8; i < 20; ++i) {
    EXPECT_TRUE(seen.insert(XOf(Lease("c" + std::to_string(i)))).second);
  }
}

// --- Proposals recompute from the log ---------------------------------------

TEST_F(LearningSearchTest, EveryProposalRecomputesFromTheLog) {
  Random random(5);
  std::vector<Trial> running;
  const auto end_one = [&] {
    const auto i = static_cast<int64_t>(random.Below(running.size()));
    const auto reports = static_cast<int64_t>(random.Below(4));
    for (int64_t n = 1; n <= reports; ++n) Report(running[i], n, 3 * n);
    ASSERT_TRUE(core_->Complete({running[i].id, 1}, 1).ok());
    running.erase(running.begin() + i);
  };
  for (int i = 0; i < 400; ++i) {
    const std::string client = "c" + std::to_string(i);
    switch (random.Below(8)) {
      case 0:
        core_->Settle();
        break;
      case 1:  // What somebody enqueues may be what would come next.
        ASSERT_TRUE(
            core_->Enqueue(study_, X(static_cast<int64_t>(random.Below(50))))
                .ok());
        break;
      case 2:
        (*core_->studies.Runner(study_))->Reset();
        break;
      default: {
        const auto answer = core_->Ask(study_, client, absl::Seconds(5));
        if (random.Below(2) == 0) core_->clock.Advance(absl::Seconds(1));
        running.push_back(answer.Get()->handouts.at(0).trial);
      }
    }
    while (running.size() > 3 + random.Below(10)) end_one();
  }
  // Some that were certainly made one after the other from the same results.
  for (int i = 0; i < 8; ++i) Lease("d" + std::to_string(i));
  core_->Settle();
  core_->pool.Hold();
  for (int i = 0; i < 4; ++i) Lease("e" + std::to_string(i));
  core_->pool.Release();

  const std::vector<Trial> log = core_->TrialsOf(study_);
  ProposalReplay replay(
      log, core_->StudyOf(study_).seed, [] { return MakeSensitive({}); },
      [this](const Trial& trial) { return CurveOf(trial); });
  int batched = 0;
  int proposed = 0;
  for (const Trial& trial : log) {
    if (!ProposalReplay::IsProposal(trial)) continue;
    ++proposed;
    batched += trial.origin.batch_index > 0;
    const auto proposal = replay.Propose(trial);
    ASSERT_TRUE(proposal.ok()) << proposal.status();
    EXPECT_EQ(proposal->parameters, trial.parameters) << trial.number;
  }
  EXPECT_GT(proposed, 150);
  EXPECT_GE(batched, 3);
}

}  // namespace
}  // namespace assay
