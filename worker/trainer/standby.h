#pragma once

#include <optional>
#include <string>

#include "worker/trainer/result.h"

namespace assay {

// What a trainer that was started ahead is told, in one line of JSON:
//   {"trial": "/path/trial.json", "socket": "/path/socket", "directory": "/x",
//    "resume": "/path", "checkpoint": "/path"}
struct Order {
  std::string trial;      // Obligatory.
  std::string socket;     // Empty: none.
  std::string directory;  // To work in. Empty: the present one.
  // As the environment says by ASSAY_RESUME and ASSAY_CHECKPOINT. Empty: none.
  std::string resume;
  std::string checkpoint;
};

Result<Order> ParseOrder(const std::string& line);

// Waits for a line on `descriptor`. Nothing if it ends first, or if SIGTERM
// comes (CatchTermination() must have been called).
Result<std::optional<Order>> AwaitOrder(int descriptor);

}  // namespace assay
