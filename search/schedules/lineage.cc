#include "search/schedules/lineage.h"

namespace assay {
namespace {

void PassOn(SearchStrategy& inner, const Trial& configuration,
            const std::vector<Measurement>& reports) {
  if (!inner.WantsReports()) return;
  for (const Measurement& report : reports) {
    inner.ObserveReport(configuration, report);
  }
}

}  // namespace

Trial AsConfiguration(const Trial& first, const Trial& run) {
  Trial configuration = run;
  configuration.id = first.id;
  configuration.number = first.number;
  configuration.origin = first.origin;
  configuration.from_step = 0;
  configuration.to_step = 0;
  configuration.continues = {};
  if (run.state == TrialState::kCompleted && run.to_step > 0) {
    configuration.last_step = run.to_step;
  }
  return configuration;
}

void Tell(SearchStrategy& inner, const Trial& configuration,
          const std::vector<Measurement>& reports) {
  PassOn(inner, configuration, reports);
  inner.Observe(configuration);
}

void TellLonger(SearchStrategy& inner, const Trial& configuration,
                const std::vector<Measurement>& reports) {
  PassOn(inner, configuration, reports);
  inner.ObserveLonger(configuration);
}

bool BringsFurther(const Trial& run) {
  if (run.state == TrialState::kCompleted) return true;
  return run.state == TrialState::kStopped && run.last_step > run.from_step;
}

}  // namespace assay
