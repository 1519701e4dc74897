#pragma once

#include <future>
#include <string>
#include <utility>

#include "storage/storage.h"
#include "tests/support/temporary_folder.h"

namespace assay {

// Writes and waits for the answer.
inline absl::Status WriteNow(Storage& storage, Storage::Body body) {
  std::promise<absl::Status> answer;
  storage.Write(std::move(body), [&answer](absl::Status status) {
    answer.set_value(std::move(status));
  });
  return answer.get_future().get();
}

// What `get` returns of one moment.
template <class T, class Get>
T ReadNow(Storage& storage, Get get) {
  T result{};
  storage
      .Read([&](Snapshot& snapshot) {
        result = get(snapshot);
        return absl::OkStatus();
      })
      .IgnoreError();
  return result;
}

inline Study MakeStudy(const std::string& name) {
  Study study;
  study.owner = "ada";
  study.name = name;
  study.created = absl::FromUnixMicros(1'700'000'000'123'456);
  return study;
}

inline Trial MakeTrial(StudyId study, int64_t number) {
  Trial trial;
  trial.study = study;
  trial.number = number;
  trial.parameters = {{"lr", 0.1}, {"units", int64_t{32}}};
  trial.created = absl::FromUnixMicros(1'700'000'001'000'000);
  trial.created_revision = trial.revision = number + 1;
  return trial;
}

inline Attempt MakeAttempt(TrialId trial, int32_t number) {
  Attempt attempt;
  attempt.trial = trial;
  attempt.number = number;
  attempt.holder = "worker-1";
  attempt.started = absl::FromUnixMicros(1'700'000'002'000'000);
  attempt.lease = absl::Seconds(60);
  return attempt;
}

inline Measurement MakeMeasurement(int64_t sequence, int64_t revision) {
  Measurement measurement;
  measurement.sequence = sequence;
  measurement.step = sequence;
  measurement.metrics = {{"loss", 1.0 / static_cast<double>(sequence + 1)}};
  measurement.revision = revision;
  measurement.time = absl::FromUnixMicros(1'700'000'003'000'000);
  return measurement;
}

}  // namespace assay
