#include "search/gp/candidate_space.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <variant>

#include "search/domain.h"

namespace assay {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr int64_t kMaxParentLevels = 1000;

int64_t Bits(double value) {
  int64_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

// SplitMix64's finalizer (Steele et al. 2014).
uint64_t Mix(uint64_t x) {
  x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9;
  x = (x ^ x >> 27) * 0x94D049BB133111EB;
  return x ^ x >> 31;
}

// At most `most` of 0, ..., count - 1, evenly spread, both ends included.
std::vector<int64_t> Spread(int64_t count, int64_t most) {
  const int64_t kept = std::min(count, most);
  std::vector<int64_t> indices;
  for (int64_t i = 0; i < kept; ++i) {
    indices.push_back(kept < 2 ? 0 : i * (count - 1) / (kept - 1));
  }
  return indices;
}

}  // namespace

CandidateSpace::CandidateSpace(const SearchSpace& space)
    : space_(space),
      levels_(space.parameters().size()),
      level_indices_(levels_.size()) {
  for (int i = 0; i < size(); ++i) {
    const Domain& domain = space.parameters()[i].domain;
    categorical_.push_back(std::holds_alternative<CategoricalDomain>(domain));
    const std::optional<int64_t> count = Levels(domain);
    countable_.push_back(count.has_value());
    if (count && (*count <= kMaxLevels || categorical_.back() || IsParent(i))) {
      level_indices_[i] = Spread(*count, kMaxParentLevels);
      for (const int64_t k : level_indices_[i]) {
        levels_[i].push_back(ToUnit(domain, LevelValue(domain, k)));
      }
    }
    has_continuous_ |= IsContinuous(i);
    has_levels_ |= levels_[i].size() > 1;
  }
  List();
}

void CandidateSpace::List() {
  const std::optional<int64_t> count = space_.Size();
  if (!count || *count > kMaxListed) return;
  is_listed_ = true;
  for (int64_t index = 0; index < *count; ++index) {
    const Parameters parameters = space_.At(index);
    if (!space_.Satisfies(parameters)) continue;
    const std::vector<double> point = space_.Encode(parameters);
    listed_.push_back(Eigen::Map<const Eigen::VectorXd>(point.data(), size()));
  }
}

int CandidateSpace::NearestLevel(int i, double u) const {
  const std::vector<double>& levels = levels_[i];
  const auto above = std::lower_bound(levels.begin(), levels.end(), u);
  const auto k = static_cast<int>(above - levels.begin());
  if (k == 0) return 0;
  if (above == levels.end()) return k - 1;
  return u - levels[k - 1] <= levels[k] - u ? k - 1 : k;
}

bool CandidateSpace::IsActive(int i, const Eigen::VectorXd& resolved) const {
  const int parent = space_.parent(i);
  if (parent < 0) return true;
  if (std::isnan(resolved[parent])) return false;
  const int64_t level =
      level_indices_[parent][NearestLevel(parent, resolved[parent])];
  const absl::Span<const int64_t> active = space_.active_levels(i);
  return std::binary_search(active.begin(), active.end(), level);
}

Eigen::VectorXd CandidateSpace::Resolve(const Eigen::VectorXd& whole) const {
  Eigen::VectorXd point = whole;
  for (const int i : space_.parents_first()) {
    if (!IsActive(i, point)) {
      point[i] = kNaN;
    } else if (!IsContinuous(i)) {
      point[i] = levels_[i][NearestLevel(i, point[i])];
    }
  }
  return point;
}

Eigen::VectorXd CandidateSpace::Fill(const Eigen::VectorXd& resolved,
                                     const Eigen::VectorXd& whole) {
  return resolved.array().isNaN().select(whole, resolved);
}

Eigen::VectorXd CandidateSpace::Draw(Random& random) const {
  Eigen::VectorXd whole(size());
  for (double& u : whole) u = random.Uniform();
  return whole;
}

bool CandidateSpace::Satisfies(const Eigen::VectorXd& point) const {
  if (space_.constraints().empty()) return true;
  return space_.Satisfies(
      space_.Decode(absl::MakeConstSpan(point.data(), size())));
}

uint64_t CandidateSpace::Key(const Eigen::VectorXd& point) const {
  uint64_t key = 0;
  for (int i = 0; i < size(); ++i) {
    int64_t part = -1;
    if (!std::isnan(point[i])) {
      const Domain& domain = space_.parameters()[i].domain;
      if (!countable_[i]) {
        part = Bits(point[i]);
      } else if (!IsContinuous(i) && !IsParent(i)) {
        part = NearestLevel(i, point[i]);
      } else {
        part = *LevelOf(domain, FromUnit(domain, point[i]));
      }
    }
    key = Mix(key + 0x9E3779B97F4A7C15 + static_cast<uint64_t>(part));
  }
  return key;
}

}  // namespace assay
