#include "search/strategies/particle_swarm.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "search/strategies/evolution/coordinates.h"
#include "search/strategies/evolution/fitness.h"
#include "search/strategies/evolution/population_size.h"
#include "search/strategies/learning_strategy.h"

namespace assay {
namespace {

constexpr uint64_t kSalt = 0x3C6EF372FE94F82B;  // For streams of its own.
constexpr double kInertia = 0.729;
constexpr double kPull = 1.494;  // c1 and c2.
constexpr double kFastest = 0.5;
constexpr double kAround = 0.1;   // Of the swarm's best, where it lies itself.
constexpr double kRedraw = 0.02;  // Of a categorical parameter.

class ParticleSwarm : public LearningStrategy {
 public:
  explicit ParticleSwarm(std::shared_ptr<const StudySpec> spec)
      : LearningStrategy("particle_swarm", std::move(spec)),
        coordinates_(space()),
        particles_(PopulationSize(this->spec(), 40, 5)) {}

 protected:
  int64_t StartTrials() const override {
    return std::max<int64_t>(LearningStrategy::StartTrials(),
                             static_cast<int64_t>(particles_.size()));
  }

  void Learn(const Observation& observation) override {
    if (!best_ || Dominates(observation, *best_)) best_ = observation;
    const std::optional<size_t> index = IndexOf(observation.origin);
    if (!index) return;
    Particle& particle = particles_[*index];
    particle.velocity = particle.best
                            ? LastMove(particle.position, observation.point)
                            : FirstMove(*index, observation.point);
    particle.position = observation.point;
    if (!particle.best || Dominates(observation, *particle.best)) {
      particle.best = observation;
    }
  }

  // The ordinal names the particle that moves.
  Candidate Propose(absl::Span<const Unfinished> unfinished,
                    Random& random) override {
    const int64_t ordinal = NextOrdinal(unfinished);
    const size_t index = ordinal % particles_.size();
    const Particle& particle = particles_[index];
    if (!particle.best) {
      return {RandomParameters(random), "drawn at random: a new particle",
              ordinal};
    }
    std::vector<double> point = Moved(particle, random);
    coordinates_.DrawMissing(point, random);
    return {space().Decode(point),
            absl::StrCat("particle ", index + 1, " of ", particles_.size(),
                         " moves on"),
            ordinal};
  }

 private:
  struct Particle {
    std::vector<double> position;  // [encoded_size]
    std::vector<double> velocity;  // [encoded_size], 0 where inactive.
    std::optional<Observation> best;
  };

  // Whose result it is: a start point or a user's trial is a new particle's,
  // and nobody's once there are all.
  std::optional<size_t> IndexOf(const Origin& origin) const {
    if (IsOwn(origin)) return origin.ordinal % particles_.size();
    for (size_t i = 0; i < particles_.size(); ++i) {
      if (!particles_[i].best) return i;
    }
    return std::nullopt;
  }

  static std::vector<double> LastMove(const std::vector<double>& from,
                                      const std::vector<double>& to) {
    std::vector<double> velocity;
    for (size_t i = 0; i < to.size(); ++i) {
      const double move = to[i] - from[i];
      velocity.push_back(
          std::isnan(move) ? 0 : std::clamp(move, -kFastest, kFastest));
    }
    return velocity;
  }

  // Half of the way to anywhere (Clerc 2012, "Standard particle swarm
  // optimisation").
  std::vector<double> FirstMove(size_t index,
                                const std::vector<double>& position) const {
    Random random(spec().seed ^ kSalt, index);
    std::vector<double> velocity;
    for (const double x : position) {
      const double to = random.Uniform();
      velocity.push_back(std::isnan(x) ? 0 : (to - x) / 2);
    }
    return velocity;
  }

  std::vector<double> Moved(const Particle& particle, Random& random) const {
    std::vector<double> point(coordinates_.size());
    for (int i = 0; i < coordinates_.size(); ++i) {
      const double to_own = kPull * random.Uniform();
      const double to_swarm = kPull * random.Uniform();
      const double x = particle.position[i];
      const double own = particle.best->point[i], swarm = best_->point[i];
      const double around = x == own && x == swarm ? Around(random) : 0;
      point[i] = coordinates_.IsCategorical(i)
                     ? Chosen(i, x, own, to_own, swarm, to_swarm, random)
                     : Place(x, particle.velocity[i], to_own * (own - x),
                             to_swarm * (swarm - x) + around);
    }
    return point;
  }

  // Nothing pulls the particle that is itself the best of the swarm: by its
  // velocity alone it would name one point for ever.
  static double Around(Random& random) {
    return kAround * (1 - 2 * random.Uniform());
  }

  // NaN where the particle is inactive.
  double Place(double x, double velocity, double own, double swarm) const {
    if (std::isnan(own)) own = 0;
    if (std::isnan(swarm)) swarm = 0;
    const double move = kInertia * velocity + own + swarm;
    return std::clamp(x + std::clamp(move, -kFastest, kFastest), 0.0, 1.0);
  }

  double Chosen(int i, double x, double own, double to_own, double swarm,
                double to_swarm, Random& random) const {
    const double u = random.Uniform() * (kInertia + to_own + to_swarm);
    const double chosen = u < to_swarm            ? swarm
                          : u < to_swarm + to_own ? own
                                                  : x;
    const bool redraw = random.Uniform() < kRedraw && !std::isnan(chosen);
    return redraw ? coordinates_.Other(i, chosen, random) : chosen;
  }

  const Coordinates coordinates_;
  std::vector<Particle> particles_;
  std::optional<Observation> best_;  // Of all trials.
};

}  // namespace

std::unique_ptr<SearchStrategy> MakeParticleSwarm(
    std::shared_ptr<const StudySpec> spec) {
  return std::make_unique<ParticleSwarm>(std::move(spec));
}

}  // namespace assay
