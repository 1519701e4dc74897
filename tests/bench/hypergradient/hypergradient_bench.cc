// Published results of gradient-based hyperparameter optimization, by the
// trainer's own hypergradients. Figures for people; README.md has them.
//   assay_hypergradient_bench [NAME|all] [DATA_ROOT] [FOLDER for curves]

#include <cstdio>
#include <cstring>

#include "tests/bench/hypergradient/bench_sets.h"
#include "worker/trainer/device.h"

int main(int argc, char** argv) {
  using Bench = void (*)(const assay::BenchOptions&);
  const std::pair<const char*, Bench> benches[] = {
      {"cleaning", assay::CleanData},
      {"decays", assay::LearnWeightDecays},
      {"logistic", assay::FindLogisticPenalty},
      {"online", assay::DescendOnline}};
  const char* wanted = argc > 1 ? argv[1] : "all";
  const assay::BenchOptions options = {
      .data_root = argc > 2 ? argv[2] : "/usr/share/datasets",
      .curves = argc > 3 ? argv[3] : ""};
  const bool all = std::strcmp(wanted, "all") == 0;
  bool known = all;
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  assay::UseThreads(1);
  for (const auto& [name, bench] : benches) {
    if (!all && std::strcmp(wanted, name) != 0) continue;
    known = true;
    const assay::Stopwatch watch;
    bench(options);
    std::printf("  %s: %.1f s of the processor\n", name, watch.Seconds());
    std::fflush(stdout);
  }
  if (!known) {
    std::fprintf(stderr,
                 "%s is none of all, cleaning, decays, logistic, online\n",
                 wanted);
  }
  return known ? 0 : 2;
}
