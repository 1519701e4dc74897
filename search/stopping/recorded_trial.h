#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "search/trial.h"

namespace assay {

// A trial with its reports, in the order of the log: by Measurement::revision.
struct RecordedTrial {
  struct Report {
    int32_t attempt = 1;
    Measurement measurement;
  };

  Trial trial;
  std::vector<Report> reports;
};

// A report or an end, in the order of the log.
struct RecordedEvent {
  int64_t revision = 0;
  size_t trial = 0;                               // Index of those recorded.
  const RecordedTrial::Report* report = nullptr;  // nullptr: its end.
};

// By rising revision. Unfinished trials have no end. `recorded` must outlive
// them.
std::vector<RecordedEvent> EventsOf(absl::Span<const RecordedTrial> recorded);

// The highest step that its last attempt reported; Trial::from_step if none.
int64_t LastStep(const RecordedTrial& recorded);

// Seconds that its last attempt took for a step: between its first report and
// that of its highest step, by its own clock, or by the coordinator's if it has
// none. With one report the time to it, start included. nullopt if there is no
// report beyond the step from which it started, or no time has passed.
std::optional<double> SecondsAStep(const RecordedTrial& recorded);

// Seconds that attempts which went on from a checkpoint took to their first
// report, beyond what its steps take: loading it. 0 if none did or the pace is
// not known. An attempt went on if its first step lies above one that an
// earlier attempt reported, or the trial continues another.
double ReloadSeconds(const RecordedTrial& recorded);

}  // namespace assay
