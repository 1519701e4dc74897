// How many reports the writer takes with no network before it: the ceiling of
// what assay_service_bench measures. See README.md.

#include <stdlib.h>
#include <time.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <future>
#include <iostream>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "search/base/clock.h"
#include "search/base/status_macros.h"
#include "server/change_feed.h"
#include "server/lease_table.h"
#include "server/study_registry.h"
#include "server/thread_pool.h"
#include "server/timer.h"
#include "server/trial_recorder.h"
#include "storage/sqlite_storage.h"

namespace assay {
namespace {

constexpr int kInFlight = 64;

// Of the one study there is.
class OneSpec final : public SpecCodec {
 public:
  absl::StatusOr<StudySpec> Decode(const std::string&) const override {
    StudySpec spec;
    spec.owner = "local";
    spec.name = "bench";
    spec.metrics = {{.name = "loss"}};
    return spec;
  }
  std::string Edit(const std::string& text, const StudyEdit&) const override {
    return text;
  }
};

template <class T>
T Must(absl::StatusOr<T> result) {
  if (result.ok()) return *std::move(result);
  std::cerr << result.status() << "\n";
  std::exit(1);
}

absl::Duration CpuTime() {
  timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return absl::DurationFromTimespec(time);
}

Measurement MeasurementOf(int64_t sequence) {
  return {.sequence = sequence,
          .step = sequence,
          .elapsed_seconds = 0.5,
          .metrics = {{"loss", 1.0 / static_cast<double>(sequence)}}};
}

class ReportBench {
 public:
  ReportBench(const std::string& folder, absl::Duration time)
      : storage_(Must(OpenSqliteStorage(folder))), time_(time) {
    std::promise<absl::StatusOr<StudyView>> created;
    studies_.Create(Must(codec_.Decode("")), "", 7,
                    [&](auto view) { created.set_value(std::move(view)); });
    study_ = Must(created.get_future().get()).study.id;
  }

  ~ReportBench() { storage_.reset(); }  // Its last answers use the others.

  // One measurement a report, the next one of an attempt after the answer.
  void Reports() {
    const std::vector<Token> tokens = Start(kInFlight);
    Measure("reports, 64 attempts, one in flight each", [&] {
      lanes_left_ = kInFlight;
      for (const Token token : tokens) ReportNext(token, 1);
    });
  }

  // One measurement a batch, so many of one attempt in flight.
  void Batches() {
    const Token token = Start(1)[0];
    Measure("batches of one, one attempt, 64 in flight", [&] {
      lanes_left_ = kInFlight;
      next_ = 1;
      for (int i = 0; i < kInFlight; ++i) BatchNext(token);
    });
  }

 private:
  std::vector<Token> Start(int count) {
    std::vector<Token> tokens;
    std::promise<absl::Status> done;
    studies_.Change(
        study_,
        [&](StudyTransaction& transaction) -> absl::Status {
          for (int i = 0; i < count; ++i) {
            Trial trial;
            trial.parameters = {{"x", 0.25}, {"y", 0.75}};
            ASSAY_ASSIGN_OR_RETURN(
                const Attempt attempt,
                transaction.AddRunning(trial, {.holder = "bench"}));
            tokens.push_back({attempt.trial, attempt.number});
          }
          return absl::OkStatus();
        },
        [&](absl::Status status) { done.set_value(std::move(status)); });
    const absl::Status status = done.get_future().get();
    if (!status.ok()) std::cerr << status << "\n";
    return tokens;
  }

  template <class Begin>
  void Measure(const char* what, Begin begin) {
    const StorageStats before = storage_->Stats();
    const absl::Duration cpu = CpuTime();
    began_ = absl::Now();
    reported_ = 0;
    ended_ = std::promise<void>();
    begin();
    ended_.get_future().wait();
    const double seconds = absl::ToDoubleSeconds(absl::Now() - began_);
    const StorageStats after = storage_->Stats();
    std::cout << absl::StrFormat(
                     "%-44s %.0f/s  CPU %.1f us each  %.0f a commit", what,
                     reported_ / seconds,
                     absl::ToDoubleMicroseconds(CpuTime() - cpu) / reported_,
                     reported_ / double(after.commits - before.commits))
              << std::endl;
  }

  // On the writer thread. False: time is over.
  bool Reported(const absl::Status& status) {
    if (!status.ok()) {
      std::cerr << status << "\n";
      std::exit(1);
    }
    ++reported_;
    if (absl::Now() - began_ < time_) return true;
    if (--lanes_left_ == 0) ended_.set_value();
    return false;
  }

  void ReportNext(Token token, int64_t sequence) {
    recorder_.Report(token, MeasurementOf(sequence),
                     [this, token, sequence](absl::StatusOr<Advice> advice) {
                       if (!Reported(advice.status())) return;
                       ReportNext(token, sequence + 1);
                     });
  }

  void BatchNext(Token token) {
    recorder_.ReportBatch(token, {MeasurementOf(next_++)},
                          [this, token](absl::StatusOr<int64_t> through) {
                            if (Reported(through.status())) BatchNext(token);
                          });
  }

  const Clock& clock_ = SystemClock();
  OneSpec codec_;
  std::unique_ptr<Storage> storage_;
  ThreadPool pool_{1};
  Timer timer_{clock_};
  ChangeFeed feed_;
  LeaseTable leases_{clock_};
  StudyRegistry studies_{
      {*storage_, clock_, pool_, pool_, timer_, codec_, feed_, leases_}};
  TrialRecorder recorder_{{studies_, *storage_, leases_, timer_}};
  const absl::Duration time_;
  StudyId study_;

  // Of the measurement that runs; then on the writer thread only.
  absl::Time began_;
  int64_t reported_ = 0;
  int64_t next_ = 1;
  int lanes_left_ = 0;
  std::promise<void> ended_;
};

}  // namespace
}  // namespace assay

int main(int argc, char** argv) {
  CLI::App app("Measures how many reports the storage's writer takes.");
  double seconds = 3;
  std::string folder;
  app.add_option("--seconds", seconds, "For each load");
  app.add_option("--folder", folder, "Where the disk is measured");
  CLI11_PARSE(app, argc, argv);
  const bool own_folder = folder.empty();
  if (own_folder) {
    char name[] = "./assay-bench-XXXXXX";
    folder = mkdtemp(name);
  }
  {
    assay::ReportBench bench(folder, absl::Seconds(seconds));
    bench.Reports();
    bench.Batches();
  }
  if (own_folder) std::filesystem::remove_all(folder);
}
