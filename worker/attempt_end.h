#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "search/trial.h"
#include "worker/trial_message.h"
#include "worker/trial_process.h"

namespace assay {

// One execution of a trial on this worker. It keeps its name when the
// coordinator gives the attempt another number later.
struct AttemptKey {
  int64_t trial = 0;
  int32_t attempt = 0;
  auto operator<=>(const AttemptKey&) const = default;
};

// Why the worker ended a trial's process, if it did.
enum class EndedBy {
  kItself,
  kTimeLimit,
  kScratchLimit,
  kHandBack,
};

// All that counts for how an attempt ended.
struct AttemptRecord {
  ProcessEnd process;
  EndedBy ended_by = EndedBy::kItself;
  std::string limit;  // kTimeLimit, kScratchLimit: which, in words.
  std::optional<std::string> stop_reason;  // The coordinator told it to stop.
  std::optional<DeclaredEnd> declared;     // It said so over its socket.
  Metrics last_metrics;                    // Of each metric the last report.
  std::vector<std::string> objectives;     // What a result needs.
};

struct AttemptEnd {
  enum class Kind {
    kCompleted = 1,
    kStopped = 2,
    kFailed = 3,      // May be tried again.
    kFatal = 4,       // Trying again cannot help.
    kInfeasible = 5,  // The parameters are at fault.
    kHandedBack = 6,
  };
  Kind kind = Kind::kFailed;
  std::string reason = {};
  Metrics metrics = {};  // As declared; empty: see the measurements.
};

// The exit code of a program that refuses its configuration.
inline constexpr int kBadConfigurationExit = 78;

// The first that applies:
//   told to stop                         STOPPED
//   declared COMPLETED, has objectives   COMPLETED, however the process ended
//   ended by the worker                  FATAL (time), FAILED (scratch),
//                                        HANDED_BACK
//   declared                             what it declared; COMPLETED without
//                                        its objectives FAILED
//   exit code 0, has objectives          COMPLETED
//   exit code 0                          FAILED, names what is missing
//   exit code 78                         FATAL
//   else                                 FAILED, exit code or signal
// with the end of stderr where the program itself is at fault.
AttemptEnd Conclude(const AttemptRecord& record);

}  // namespace assay
