#pragma once

#include "absl/types/span.h"

namespace assay {

// Wilcoxon's signed-rank test (Wilcoxon 1945): the chance, if the differences
// were as likely negative as positive, that the ranks of the positive ones sum
// to what they do or more. Ties share the mean of their ranks; half the ranks
// of zeros count as positive (SciPy's "zsplit"), and NaN is a zero. Up to
// kMaxExactPairs differences by the exact distribution given these ranks,
// beyond by a normal approximation with the correction for ties, without one
// for continuity. 1 for no differences.
inline constexpr size_t kMaxExactPairs = 25;
double SignedRankP(absl::Span<const double> differences);

}  // namespace assay
