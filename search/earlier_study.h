#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "search/study.h"
#include "search/trial.h"

namespace assay {

// What a study was given of another one when it was created: a copy, which
// later changes of the other leave alone.
struct EarlierStudy {
  StudyId id;            // Of the other, at `revision`.
  std::string name;      // "owner/name", as it was then.
  int64_t revision = 0;  // The other's last change that is in here.
  Trust trust = Trust::kSame;
  int64_t ended = 0;  // Finished trials that it had then, deleted ones aside.
  // How many of those that were looked at are of no use, by reason: "lr is not
  // in its domain here".
  std::map<std::string, int64_t> unused = {};
  int64_t used = 0;  // The others: how many `trials` there are.
  // In the order in which they ended: parameters as this study's
  // space has them, state, final metrics, last step, and their number there.
  // No id, no origin. Left out where only the figures are wanted.
  std::vector<Trial> trials = {};
};

// Of each earlier study at most so many trials are taken: up to half of them
// its best by its own first objective, then the newest of the others.
inline constexpr int kMaxEarlierTrials = 1000;

// InvalidArgument unless the trials of a study of spec `earlier` can tell
// something of `spec`: both have an objective of the same name, and each metric
// of one name has the same goal in both.
absl::Status CheckEarlier(const StudySpec& spec, const StudySpec& earlier);

// The configuration in this space: parameters by name; one that is not there
// takes its default; what the space does not have is left out. InvalidArgument,
// with a reason that holds for many trials ("width is not in its domain here"),
// if a value is not in its domain, a parameter without default is missing, or a
// constraint is broken.
absl::StatusOr<Parameters> TakeOver(const Parameters& parameters,
                                    const SearchSpace& space);

// Adds the finished trial of another study, or counts why it is of no use: its
// parameters as above, or it has no finite value of each objective although it
// is COMPLETED or STOPPED. Of a SIMILAR study only COMPLETED ones are of use.
void AddEarlier(const Trial& trial, const StudySpec& spec,
                EarlierStudy& earlier);

}  // namespace assay
