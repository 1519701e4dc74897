#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "assay/v1/study.pb.h"

namespace assay {

// Reads a study file, YAML (1.2, core schema) or JSON; "-" is stdin.
// InvalidArgument names the file, the line and the key: a key that no study
// has (with the near one and those allowed), a value of the wrong kind, an
// enum's allowed names, a key given twice. Limits: 1 MiB, 100,000 nodes after
// aliases, 64 levels.
absl::StatusOr<v1::StudySpec> ReadStudyFile(const std::string& path);

// The same for a text; `name` is how errors call it.
absl::StatusOr<v1::StudySpec> ParseStudyFile(const std::string& text,
                                             const std::string& name);

// What a study file has under `stopping`: the text itself ("{median: {}}"), or
// a file with that, or with a whole study. Errors as above.
absl::StatusOr<v1::Stopping> ReadStopping(const std::string& text_or_path);

}  // namespace assay
