// Asks, evaluates and tells from C++: minimises the Branin function.
//
//   assay-server &
//   assay_example_ask_tell [ADDRESS]

#include <cmath>
#include <iostream>

#include "client/study_client.h"

namespace {

// Its minimum is 0.397887, at (pi, 2.275) and two more points.
double Branin(double x1, double x2) {
  const double b = 5.1 / (4 * M_PI * M_PI), c = 5 / M_PI;
  const double bend = x2 - b * x1 * x1 + c * x1 - 6;
  return bend * bend + 10 * (1 - 1 / (8 * M_PI)) * std::cos(x1) + 10;
}

assay::v1::StudySpec BraninStudy() {
  assay::v1::StudySpec spec;
  spec.set_name("branin-cc");
  auto& metric = *spec.add_metrics();
  metric.set_name("y");
  metric.set_goal(assay::v1::MINIMIZE);
  auto& x1 = *spec.add_parameters();
  x1.set_name("x1");
  x1.mutable_double_()->set_min(-5);
  x1.mutable_double_()->set_max(10);
  auto& x2 = *spec.add_parameters();
  x2.set_name("x2");
  x2.mutable_double_()->set_min(0);
  x2.mutable_double_()->set_max(15);
  spec.mutable_budget()->set_max_trials(100);
  return spec;
}

}  // namespace

int main(int argc, char** argv) {
  assay::StudyClient client(argc > 1 ? argv[1] : "127.0.0.1:7070");
  const auto study = client.CreateStudy(BraninStudy());
  if (!study.ok()) {
    std::cerr << study.status() << "\n";
    return 1;
  }
  while (true) {
    const auto held = client.Ask(study->id());
    if (!held.ok()) {
      std::cout << std::string(held.status().message()) << "\n";
      break;  // The study is over.
    }
    const double y = Branin(assay::Number(held->trial(), "x1"),
                            assay::Number(held->trial(), "x2"));
    if (const auto told = client.Complete(*held, {{"y", y}}); !told.ok()) {
      std::cerr << told.status() << "\n";
      return 1;
    }
  }
  const auto best = client.Best("branin-cc");
  if (!best.ok() || best->empty()) return 1;
  const assay::v1::Trial& trial = best->front();
  std::cout << "best: y = " << trial.final_metrics().at("y")
            << " at x1 = " << assay::Number(trial, "x1")
            << ", x2 = " << assay::Number(trial, "x2") << "\n";
}
