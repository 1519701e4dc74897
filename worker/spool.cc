#include "worker/spool.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace assay {
namespace {

constexpr size_t kMaxBatch = 1000;  // Measurements in one message.
constexpr int64_t kMaxBatchBytes = 1 << 20;
constexpr size_t kMaxOnTheWay = 20'000;   // Measurements of one attempt.
constexpr int64_t kMaxHistory = 4 << 20;  // Bytes, acknowledged, of one.
constexpr size_t kMaxPiece = 64 << 10;
constexpr int64_t kMaxBacklog = 1 << 20;        // Bytes of output of one.
constexpr int64_t kMaxFinalOutput = 256 << 10;  // The server keeps no more.

int64_t SizeOf(const v1::Measurement& measurement) {
  return static_cast<int64_t>(measurement.ByteSizeLong()) + 32;
}

int64_t SizeOf(const v1::Finish& finish) {
  return static_cast<int64_t>(finish.ByteSizeLong());
}

// Calls `use(key, entry)` for each attempt, the one after `last` first, until
// it says true.
template <typename Attempts, typename Use>
bool InTurn(Attempts& attempts, AttemptKey last, Use use) {
  const auto start = attempts.upper_bound(last);
  for (auto it = start; it != attempts.end(); ++it) {
    if (use(it->first, it->second)) return true;
  }
  for (auto it = attempts.begin(); it != start; ++it) {
    if (use(it->first, it->second)) return true;
  }
  return false;
}

}  // namespace

bool Spool::Open(AttemptKey key) {
  return attempts_.try_emplace(key, Entry{.number = key.attempt}).second;
}

void Spool::Forget(AttemptKey key) {
  const auto found = attempts_.find(key);
  if (found == attempts_.end()) return;
  const Entry& entry = found->second;
  for (size_t i = entry.acknowledged; i < entry.measurements.size(); ++i) {
    bytes_ -= SizeOf(entry.measurements[i]);
  }
  for (const Piece& piece : entry.output) {
    bytes_ -= static_cast<int64_t>(piece.data.size());
  }
  if (entry.finish.has_value()) bytes_ -= SizeOf(*entry.finish);
  attempts_.erase(found);
}

void Spool::AddMeasurement(AttemptKey key, v1::Measurement measurement) {
  const auto found = attempts_.find(key);
  if (found == attempts_.end()) return;
  measurement.set_sequence(0);
  bytes_ += SizeOf(measurement);
  found->second.measurements.push_back(std::move(measurement));
  Shrink();
}

void Spool::AddOutput(AttemptKey key, absl::string_view bytes) {
  const auto found = attempts_.find(key);
  if (found == attempts_.end()) return;
  Entry& entry = found->second;
  bytes_ += static_cast<int64_t>(bytes.size());
  while (!bytes.empty()) {
    const bool fresh = entry.output.size() == entry.output_sent ||
                       entry.output.back().data.size() == kMaxPiece;
    if (fresh) entry.output.push_back({entry.next_offset, ""});
    std::string& data = entry.output.back().data;
    const size_t count = std::min(bytes.size(), kMaxPiece - data.size());
    data.append(bytes.data(), count);
    entry.next_offset += static_cast<int64_t>(count);
    bytes.remove_prefix(count);
  }
  DropOutput(entry, kMaxBacklog);
  Shrink();
}

void Spool::AddFinish(AttemptKey key, v1::Finish finish) {
  const auto found = attempts_.find(key);
  if (found == attempts_.end() || found->second.finish.has_value()) return;
  Entry& entry = found->second;
  DropOutput(entry, kMaxFinalOutput);
  bytes_ += SizeOf(finish);
  entry.finish = std::move(finish);
  Shrink();
}

void Spool::SetSlot(AttemptKey key, int32_t slot) {
  const auto found = attempts_.find(key);
  if (found != attempts_.end()) found->second.slot = slot;
}

int32_t Spool::NumberOf(AttemptKey key) const {
  const auto found = attempts_.find(key);
  return found == attempts_.end() ? key.attempt : found->second.number;
}

std::optional<AttemptKey> Spool::Find(int64_t trial, int32_t number) const {
  for (auto it = attempts_.lower_bound({trial, 0});
       it != attempts_.end() && it->first.trial == trial; ++it) {
    if (it->second.number == number) return it->first;
  }
  return std::nullopt;
}

void Spool::Renumber(AttemptKey key, int32_t number) {
  const auto found = attempts_.find(key);
  if (found == attempts_.end()) return;
  Entry& entry = found->second;
  entry.number = number;
  bytes_ += std::exchange(entry.history_bytes, 0);
  entry.acknowledged = 0;
  entry.sent = 0;
  entry.output_sent = 0;
  entry.finish_sent = false;
}

std::optional<AttemptKey> Spool::Acknowledge(const v1::Acknowledgement& ack) {
  const std::optional<AttemptKey> key = Find(ack.trial_id(), ack.attempt());
  if (!key.has_value()) return std::nullopt;
  if (ack.finished()) {
    Forget(*key);
    return key;
  }
  Entry& entry = attempts_.at(*key);
  AcknowledgeMeasurements(entry, ack.through_sequence());
  AcknowledgeOutput(entry, ack.through_offset());
  return std::nullopt;
}

void Spool::AcknowledgeMeasurements(Entry& entry, int64_t through) {
  while (entry.acknowledged < entry.sent &&
         entry.measurements[entry.acknowledged].sequence() <= through) {
    const int64_t size = SizeOf(entry.measurements[entry.acknowledged++]);
    bytes_ -= size;
    entry.history_bytes += size;
  }
  while (entry.history_bytes > kMaxHistory) {
    entry.history_bytes -= SizeOf(entry.measurements.front());
    entry.measurements.pop_front();
    --entry.acknowledged;
    --entry.sent;
  }
}

void Spool::AcknowledgeOutput(Entry& entry, int64_t through) {
  while (entry.output_sent > 0) {
    const Piece& piece = entry.output.front();
    const int64_t size = static_cast<int64_t>(piece.data.size());
    if (piece.offset + size > through) return;
    bytes_ -= size;
    entry.output.pop_front();
    --entry.output_sent;
  }
}

void Spool::Rewind() {
  for (auto& [key, entry] : attempts_) {
    entry.sent = entry.acknowledged;
    entry.output_sent = 0;
    entry.finish_sent = false;
  }
}

std::vector<v1::HeldAttempt> Spool::Held() const {
  std::vector<v1::HeldAttempt> held;
  for (const auto& [key, entry] : attempts_) {
    held.emplace_back();
    held.back().set_trial_id(key.trial);
    held.back().set_attempt(entry.number);
    held.back().set_slot(entry.slot);
  }
  return held;
}

size_t Spool::Waiting(AttemptKey key) const {
  const auto found = attempts_.find(key);
  if (found == attempts_.end()) return 0;
  return found->second.measurements.size() - found->second.sent;
}

std::optional<v1::WorkerMessage> Spool::Next() {
  std::optional<v1::WorkerMessage> message = NextMeasurements();
  return message.has_value() ? std::move(message) : NextFinish();
}

bool Spool::CanSendMeasurements(const Entry& entry) const {
  return entry.sent < entry.measurements.size() &&
         entry.sent - entry.acknowledged < kMaxOnTheWay;
}

std::optional<v1::WorkerMessage> Spool::NextMeasurements() {
  std::optional<v1::WorkerMessage> message;
  InTurn(attempts_, last_served_, [&](AttemptKey key, Entry& entry) {
    if (!CanSendMeasurements(entry)) return false;
    message = TakeMeasurements(key, entry);
    last_served_ = key;
    return true;
  });
  return message;
}

v1::WorkerMessage Spool::TakeMeasurements(AttemptKey key, Entry& entry) {
  v1::WorkerMessage message;
  v1::MeasurementBatch& batch = *message.mutable_measurements();
  batch.set_trial_id(key.trial);
  batch.set_attempt(entry.number);
  int64_t size = 0;
  for (size_t i = 0; i < kMaxBatch && size < kMaxBatchBytes; ++i) {
    if (!CanSendMeasurements(entry)) break;
    v1::Measurement& next = entry.measurements[entry.sent++];
    if (next.sequence() == 0) {
      // A varint more: keep the count of bytes right.
      bytes_ -= SizeOf(next);
      next.set_sequence(++entry.last_sequence);
      bytes_ += SizeOf(next);
    }
    size += SizeOf(next);
    *batch.add_measurements() = next;
  }
  return message;
}

std::optional<v1::WorkerMessage> Spool::NextFinish() {
  for (auto& [key, entry] : attempts_) {
    if (!entry.finish.has_value() || entry.finish_sent) continue;
    if (entry.sent < entry.measurements.size()) continue;
    if (entry.output_sent < entry.output.size()) return TakePiece(key, entry);
    entry.finish_sent = true;
    v1::WorkerMessage message;
    v1::Finish& finish = *message.mutable_finish();
    finish = *entry.finish;
    finish.set_trial_id(key.trial);
    finish.set_attempt(entry.number);
    finish.set_slot(entry.slot);
    return message;
  }
  return std::nullopt;
}

v1::WorkerMessage Spool::TakePiece(AttemptKey key, Entry& entry) {
  const Piece& piece = entry.output[entry.output_sent++];
  v1::WorkerMessage message;
  v1::LogPiece& log = *message.mutable_log();
  log.set_trial_id(key.trial);
  log.set_attempt(entry.number);
  log.set_offset(piece.offset);
  log.set_data(piece.data);
  return message;
}

std::optional<v1::WorkerMessage> Spool::NextOutput() {
  std::optional<v1::WorkerMessage> message;
  InTurn(attempts_, last_output_, [&](AttemptKey key, Entry& entry) {
    if (entry.output_sent >= entry.output.size()) return false;
    message = TakePiece(key, entry);
    last_output_ = key;
    return true;
  });
  return message;
}

bool Spool::HasOutput() const {
  return std::any_of(attempts_.begin(), attempts_.end(), [](const auto& item) {
    return item.second.output_sent < item.second.output.size();
  });
}

// Of the pieces not sent the oldest, until all have at most `keep` bytes.
void Spool::DropOutput(Entry& entry, int64_t keep) {
  int64_t size = 0;
  for (const Piece& piece : entry.output) {
    size += static_cast<int64_t>(piece.data.size());
  }
  while (size > keep && entry.output_sent < entry.output.size()) {
    const auto oldest =
        entry.output.begin() + static_cast<ptrdiff_t>(entry.output_sent);
    size -= static_cast<int64_t>(oldest->data.size());
    bytes_ -= static_cast<int64_t>(oldest->data.size());
    entry.output.erase(oldest);
  }
}

void Spool::Shrink() {
  while (bytes_ > capacity_ && DropLargestOutput()) {
  }
  while (bytes_ > capacity_ && ThinLargest()) {
  }
}

bool Spool::DropLargestOutput() {
  const auto largest = std::max_element(
      attempts_.begin(), attempts_.end(), [](const auto& a, const auto& b) {
        return a.second.output.size() < b.second.output.size();
      });
  if (largest == attempts_.end() || largest->second.output.empty()) {
    return false;
  }
  Entry& entry = largest->second;
  bytes_ -= static_cast<int64_t>(entry.output.front().data.size());
  entry.output.pop_front();
  if (entry.output_sent > 0) --entry.output_sent;
  return true;
}

bool Spool::ThinLargest() {
  const auto waiting = [](const Entry& entry) {
    return std::count_if(
        entry.measurements.begin() + static_cast<ptrdiff_t>(entry.sent),
        entry.measurements.end(),
        [](const v1::Measurement& m) { return m.sequence() == 0; });
  };
  Entry* largest = nullptr;
  for (auto& [key, entry] : attempts_) {
    if (largest == nullptr || waiting(entry) > waiting(*largest)) {
      largest = &entry;
    }
  }
  if (largest == nullptr || waiting(*largest) < 3) return false;
  std::deque<v1::Measurement> kept;
  const size_t last = largest->measurements.size() - 1;
  for (size_t i = 0; i <= last; ++i) {
    v1::Measurement& measurement = largest->measurements[i];
    const bool odd = (last - i) % 2 == 1;  // The newest stays.
    if (i >= largest->sent && measurement.sequence() == 0 && odd) {
      bytes_ -= SizeOf(measurement);
    } else {
      kept.push_back(std::move(measurement));
    }
  }
  largest->measurements = std::move(kept);
  return true;
}

}  // namespace assay
