#pragma once

namespace assay {

// What a worker may read from the end of the process.
inline constexpr int kExitOk = 0;       // Trained, or stopped when told to.
inline constexpr int kExitFailure = 1;  // Another attempt may help.
inline constexpr int kExitBadConfiguration = 78;  // EX_CONFIG: it never will.

}  // namespace assay
