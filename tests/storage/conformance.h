#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "storage/sqlite_storage.h"
#include "storage/storage.h"
#include "tests/storage/rows_for_tests.h"

namespace assay {

// What every storage promises is tested on each kind of them:
//
//   class RowsConformanceTest : public StorageConformanceTest {};
//   TEST_P(RowsConformanceTest, ...) {...}
//   ASSAY_FOR_EACH_STORAGE(RowsConformanceTest);
struct StorageKind {
  std::string name;
  absl::StatusOr<std::unique_ptr<Storage>> (*open)(const std::string& folder);
};

class StorageConformanceTest : public testing::TestWithParam<StorageKind> {
 protected:
  void SetUp() override {
    auto opened = GetParam().open(folder_.path());
    ASSERT_TRUE(opened.ok()) << opened.status();
    storage_ = *std::move(opened);
  }

  absl::Status Write(Storage::Body body) {
    return WriteNow(*storage_, std::move(body));
  }

  // Writes one thing that must succeed.
  template <class Change>
  void Do(Change change) {
    const absl::Status status =
        Write([&](Transaction& transaction) -> absl::Status {
          return change(transaction);
        });
    ASSERT_TRUE(status.ok()) << status;
  }

  // What one getter says; its error fails the test.
  template <class Get>
  auto Ask(Get get) {
    using Result = decltype(get(std::declval<Snapshot&>()));
    Result result = absl::UnknownError("not asked");
    EXPECT_TRUE(storage_
                    ->Read([&](Snapshot& snapshot) {
                      result = get(snapshot);
                      return absl::OkStatus();
                    })
                    .ok());
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *std::move(result) : typename Result::value_type{};
  }

  template <class Get>
  absl::Status ErrorOf(Get get) {
    return storage_->Read(
        [&](Snapshot& snapshot) { return get(snapshot).status(); });
  }

  StudyId AddStudy(const std::string& name = "s") {
    StudyId id;
    Do([&](Transaction& t) {
      auto inserted = t.InsertStudy(MakeStudy(name));
      if (inserted.ok()) id = *inserted;
      return inserted.status();
    });
    return id;
  }

  TrialId AddTrial(const Trial& trial) {
    TrialId id;
    Do([&](Transaction& t) {
      auto inserted = t.InsertTrial(trial);
      if (inserted.ok()) id = *inserted;
      return inserted.status();
    });
    return id;
  }

  // A trial of `number` in that state, ended at that revision.
  TrialId AddEnded(StudyId study, int64_t number, TrialState state,
                   int64_t revision, std::optional<double> objective) {
    Trial trial = MakeTrial(study, number);
    trial.id = AddTrial(trial);
    trial.state = state;
    trial.revision = trial.ended_revision = revision;
    Do([&](Transaction& t) { return t.UpdateTrial(trial, objective); });
    return trial.id;
  }

  TemporaryFolder folder_;
  std::unique_ptr<Storage> storage_;
};

inline std::vector<int64_t> Numbers(const std::vector<Trial>& trials) {
  std::vector<int64_t> numbers;
  for (const Trial& trial : trials) numbers.push_back(trial.number);
  return numbers;
}

inline const StorageKind kStorageKinds[] = {
    {"Sqlite",
     [](const std::string& folder) { return OpenSqliteStorage(folder); }},
    {"Memory", [](const std::string&) { return OpenMemoryStorage(); }},
};

#define ASSAY_FOR_EACH_STORAGE(fixture)                                    \
  INSTANTIATE_TEST_SUITE_P(All, fixture, testing::ValuesIn(kStorageKinds), \
                           [](const auto& kind) { return kind.param.name; })

}  // namespace assay
