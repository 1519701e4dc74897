#include "search/strategies/differential_evolution.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "search/strategies/evolution/coordinates.h"
#include "search/strategies/evolution/fitness.h"
#include "search/strategies/evolution/operators.h"
#include "search/strategies/evolution/population_size.h"
#include "search/strategies/learning_strategy.h"

namespace assay {
namespace {

constexpr uint64_t kSalt = 0x6A09E667F3BCC908;  // For streams of its own.
constexpr double kRenewal = 0.1;                // tau_1 = tau_2 of jDE.
constexpr double kLeastScale = 0.1;             // F is in [0.1, 1].
constexpr size_t kDonors = 3;

struct Control {
  double scale = 0.5;      // F.
  double crossover = 0.9;  // CR.
};

class DifferentialEvolution : public LearningStrategy {
 public:
  explicit DifferentialEvolution(std::shared_ptr<const StudySpec> spec)
      : LearningStrategy("differential_evolution", std::move(spec)),
        size_(PopulationSize(
            this->spec(), std::clamp(10 * space().encoded_size(), 10, 60), 10)),
        coordinates_(space()),
        members_(size_) {}

 protected:
  int64_t StartTrials() const override {
    return std::max<int64_t>(LearningStrategy::StartTrials(), size_);
  }

  void Learn(const Observation& observation) override {
    if (IsOwn(observation.origin)) {
      LearnOfChild(observation);
    } else {
      LearnOfOther(observation);
    }
  }

  // The ordinal names the member whose place is at stake, round-robin.
  Candidate Propose(absl::Span<const Unfinished> unfinished,
                    Random& random) override {
    const int64_t ordinal = NextOrdinal(unfinished);
    const int target = static_cast<int>(ordinal % size_);
    const std::vector<int> donors = Filled(target);
    if (!members_[target].trial || donors.size() < kDonors) {
      return {RandomParameters(random), "drawn at random: a new member",
              ordinal};
    }
    const Control control = ControlOf(ordinal);
    const bool best = random.Below(2) == 1;
    std::vector<double> child =
        Child(target, Donors(donors, best, random), control, random);
    coordinates_.DrawMissing(child, random);
    return {space().Decode(child), Why(target, best, control), ordinal};
  }

 private:
  struct Member {
    std::optional<Observation> trial;
    Control control;  // What it was made with.
  };

  void LearnOfChild(const Observation& child) {
    Member& member = members_[child.origin.ordinal % size_];
    if (member.trial && Dominates(*member.trial, child)) return;
    member = {child, ControlOf(child.origin.ordinal)};
  }

  // A start point or a user's trial: a free place, else that of the worst.
  void LearnOfOther(const Observation& trial) {
    Member* worst = &members_[0];
    for (Member& member : members_) {
      if (!worst->trial) break;
      if (!member.trial || Dominates(*worst->trial, *member.trial)) {
        worst = &member;
      }
    }
    if (worst->trial && !Dominates(trial, *worst->trial)) return;
    *worst = {trial, Control()};
  }

  // Of the member, each renewed with a chance of 0.1. A function of the
  // ordinal, so that the result finds what its proposal was made with, unless
  // the member was replaced meanwhile.
  Control ControlOf(int64_t ordinal) const {
    Control control = members_[ordinal % size_].control;
    Random random(spec().seed ^ kSalt, ordinal);
    if (random.Uniform() < kRenewal) {
      control.scale = kLeastScale + (1 - kLeastScale) * random.Uniform();
    }
    if (random.Uniform() < kRenewal) control.crossover = random.Uniform();
    return control;
  }

  std::vector<int> Filled(int except) const {
    std::vector<int> filled;
    for (int i = 0; i < size_; ++i) {
      if (i != except && members_[i].trial) filled.push_back(i);
    }
    return filled;
  }

  // Three different ones; the first is the best of all if `best`.
  std::array<const Observation*, kDonors> Donors(std::vector<int> from,
                                                 bool best,
                                                 Random& random) const {
    std::array<const Observation*, kDonors> donors;
    for (size_t k = 0; k < kDonors; ++k) {
      std::swap(from[k], from[k + random.Below(from.size() - k)]);
      donors[k] = &*members_[from[k]].trial;
    }
    if (best) donors[0] = &Best();
    return donors;
  }

  const Observation& Best() const {
    const Observation* best = nullptr;
    for (const Member& member : members_) {
      if (!member.trial) continue;
      if (!best || Dominates(*member.trial, *best)) best = &*member.trial;
    }
    return *best;
  }

  std::vector<double> Child(
      int target, const std::array<const Observation*, kDonors>& donors,
      const Control& control, Random& random) const {
    std::vector<double> child = members_[target].trial->point;
    const std::vector<int> active = coordinates_.Active(child);
    const int forced = active[random.Below(active.size())];
    for (int i = 0; i < coordinates_.size(); ++i) {
      const bool taken = random.Uniform() < control.crossover || i == forced;
      if (!taken && !std::isnan(child[i])) continue;
      child[i] = Mutant(i, donors[0]->point[i], donors[1]->point[i],
                        donors[2]->point[i], control.scale, random);
    }
    return child;
  }

  double Mutant(int i, double base, double a, double b, double scale,
                Random& random) const {
    if (std::isnan(base) || std::isnan(a) || std::isnan(b)) return base;
    if (!coordinates_.IsCategorical(i)) return Reflect(base + scale * (a - b));
    if (coordinates_.IsSame(i, a, b)) return base;
    return random.Uniform() < scale ? coordinates_.Other(i, base, random)
                                    : base;
  }

  std::string Why(int target, bool best, const Control& control) const {
    return absl::StrFormat("%s/1/bin against member %d of %d, F %.2f, CR %.2f",
                           best ? "best" : "rand", target + 1, size_,
                           control.scale, control.crossover);
  }

  const int size_;
  const Coordinates coordinates_;
  std::vector<Member> members_;  // [size_].
};

}  // namespace

std::unique_ptr<SearchStrategy> MakeDifferentialEvolution(
    std::shared_ptr<const StudySpec> spec) {
  return std::make_unique<DifferentialEvolution>(std::move(spec));
}

}  // namespace assay
