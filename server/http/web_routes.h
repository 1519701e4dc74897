#pragma once

#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/http/http_route.h"

namespace assay {

// One file of the web page, as its build wrote it; compiled into the program.
struct WebFile {
  absl::string_view path;    // "/index.html", "/assets/index-4f1c.js".
  absl::string_view digest;  // Of the content: another one, another content.
  absl::string_view content;
};

// The page of client/web; none if it was built without.
absl::Span<const WebFile> CompiledInWebFiles();

// GET of each file, and of "/" for /index.html. What lies in /assets/ has its
// hash in its name and may be kept for ever; of the rest a browser asks whether
// it is still the same. The page may load and ask of this server only.
std::vector<HttpRoute> WebRoutes(absl::Span<const WebFile> files);

}  // namespace assay
