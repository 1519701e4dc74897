#include "storage/chunk_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "search/base/sha256.h"
#include "search/base/status_macros.h"
#include "search/checkpoint.h"
#include "storage/file_descriptor.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

constexpr char kTemporary[] = "tmp";
constexpr absl::Duration kAbandoned = absl::Hours(1);

std::string FolderOf(const std::string& root, const std::string& hash) {
  return absl::StrCat(root, "/", absl::BytesToHexString(hash.substr(0, 1)));
}

std::string PathOf(const std::string& root, const std::string& hash) {
  return absl::StrCat(FolderOf(root, hash), "/", absl::BytesToHexString(hash));
}

// Unlike that of any other writer of the folder, on any machine.
std::string NewTemporary(const std::string& root) {
  static std::atomic<int64_t> last = 0;
  std::array<char, 65> host = {};
  gethostname(host.data(), host.size() - 1);
  return absl::StrCat(root, "/", kTemporary, "/", host.data(), "-", getpid(),
                      "-", ++last);
}

absl::Status SyncFolder(const std::string& path) {
  const FileDescriptor folder(
      open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || fsync(folder.get()) != 0) {
    return FileError("sync", path, errno);
  }
  return absl::OkStatus();
}

absl::Status WriteFile(const std::string& path, absl::string_view data,
                       bool durable) {
  const FileDescriptor file(
      open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!file) return FileError("create", path, errno);
  ASSAY_RETURN_IF_ERROR(WriteAll(file, data, path));
  if (durable && fsync(file.get()) != 0) return FileError("sync", path, errno);
  return absl::OkStatus();
}

absl::Status CheckHash(const std::string& hash) {
  if (hash.size() == kSha256Bytes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("hash: ", hash.size(), " bytes; ", kSha256Bytes));
}

std::string Named(const std::string& hash) {
  return absl::StrCat("chunk ", absl::BytesToHexString(hash));
}

bool IsHex(absl::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == absl::string_view::npos;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChunkFolder>> ChunkFolder::Open(std::string path,
                                                               Sync sync) {
  std::error_code error;
  fs::create_directories(fs::path(path) / kTemporary, error);
  if (error) return FileError("create", path, error.value());
  std::unique_ptr<ChunkFolder> folder(new ChunkFolder(std::move(path), sync));
  folder->RemoveLeftovers();
  return folder;
}

void ChunkFolder::RemoveLeftovers() const {
  const absl::Time old = absl::Now() - kAbandoned;
  std::error_code error;
  for (const fs::directory_entry& entry :
       fs::directory_iterator(fs::path(path_) / kTemporary, error)) {
    struct stat status;
    if (stat(entry.path().c_str(), &status) != 0) continue;
    if (absl::TimeFromTimespec(status.st_mtim) > old) continue;
    unlink(entry.path().c_str());
  }
}

absl::Status ChunkFolder::Put(const std::string& hash,
                              absl::string_view data) const {
  ASSAY_RETURN_IF_ERROR(CheckHash(hash));
  const auto size = static_cast<int64_t>(data.size());
  if (size < 1 || size > kChunkBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("data: ", size, " bytes; 1 to ", kChunkBytes));
  }
  if (const std::string actual = Sha256(data); actual != hash) {
    return absl::InvalidArgumentError(
        absl::StrCat("data: its SHA-256 is ", absl::BytesToHexString(actual),
                     ", not ", absl::BytesToHexString(hash), " as said"));
  }
  // One that is damaged is replaced.
  if (Has(hash, size) && Get(hash).ok()) return absl::OkStatus();
  const bool durable = sync_ == Sync::kDurable;
  const std::string folder = FolderOf(path_, hash);
  const bool is_new_folder = mkdir(folder.c_str(), 0755) == 0;
  if (!is_new_folder && errno != EEXIST) {
    return FileError("create", folder, errno);
  }
  const std::string temporary = NewTemporary(path_);
  absl::Status status = WriteFile(temporary, data, durable);
  if (status.ok() &&
      rename(temporary.c_str(), PathOf(path_, hash).c_str()) != 0) {
    status = FileError("rename", temporary, errno);
  }
  if (!status.ok()) {
    unlink(temporary.c_str());
    return status;
  }
  if (!durable) return absl::OkStatus();
  ASSAY_RETURN_IF_ERROR(SyncFolder(folder));
  return is_new_folder ? SyncFolder(path_) : absl::OkStatus();
}

absl::StatusOr<std::string> ChunkFolder::Get(const std::string& hash) const {
  ASSAY_RETURN_IF_ERROR(CheckHash(hash));
  const std::string path = PathOf(path_, hash);
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) {
    return errno == ENOENT
               ? absl::NotFoundError(absl::StrCat(Named(hash), " is not there"))
               : FileError("open", path, errno);
  }
  std::string data(static_cast<size_t>(kChunkBytes) + 1, '\0');
  size_t size = 0;
  while (size < data.size()) {
    const ssize_t count =
        read(file.get(), data.data() + size, data.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return FileError("read", path, errno);
    if (count == 0) break;
    size += static_cast<size_t>(count);
  }
  data.resize(size);
  if (Sha256(data) == hash) return data;
  return absl::DataLossError(
      absl::StrCat(Named(hash), " is damaged: its content has another hash"));
}

bool ChunkFolder::Has(const std::string& hash, int64_t size) const {
  struct stat status;
  return stat(PathOf(path_, hash).c_str(), &status) == 0 &&
         status.st_size == size;
}

absl::Status ChunkFolder::Remove(const std::string& hash) const {
  const std::string path = PathOf(path_, hash);
  if (unlink(path.c_str()) == 0) return absl::OkStatus();
  if (errno == ENOENT) {
    return absl::NotFoundError(absl::StrCat(Named(hash), " is not there"));
  }
  return FileError("remove", path, errno);
}

void ChunkFolder::Touch(const std::string& hash) const {
  utimensat(AT_FDCWD, PathOf(path_, hash).c_str(), nullptr, 0);
}

void ChunkFolder::ForEach(
    const std::function<void(const Entry&)>& visit) const {
  std::error_code error;
  for (const fs::directory_entry& folder :
       fs::directory_iterator(path_, error)) {
    const std::string prefix = folder.path().filename().string();
    if (prefix.size() != 2 || !IsHex(prefix)) continue;
    for (const fs::directory_entry& file :
         fs::directory_iterator(folder.path(), error)) {
      const std::string name = file.path().filename().string();
      if (name.size() != 2 * kSha256Bytes || !IsHex(name)) continue;
      struct stat status;
      if (stat(file.path().c_str(), &status) != 0) continue;
      visit({absl::HexStringToBytes(name), status.st_size,
             absl::TimeFromTimespec(status.st_mtim)});
    }
  }
}

}  // namespace assay
