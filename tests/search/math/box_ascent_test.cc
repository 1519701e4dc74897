#include "search/math/box_ascent.h"

#include <cmath>
#include <functional>
#include <limits>

#include "gtest/gtest.h"

namespace assay {
namespace {

using Eigen::VectorXd;

struct Function {
  std::function<double(const VectorXd&)> value;
  std::function<VectorXd(const VectorXd&)> gradient;
};

int Climb(BoxAscent& ascent, const Function& f) {
  int evaluations = 0;
  for (; !ascent.done(); ++evaluations) {
    const VectorXd x = ascent.next();
    ascent.Tell(f.value(x), f.gradient(x));
  }
  return evaluations;
}

const Function kRosenbrock = {
    [](const VectorXd& x) {
      return -100 * std::pow(x(1) - x(0) * x(0), 2) - std::pow(1 - x(0), 2);
    },
    [](const VectorXd& x) {
      VectorXd g(2);
      g(0) = 400 * x(0) * (x(1) - x(0) * x(0)) + 2 * (1 - x(0));
      g(1) = -200 * (x(1) - x(0) * x(0));
      return g;
    }};

BoxAscent Start(const VectorXd& start, double lower, double upper,
                BoxAscent::Options options = {}) {
  const auto n = start.size();
  return BoxAscent(start, VectorXd::Constant(n, lower),
                   VectorXd::Constant(n, upper), VectorXd::Ones(n), options);
}

TEST(BoxAscentTest, FindsTheTopOfACurvedRidge) {
  BoxAscent ascent = Start(VectorXd::Constant(2, -1), -2, 2,
                           {.max_evaluations = 200, .value_tolerance = 1e-14});
  EXPECT_LT(Climb(ascent, kRosenbrock), 100);
  EXPECT_NEAR(ascent.best()(0), 1, 1e-5);
  EXPECT_NEAR(ascent.best()(1), 1, 1e-5);
}

// The best point of the box [-2, 1/2]^2 is (1/2, 1/4).
TEST(BoxAscentTest, StopsAtTheBound) {
  BoxAscent ascent = Start(VectorXd::Constant(2, -1), -2, 0.5,
                           {.max_evaluations = 200, .value_tolerance = 1e-14});
  Climb(ascent, kRosenbrock);
  EXPECT_EQ(ascent.best()(0), 0.5);
  EXPECT_NEAR(ascent.best()(1), 0.25, 1e-6);
}

TEST(BoxAscentTest, LeavesABoundWhereTheGradientPointsInwards) {
  BoxAscent ascent = Start(VectorXd::Constant(2, -2), -2, 2,
                           {.max_evaluations = 200, .value_tolerance = 1e-14});
  Climb(ascent, kRosenbrock);
  EXPECT_NEAR(ascent.best_value(), 0, 1e-8);
}

TEST(BoxAscentTest, NeverEvaluatesOutsideTheBoxNorTooOften) {
  BoxAscent ascent =
      Start(VectorXd::Zero(2), -0.3, 0.9, {.max_evaluations = 7});
  const Function watched = {[](const VectorXd& x) {
                              EXPECT_GE(x.minCoeff(), -0.3);
                              EXPECT_LE(x.maxCoeff(), 0.9);
                              return kRosenbrock.value(x);
                            },
                            kRosenbrock.gradient};
  EXPECT_LE(Climb(ascent, watched), 7);
}

TEST(BoxAscentTest, CoordinatesWithEqualBoundsStay) {
  VectorXd lower(2), upper(2), start(2);
  start << 0.2, 0.7, lower << 0.2, 0, upper << 0.2, 1;
  BoxAscent ascent(start, lower, upper, VectorXd::Ones(2),
                   {.value_tolerance = 1e-14});
  Climb(ascent, kRosenbrock);
  EXPECT_EQ(ascent.best()(0), 0.2);
  EXPECT_NEAR(ascent.best()(1), 0.04, 1e-6);
}

TEST(BoxAscentTest, GoesAroundValuesThatAreNotFinite) {
  const Function cliff = {
      [](const VectorXd& x) {
        return x(0) > 0.5 ? std::numeric_limits<double>::quiet_NaN()
                          : -std::pow(x(0) - 0.4, 2);
      },
      [](const VectorXd& x) { return VectorXd(-2 * (x.array() - 0.4)); }};
  BoxAscent ascent(VectorXd::Zero(1), VectorXd::Zero(1), VectorXd::Ones(1),
                   VectorXd::Ones(1),
                   {.value_tolerance = 1e-14, .first_step = 1});
  Climb(ascent, cliff);
  EXPECT_NEAR(ascent.best()(0), 0.4, 1e-6);
}

TEST(BoxAscentTest, AFlatFunctionEndsItAtOnce) {
  BoxAscent ascent = Start(VectorXd::Zero(2), -1, 1);
  EXPECT_EQ(Climb(ascent, {[](const VectorXd&) { return 1.0; },
                           [](const VectorXd&) {
                             return VectorXd(VectorXd::Zero(2));
                           }}),
            1);
}

}  // namespace
}  // namespace assay
