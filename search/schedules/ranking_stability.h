#pragma once

#include <cstdint>
#include <map>
#include <vector>

namespace assay {

// What configurations measured at each rung, lowest rung first, by any number
// that names a configuration. Larger is better.
using RungValues = std::vector<std::map<int64_t, double>>;

// True if the configurations of the last rung stand in the same order there as
// in the rung before, but for differences that are noise: in each place of the
// last rung's ranking there is one that in the rung before is within epsilon of
// the one that had the place there (Bohdal et al. 2023, "PASHA: Efficient HPO
// and NAS with Progressive Resource Allocation", section 4.2). REQUIRES: two
// rungs or more; each configuration of a rung is in those below.
bool IsRankingStable(const RungValues& values);

// The 90th percentile of the differences, at the rung before the last, of pairs
// that changed places from one rung to another and then back again: that was
// noise. 0 if there are none, as with two rungs. Section 4.3; the paper looks
// at each epoch, here are only rungs.
double RankingNoise(const RungValues& values);

}  // namespace assay
