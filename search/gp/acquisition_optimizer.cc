#include "search/gp/acquisition_optimizer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "search/math/box_ascent.h"
#include "search/math/normal.h"
#include "search/math/sobol.h"

namespace assay {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int kSobol = 1400;
constexpr int kMutations = 600;
constexpr int kMutated = 5;
constexpr int kRejections = 20;  // Draws for one that passes the constraints.
constexpr int kManyRows = 100;   // From here on, bounds come first.
constexpr size_t kClose = 200;   // Points of the pool that are looked at.
constexpr size_t kCloseSteps = 24;  // Of each start's steps.
constexpr size_t kStarts = 16;
constexpr double kApart = 0.05;
constexpr int kRounds = 6;
constexpr int kStepsInARow = 30;
constexpr double kGain = 1e-6;
constexpr size_t kAllSteps = 16;  // Up to so many values, each is tried.

// A point on its way up.
struct Climber {
  VectorXd whole;
  VectorXd point;  // Resolved.
  double value = -kInfinity;
};

bool IsHigher(const Climber& a, const Climber& b) { return a.value > b.value; }

// One call of Maximize().
class Search {
 public:
  using Question = AcquisitionOptimizer::Question;

  Search(const CandidateSpace& space, const Question& question, Random& random)
      : space_(space), question_(question), random_(random) {}

  std::optional<AcquisitionOptimizer::Found> Run() {
    std::vector<Climber> pool = space_.IsListed() ? List() : Pool();
    Evaluate(pool, kClose);
    std::stable_sort(pool.begin(), pool.end(), IsHigher);
    if (!space_.IsListed()) {
      std::vector<Climber> climbers = Starts(pool);
      Climb(climbers);
      pool.insert(pool.begin(), climbers.begin(), climbers.end());
      std::stable_sort(pool.begin(), pool.end(), IsHigher);
    }
    for (const Climber& climber : pool) {
      if (!std::isfinite(climber.value)) break;
      if (IsAllowed(climber.point)) return {{climber.point, climber.value}};
    }
    return std::nullopt;
  }

 private:
  bool IsTaken(const VectorXd& point) const {
    return question_.taken.contains(space_.Key(point));
  }

  bool IsAllowed(const VectorXd& point) const {
    return !IsTaken(point) && space_.Satisfies(point);
  }

  std::vector<Climber> List() const {
    std::vector<Climber> listed;
    for (const VectorXd& point : space_.listed()) {
      if (!IsTaken(point)) listed.push_back({point, point});
    }
    return listed;
  }

  // Without continuous coordinates many points are taken: these are dropped.
  void Add(std::vector<Climber>& pool, VectorXd whole) const {
    whole = question_.region.Pull(whole);
    VectorXd point = space_.Resolve(whole);
    if (!space_.Satisfies(point)) return;
    if (!space_.HasContinuous() && IsTaken(point)) return;
    pool.push_back({std::move(whole), std::move(point)});
  }

  std::vector<Climber> Pool() const {
    std::vector<Climber> pool;
    const ScrambledSobol sobol(space_.size(), random_.NextBits());
    const int draws =
        space_.space().constraints().empty() ? kSobol : kSobol * kRejections;
    for (int i = 0; i < draws && pool.size() < kSobol; ++i) {
      const std::vector<double> point = sobol.Point(i);
      Add(pool, Eigen::Map<const VectorXd>(point.data(), space_.size()));
    }
    const size_t best =
        std::min<size_t>(question_.best.size(), size_t{kMutated});
    for (int i = 0; i < kMutations && best > 0; ++i) {
      Add(pool, Mutation(question_.best[i % best]));
    }
    return pool;
  }

  // Changes at least 30 % of the coordinates on average, by a normal step of
  // deviation 0.003 to 0.3.
  VectorXd Mutation(const VectorXd& resolved) const {
    VectorXd whole = CandidateSpace::Fill(resolved, space_.Draw(random_));
    const double step = 0.3 * std::pow(10, -2 * random_.Uniform());
    const double share = 0.3 + 0.7 * random_.Uniform();
    const auto sure = static_cast<int>(random_.Below(space_.size()));
    for (int i = 0; i < space_.size(); ++i) {
      if (i == sure || random_.Uniform() < share) {
        whole[i] = Mutated(i, whole[i], step);
      }
    }
    return whole;
  }

  // A short step of a number with levels still goes to another one.
  double Mutated(int i, double u, double step) const {
    if (space_.IsCategorical(i)) return random_.Uniform();
    const double normal = DrawNormal(random_);
    double moved = std::clamp(u + step * normal, 0.0, 1.0);
    if (space_.IsContinuous(i)) return moved;
    const auto levels = space_.levels(i);
    const int from = space_.NearestLevel(i, u);
    int to = space_.NearestLevel(i, moved);
    if (from == to) to += normal < 0 ? -1 : 1;
    return levels[std::clamp<int>(to, 0, static_cast<int>(levels.size()) - 1)];
  }

  static MatrixXd Rows(const std::vector<const Climber*>& climbers, int size) {
    MatrixXd rows(climbers.size(), size);
    for (size_t i = 0; i < climbers.size(); ++i) {
      rows.row(i) = climbers[i]->point;
    }
    return rows;
  }

  // Sets the values; of many, those with low bounds keep -infinity.
  void Evaluate(std::vector<Climber>& climbers, size_t close) const {
    std::vector<Climber*> all;
    for (Climber& climber : climbers) all.push_back(&climber);
    EvaluateThese(all, close);
  }

  void EvaluateThese(std::vector<Climber*> climbers, size_t close) const {
    if (climbers.empty()) return;
    if (question_.surface.model(0).size() > kManyRows &&
        climbers.size() > close) {
      climbers = WithGreatBounds(climbers, close);
    }
    const VectorXd values = question_.surface.Values(
        Rows({climbers.begin(), climbers.end()}, space_.size()));
    for (size_t i = 0; i < climbers.size(); ++i) {
      climbers[i]->value = std::isnan(values[i]) ? -kInfinity : values[i];
    }
  }

  std::vector<Climber*> WithGreatBounds(const std::vector<Climber*>& climbers,
                                        size_t close) const {
    const VectorXd bounds = question_.surface.Bounds(
        Rows({climbers.begin(), climbers.end()}, space_.size()));
    std::vector<size_t> order(climbers.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return bounds[a] > bounds[b]; });
    std::vector<Climber*> great;
    for (size_t i = 0; i < close; ++i) great.push_back(climbers[order[i]]);
    return great;
  }

  bool AreApart(const VectorXd& a, const VectorXd& b) const {
    for (int i = 0; i < space_.size(); ++i) {
      if (std::isnan(a[i]) != std::isnan(b[i])) return true;
      const double least = space_.IsCategorical(i) ? 0 : kApart;
      if (std::fabs(a[i] - b[i]) > least) return true;
    }
    return false;
  }

  // The best trial, then the best of the sorted pool that lie apart.
  std::vector<Climber> Starts(const std::vector<Climber>& pool) const {
    std::vector<Climber> starts;
    if (!question_.best.empty()) {
      const VectorXd whole =
          CandidateSpace::Fill(space_.Resolve(CandidateSpace::Fill(
                                   question_.best[0], space_.Draw(random_))),
                               space_.Draw(random_));
      starts.push_back({whole, space_.Resolve(whole)});
      Evaluate(starts, 1);
      if (!space_.Satisfies(starts[0].point)) starts.clear();
    }
    for (const Climber& climber : pool) {
      if (starts.size() == kStarts || !std::isfinite(climber.value)) break;
      const bool apart =
          std::all_of(starts.begin(), starts.end(), [&](const Climber& other) {
            return AreApart(climber.point, other.point);
          });
      if (apart) starts.push_back(climber);
    }
    return starts;
  }

  static double Sum(const std::vector<Climber>& climbers) {
    double sum = 0;
    for (const Climber& climber : climbers) sum += climber.value;
    return sum;
  }

  void Climb(std::vector<Climber>& climbers) const {
    for (int round = 0; round < kRounds; ++round) {
      const double before = Sum(climbers);
      if (space_.HasContinuous()) FollowGradients(climbers);
      if (!space_.HasLevels()) return;
      if (!Step(climbers) || Sum(climbers) - before < kGain) return;
    }
  }

  BoxAscent AscentOf(const Climber& climber) const {
    TrustRegion::Box box = question_.region.BoxOf(climber.point);
    VectorXd start = climber.whole;
    for (int i = 0; i < space_.size(); ++i) {
      const bool moves =
          space_.IsContinuous(i) && !std::isnan(climber.point[i]);
      if (!moves) box.lower[i] = box.upper[i] = start[i];
    }
    start = start.cwiseMax(box.lower).cwiseMin(box.upper);
    const auto& weights = question_.surface.model(0)
                              .hyperparameters()
                              .inverse_squared_lengthscales.array();
    VectorXd scale = weights.sqrt().inverse().max(0.05).min(2.0);
    return BoxAscent(start, box.lower, box.upper, scale, {});
  }

  void FollowGradients(std::vector<Climber>& climbers) const {
    std::vector<BoxAscent> ascents;
    for (const Climber& climber : climbers)
      ascents.push_back(AscentOf(climber));
    std::vector<size_t> active(climbers.size());
    std::iota(active.begin(), active.end(), 0);
    while (!active.empty()) {
      MatrixXd points(active.size(), space_.size());
      for (size_t k = 0; k < active.size(); ++k) {
        points.row(k) = space_.Resolve(ascents[active[k]].next());
      }
      const auto scores = question_.surface.ValuesAndGradients(points);
      std::vector<size_t> left;
      for (size_t k = 0; k < active.size(); ++k) {
        BoxAscent& ascent = ascents[active[k]];
        ascent.Tell(scores.values[k], scores.gradients.col(k));
        if (!ascent.done()) left.push_back(active[k]);
      }
      active = std::move(left);
    }
    for (size_t i = 0; i < climbers.size(); ++i)
      Arrive(climbers[i], ascents[i]);
  }

  // Goes as far towards the top as the constraints let it.
  void Arrive(Climber& climber, const BoxAscent& ascent) const {
    Climber top{ascent.best(), space_.Resolve(ascent.best()),
                ascent.best_value()};
    if (!space_.Satisfies(top.point)) top = LastAllowed(climber, top.whole);
    if (top.value > climber.value) climber = std::move(top);
  }

  Climber LastAllowed(const Climber& from, const VectorXd& to) const {
    constexpr int kHalvings = 12;
    double allowed = 0;
    for (double step = 0.5; step > std::pow(0.5, kHalvings); step /= 2) {
      const VectorXd whole = from.whole + (allowed + step) * (to - from.whole);
      if (space_.Satisfies(space_.Resolve(whole))) allowed += step;
    }
    const VectorXd whole = from.whole + allowed * (to - from.whole);
    std::vector<Climber> last = {{whole, space_.Resolve(whole)}};
    Evaluate(last, 1);
    return last[0];
  }

  // Each climber makes its best step while there is one. False: none had one.
  bool Step(std::vector<Climber>& climbers) const {
    bool any = false;
    std::vector<size_t> active(climbers.size());
    std::iota(active.begin(), active.end(), 0);
    for (int i = 0; i < kStepsInARow && !active.empty(); ++i) {
      std::vector<std::vector<Climber>> steps;
      for (const size_t k : active) steps.push_back(StepsFrom(climbers[k]));
      std::vector<Climber*> all;
      for (auto& of_one : steps) {
        for (Climber& step : of_one) all.push_back(&step);
      }
      EvaluateThese(all, kCloseSteps * active.size());
      std::vector<size_t> left;
      for (size_t k = 0; k < active.size(); ++k) {
        const auto best =
            std::min_element(steps[k].begin(), steps[k].end(), IsHigher);
        if (best == steps[k].end()) continue;
        if (best->value < climbers[active[k]].value + kGain) continue;
        climbers[active[k]] = *best;
        left.push_back(active[k]);
      }
      any |= !left.empty();
      active = std::move(left);
      DropEqual(climbers, active);
    }
    return any;
  }

  // Of climbers that met, one goes on.
  void DropEqual(const std::vector<Climber>& climbers,
                 std::vector<size_t>& active) const {
    absl::flat_hash_set<uint64_t> met;
    std::vector<size_t> left;
    for (const size_t k : active) {
      if (met.insert(space_.Key(climbers[k].point)).second) left.push_back(k);
    }
    active = std::move(left);
  }

  std::vector<Climber> StepsFrom(const Climber& climber) const {
    std::vector<Climber> steps;
    for (int i = 0; i < space_.size(); ++i) {
      if (space_.IsContinuous(i) || std::isnan(climber.point[i])) continue;
      for (const double u : StepsOf(i, climber.point[i])) {
        VectorXd whole = climber.whole;
        whole[i] = u;
        AddStep(steps, whole);
        if (!space_.IsParent(i)) continue;
        const VectorXd point = space_.Resolve(whole);
        for (int draw = 0; draw < 2; ++draw) {
          AddStep(steps, WithOthersDrawn(climber, whole, point));
        }
      }
    }
    return steps;
  }

  // Parameters that `point` has and the climber had not are drawn anew.
  VectorXd WithOthersDrawn(const Climber& climber, VectorXd whole,
                           const VectorXd& point) const {
    for (int i = 0; i < space_.size(); ++i) {
      if (std::isnan(climber.point[i]) && !std::isnan(point[i])) {
        whole[i] = random_.Uniform();
      }
    }
    return whole;
  }

  void AddStep(std::vector<Climber>& steps, VectorXd whole) const {
    VectorXd point = space_.Resolve(whole);
    if (!question_.region.Contains(point) || !IsAllowed(point)) return;
    steps.push_back({std::move(whole), std::move(point)});
  }

  // All values but the own; of many, those 1, 2, 4, ... away.
  std::vector<double> StepsOf(int i, double u) const {
    const auto levels = space_.levels(i);
    const int own = space_.NearestLevel(i, u);
    std::vector<double> steps;
    if (levels.size() <= kAllSteps || space_.IsCategorical(i)) {
      for (int k = 0; k < static_cast<int>(levels.size()); ++k) {
        if (k != own) steps.push_back(levels[k]);
      }
      return steps;
    }
    for (int away = 1; away < static_cast<int>(levels.size()); away *= 2) {
      if (own - away >= 0) steps.push_back(levels[own - away]);
      if (own + away < static_cast<int>(levels.size())) {
        steps.push_back(levels[own + away]);
      }
    }
    return steps;
  }

  const CandidateSpace& space_;
  const Question& question_;
  Random& random_;
};

}  // namespace

std::optional<AcquisitionOptimizer::Found> AcquisitionOptimizer::Maximize(
    const Question& question, Random& random) const {
  return Search(space_, question, random).Run();
}

}  // namespace assay
