#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "search/id.h"

namespace assay {

// A file is cut into chunks of so many bytes; its last one may be shorter. Part
// of the format: equal files have equal chunks on every machine.
inline constexpr int64_t kChunkBytes = int64_t{4} << 20;

inline constexpr size_t kMaxCheckpointFiles = 10'000;
inline constexpr size_t kMaxCheckpointPathBytes = 512;
inline constexpr int64_t kMaxCheckpointBytes = int64_t{256} << 30;

// One regular file of a checkpoint.
struct CheckpointFile {
  std::string path = {};  // Relative, UTF-8, "/" between its parts.
  int64_t size = 0;       // In bytes.
  uint32_t mode = 0644;   // Permission bits.
  std::vector<std::string> chunks = {};  // SHA-256 of each, in order.
  bool operator==(const CheckpointFile&) const = default;
};

// What a folder held. Empty folders and links are not kept.
struct Manifest {
  std::vector<CheckpointFile> files = {};
  bool operator==(const Manifest&) const = default;
};

// What a trial needs to go on from `step`.
struct Checkpoint {
  CheckpointId id;
  StudyId study;
  TrialId trial;
  int32_t attempt = 0;
  int64_t step = 0;  // The last one that is in it.
  absl::Time created;
  int64_t files = 0;
  int64_t bytes = 0;  // Of its files.
  Manifest manifest;  // Left out where many are listed.
  // Since when nothing needs it (checkpoint_retention.h).
  std::optional<absl::Time> unneeded_since = {};
};

// InvalidArgument, naming the file, what it has and what is allowed: a path
// that is absolute, leaves the folder, comes twice or lies in another file; a
// number of chunks that does not fit the size; a limit above.
absl::Status CheckManifest(const Manifest& manifest);

int64_t BytesOf(const Manifest& manifest);

// Of the file's `index`-th chunk. REQUIRES: it has one.
int64_t ChunkSize(const CheckpointFile& file, size_t index);

// Each chunk once, by hash, with its size. REQUIRES: a checked manifest.
std::map<std::string, int64_t> ChunksOf(const Manifest& manifest);

}  // namespace assay
