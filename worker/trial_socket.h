#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/descriptor.h"
#include "worker/event_loop.h"
#include "worker/trial_message.h"

namespace assay {

// Where one trial reports: a Unix stream socket that takes any number of
// connections, each of JSON lines (trial_message.h). On the loop's thread.
//
// Each accepted line is answered by its number of the connection,
// {"ack":N}, each bad one by {"error":"..."}; the connection goes on. Memory
// is bounded whatever the trial does: a line by 1 MiB, unread answers by
// 64 KiB a connection (beyond it a newer ack replaces an older one).
class TrialSocket {
 public:
  // An error is what the trial is told about its line.
  using Take = std::function<absl::Status(TrialMessage)>;
  // The same, told later, on the loop's thread; until then the connection's
  // next lines wait. Never from within the call. After Drain() nobody hears.
  using Answer = std::function<void(absl::Status)>;
  using TakeCheckpoint = std::function<void(CheckpointNotice, Answer)>;

  static constexpr size_t kMaxLine = size_t{1} << 20;
  static constexpr size_t kMaxAnswers = size_t{64} << 10;
  static constexpr size_t kMaxConnections = 256;

  // `loop` must outlive this. Errors: what bind() says; InvalidArgument for a
  // path above 107 bytes. Without `take_checkpoint` there are none.
  static absl::StatusOr<std::unique_ptr<TrialSocket>> Listen(
      EventLoop& loop, std::string path, Take take,
      TakeCheckpoint take_checkpoint = nullptr);
  ~TrialSocket();
  TrialSocket(const TrialSocket&) = delete;
  TrialSocket& operator=(const TrialSocket&) = delete;

  const std::string& path() const { return path_; }

  // Tells every connection, and each later one first of all.
  void Stop(absl::string_view reason);

  // While paused nothing is read, so that the trial waits when it has filled
  // the kernel's buffer.
  void SetPaused(bool paused);

  // Takes what the trial sent before its end, paused or not, and closes.
  void Drain();

 private:
  struct Connection {
    Descriptor socket;
    EventLoop::Handle watch = 0;
    std::string received;   // A line's beginning.
    bool skipping = false;  // The rest of a line that is too long.
    std::string answers;    // Not yet sent.
    std::string last_ack;   // Replaces older ones while `answers` is full.
    int64_t accepted = 0;
    bool waiting = false;  // For the answer to a checkpoint.
    bool at_end = false;
  };
  using Id = uint64_t;

  TrialSocket(EventLoop& loop, std::string path, Descriptor listener, Take take,
              TakeCheckpoint take_checkpoint);

  void WatchListener();
  void Accept();
  void OnReady(Id id, uint32_t events);
  // False if there was nothing.
  bool Receive(Id id, Connection& connection);
  void DrainConnections();
  void TakeLines(Id id, Connection& connection);
  void TakeLine(Id id, Connection& connection, absl::string_view line);
  void TakeNotice(Id id, Connection& connection, CheckpointNotice notice);
  static void AnswerLine(Connection& connection, const absl::Status& status);
  void AnswerLater(Id id, const absl::Status& status);
  void CloseOrRewatch(Id id, Connection& connection);
  void Send(Connection& connection);
  void Rewatch(Id id, Connection& connection);
  void Close(Id id);

  EventLoop& loop_;
  const std::string path_;
  Descriptor listener_;
  const Take take_;
  const TakeCheckpoint take_checkpoint_;
  EventLoop::Handle listener_watch_ = 0;
  std::map<Id, Connection> connections_;
  Id last_id_ = 0;
  bool paused_ = false;
  bool draining_ = false;
  std::optional<std::string> stop_line_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace assay
