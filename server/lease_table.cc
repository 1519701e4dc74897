#include "server/lease_table.h"

#include <utility>

namespace assay {

void LeaseTable::Add(Token token, Lease lease) {
  lease.expires = lease.period == absl::ZeroDuration()
                      ? absl::InfiniteDuration()
                      : clock_.SinceBoot() + lease.period;
  MutexLock lock(mutex_);
  RemoveLocked(token);
  running_by_study_[lease.study] += 1;
  running_by_owner_[lease.owner] += 1;
  leases_[token] = std::move(lease);
}

void LeaseTable::Remove(Token token) {
  MutexLock lock(mutex_);
  RemoveLocked(token);
}

void LeaseTable::RemoveLocked(Token token) {
  const auto it = leases_.find(token);
  if (it == leases_.end()) return;
  if (--running_by_study_[it->second.study] == 0) {
    running_by_study_.erase(it->second.study);
  }
  if (--running_by_owner_[it->second.owner] == 0) {
    running_by_owner_.erase(it->second.owner);
  }
  leases_.erase(it);
}

std::optional<LeaseTable::Lease> LeaseTable::Renew(Token token) {
  MutexLock lock(mutex_);
  const auto it = leases_.find(token);
  if (it == leases_.end()) return std::nullopt;
  if (it->second.period != absl::ZeroDuration()) {
    it->second.expires = clock_.SinceBoot() + it->second.period;
  }
  return it->second;
}

std::optional<LeaseTable::Lease> LeaseTable::Find(Token token) const {
  MutexLock lock(mutex_);
  const auto it = leases_.find(token);
  if (it == leases_.end()) return std::nullopt;
  return it->second;
}

void LeaseTable::TellToStop(Token token, const std::string& reason) {
  MutexLock lock(mutex_);
  const auto it = leases_.find(token);
  if (it != leases_.end()) it->second.stop_reason = reason;
}

std::vector<Token> LeaseTable::Expired() const {
  const absl::Duration now = clock_.SinceBoot();
  std::vector<Token> expired;
  MutexLock lock(mutex_);
  for (const auto& [token, lease] : leases_) {
    if (lease.expires <= now) expired.push_back(token);
  }
  return expired;
}

bool LeaseTable::IsExpired(Token token) const {
  MutexLock lock(mutex_);
  const auto it = leases_.find(token);
  return it != leases_.end() && it->second.expires <= clock_.SinceBoot();
}

std::vector<Token> LeaseTable::HeldBy(const std::string& holder,
                                      const std::string& instance) const {
  std::vector<Token> held;
  MutexLock lock(mutex_);
  for (const auto& [token, lease] : leases_) {
    if (lease.by_worker && lease.holder == holder &&
        lease.instance == instance) {
      held.push_back(token);
    }
  }
  return held;
}

int64_t LeaseTable::RunningOf(StudyId study) const {
  MutexLock lock(mutex_);
  const auto it = running_by_study_.find(study);
  return it == running_by_study_.end() ? 0 : it->second;
}

int64_t LeaseTable::RunningOf(const std::string& owner) const {
  MutexLock lock(mutex_);
  const auto it = running_by_owner_.find(owner);
  return it == running_by_owner_.end() ? 0 : it->second;
}

}  // namespace assay
