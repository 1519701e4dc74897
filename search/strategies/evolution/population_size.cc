#include "search/strategies/evolution/population_size.h"

#include <algorithm>

namespace assay {

int PopulationSize(const StudySpec& spec, int wanted, int least) {
  const int64_t tenth = spec.budget.max_trials.value_or(10 * wanted) / 10;
  return static_cast<int>(
      std::max<int64_t>(least, std::min<int64_t>(wanted, tenth)));
}

}  // namespace assay
