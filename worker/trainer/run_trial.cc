#include "worker/trainer/run_trial.h"

#include <iostream>
#include <string>

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

const char* StepName(BudgetUnit unit) {
  switch (unit) {
    case BudgetUnit::kSteps:
      return "epoch";
    case BudgetUnit::kSeconds:
      return "second";
    case BudgetUnit::kExamples:
      return "examples";
  }
  return "step";
}

std::string BudgetText(const TrialFile& trial) {
  const Budget& budget = trial.budget;
  if (budget.unit == BudgetUnit::kSeconds && budget.to.has_value()) {
    return "seconds " + std::to_string(budget.from) + " to " +
           std::to_string(*budget.to);
  }
  const int64_t from = budget.unit == BudgetUnit::kSteps ? budget.from : 0;
  return "epochs " + std::to_string(from + 1) + " to " +
         std::to_string(LastEpoch(trial));
}

void Announce(const TrialFile& trial, const PreparedData& data) {
  std::cout << "trial " << trial.trial_number << " attempt " << trial.attempt;
  if (!trial.study_name.empty()) std::cout << " of " << trial.study_name;
  std::cout << ": " << data.train.size() << " training and "
            << data.validation.size() << " validation examples, "
            << BudgetText(trial) << std::endl;
}

Result<TrialFile> ReadTrial(const Run& run) {
  TRAINER_ASSIGN_OR_RETURN(TrialFile trial, ReadTrialFile(run.trial));
  if (trial.resume.empty()) trial.resume = run.resume;
  if (trial.checkpoint.empty()) trial.checkpoint = run.checkpoint;
  TRAINER_RETURN_IF_ERROR(CheckDevice(trial.config.device));
  return trial;
}

}  // namespace

Done RunTrial(const Run& run) {
  TRAINER_ASSIGN_OR_RETURN(const TrialFile trial, ReadTrial(run));
  TRAINER_ASSIGN_OR_RETURN(
      const PreparedData data,
      PrepareData(trial.config, run.data_root, TestPartOf(trial)));
  Announce(trial, data);
  Reporter reporter(run.socket, std::cout, StepName(trial.budget.unit));
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
  TRAINER_ASSIGN_OR_RETURN(const TrialFile trial, ReadTrial(run));
  TRAINER_ASSIGN_OR_RETURN(
      const PreparedData data,
      PrepareData(trial.config, run.data_root, TestPartOf(trial)));
  Announce(trial, data);
  return Success();
}

}  // namespace assay
