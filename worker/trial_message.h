#pragma once

#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "search/trial.h"

namespace assay {

// What a trial says over its socket: one JSON object a line.

// {"finish":{"state":"COMPLETED","reason":"..","metrics":{"loss":0.1}}}
struct DeclaredEnd {
  enum class State { kCompleted, kStopped, kFailed, kInfeasible };
  State state = State::kCompleted;
  std::string reason;
  Metrics metrics;
};

// {"attribute":{"namespace":"user","key":"..","value":".."}}
struct TrialAttribute {
  std::string name_space = "user";
  std::string key;
  std::string value;
};

// {"checkpoint":{"step":9}}: what lies in ASSAY_CHECKPOINT is complete.
struct CheckpointNotice {
  int64_t step = 0;  // The last one that is in it.
};

// A Measurement is
// {"report":{"step":3,"metrics":{"loss":0.4},"instance":0,
//            "gradients":{"loss":{"lr":-1.5}},
//            "gradient_deviations":{"loss":{"lr":0.1}}}}, the last three
// optional. A deviation is not negative and of a number among the gradients.
using TrialMessage =
    std::variant<Measurement, DeclaredEnd, TrialAttribute, CheckpointNotice>;

// Numbers may also be the strings "NaN", "Infinity" and "-Infinity", which
// JSON cannot say. InvalidArgument names the key, what it is and what is
// allowed.
absl::StatusOr<TrialMessage> ParseTrialMessage(absl::string_view line);

// To the trial, each with its newline.
std::string AckLine(int64_t lines);
std::string ErrorLine(absl::string_view message);
std::string StopLine(absl::string_view reason);

}  // namespace assay
