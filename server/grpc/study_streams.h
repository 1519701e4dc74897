#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "assay/v1/study.pb.h"
#include "search/base/mutex.h"
#include "server/grpc/page_stream.h"

namespace assay {

// Sends what changes in a study; a snapshot first if the client knows nothing,
// and again if it lags too far.
class WatchStream final : public PageStream<v1::WatchStudyResponse> {
 public:
  static constexpr int64_t kMaxLag = 10'000;  // Revisions.

  WatchStream(const ServiceContext& context, CallRecord record,
              std::atomic<int>& open, StudyId study, int64_t after)
      : PageStream(context, std::move(record), open),
        study_(study),
        after_(after),
        snapshot_next_(after == 0 ? std::optional<int64_t>(-1) : std::nullopt) {
  }

 protected:
  absl::StatusOr<std::optional<v1::WatchStudyResponse>> Next() override;
  bool StopWaiting() override;

 private:
  absl::StatusOr<v1::WatchStudyResponse> SnapshotPage();
  absl::StatusOr<std::optional<v1::WatchStudyResponse>> ChangePage();
  void AwaitChange();

  const StudyId study_;
  int64_t after_;
  // While a snapshot is sent: trials after this number come next.
  std::optional<int64_t> snapshot_next_;

  Mutex mutex_;
  ChangeFeed::Ticket ticket_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Sends everything that is known of a study.
class ExportStream final : public PageStream<v1::ExportStudyResponse> {
 public:
  ExportStream(const ServiceContext& context, CallRecord record,
               std::atomic<int>& open, StudyId study, bool measurements)
      : PageStream(context, std::move(record), open),
        study_(study),
        with_measurements_(measurements) {}

 protected:
  absl::StatusOr<std::optional<v1::ExportStudyResponse>> Next() override;

 private:
  absl::Status AddTrials(Snapshot& rows, v1::ExportStudyResponse& page);
  absl::Status AddMeasurements(Snapshot& rows, v1::ExportStudyResponse& page);

  const StudyId study_;
  const bool with_measurements_;
  bool began_ = false;
  uint64_t seed_ = 0;
  int64_t after_number_ = -1;
  // The trial whose curve is being sent, and how far.
  std::vector<Trial> curves_left_;
  int64_t after_sequence_ = 0;
};

}  // namespace assay
