#pragma once

#include <string>

#include "absl/status/status.h"

namespace assay {

// PermissionDenied for an address that other machines can reach, unless
// `insecure`. InvalidArgument for what is no address. `flag`: "--http".
absl::Status CheckListenAddress(const std::string& flag,
                                const std::string& address, bool insecure);

}  // namespace assay
