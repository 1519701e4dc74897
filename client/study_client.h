#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "assay/v1/checkpoint.pb.h"
#include "assay/v1/insight.pb.h"
#include "assay/v1/study.pb.h"
#include "assay/v1/trial.pb.h"

namespace assay {

// A coordinator, for programs that create studies, train by themselves and tell
// what came of it:
//
//   StudyClient client("127.0.0.1:7070");
//   const auto study = client.CreateStudy(spec);
//   while (true) {
//     auto trial = client.Ask(study->id());
//     if (!trial.ok()) break;                      // OutOfRange: it is over.
//     client.Complete(*trial,
//                     {{"loss", Train(Number(trial->trial(), "lr"))}});
//   }
//
// Calls wait for a server that is away, up to `timeout`, and repeat what was
// lost: every write is known by its key and changes nothing twice. The leases
// of trials that were asked for and not ended are renewed in the background,
// three times a lease. Thread-safe: each thread of a pool may ask, each gets a
// trial of its own. Errors have the codes of the .proto files; Unavailable and
// DeadlineExceeded: no server.
class StudyClient {
 public:
  struct Options {
    // Who asks. Empty: drawn at random. A program that wants to resume what it
    // held before a crash sets its own, in one process at a time. The n-th
    // trial held of one study at the same time is asked for as "client_id/n".
    std::string client_id;
    // Of one call with its repetitions.
    absl::Duration timeout = absl::Seconds(30);
    // 0: never expires.
    absl::Duration lease = absl::Minutes(10);
  };

  // "host:port" or "unix:/path". Connects at the first call.
  explicit StudyClient(const std::string& address);
  StudyClient(const std::string& address, Options options);
  // Stops renewing: what was not ended is handed out again once its lease ends.
  ~StudyClient();

  StudyClient(const StudyClient&) = delete;
  StudyClient& operator=(const StudyClient&) = delete;

  const std::string& client_id() const;

  // Creates the study, or returns the equal one of that name.
  absl::StatusOr<v1::Study> CreateStudy(const v1::StudySpec& spec);
  // `study`: an id in digits, "owner/name", or "name".
  absl::StatusOr<v1::Study> GetStudy(const std::string& study);
  absl::StatusOr<std::vector<v1::Study>> ListStudies();
  absl::StatusOr<std::vector<v1::Trial>> ListTrials(const std::string& study);
  // The best trial, or the Pareto front; empty while no trial has a value.
  absl::StatusOr<std::vector<v1::Trial>> Best(const std::string& study);

  // What the trials say, see proto/assay/v1/insight.proto: which parameters
  // decide about a metric (empty: the first objective), what configurations
  // would measure, how far that can be trusted. They wait for the server's
  // answer, some seconds of computing, up to `timeout`.
  absl::StatusOr<v1::ImportanceResponse> Importance(
      const std::string& study, const std::string& metric = "");
  absl::StatusOr<v1::PredictResponse> Predict(
      const v1::PredictRequest& request);
  absl::StatusOr<v1::QualityResponse> Quality(const std::string& study,
                                              const std::string& metric = "");

  // One trial to train, held until Complete() or Fail(). OutOfRange once the
  // study is over or its space used up, FailedPrecondition while it is paused,
  // ResourceExhausted with the reason if there was none for `wait`.
  absl::StatusOr<v1::Assignment> Ask(
      const std::string& study, absl::Duration wait = absl::InfiniteDuration());
  absl::StatusOr<v1::Assignment> Ask(
      int64_t study_id, absl::Duration wait = absl::InfiniteDuration());

  // Reports the values of a step (an epoch; >= 0). `should_stop`: end the trial
  // now, with Complete(); `reason` says why. FailedPrecondition: it is no
  // longer held here, its lease was lost.
  absl::StatusOr<v1::ReportResponse> Report(
      const v1::Assignment& held, int64_t step,
      const std::map<std::string, double>& metrics);

  // Keeps the files of `folder` at the server as what was reached with `step`,
  // so that the trial, or one that continues it, goes on from there: it is done
  // once this returns. What the server has of them is not sent again, also when
  // a call that failed is repeated. InvalidArgument, naming the file: what a
  // checkpoint cannot hold. FailedPrecondition: it is no longer held.
  // ResourceExhausted: the study's quota, or the server's disk.
  absl::StatusOr<v1::Checkpoint> SaveCheckpoint(const v1::Assignment& held,
                                                int64_t step,
                                                const std::string& folder);

  // Writes what the trial is to go on from, `held.resume()`, into `folder`,
  // which must be empty or not there, and returns its step; 0, and no folder,
  // if it begins from nothing. NotFound: the server deleted it meanwhile.
  absl::StatusOr<int64_t> LoadCheckpoint(const v1::Assignment& held,
                                         const std::string& folder);

  // Ends it with these final values; what is missing is taken from the reports.
  // After InvalidArgument it is still held. If no server answered it is not,
  // and a later Ask() gives it again, unless the end had arrived.
  absl::StatusOr<v1::Trial> Complete(
      const v1::Assignment& held, const std::map<std::string, double>& metrics);

  // Ends the attempt without a result.
  absl::StatusOr<v1::Trial> Fail(
      const v1::Assignment& held, const std::string& reason,
      v1::FailRequest::Kind kind = v1::FailRequest::ERROR);

  // Adds a configuration, handed out before new proposals. Without a
  // `request_id` one is drawn: one call is one trial, however often it is
  // tried.
  absl::StatusOr<v1::Trial> Enqueue(v1::EnqueueRequest request);

  // Gives what changes in the study to `take`, on this thread, from a snapshot
  // on, until `take` returns false (OK) or the study is deleted (NotFound).
  // After a break it goes on from the last revision; a snapshot that broke off
  // comes again from its beginning. Unavailable: no server for `timeout`.
  absl::Status Watch(
      const std::string& study,
      const std::function<bool(const v1::WatchStudyResponse&)>& take);

 private:
  class Connection;  // Keeps gRPC out of here.
  std::unique_ptr<Connection> connection_;
};

// The value of a parameter that is a number; NaN if the trial has none (its
// condition does not hold).
double Number(const v1::Trial& trial, const std::string& parameter);
// The value of a parameter that is a text; empty if the trial has none.
std::string Text(const v1::Trial& trial, const std::string& parameter);

}  // namespace assay
