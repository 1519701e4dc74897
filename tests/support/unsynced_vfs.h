#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace assay {

// A disk in memory, as a SQLite VFS, that keeps apart what was written and what
// was synced, and whose power can be cut. Thread-safe, as long as nobody has a
// file open while it is restored.
//
// A new name survives once its file was synced (SQLite syncs the folder with
// it), a deletion once the folder was. Unsynced writes survive a cut all, not
// at all, or a sector here and there, in any order.
class UnsyncedVfs {
 public:
  // Registers itself with SQLite under `name`, until it is destroyed.
  explicit UnsyncedVfs(const std::string& name);
  ~UnsyncedVfs();

  UnsyncedVfs(const UnsyncedVfs&) = delete;
  UnsyncedVfs& operator=(const UnsyncedVfs&) = delete;

  // Writes, truncations, syncs and deletions so far.
  int64_t operations() const;

  // The power goes in the middle of the operation after that many more; from
  // then on everything fails.
  void CutPowerAfter(int64_t operations);
  bool power_is_off() const;

  // What becomes of unsynced changes.
  enum class Unsynced { kLost, kKept, kSome };

  // The power is back, the files are what the disk has. Quota and failures are
  // lifted. `seed` picks what survives of kSome.
  void Restore(Unsynced unsynced, uint64_t seed = 0);

  // Writes that make the files together longer than this say SQLITE_FULL.
  void SetQuota(int64_t bytes);
  int64_t TotalBytes() const;

  // Syncs fail, and sync nothing.
  void FailSyncs(bool fail);

 private:
  class Disk;
  struct Registration;

  std::unique_ptr<Disk> disk_;
  std::unique_ptr<Registration> registration_;
};

}  // namespace assay
