#include "search/strategies/particle_swarm.h"

#include <cmath>
#include <vector>

#include "gtest/gtest.h"
#include "tests/search/strategies/learned.h"

namespace assay {
namespace {

constexpr int kParticles = 40;

StudySpec Spec() {
  return SpecWith("particle_swarm", {{"x", DoubleDomain{}, {}, {}},
                                     {"own", DoubleDomain{}, {}, {}}});
}

// All at the left end but the best one, at the right. Its other coordinate is
// in the middle: no two of the moves end in one corner.
std::vector<Trial> Particles() {
  std::vector<Trial> particles;
  for (int i = 0; i < kParticles; ++i) {
    particles.push_back(
        Completed({{"x", i == 0 ? 1.0 : 0.0}, {"own", (i + 20) % 40 / 40.0}},
                  {{"loss", i}}));
  }
  return particles;
}

TEST(ParticleSwarmTest, NoMoveIsLongerThanHalfOfTheRange) {
  const std::vector<Trial> particles = Particles();
  const auto strategy = Learned(Spec(), particles);
  int fastest = 0;
  for (const Proposal& moved : Propose(*strategy, kParticles)) {
    ASSERT_GE(moved.origin.ordinal, 0);
    const Trial& from = particles[moved.origin.ordinal % kParticles];
    const double move =
        std::fabs(Number(moved.parameters, "x") - Number(from.parameters, "x"));
    EXPECT_LE(move, 0.5) << moved.origin.why;
    fastest += move == 0.5;
  }
  EXPECT_GE(fastest, kParticles / 2);  // They are pulled farther than that.
}

TEST(ParticleSwarmTest, ParticlesAreDrawnToTheBest) {
  const auto strategy = Learned(Spec(), Particles());
  double sum = 0;
  for (const Proposal& moved : Propose(*strategy, kParticles)) {
    if (moved.origin.ordinal > 0) sum += Number(moved.parameters, "x");
  }
  EXPECT_GE(sum / (kParticles - 1), 0.4);
}

// Nothing pulls it, and while it waits for a result it is asked again.
TEST(ParticleSwarmTest, TheBestOneSearchesAroundItself) {
  const auto strategy = Learned(Spec(), Particles());
  int64_t ordinal = 0;
  for (const Proposal& moved : Propose(*strategy, 4 * kParticles)) {
    EXPECT_EQ(moved.origin.ordinal, ordinal++) << moved.origin.why;
  }
}

// It is better than where it was, and worse than the swarm's best.
TEST(ParticleSwarmTest, AParticleGoesOnFromItsLastPlace) {
  const auto strategy = Learned(Spec(), Particles());
  Proposal moved = Propose(*strategy, 2)[1];
  moved.parameters = {{"x", 0.45}, {"own", 0.2}};
  strategy->Observe(Completed(moved, {{"loss", 0.5}}));
  // Ordinals 2 to 41: the last one is the same particle's.
  const Proposal next = Propose(*strategy, kParticles).back();
  EXPECT_EQ(next.origin.ordinal, kParticles + 1);
  EXPECT_LE(std::fabs(Number(next.parameters, "x") - 0.45), 0.5);
  EXPECT_GT(Number(next.parameters, "x"), 0.45);  // Velocity and pull.
}

}  // namespace
}  // namespace assay
