#include "server/warm_start_copier.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"
#include "search/lineages.h"
#include "server/best_trials.h"
#include "server/study_reference.h"

namespace assay {

absl::Status WarmStartCopier::Named(const absl::Status& status) const {
  return absl::Status(
      status.code(), absl::StrCat("warm_start[", earlier_.size(), "].study: \"",
                                  spec_.warm_start[earlier_.size()].study,
                                  "\": ", std::string(status.message())));
}

absl::StatusOr<Study> WarmStartCopier::Find(const WarmStart& from) {
  const StudyReference named = ParseStudyReference(from.study);
  if (!named.id && named.name == std::pair(spec_.owner, spec_.name)) {
    return Named(absl::InvalidArgumentError(
        "a study cannot learn from itself; another one is wanted"));
  }
  absl::StatusOr<Study> source = FindStudyBy(rows_, from.study);
  if (!source.ok()) return Named(source.status());
  for (size_t i = 0; i < earlier_.size(); ++i) {
    if (earlier_[i].id != source->id) continue;
    return Named(absl::InvalidArgumentError(
        absl::StrCat("the same study as warm_start[", i, "]")));
  }
  return source;
}

absl::Status WarmStartCopier::Copy(const WarmStart& from, const Study& source,
                                   const StudySpec& source_spec) {
  const absl::Status fits = CheckEarlier(spec_, source_spec);
  if (!fits.ok()) return Named(fits);
  const StudyCounts& counts = source.counts;
  EarlierStudy earlier{.id = source.id,
                       .name = absl::StrCat(source.owner, "/", source.name),
                       .revision = source.revision,
                       .trust = from.trust,
                       .ended = counts.completed + counts.stopped +
                                counts.failed + counts.infeasible};
  ASSAY_ASSIGN_OR_RETURN(const std::vector<Trial> trials,
                         ChooseTrials(source, source_spec));
  for (const Trial& trial : trials) AddEarlier(trial, spec_, earlier);
  earlier_.push_back(std::move(earlier));
  return absl::OkStatus();
}

// In the order in which they ended.
absl::StatusOr<std::vector<Trial>> WarmStartCopier::ChooseTrials(
    const Study& source, const StudySpec& source_spec) {
  ASSAY_ASSIGN_OR_RETURN(
      std::vector<Trial> chosen,
      BestTrials(rows_, source.id, source_spec, kMaxEarlierTrials / 2));
  ASSAY_ASSIGN_OR_RETURN(std::vector<Trial> newest,
                         rows_.ListNewestEnded(source.id, kMaxEarlierTrials));
  absl::flat_hash_set<TrialId> known;
  for (const Trial& trial : chosen) known.insert(trial.id);
  for (Trial& trial : newest) {
    if (chosen.size() == kMaxEarlierTrials) break;
    if (known.insert(trial.id).second) chosen.push_back(std::move(trial));
  }
  std::sort(chosen.begin(), chosen.end(), [](const Trial& a, const Trial& b) {
    return a.ended_revision < b.ended_revision;
  });
  return OfOneBudget(source_spec, EnoughConfigurations(source_spec),
                     std::move(chosen));
}

}  // namespace assay
