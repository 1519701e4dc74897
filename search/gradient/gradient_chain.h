#pragma once

#include <map>
#include <optional>
#include <vector>

#include "search/gradient/adam.h"
#include "search/gradient/unit_gradient.h"
#include "search/trial.h"

namespace assay {

// One training whose parameters follow gradients: the last run that was
// accepted, and the step from there. A run is accepted unless it is much worse
// than what the chain had: below the smoothed value (half of each new one) by
// more than twice what values usually change by. Then the chain goes on from
// the accepted run again, by half the step, by a quarter, then with the
// parameters as they are, whatever that brings.
class GradientChain {
 public:
  static constexpr int kMostLosses = 3;  // In a row.

  // `size`: of encoded points.
  GradientChain(int size, double rate)
      : size_(size), rate_(rate), adam_(size) {}

  // The chain's run ended with this value, larger is better, -infinity if it
  // broke a bound, and this gradient at its end, if it reported one. True if it
  // was accepted.
  bool Bring(const Trial& run, double value,
             const std::optional<UnitGradient>& gradient);
  // It ended without a result.
  void Lose() { ++losses_; }
  // The next run continues another chain's: forget what was.
  void Forget();

  // No id: no run has a result.
  const Trial& last() const { return last_; }
  bool has_result() const { return static_cast<bool>(last_.id); }
  int64_t step() const { return last_.to_step; }
  bool is_lost() const { return losses_ > kMostLosses; }
  int losses() const { return losses_; }
  // Accepted runs since it began, or continued another one.
  int runs() const { return runs_; }

  // Where to go from last(), [size]: empty if nothing is known. Its length is
  // halved for each loss.
  std::vector<double> Move() const;
  // The same, in a direction of the caller's.
  void SetMove(std::vector<double> move) { move_ = std::move(move); }

  // By step, larger is better; not empty if has_result().
  const std::map<int64_t, double>& values() const { return values_; }
  // At a step, of a chain with a result: the last one up to there, else its
  // first.
  double ValueAt(int64_t step) const;

 private:
  bool IsAcceptable(double value) const;
  void Smooth(double value);

  int size_;
  double rate_;
  Adam adam_;
  Trial last_;
  std::vector<double> move_;
  std::map<int64_t, double> values_;
  std::optional<double> smoothed_;
  double change_ = 0;  // Mean of how far values were from the smoothed one.
  int changes_ = 0;
  int losses_ = 0;  // Since the last accepted run.
  int runs_ = 0;
};

}  // namespace assay
