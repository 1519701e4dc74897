#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "tests/worker/trainer/support/scratch_folder.h"

namespace assay {

// A running assay-trainer. Killed if it still runs at the end.
class TrainerProcess {
 public:
  using Environment = std::map<std::string, std::string>;

  // `environment` is added to the test's, less the variables of a trial.
  explicit TrainerProcess(const std::vector<std::string>& arguments,
                          const Environment& environment = {});
  ~TrainerProcess();
  TrainerProcess(const TrainerProcess&) = delete;
  TrainerProcess& operator=(const TrainerProcess&) = delete;

  void WriteInput(const std::string& text) const;
  void CloseInput();
  void Signal(int signal) const;

  int Wait();  // For its end: the exit code, or minus the signal.
  std::string Output() const;
  std::string Errors() const;

 private:
  [[noreturn]] void BecomeTrainer(std::vector<std::string> arguments,
                                  const Environment& environment,
                                  int input) const;

  ScratchFolder folder_;
  pid_t pid_ = -1;
  int input_ = -1;
};

}  // namespace assay
