#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "assay/v1/worker.pb.h"
#include "worker/attempt_end.h"

namespace assay {

// Everything that the coordinator has not acknowledged, by attempt, and in
// which order it is to be sent. A value: no threads, no clock, no network.
//
// Measurements get their sequence when they are first sent, so that thinning
// what was never sent leaves no gap. Above `capacity` bytes the oldest unsent
// output goes first, then every second unsent measurement of the attempt that
// has most; finishes never.
class Spool {
 public:
  explicit Spool(int64_t capacity) : capacity_(capacity) {}

  // A new attempt. False if it is here already.
  bool Open(AttemptKey key);
  // Drops all of it. Nothing for one that is not here, as in all that follow.
  void Forget(AttemptKey key);
  bool Has(AttemptKey key) const { return attempts_.contains(key); }
  // Its present number; that of its key if it is not here.
  int32_t NumberOf(AttemptKey key) const;

  void AddMeasurement(AttemptKey key, v1::Measurement measurement);
  void AddOutput(AttemptKey key, absl::string_view bytes);
  // In which slot it runs, from 1.
  void SetSlot(AttemptKey key, int32_t slot);
  // Sent after all measurements and the output (at most its last 256 KiB). Ids
  // and slot are filled in.
  void AddFinish(AttemptKey key, v1::Finish finish);

  // The attempt that the coordinator knows by this number.
  std::optional<AttemptKey> Find(int64_t trial, int32_t number) const;
  // The attempt goes on under another number: its measurements are sent
  // again, those that were acknowledged too (the newest 4 MiB), under their
  // sequences.
  void Renumber(AttemptKey key, int32_t number);
  // The attempt, if the acknowledgement ends it; it is forgotten.
  std::optional<AttemptKey> Acknowledge(const v1::Acknowledgement& ack);
  // The stream broke: what is not acknowledged is sent again.
  void Rewind();

  // Attempts without an acknowledged finish, under their present numbers, and
  // their slots.
  std::vector<v1::HeldAttempt> Held() const;

  // What to send next: measurements of the attempts in turn, then finishes.
  std::optional<v1::WorkerMessage> Next();
  // The next piece of output; those that a finish waits for come from Next().
  std::optional<v1::WorkerMessage> NextOutput();
  bool HasOutput() const;

  // Measurements not sent yet.
  size_t Waiting(AttemptKey key) const;
  int64_t bytes() const { return bytes_; }
  bool empty() const { return attempts_.empty(); }

 private:
  struct Piece {
    int64_t offset;
    std::string data;
  };
  struct Entry {
    int32_t number = 0;
    int32_t slot = 0;  // 0: in none yet.
    // [0, acknowledged) is kept for Renumber(), [acknowledged, sent) is on its
    // way, the rest waits.
    std::deque<v1::Measurement> measurements = {};
    size_t acknowledged = 0;
    size_t sent = 0;
    int64_t last_sequence = 0;
    int64_t history_bytes = 0;      // Of [0, acknowledged).
    std::deque<Piece> output = {};  // [0, output_sent) is on its way.
    size_t output_sent = 0;
    int64_t next_offset = 0;
    std::optional<v1::Finish> finish = std::nullopt;
    bool finish_sent = false;
  };

  bool CanSendMeasurements(const Entry& entry) const;
  v1::WorkerMessage TakeMeasurements(AttemptKey key, Entry& entry);
  v1::WorkerMessage TakePiece(AttemptKey key, Entry& entry);
  std::optional<v1::WorkerMessage> NextMeasurements();
  std::optional<v1::WorkerMessage> NextFinish();
  void AcknowledgeMeasurements(Entry& entry, int64_t through);
  void AcknowledgeOutput(Entry& entry, int64_t through);
  void DropOutput(Entry& entry, int64_t keep);
  void Shrink();
  bool DropLargestOutput();
  bool ThinLargest();

  const int64_t capacity_;
  int64_t bytes_ = 0;  // Of what is unacknowledged.
  std::map<AttemptKey, Entry> attempts_;
  AttemptKey last_served_;
  AttemptKey last_output_;
};

}  // namespace assay
