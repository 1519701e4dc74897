#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "search/base/clock.h"
#include "search/base/mutex.h"
#include "search/id.h"
#include "search/trial.h"

namespace assay {

// The fence: what a holder shows with each report.
struct Token {
  TrialId trial;
  int32_t attempt = 0;
  auto operator<=>(const Token&) const = default;

  template <typename H>
  friend H AbslHashValue(H h, const Token& token) {
    return H::combine(std::move(h), token.trial, token.attempt);
  }
};

// The attempts that run now, and until when each is believed to live. In memory
// only: a renewal costs no write, and after a restart each lease gets a fresh
// period. Thread-safe.
class LeaseTable {
 public:
  struct Lease {
    StudyId study;
    std::string owner;  // Of the study.
    std::string holder;
    std::string instance;
    bool by_worker = false;
    absl::Duration period;    // 0: never expires.
    absl::Duration expires;   // Since boot.
    std::string stop_reason;  // Non-empty once it has been told to stop.
  };

  // `clock` must outlive this.
  explicit LeaseTable(const Clock& clock) : clock_(clock) {}

  // Adds the lease, or replaces it; its period starts now.
  void Add(Token token, Lease lease) ABSL_LOCKS_EXCLUDED(mutex_);
  void Remove(Token token) ABSL_LOCKS_EXCLUDED(mutex_);

  // Starts a new period; returns the lease, nullopt if it is not there.
  std::optional<Lease> Renew(Token token) ABSL_LOCKS_EXCLUDED(mutex_);
  std::optional<Lease> Find(Token token) const ABSL_LOCKS_EXCLUDED(mutex_);
  void TellToStop(Token token, const std::string& reason)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Those that ran out by now. They stay until Remove(): ask IsExpired() again
  // on the writer thread, since a renewal may come first.
  std::vector<Token> Expired() const ABSL_LOCKS_EXCLUDED(mutex_);
  bool IsExpired(Token token) const ABSL_LOCKS_EXCLUDED(mutex_);

  // Leases of one worker's process.
  std::vector<Token> HeldBy(const std::string& holder,
                            const std::string& instance) const
      ABSL_LOCKS_EXCLUDED(mutex_);

  int64_t RunningOf(StudyId study) const ABSL_LOCKS_EXCLUDED(mutex_);
  int64_t RunningOf(const std::string& owner) const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void RemoveLocked(Token token) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Clock& clock_;

  mutable Mutex mutex_;
  absl::flat_hash_map<Token, Lease> leases_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<StudyId, int64_t> running_by_study_
      ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, int64_t> running_by_owner_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace assay
