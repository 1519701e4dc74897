#include "storage/checkpoint_files.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "search/base/sha256.h"
#include "search/base/status_macros.h"
#include "search/base/utf8.h"
#include "storage/file_descriptor.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

struct Found {
  std::string path;  // Relative.
  struct stat status;
};

absl::Status Refused(const std::string& path, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(
      "checkpoint: \"", absl::Utf8SafeCHexEscape(path), "\" ", why));
}

absl::Status CheckKind(const Found& file) {
  if (!IsUtf8(file.path))
    return Refused(file.path, "has a name that is no UTF-8");
  if (file.path.size() > kMaxCheckpointPathBytes) {
    return Refused(file.path,
                   absl::StrCat("has a path of ", file.path.size(),
                                " bytes; at most ", kMaxCheckpointPathBytes));
  }
  if (S_ISREG(file.status.st_mode)) return absl::OkStatus();
  return Refused(file.path, S_ISLNK(file.status.st_mode)
                                ? "is a link; only files are kept"
                                : "is neither a file nor a folder");
}

// By path, so that the same folder gives the same manifest.
absl::StatusOr<std::vector<Found>> FindFiles(const std::string& folder) {
  std::vector<Found> files;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error);
       !error && entry != fs::recursive_directory_iterator();
       entry.increment(error)) {
    Found found;
    found.path = entry->path().lexically_relative(folder).string();
    if (lstat(entry->path().c_str(), &found.status) != 0) {
      return FileError("look at", entry->path().string(), errno);
    }
    if (S_ISDIR(found.status.st_mode)) continue;
    ASSAY_RETURN_IF_ERROR(CheckKind(found));
    files.push_back(std::move(found));
    if (files.size() <= kMaxCheckpointFiles) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("checkpoint: more than ", kMaxCheckpointFiles, " files"));
  }
  if (error) return FileError("read", folder, error.value());
  std::sort(files.begin(), files.end(),
            [](const Found& a, const Found& b) { return a.path < b.path; });
  return files;
}

absl::Status MakeFolderFor(const std::string& path) {
  std::error_code error;
  fs::create_directories(fs::path(path).parent_path(), error);
  return error ? FileError("create the folder of", path, error.value())
               : absl::OkStatus();
}

absl::StatusOr<std::string> ReadAt(const FileDescriptor& file,
                                   const std::string& path, int64_t offset) {
  std::string data(static_cast<size_t>(kChunkBytes), '\0');
  size_t size = 0;
  while (size < data.size()) {
    const ssize_t count =
        pread(file.get(), data.data() + size, data.size() - size,
              static_cast<off_t>(offset) + static_cast<off_t>(size));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return FileError("read", path, errno);
    if (count == 0) break;
    size += static_cast<size_t>(count);
  }
  data.resize(size);
  return data;
}

absl::Status CopyBytes(const FileDescriptor& from, const FileDescriptor& to,
                       const std::string& path) {
  for (int64_t offset = 0;;) {
    ASSAY_ASSIGN_OR_RETURN(const std::string data, ReadAt(from, path, offset));
    if (data.empty()) return absl::OkStatus();
    ASSAY_RETURN_IF_ERROR(WriteAll(to, data, path));
    offset += static_cast<int64_t>(data.size());
  }
}

absl::Status CopyFile(const std::string& from, const std::string& to,
                      mode_t mode) {
  ASSAY_RETURN_IF_ERROR(MakeFolderFor(to));
  const FileDescriptor source(open(from.c_str(), O_RDONLY | O_CLOEXEC));
  if (!source) return FileError("open", from, errno);
  const FileDescriptor target(open(
      to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode | S_IRUSR));
  if (!target) return FileError("create", to, errno);
  if (ioctl(target.get(), FICLONE, source.get()) == 0) return absl::OkStatus();
  return CopyBytes(source, target, to);
}

absl::Status ReadFile(const std::string& path, CheckpointFile& file,
                      VisitChunk visit) {
  const FileDescriptor descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!descriptor) return FileError("open", path, errno);
  for (;;) {
    ASSAY_ASSIGN_OR_RETURN(const std::string data,
                           ReadAt(descriptor, path, file.size));
    if (data.empty()) return absl::OkStatus();
    file.size += static_cast<int64_t>(data.size());
    file.chunks.push_back(Sha256(data));
    ASSAY_RETURN_IF_ERROR(visit(file.chunks.back(), data));
    if (static_cast<int64_t>(data.size()) < kChunkBytes) {
      return absl::OkStatus();
    }
  }
}

absl::Status WriteOne(const CheckpointFile& file, const std::string& path,
                      GetChunk get) {
  ASSAY_RETURN_IF_ERROR(MakeFolderFor(path));
  const FileDescriptor target(
      open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!target) return FileError("create", path, errno);
  for (const std::string& hash : file.chunks) {
    ASSAY_ASSIGN_OR_RETURN(const std::string data, get(hash));
    ASSAY_RETURN_IF_ERROR(WriteAll(target, data, path));
  }
  // Readable by who made it, whatever it was elsewhere.
  fchmod(target.get(), file.mode | S_IRUSR);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> LookAtFolder(const std::string& folder) {
  ASSAY_ASSIGN_OR_RETURN(const std::vector<Found> files, FindFiles(folder));
  std::string look;
  for (const Found& file : files) {
    absl::StrAppend(&look, file.path, " ", file.status.st_size, " ",
                    file.status.st_ino, " ", file.status.st_mtim.tv_sec, ".",
                    file.status.st_mtim.tv_nsec, "\n");
  }
  return look;
}

absl::Status CopyFolder(const std::string& from, const std::string& to) {
  ASSAY_ASSIGN_OR_RETURN(const std::vector<Found> files, FindFiles(from));
  if (!MakeFolderFor(to).ok() || mkdir(to.c_str(), 0700) != 0) {
    return FileError("create", to, errno);
  }
  for (const Found& file : files) {
    ASSAY_RETURN_IF_ERROR(CopyFile(absl::StrCat(from, "/", file.path),
                                   absl::StrCat(to, "/", file.path),
                                   file.status.st_mode & 0777));
  }
  return absl::OkStatus();
}

absl::StatusOr<Manifest> ReadManifest(const std::string& folder,
                                      VisitChunk visit) {
  ASSAY_ASSIGN_OR_RETURN(const std::vector<Found> files, FindFiles(folder));
  Manifest manifest;
  for (const Found& found : files) {
    CheckpointFile& file = manifest.files.emplace_back();
    file.path = found.path;
    file.mode = found.status.st_mode & 0777;
    ASSAY_RETURN_IF_ERROR(
        ReadFile(absl::StrCat(folder, "/", file.path), file, visit));
  }
  ASSAY_RETURN_IF_ERROR(CheckManifest(manifest));
  return manifest;
}

absl::StatusOr<std::string> ReadChunk(const std::string& folder,
                                      const CheckpointFile& file,
                                      size_t index) {
  const std::string path = absl::StrCat(folder, "/", file.path);
  const FileDescriptor descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!descriptor) return FileError("open", path, errno);
  ASSAY_ASSIGN_OR_RETURN(
      std::string data,
      ReadAt(descriptor, path, static_cast<int64_t>(index) * kChunkBytes));
  if (Sha256(data) == file.chunks[index]) return data;
  return absl::DataLossError(absl::StrCat(path, " was changed meanwhile"));
}

absl::Status WriteFiles(const Manifest& manifest, const std::string& folder,
                        GetChunk get) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return FileError("create", folder, error.value());
  for (const CheckpointFile& file : manifest.files) {
    ASSAY_RETURN_IF_ERROR(
        WriteOne(file, absl::StrCat(folder, "/", file.path), get));
  }
  return absl::OkStatus();
}

}  // namespace assay
