#include "search/strategies/evolution/population_size.h"

#include <algorithm>

namespace assay {

int PopulationSize(const StudySpec& spec, int wanted, int least) {
  const int64_t fifth = spec.budget.max_trials.value_or(5 * wanted) / 5;
  return static_cast<int>(
      std::max<int64_t>(least, std::min<int64_t>(wanted, fifth)));
}

}  // namespace assay
