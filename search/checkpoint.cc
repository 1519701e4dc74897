#include "search/checkpoint.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "search/base/sha256.h"
#include "search/base/status_macros.h"
#include "search/base/utf8.h"

namespace assay {
namespace {

constexpr size_t kShownBytes = 80;

std::string Quoted(absl::string_view path) {
  const bool is_long = path.size() > kShownBytes;
  return absl::StrCat("\"",
                      absl::Utf8SafeCHexEscape(path.substr(0, kShownBytes)),
                      is_long ? "..." : "", "\"");
}

absl::Status Wrong(const CheckpointFile& file, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("manifest.files: ", Quoted(file.path), ": ", what));
}

absl::Status CheckPath(const CheckpointFile& file) {
  const std::string& path = file.path;
  if (path.empty() || path.size() > kMaxCheckpointPathBytes) {
    return Wrong(file, absl::StrCat("a path of ", path.size(), " bytes; 1 to ",
                                    kMaxCheckpointPathBytes));
  }
  if (!IsUtf8(path) || path.find('\0') != std::string::npos) {
    return Wrong(file, "a path that is no UTF-8 text");
  }
  for (const absl::string_view part : absl::StrSplit(path, '/')) {
    if (!part.empty() && part != "." && part != "..") continue;
    return Wrong(file,
                 "a path has to be relative, without empty parts, \".\" and "
                 "\"..\"");
  }
  return absl::OkStatus();
}

absl::Status CheckChunks(const CheckpointFile& file) {
  if (file.size < 0 || file.size > kMaxCheckpointBytes) {
    return Wrong(file, absl::StrCat("a size of ", file.size, " bytes; 0 to ",
                                    kMaxCheckpointBytes));
  }
  if (file.mode > 0777) {
    return Wrong(file, absl::StrCat("mode ", file.mode, "; 0 to 511"));
  }
  const auto wanted =
      static_cast<size_t>((file.size + kChunkBytes - 1) / kChunkBytes);
  if (file.chunks.size() != wanted) {
    return Wrong(file, absl::StrCat(file.chunks.size(), " chunks for ",
                                    file.size, " bytes; ", wanted, " of up to ",
                                    kChunkBytes, " bytes"));
  }
  for (const std::string& hash : file.chunks) {
    if (hash.size() == kSha256Bytes) continue;
    return Wrong(file, absl::StrCat("a hash of ", hash.size(), " bytes; ",
                                    kSha256Bytes));
  }
  return absl::OkStatus();
}

// No file twice, and none where another one needs a folder.
absl::Status CheckPlaces(const Manifest& manifest) {
  absl::flat_hash_set<absl::string_view> paths;
  for (const CheckpointFile& file : manifest.files) {
    if (!paths.insert(file.path).second) return Wrong(file, "is there twice");
  }
  for (const CheckpointFile& file : manifest.files) {
    const absl::string_view path = file.path;
    for (size_t end = path.find('/'); end != absl::string_view::npos;
         end = path.find('/', end + 1)) {
      if (!paths.contains(path.substr(0, end))) continue;
      return Wrong(file, absl::StrCat("lies in ", Quoted(path.substr(0, end)),
                                      ", which is a file"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckSizes(const Manifest& manifest) {
  std::map<absl::string_view, int64_t> sizes;
  for (const CheckpointFile& file : manifest.files) {
    for (size_t i = 0; i < file.chunks.size(); ++i) {
      const int64_t size = ChunkSize(file, i);
      const auto [at, is_new] = sizes.emplace(file.chunks[i], size);
      if (is_new || at->second == size) continue;
      return Wrong(file,
                   absl::StrCat("chunk ", i, " has ", size, " bytes here and ",
                                at->second, " elsewhere under the same hash"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckManifest(const Manifest& manifest) {
  if (manifest.files.empty() || manifest.files.size() > kMaxCheckpointFiles) {
    return absl::InvalidArgumentError(
        absl::StrCat("manifest.files: ", manifest.files.size(), "; 1 to ",
                     kMaxCheckpointFiles));
  }
  int64_t bytes = 0;
  for (const CheckpointFile& file : manifest.files) {
    ASSAY_RETURN_IF_ERROR(CheckPath(file));
    ASSAY_RETURN_IF_ERROR(CheckChunks(file));
    bytes += file.size;
    if (bytes <= kMaxCheckpointBytes) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("manifest.files: more than ", kMaxCheckpointBytes,
                     " bytes together, which is the limit"));
  }
  ASSAY_RETURN_IF_ERROR(CheckPlaces(manifest));
  return CheckSizes(manifest);
}

int64_t BytesOf(const Manifest& manifest) {
  int64_t bytes = 0;
  for (const CheckpointFile& file : manifest.files) bytes += file.size;
  return bytes;
}

int64_t ChunkSize(const CheckpointFile& file, size_t index) {
  return std::min(kChunkBytes,
                  file.size - static_cast<int64_t>(index) * kChunkBytes);
}

std::map<std::string, int64_t> ChunksOf(const Manifest& manifest) {
  std::map<std::string, int64_t> chunks;
  for (const CheckpointFile& file : manifest.files) {
    for (size_t i = 0; i < file.chunks.size(); ++i) {
      chunks.emplace(file.chunks[i], ChunkSize(file, i));
    }
  }
  return chunks;
}

}  // namespace assay
