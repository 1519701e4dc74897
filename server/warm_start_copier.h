#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "search/earlier_study.h"
#include "search/study.h"
#include "storage/storage.h"

namespace assay {

// Copies what a new study learns from, inside the write that creates it: at
// most kMaxEarlierTrials of each source, 1,500 rows read for them, however many
// it has. Errors name the entry of `warm_start`.
class WarmStartCopier {
 public:
  // Both must outlive this.
  WarmStartCopier(Snapshot& rows, const StudySpec& spec)
      : rows_(rows), spec_(spec) {}

  // The study that the next entry names. NotFound; InvalidArgument for the new
  // study itself, and for one that an earlier entry named.
  absl::StatusOr<Study> Find(const WarmStart& from);

  // InvalidArgument as CheckEarlier() has it.
  absl::Status Copy(const WarmStart& from, const Study& source,
                    const StudySpec& source_spec);

  // In the order of the entries.
  std::vector<EarlierStudy> TakeEarlier() && { return std::move(earlier_); }

 private:
  absl::StatusOr<std::vector<Trial>> ChooseTrials(const Study& source,
                                                  const StudySpec& source_spec);
  // `status` with the entry's name in front.
  absl::Status Named(const absl::Status& status) const;

  Snapshot& rows_;
  const StudySpec& spec_;
  std::vector<EarlierStudy> earlier_;
};

}  // namespace assay
