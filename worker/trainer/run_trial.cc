#include "worker/trainer/run_trial.h"

#include <iostream>

#include "worker/trainer/data/prepared_data.h"
#include "worker/trainer/device.h"
#include "worker/trainer/reporter.h"
#include "worker/trainer/train.h"
#include "worker/trainer/trial_file.h"

namespace assay {
namespace {

TestPart TestPartOf(const TrialFile& trial) {
  return trial.final_test ? TestPart::kWanted : TestPart::kUntouched;
}

void Announce(const TrialFile& trial, const PreparedData& data) {
  std::cout << "trial " << trial.trial_number << " attempt " << trial.attempt;
  if (!trial.study_name.empty()) std::cout << " of " << trial.study_name;
  std::cout << ": " << data.train.size() << " training and "
            << data.validation.size() << " validation examples, epochs "
            << trial.from + 1 << " to " << LastEpoch(trial) << std::endl;
}

}  // namespace

Done RunTrial(const Run& run) {
  TRAINER_ASSIGN_OR_RETURN(const TrialFile trial, ReadTrialFile(run.trial));
  TRAINER_RETURN_IF_ERROR(CheckDevice(trial.config.device));
  TRAINER_ASSIGN_OR_RETURN(
      const PreparedData data,
      PrepareData(trial.config, run.data_root, TestPartOf(trial)));
  Announce(trial, data);
  Reporter reporter(run.socket, std::cout);
  TRAINER_ASSIGN_OR_RETURN(const TrainingOutcome outcome,
                           Train(trial, data, reporter));
  if (outcome.stopped.has_value()) {
    reporter.Stopped(*outcome.stopped, outcome.metrics);
  } else {
    reporter.Completed(outcome.metrics);
  }
  return Success();
}

Done CheckTrial(const Run& run) {
  TRAINER_ASSIGN_OR_RETURN(const TrialFile trial, ReadTrialFile(run.trial));
  TRAINER_RETURN_IF_ERROR(CheckDevice(trial.config.device));
  TRAINER_ASSIGN_OR_RETURN(
      const PreparedData data,
      PrepareData(trial.config, run.data_root, TestPartOf(trial)));
  Announce(trial, data);
  return Success();
}

}  // namespace assay
