// Asks, trains and tells with checkpoints: a schedule goes on with what is
// good, each run from the files that the one before it saved.
//
//   assay-server &
//   assay_example_checkpoints [ADDRESS]

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <string>

#include "client/study_client.h"

namespace {

namespace fs = std::filesystem;

assay::v1::StudySpec SquareStudy() {
  assay::v1::StudySpec spec;
  spec.set_name("checkpoints-cc");
  auto& metric = *spec.add_metrics();
  metric.set_name("loss");
  metric.set_goal(assay::v1::MINIMIZE);
  auto& rate = *spec.add_parameters();
  rate.set_name("rate");
  rate.mutable_double_()->set_min(0);
  rate.mutable_double_()->set_max(0.5);
  spec.mutable_schedule()->set_max_steps(9);
  spec.mutable_schedule()->mutable_asha();
  spec.mutable_budget()->set_max_trials(30);
  return spec;
}

// Gradient descent on w^2 from 1, one step after the other; its checkpoint is
// the one file "w".
absl::Status Train(assay::StudyClient& client,
                   const assay::v1::Assignment& held, const fs::path& folder) {
  fs::remove_all(folder);
  const absl::StatusOr<int64_t> begin = client.LoadCheckpoint(held, folder);
  if (!begin.ok()) return begin.status();
  double w = 1;
  if (*begin > 0) std::ifstream(folder / "w") >> w;
  for (int64_t step = *begin + 1; step <= held.trial().to_step(); ++step) {
    w -= assay::Number(held.trial(), "rate") * 2 * w;
    const auto told = client.Report(held, step, {{"loss", w * w}});
    if (!told.ok()) return told.status();
    if (told->should_stop()) break;
  }
  if (held.final_checkpoint()) {
    fs::create_directories(folder);
    std::ofstream(folder / "w") << std::setprecision(17) << w;
    const auto saved =
        client.SaveCheckpoint(held, held.trial().to_step(), folder);
    if (!saved.ok()) return saved.status();
  }
  std::cout << "trial " << held.trial().number() << ": steps " << *begin
            << " to " << held.trial().to_step() << "\n";
  return client.Complete(held, {}).status();
}

}  // namespace

int main(int argc, char** argv) {
  assay::StudyClient client(argc > 1 ? argv[1] : "127.0.0.1:7070");
  const auto study = client.CreateStudy(SquareStudy());
  if (!study.ok()) {
    std::cerr << study.status() << "\n";
    return 1;
  }
  std::string folder =
      (fs::temp_directory_path() / "assay-example-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) return 1;
  absl::Status status;
  while (status.ok()) {
    const auto held = client.Ask(study->id());
    status = held.ok() ? Train(client, *held, fs::path(folder) / "files")
                       : held.status();
  }
  fs::remove_all(folder);
  std::cout << std::string(status.message()) << "\n";
  return absl::IsOutOfRange(status) ? 0 : 1;  // The study is over.
}
