// Published results of gradient-based hyperparameter optimization, by the
// trainer's own hypergradients. Figures for people.

#include <cstdio>
#include <cstring>

#include "tests/bench/hypergradient/bench_sets.h"
#include "worker/trainer/device.h"

int main(int argc, char** argv) {
  using Bench = void (*)(const std::string&);
  const std::pair<const char*, Bench> benches[] = {
      {"cleaning", assay::CleanData},
      {"decays", assay::LearnWeightDecays},
      {"logistic", assay::FindLogisticPenalty},
      {"online", assay::DescendOnline}};
  const char* wanted = argc > 1 ? argv[1] : nullptr;
  const std::string root = argc > 2 ? argv[2] : "/usr/share/datasets";
  assay::UseThreads(1);
  for (const auto& [name, bench] : benches) {
    if (wanted == nullptr || std::strcmp(wanted, name) == 0) bench(root);
    std::fflush(stdout);
  }
}
