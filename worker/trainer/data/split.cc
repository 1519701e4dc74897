#include "worker/trainer/data/split.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include "worker/trainer/random.h"

namespace assay {
namespace {

int64_t SizeOf(const Share& share, int64_t total) {
  if (share.examples.has_value()) return *share.examples;
  return std::max<int64_t>(
      1, std::llround(share.fraction * static_cast<double>(total)));
}

// Moves the last `count` rows of `rows` away.
std::vector<int64_t> CutOff(std::vector<int64_t>& rows, int64_t count) {
  std::vector<int64_t> part(rows.end() - count, rows.end());
  rows.resize(rows.size() - count);
  return part;
}

Error TooMany(const std::string& part, int64_t wanted, int64_t there) {
  return BadConfiguration("data." + part +
                          "_examples: " + std::to_string(wanted) + " of " +
                          std::to_string(there) +
                          " examples leave none to train on; allowed: 1 to " +
                          std::to_string(there - 1));
}

}  // namespace

Result<Split> MakeSplit(int64_t examples, const DataConfig& config,
                        const std::optional<Share>& test) {
  Split split;
  split.train = Random(config.split_seed).Permutation(examples);
  if (test.has_value()) {
    const int64_t count = SizeOf(*test, examples);
    if (count >= examples) return TooMany("test", count, examples);
    split.test = CutOff(split.train, count);
  }
  const auto left = static_cast<int64_t>(split.train.size());
  const int64_t count = SizeOf(config.validation, left);
  if (count >= left) return TooMany("validation", count, left);
  split.validation = CutOff(split.train, count);

  const int64_t wanted = config.train_examples.value_or(left - count);
  if (wanted > left - count) {
    return BadConfiguration(
        "data.train_examples: " + std::to_string(wanted) +
        " is more than validation and test leave; allowed: 1 to " +
        std::to_string(left - count));
  }
  split.train.resize(wanted);
  return split;
}

}  // namespace assay
