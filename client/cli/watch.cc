#include "client/cli/watch.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <ostream>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/time/clock.h"
#include "client/cli/format.h"
#include "client/cli/json.h"
#include "client/cli/watch_view.h"
#include "search/base/mutex.h"

namespace assay {
namespace {

constexpr absl::Duration kFrame = absl::Milliseconds(200);
constexpr absl::Duration kPause = absl::Milliseconds(100);
constexpr absl::Duration kReconnect = absl::Milliseconds(500);
constexpr absl::Duration kPatience = absl::Seconds(60);

// What the reading thread leaves for the drawing one.
class Mailbox {
 public:
  void Put(v1::WatchStudyResponse message) {
    {
      MutexLock lock(mutex_);
      messages_.push_back(std::move(message));
    }
    changed_.NotifyOne();
  }

  void End(absl::Status status) {
    {
      MutexLock lock(mutex_);
      status_ = std::move(status);
      ended_ = true;
    }
    changed_.NotifyOne();
  }

  // What came, after at most `time`.
  std::vector<v1::WatchStudyResponse> Take(absl::Duration time) {
    MutexLock lock(mutex_);
    const auto deadline =
        std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(time);
    while (messages_.empty() && !ended_ &&
           changed_.WaitUntil(mutex_, deadline)) {
    }
    return std::exchange(messages_, {});
  }

  bool HasEnded() {
    MutexLock lock(mutex_);
    return ended_ && messages_.empty();
  }

  absl::Status status() {
    MutexLock lock(mutex_);
    return status_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::vector<v1::WatchStudyResponse> messages_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

// Reads one stream into the mailbox, on a thread of its own.
class Reader {
 public:
  Reader(v1::StudyService::Stub& studies, const std::string& study,
         int64_t after, Mailbox& mailbox) {
    v1::WatchStudyRequest request;
    request.set_study(study);
    request.set_after(after);
    stream_ = studies.Watch(&context_, request);
    thread_ = std::thread([this, &mailbox] {
      v1::WatchStudyResponse message;
      while (stream_->Read(&message)) mailbox.Put(std::move(message));
      const absl::Status status = ToAbslStatus(stream_->Finish());
      // A watch has no end of its own, so a server that ends it in peace has
      // trouble.
      mailbox.End(status.ok()
                      ? absl::UnavailableError("the server ended the watch")
                      : status);
    });
  }
  ~Reader() {
    context_.TryCancel();
    thread_.join();
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::WatchStudyResponse>> stream_;
  std::thread thread_;
};

class Viewer {
 public:
  explicit Viewer(Context& context) : context_(context), area_(context.out) {}

  WatchState& state() { return state_; }

  void Take(const v1::WatchStudyResponse& message) {
    for (const v1::Trial& trial : state_.Take(message)) {
      if (context_.json) {
        context_.out << ToJson(trial).dump() << std::endl;
      } else if (!context_.terminal) {
        context_.out << RenderEnded(state_.study().spec(), trial, Wide())
                     << std::endl;
      }
    }
  }

  void Draw() {
    if (!context_.terminal || context_.json || state_.revision() == 0) return;
    const TerminalSize size = GetTerminalSize(1);
    Look look = context_.look;
    look.width = size.columns - 1;  // The last column makes some scroll.
    area_.Draw(RenderWatch(state_, look, size.lines - 1));
  }

  // The live view says it in its first line.
  void SayWhyItEnded() {
    if (context_.terminal || context_.json) return;
    const v1::Study& study = state_.study();
    context_.out << Printable(FormatName(study)) << " is " << FormatState(study)
                 << ": " << Printable(study.reason()) << std::endl;
  }

 private:
  // Lines of a file are not cut.
  Look Wide() const {
    Look look = context_.look;
    look.width = 0;
    return look;
  }

  Context& context_;
  WatchState state_;
  LiveArea area_;
};

}  // namespace

absl::StatusOr<ExitCode> WatchStudy(Context& context,
                                    const Connection& connection,
                                    const std::string& study,
                                    const std::function<bool()>& interrupted) {
  Viewer viewer(context);
  absl::Time away_since = absl::Now();
  while (true) {
    Mailbox mailbox;
    Reader reader(connection.studies(), study, viewer.state().resume_after(),
                  mailbox);
    while (!mailbox.HasEnded()) {
      for (const v1::WatchStudyResponse& message : mailbox.Take(kFrame)) {
        viewer.Take(message);
      }
      viewer.Draw();
      if (viewer.state().revision() > 0 && viewer.state().is_over()) {
        viewer.SayWhyItEnded();
        const bool failed =
            viewer.state().study().completion() == v1::Study::TOO_MANY_FAILURES;
        return failed ? kExitError : kExitOk;
      }
      if (interrupted()) return kExitInterrupted;
      // A stream that is open, however quiet, has a server behind it.
      if (!mailbox.HasEnded()) away_since = absl::Now();
    }
    if (interrupted()) return kExitInterrupted;
    const absl::Status status = mailbox.status();
    const bool worth_another = absl::IsUnavailable(status) &&
                               viewer.state().revision() > 0 &&
                               absl::Now() - away_since < kPatience;
    if (!worth_another) return connection.Explain(status);
    absl::SleepFor(kPause);  // A server that shuts down is still connected.
    connection.WaitUntilConnected(kReconnect);
  }
}

}  // namespace assay
