#include "tests/support/unsynced_vfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <map>
#include <new>
#include <random>
#include <utility>
#include <vector>

#include "search/base/mutex.h"

namespace assay {
namespace {

constexpr size_t kSector = 512;  // What a disk writes whole or not at all.
constexpr int kShmLocks = SQLITE_SHM_NLOCK;

// A write, or a truncation to `offset` (no bytes).
struct Change {
  int64_t offset = 0;
  std::string bytes;
  bool truncates = false;
};

void ApplyWrite(std::string& content, int64_t offset, const char* bytes,
                size_t size) {
  const auto start = static_cast<size_t>(offset);
  if (content.size() < start + size) content.resize(start + size, '\0');
  std::memcpy(content.data() + start, bytes, size);
}

struct File {
  std::string content;           // As programs see it.
  std::string synced;            // As the disk has it for sure.
  std::vector<Change> unsynced;  // Between the two.

  int shared_locks = 0;
  bool reserved = false;
  bool pending = false;
  bool exclusive = false;

  std::vector<std::unique_ptr<char[]>> shm;
  int shm_users = 0;
  std::array<int, kShmLocks> shm_shared = {};
  std::array<bool, kShmLocks> shm_exclusive = {};
};

using Files = std::map<std::string, std::shared_ptr<File>>;

}  // namespace

class UnsyncedVfs::Disk {
 public:
  // An open file, in memory that SQLite gives and takes.
  struct Handle {
    sqlite3_file base;
    Disk* disk;
    std::string name;
    std::shared_ptr<File> file;
    int lock = SQLITE_LOCK_NONE;
    bool uses_shm = false;
    std::array<bool, kShmLocks> shm_shared = {};
    std::array<bool, kShmLocks> shm_exclusive = {};
  };

  int Open(const char* name, Handle& handle, int flags);
  int Close(Handle& handle);
  int Delete(const std::string& name, bool sync_folder);
  bool Exists(const std::string& name);

  int Read(Handle& handle, void* to, int size, int64_t offset);
  int Write(Handle& handle, const void* from, int size, int64_t offset);
  int Truncate(Handle& handle, int64_t size);
  int Sync(Handle& handle);
  int64_t Size(Handle& handle);

  int Lock(Handle& handle, int level);
  int Unlock(Handle& handle, int level);
  bool IsReserved(Handle& handle);

  int MapShm(Handle& handle, int region, int size, bool extend,
             void volatile** memory);
  int LockShm(Handle& handle, int first, int count, int flags);
  void UnmapShm(Handle& handle);
  void Barrier() { MutexLock lock(mutex_); }

  int64_t operations() const {
    MutexLock lock(mutex_);
    return operations_;
  }
  bool power_is_off() const {
    MutexLock lock(mutex_);
    return off_;
  }
  void CutPowerAfter(int64_t operations) {
    MutexLock lock(mutex_);
    cut_at_ = operations_ + operations;
  }
  void SetQuota(int64_t bytes) {
    MutexLock lock(mutex_);
    quota_ = bytes;
  }
  void FailSyncs(bool fail) {
    MutexLock lock(mutex_);
    fail_syncs_ = fail;
  }
  int64_t TotalBytes() const {
    MutexLock lock(mutex_);
    return TotalBytesLocked();
  }
  void Restore(Unsynced unsynced, uint64_t seed);

 private:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  // True if the power goes with this operation.
  bool CutsPower() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (operations_++ >= cut_at_) off_ = true;
    return off_;
  }
  int64_t TotalBytesLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    int64_t total = 0;
    for (const auto& [name, file] : files_) {
      total += static_cast<int64_t>(file->content.size());
    }
    return total;
  }

  mutable Mutex mutex_;
  Files files_ ABSL_GUARDED_BY(mutex_);         // As programs see the folder.
  Files synced_files_ ABSL_GUARDED_BY(mutex_);  // As the disk has it for sure.
  int64_t operations_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t cut_at_ ABSL_GUARDED_BY(mutex_) = kNever;
  int64_t quota_ ABSL_GUARDED_BY(mutex_) = kNever;
  bool off_ ABSL_GUARDED_BY(mutex_) = false;
  bool fail_syncs_ ABSL_GUARDED_BY(mutex_) = false;
};

// --- Files ------------------------------------------------------------------

int UnsyncedVfs::Disk::Open(const char* name, Handle& handle, int flags) {
  MutexLock lock(mutex_);
  if (off_) return SQLITE_IOERR;
  handle.disk = this;
  if (name == nullptr) {  // Temporary: in no folder.
    handle.file = std::make_shared<File>();
    return SQLITE_OK;
  }
  handle.name = name;
  auto found = files_.find(handle.name);
  if (found == files_.end()) {
    if ((flags & SQLITE_OPEN_CREATE) == 0) return SQLITE_CANTOPEN;
    found = files_.emplace(handle.name, std::make_shared<File>()).first;
  }
  handle.file = found->second;
  return SQLITE_OK;
}

int UnsyncedVfs::Disk::Close(Handle& handle) {
  UnmapShm(handle);
  Unlock(handle, SQLITE_LOCK_NONE);
  return SQLITE_OK;
}

int UnsyncedVfs::Disk::Delete(const std::string& name, bool sync_folder) {
  MutexLock lock(mutex_);
  if (off_ || CutsPower()) return SQLITE_IOERR_DELETE;
  if (files_.erase(name) == 0) return SQLITE_IOERR_DELETE_NOENT;
  if (sync_folder) synced_files_.erase(name);
  return SQLITE_OK;
}

bool UnsyncedVfs::Disk::Exists(const std::string& name) {
  MutexLock lock(mutex_);
  return files_.count(name) > 0;
}

int UnsyncedVfs::Disk::Read(Handle& handle, void* to, int size,
                            int64_t offset) {
  MutexLock lock(mutex_);
  if (off_) return SQLITE_IOERR_READ;
  const std::string& content = handle.file->content;
  const int64_t there = std::clamp<int64_t>(
      static_cast<int64_t>(content.size()) - offset, 0, size);
  if (there > 0) {
    std::memcpy(to, content.data() + offset, static_cast<size_t>(there));
  }
  if (there == size) return SQLITE_OK;
  std::memset(static_cast<char*>(to) + there, 0,
              static_cast<size_t>(size - there));
  return SQLITE_IOERR_SHORT_READ;
}

int UnsyncedVfs::Disk::Write(Handle& handle, const void* from, int size,
                             int64_t offset) {
  MutexLock lock(mutex_);
  if (off_) return SQLITE_IOERR_WRITE;
  File& file = *handle.file;
  const int64_t growth = std::max<int64_t>(
      offset + size - static_cast<int64_t>(file.content.size()), 0);
  if (growth > 0 && TotalBytesLocked() + growth > quota_) return SQLITE_FULL;
  const char* bytes = static_cast<const char*>(from);
  const bool cut = CutsPower();  // A part of it may reach the disk.
  file.unsynced.push_back({offset, std::string(bytes, size), false});
  ApplyWrite(file.content, offset, bytes, static_cast<size_t>(size));
  return cut ? SQLITE_IOERR_WRITE : SQLITE_OK;
}

int UnsyncedVfs::Disk::Truncate(Handle& handle, int64_t size) {
  MutexLock lock(mutex_);
  if (off_) return SQLITE_IOERR_TRUNCATE;
  const bool cut = CutsPower();
  handle.file->unsynced.push_back({size, "", true});
  handle.file->content.resize(static_cast<size_t>(size), '\0');
  return cut ? SQLITE_IOERR_TRUNCATE : SQLITE_OK;
}

int UnsyncedVfs::Disk::Sync(Handle& handle) {
  MutexLock lock(mutex_);
  if (off_ || CutsPower() || fail_syncs_) return SQLITE_IOERR_FSYNC;
  handle.file->synced = handle.file->content;
  handle.file->unsynced.clear();
  if (!handle.name.empty()) synced_files_[handle.name] = handle.file;
  return SQLITE_OK;
}

int64_t UnsyncedVfs::Disk::Size(Handle& handle) {
  MutexLock lock(mutex_);
  return static_cast<int64_t>(handle.file->content.size());
}

// --- Locks ------------------------------------------------------------------

int UnsyncedVfs::Disk::Lock(Handle& handle, int level) {
  MutexLock lock(mutex_);
  File& file = *handle.file;
  if (handle.lock >= level) return SQLITE_OK;
  if (handle.lock == SQLITE_LOCK_NONE) {
    if (file.pending || file.exclusive) return SQLITE_BUSY;
    ++file.shared_locks;
    handle.lock = SQLITE_LOCK_SHARED;
  }
  if (level == SQLITE_LOCK_SHARED) return SQLITE_OK;
  if (handle.lock < SQLITE_LOCK_RESERVED) {
    if (file.reserved) return SQLITE_BUSY;
    file.reserved = true;
    handle.lock = SQLITE_LOCK_RESERVED;
  }
  if (level == SQLITE_LOCK_RESERVED) return SQLITE_OK;
  file.pending = true;
  handle.lock = SQLITE_LOCK_PENDING;
  if (file.shared_locks > 1) return SQLITE_BUSY;
  file.exclusive = true;
  handle.lock = SQLITE_LOCK_EXCLUSIVE;
  return SQLITE_OK;
}

int UnsyncedVfs::Disk::Unlock(Handle& handle, int level) {
  MutexLock lock(mutex_);
  File& file = *handle.file;
  if (handle.lock <= level) return SQLITE_OK;
  if (handle.lock >= SQLITE_LOCK_RESERVED) {
    file.reserved = file.pending = file.exclusive = false;
  }
  if (level == SQLITE_LOCK_NONE) --file.shared_locks;
  handle.lock = level;
  return SQLITE_OK;
}

bool UnsyncedVfs::Disk::IsReserved(Handle& handle) {
  MutexLock lock(mutex_);
  return handle.file->reserved;
}

// --- Shared memory of the WAL -----------------------------------------------

int UnsyncedVfs::Disk::MapShm(Handle& handle, int region, int size, bool extend,
                              void volatile** memory) {
  MutexLock lock(mutex_);
  *memory = nullptr;
  if (off_) return SQLITE_IOERR_SHMMAP;
  File& file = *handle.file;
  if (!handle.uses_shm) {
    handle.uses_shm = true;
    ++file.shm_users;
  }
  while (extend && file.shm.size() <= static_cast<size_t>(region)) {
    file.shm.push_back(std::make_unique<char[]>(static_cast<size_t>(size)));
  }
  if (file.shm.size() > static_cast<size_t>(region)) {
    *memory = file.shm[static_cast<size_t>(region)].get();
  }
  return SQLITE_OK;
}

int UnsyncedVfs::Disk::LockShm(Handle& handle, int first, int count,
                               int flags) {
  MutexLock lock(mutex_);
  File& file = *handle.file;
  const bool shared = (flags & SQLITE_SHM_SHARED) != 0;
  const bool unlock = (flags & SQLITE_SHM_UNLOCK) != 0;
  for (int i = first; i < first + count && !unlock; ++i) {
    const bool others_share =
        file.shm_shared[i] > (handle.shm_shared[i] ? 1 : 0);
    const bool other_has_it = file.shm_exclusive[i] && !handle.shm_exclusive[i];
    if (other_has_it || (!shared && others_share)) return SQLITE_BUSY;
  }
  for (int i = first; i < first + count; ++i) {
    if (shared && handle.shm_shared[i] == unlock) {
      handle.shm_shared[i] = !unlock;
      file.shm_shared[i] += unlock ? -1 : 1;
    }
    if (!shared && handle.shm_exclusive[i] == unlock) {
      handle.shm_exclusive[i] = !unlock;
      file.shm_exclusive[i] = !unlock;
    }
  }
  return SQLITE_OK;
}

void UnsyncedVfs::Disk::UnmapShm(Handle& handle) {
  if (!handle.uses_shm) return;
  LockShm(handle, 0, kShmLocks, SQLITE_SHM_UNLOCK | SQLITE_SHM_SHARED);
  LockShm(handle, 0, kShmLocks, SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE);
  MutexLock lock(mutex_);
  handle.uses_shm = false;
  if (--handle.file->shm_users == 0) handle.file->shm.clear();
}

// --- The power --------------------------------------------------------------

void UnsyncedVfs::Disk::Restore(Unsynced unsynced, uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto survives = [&] {
    if (unsynced != Unsynced::kSome) return unsynced == Unsynced::kKept;
    return random() % 2 == 0;
  };
  MutexLock lock(mutex_);
  Files names;
  for (const auto& [name, file] : synced_files_) {
    const bool deleted = files_.count(name) == 0;
    if (!deleted || !survives()) names[name] = file;
  }
  for (const auto& [name, file] : files_) {
    const auto synced = synced_files_.find(name);
    const bool is_new = synced == synced_files_.end() || synced->second != file;
    if (is_new && survives()) names[name] = file;
  }
  for (const auto& [name, file] : names) {
    for (const Change& change : file->unsynced) {
      if (change.truncates) {
        if (survives()) file->synced.resize(change.offset, '\0');
        continue;
      }
      for (size_t at = 0; at < change.bytes.size();) {
        const size_t in_sector =
            kSector - (static_cast<size_t>(change.offset) + at) % kSector;
        const size_t size = std::min(in_sector, change.bytes.size() - at);
        if (survives()) {
          ApplyWrite(file->synced, change.offset + static_cast<int64_t>(at),
                     change.bytes.data() + at, size);
        }
        at += size;
      }
    }
    file->unsynced.clear();
    file->content = file->synced;
    file->shm.clear();
  }
  files_ = names;
  synced_files_ = std::move(names);
  off_ = false;
  cut_at_ = kNever;
  quota_ = kNever;
  fail_syncs_ = false;
}

// --- The face towards SQLite ------------------------------------------------

namespace {

sqlite3_vfs* Default() { return sqlite3_vfs_find("unix"); }

}  // namespace

struct UnsyncedVfs::Registration {
  using Handle = Disk::Handle;

  static Handle& Of(sqlite3_file* file) {
    return *reinterpret_cast<Handle*>(file);
  }
  static Disk& Of(sqlite3_vfs* vfs) {
    return *static_cast<Disk*>(vfs->pAppData);
  }

  static int Close(sqlite3_file* file) {
    Handle& handle = Of(file);
    const int code = handle.disk->Close(handle);
    handle.~Handle();
    return code;
  }
  static int Read(sqlite3_file* file, void* to, int size, sqlite3_int64 at) {
    return Of(file).disk->Read(Of(file), to, size, at);
  }
  static int Write(sqlite3_file* file, const void* from, int size,
                   sqlite3_int64 at) {
    return Of(file).disk->Write(Of(file), from, size, at);
  }
  static int Truncate(sqlite3_file* file, sqlite3_int64 size) {
    return Of(file).disk->Truncate(Of(file), size);
  }
  static int Sync(sqlite3_file* file, int) {
    return Of(file).disk->Sync(Of(file));
  }
  static int FileSize(sqlite3_file* file, sqlite3_int64* size) {
    *size = Of(file).disk->Size(Of(file));
    return SQLITE_OK;
  }
  static int Lock(sqlite3_file* file, int level) {
    return Of(file).disk->Lock(Of(file), level);
  }
  static int Unlock(sqlite3_file* file, int level) {
    return Of(file).disk->Unlock(Of(file), level);
  }
  static int CheckReservedLock(sqlite3_file* file, int* reserved) {
    *reserved = Of(file).disk->IsReserved(Of(file)) ? 1 : 0;
    return SQLITE_OK;
  }
  static int FileControl(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
  static int SectorSize(sqlite3_file*) { return kSector; }
  static int DeviceCharacteristics(sqlite3_file*) {
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
  }
  static int ShmMap(sqlite3_file* file, int region, int size, int extend,
                    void volatile** memory) {
    return Of(file).disk->MapShm(Of(file), region, size, extend != 0, memory);
  }
  static int ShmLock(sqlite3_file* file, int first, int count, int flags) {
    return Of(file).disk->LockShm(Of(file), first, count, flags);
  }
  static void ShmBarrier(sqlite3_file* file) { Of(file).disk->Barrier(); }
  static int ShmUnmap(sqlite3_file* file, int) {
    Of(file).disk->UnmapShm(Of(file));
    return SQLITE_OK;
  }

  static const sqlite3_io_methods* Methods() {
    static const sqlite3_io_methods methods = {2,
                                               Close,
                                               Read,
                                               Write,
                                               Truncate,
                                               Sync,
                                               FileSize,
                                               Lock,
                                               Unlock,
                                               CheckReservedLock,
                                               FileControl,
                                               SectorSize,
                                               DeviceCharacteristics,
                                               ShmMap,
                                               ShmLock,
                                               ShmBarrier,
                                               ShmUnmap,
                                               nullptr,
                                               nullptr};
    return &methods;
  }

  static int Open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file,
                  int flags, int* out_flags) {
    auto* handle = new (file) Handle{};
    const int code = Of(vfs).Open(name, *handle, flags);
    if (code != SQLITE_OK) {
      handle->~Handle();
      file->pMethods = nullptr;  // Nothing to close.
      return code;
    }
    file->pMethods = Methods();
    if (out_flags != nullptr) *out_flags = flags;
    return SQLITE_OK;
  }
  static int Delete(sqlite3_vfs* vfs, const char* name, int sync_folder) {
    return Of(vfs).Delete(name, sync_folder != 0);
  }
  static int Access(sqlite3_vfs* vfs, const char* name, int, int* there) {
    *there = Of(vfs).Exists(name) ? 1 : 0;
    return SQLITE_OK;
  }
  static int FullPathname(sqlite3_vfs*, const char* name, int size, char* out) {
    sqlite3_snprintf(size, out, "%s", name);
    return SQLITE_OK;
  }
  static int Randomness(sqlite3_vfs*, int size, char* out) {
    return Default()->xRandomness(Default(), size, out);
  }
  static int Sleep(sqlite3_vfs*, int microseconds) {
    return Default()->xSleep(Default(), microseconds);
  }
  static int CurrentTime(sqlite3_vfs*, double* now) {
    return Default()->xCurrentTime(Default(), now);
  }
  static int GetLastError(sqlite3_vfs*, int, char*) { return 0; }
  static int CurrentTimeInt64(sqlite3_vfs*, sqlite3_int64* now) {
    return Default()->xCurrentTimeInt64(Default(), now);
  }

  Registration(std::string vfs_name, Disk& disk) : name(std::move(vfs_name)) {
    vfs.iVersion = 2;
    vfs.szOsFile = sizeof(Handle);
    vfs.mxPathname = 1024;
    vfs.zName = name.c_str();
    vfs.pAppData = &disk;
    vfs.xOpen = Open;
    vfs.xDelete = Delete;
    vfs.xAccess = Access;
    vfs.xFullPathname = FullPathname;
    vfs.xRandomness = Randomness;
    vfs.xSleep = Sleep;
    vfs.xCurrentTime = CurrentTime;
    vfs.xGetLastError = GetLastError;
    vfs.xCurrentTimeInt64 = CurrentTimeInt64;
    sqlite3_vfs_register(&vfs, /*makeDflt=*/0);
  }
  ~Registration() { sqlite3_vfs_unregister(&vfs); }

  const std::string name;
  sqlite3_vfs vfs = {};
};

UnsyncedVfs::UnsyncedVfs(const std::string& name)
    : disk_(std::make_unique<Disk>()),
      registration_(std::make_unique<Registration>(name, *disk_)) {}

UnsyncedVfs::~UnsyncedVfs() = default;

int64_t UnsyncedVfs::operations() const { return disk_->operations(); }
void UnsyncedVfs::CutPowerAfter(int64_t operations) {
  disk_->CutPowerAfter(operations);
}
bool UnsyncedVfs::power_is_off() const { return disk_->power_is_off(); }
void UnsyncedVfs::Restore(Unsynced unsynced, uint64_t seed) {
  disk_->Restore(unsynced, seed);
}
void UnsyncedVfs::SetQuota(int64_t bytes) { disk_->SetQuota(bytes); }
int64_t UnsyncedVfs::TotalBytes() const { return disk_->TotalBytes(); }
void UnsyncedVfs::FailSyncs(bool fail) { disk_->FailSyncs(fail); }

}  // namespace assay
