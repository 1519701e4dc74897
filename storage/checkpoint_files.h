#pragma once

#include <cstddef>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "search/checkpoint.h"

namespace assay {

// A folder of files becomes a manifest and chunks, and back. Every call waits
// for the disk.

// What the files of a folder look like from outside: names, sizes, times. Equal
// texts: nothing was written in between. InvalidArgument, naming the file, for
// what a checkpoint cannot hold: links, devices, names that are no UTF-8, more
// than a manifest takes. Empty if there is no file.
absl::StatusOr<std::string> LookAtFolder(const std::string& folder);

// Copies a folder's files, without another byte on the disk where the file
// system shares them (reflink). `to` is made, and must not be there. Errors as
// above.
absl::Status CopyFolder(const std::string& from, const std::string& to);

// Reads all files. `visit` sees each chunk in turn; what it returns ends the
// reading unless it is OK. Errors as above.
using VisitChunk = absl::FunctionRef<absl::Status(const std::string& hash,
                                                  absl::string_view data)>;
absl::StatusOr<Manifest> ReadManifest(const std::string& folder,
                                      VisitChunk visit);

// Of a file of a folder whose manifest was read. DataLoss if it has changed.
absl::StatusOr<std::string> ReadChunk(const std::string& folder,
                                      const CheckpointFile& file, size_t index);

// Makes the folder's files anew from chunks that `get` gives; its errors end
// it. `folder` is made. REQUIRES: a checked manifest.
using GetChunk =
    absl::FunctionRef<absl::StatusOr<std::string>(const std::string& hash)>;
absl::Status WriteFiles(const Manifest& manifest, const std::string& folder,
                        GetChunk get);

}  // namespace assay
