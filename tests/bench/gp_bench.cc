// CPU milliseconds of the Gaussian process, 10 continuous parameters, one
// thread, the best of three runs. Figures for people.

#include <time.h>

#include <algorithm>
#include <cstdio>
#include <limits>

#include "search/gp/gaussian_process.h"
#include "search/gp/map_fit.h"
#include "search/gp/marginal_likelihood.h"
#include "tests/search/gp/mixed_space.h"

namespace assay {
namespace {

constexpr int kParameters = 10;

double CpuMilliseconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return 1e3 * static_cast<double>(now.tv_sec) +
         1e-6 * static_cast<double>(now.tv_nsec);
}

template <typename Function>
void Print(const char* name, int repeats, Function function) {
  double best = std::numeric_limits<double>::infinity();
  for (int run = 0; run < 3; ++run) {
    const double start = CpuMilliseconds();
    for (int i = 0; i < repeats; ++i) function();
    best = std::min(best, (CpuMilliseconds() - start) / repeats);
  }
  std::printf("  %-42s %9.3f\n", name, best);
}

void Measure(int n) {
  std::printf("n = %d\n", n);
  Random random(1);
  const Features features = Features::Continuous(kParameters);
  const Eigen::MatrixXd x = RandomMatrix(n, kParameters, random).array() - 0.5;
  const Eigen::MatrixXd z =
      RandomMatrix(1000, kParameters, random).array() - 0.5;
  const Eigen::VectorXd y = SmoothTargets(x) + 0.1 * RandomMatrix(n, 1, random);
  const int repeats = std::max(1, 20000 / n);

  MarginalLikelihood likelihood(features, x, y, {});
  const Hyperparameters start = Hyperparameters::Default(features);
  Print("log likelihood and gradient", std::max(1, repeats / 20),
        [&] { likelihood.Evaluate(start); });

  MapFitOptions options;
  Print("MAP fit, cold", 1,
        [&] { FitMap(features, x, y, {}, options, random); });
  const MapFit fit = FitMap(features, x, y, {}, options, random);
  options.previous = fit.hyperparameters;
  options.warm = true;
  Print("MAP fit, warm", 1,
        [&] { FitMap(features, x, y, {}, options, random); });

  GaussianProcess process(features, fit.hyperparameters, x, y);
  Print("a pending row more", repeats, [&] {
    process.AppendPending(z.row(0));
    process.TruncatePending();
  });
  Print("64 pending rows more", std::max(1, repeats / 20), [&] {
    process.AppendPending(z.topRows(64));
    process.TruncatePending();
  });
  Print("new targets", repeats, [&] { process.SetTargets(y); });
  Print("means of 1000", std::max(1, repeats / 20), [&] { process.Mean(z); });
  Print("means and variances of 200", std::max(1, repeats / 20),
        [&] { process.Predict(z.topRows(200)); });
  Print("mean, variance and gradients of 1", repeats,
        [&] { process.PredictWithGradients(z.topRows(1)); });
  Print("mean, variance and gradients of 8 together", repeats,
        [&] { process.PredictWithGradients(z.topRows(8)); });
}

}  // namespace
}  // namespace assay

int main() {
  for (const int n : {50, 100, 300, 500, 1000}) assay::Measure(n);
}
