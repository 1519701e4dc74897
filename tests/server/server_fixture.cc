#include "tests/server/server_fixture.h"

#include <cstdlib>
#include <filesystem>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "search/base/status_macros.h"
#include "storage/sqlite_storage.h"

namespace assay {
namespace {

constexpr int kMaxRounds = 100'000;  // Then it will never settle.

template <class T>
T Must(absl::StatusOr<T> result) {
  if (result.ok()) return *std::move(result);
  ADD_FAILURE() << result.status();
  return T();
}

}  // namespace

// --- Specs ------------------------------------------------------------------

std::string TableCodec::Add(StudySpec spec) const {
  MutexLock lock(mutex_);
  specs_.push_back(std::move(spec));
  return absl::StrCat(specs_.size() - 1);
}

absl::StatusOr<StudySpec> TableCodec::Decode(const std::string& text) const {
  size_t place = 0;
  MutexLock lock(mutex_);
  if (!absl::SimpleAtoi(text, &place) || place >= specs_.size()) {
    return absl::DataLossError(absl::StrCat("no spec \"", text, "\""));
  }
  return specs_[place];
}

std::string TableCodec::Edit(const std::string& text,
                             const StudyEdit& edit) const {
  StudySpec spec = Must(Decode(text));
  if (edit.budget) spec.budget = *edit.budget;
  if (edit.priority) spec.priority = *edit.priority;
  if (edit.note) spec.note = *edit.note;
  return Add(std::move(spec));
}

StudySpec SpaceFreeSpec(const std::string& name) {
  StudySpec spec;
  spec.owner = "local";
  spec.name = name;
  spec.metrics = {{.name = "loss"}};
  spec.seed = 7;
  return spec;
}

StudySpec GridSpec(const std::string& name, int points) {
  StudySpec spec = SpaceFreeSpec(name);
  spec.space = Must(SearchSpace::Create(
      {{.name = "x", .domain = IntegerDomain{.min = 0, .max = points - 1}}}));
  spec.algorithm.name = "grid";
  return spec;
}

StudySpec WorkerSpec(const std::string& owner, const std::string& name,
                     int points) {
  StudySpec spec = GridSpec(name, points);
  spec.owner = owner;
  spec.trial.runner = RunnerKind::kNamed;
  spec.trial.runner_name = "shell";
  return spec;
}

Parameters X(int64_t x) { return {{"x", x}}; }

int64_t XOf(const Trial& trial) {
  return std::get<int64_t>(trial.parameters.at("x"));
}

Token TokenOf(const Handout& handout) {
  return {handout.trial.id, handout.attempt.number};
}

// --- Core -------------------------------------------------------------------

Core::Core(Storage& rows, FakeClock& clock_in, const TableCodec& codec_in,
           int64_t max_parked, SearchRunner::StrategyMaker make_strategy)
    : clock(clock_in),
      codec(codec_in),
      storage(rows),
      timer(clock),
      leases(clock),
      studies({storage, clock, pool, pool, timer, codec, feed, leases,
               std::move(make_strategy)}),
      dispatcher({studies, storage, leases, timer, clock, max_parked}),
      recorder({studies, storage, leases, timer}),
      editor(studies),
      workers({studies, dispatcher, storage, leases, clock, pool, timer,
               kWorkerLease}) {
  EXPECT_TRUE(studies.Load().ok());
  EXPECT_TRUE(dispatcher.Load().ok());
  studies.AddObserver(dispatcher);
  studies.AddObserver(workers);
  studies.OnSupplyChanged([this](StudyId study) {
    dispatcher.SupplyChanged(study);
    workers.SupplyChanged(study);
  });
}

Core::~Core() {
  storage.FailWhen(nullptr);
  storage.Release();
  pool.Release();
  dispatcher.StopHandingOut();
  timer.Stop();
  Settle();
}

void Core::Flush() {
  Later<absl::Status> flushed;
  // Not one of those that a test may hold or fail.
  storage.WriteAround([](Transaction&) { return absl::OkStatus(); },
                      flushed.Callback());
  flushed.Get().IgnoreError();
  ++flushes_;
}

void Core::Settle() {
  const auto activity = [&] {
    return pool.posted() + storage.Stats().writes - flushes_;
  };
  for (int round = 0; round < kMaxRounds; ++round) {
    const int64_t before = activity();
    pool.WaitUntilIdle();
    Flush();
    pool.WaitUntilIdle();
    if (activity() == before) return;
  }
  ADD_FAILURE() << "it never settles";
}

void Core::Advance(absl::Duration duration) {
  clock.Advance(duration);
  // Also wakes the timer, which waits for real time to pass.
  Later<bool> due;
  timer.After(absl::ZeroDuration(),
              [called = due.Callback()]() mutable { called(true); });
  due.Get();
  Settle();
}

absl::StatusOr<StudyView> Core::Create(StudySpec spec, std::string text) {
  Later<absl::StatusOr<StudyView>> view;
  const uint64_t seed = spec.seed;
  studies.Create(std::move(spec), std::move(text), seed, view.Callback());
  return view.Get();
}

StudyId Core::Create(StudySpec spec) {
  std::string text = codec.Add(spec);
  return Must(Create(std::move(spec), std::move(text))).study.id;
}

absl::StatusOr<StudyView> Core::Update(StudyId study, StudyEdit edit,
                                       std::string request_id,
                                       std::string fingerprint) {
  Later<absl::StatusOr<StudyView>> view;
  studies.Update(study, std::move(edit), "ann", std::move(request_id),
                 std::move(fingerprint), view.Callback());
  return view.Get();
}

absl::StatusOr<StudyView> Core::SetBudget(StudyId study, Budget budget) {
  return Update(study, {.budget = std::move(budget)});
}

absl::StatusOr<StudyView> Core::Pause(StudyId study) {
  Later<absl::StatusOr<StudyView>> view;
  studies.Pause(study, view.Callback());
  return view.Get();
}

absl::StatusOr<StudyView> Core::Resume(StudyId study) {
  Later<absl::StatusOr<StudyView>> view;
  studies.Resume(study, view.Callback());
  return view.Get();
}

absl::StatusOr<StudyView> Core::Stop(StudyId study) {
  Later<absl::StatusOr<StudyView>> view;
  studies.Stop(study, view.Callback());
  return view.Get();
}

absl::StatusOr<StudyView> Core::Delete(StudyId study) {
  Later<absl::StatusOr<StudyView>> view;
  studies.Delete(study, view.Callback());
  return view.Get();
}

Later<absl::StatusOr<Answer>> Core::Ask(StudyId study, std::string client,
                                        absl::Duration wait, int count) {
  Later<absl::StatusOr<Answer>> answer;
  dispatcher.Suggest({.study = study,
                      .client_id = std::move(client),
                      .count = count,
                      .wait = wait,
                      .lease = absl::Minutes(10)},
                     answer.Callback());
  return answer;
}

absl::StatusOr<Answer> Core::Suggest(StudyId study, std::string client,
                                     int count) {
  return Ask(study, std::move(client), absl::ZeroDuration(), count).Get();
}

Handout Core::Lease(StudyId study, std::string client) {
  const absl::StatusOr<Answer> answer = Suggest(study, std::move(client));
  if (answer.ok() && answer->handouts.size() == 1) return answer->handouts[0];
  ADD_FAILURE() << answer.status() << (answer.ok() ? answer->reason : "");
  return {};
}

absl::StatusOr<Answer> Core::LeaseToWorker(StudyId study, std::string worker) {
  Attempt holder;
  holder.instance = absl::StrCat(worker, "'s process");
  holder.holder = std::move(worker);
  holder.by_worker = true;
  holder.lease = kWorkerLease;
  Later<bool> ready;
  Must(studies.Runner(study))
      ->WhenReady(1, [called = ready.Callback()]() mutable { called(true); });
  ready.Get();
  Later<absl::StatusOr<Answer>> answer;
  dispatcher.LeaseTo(study, std::move(holder), answer.Callback());
  return answer.Get();
}

absl::StatusOr<Advice> Core::Report(Token token, Measurement measurement) {
  Later<absl::StatusOr<Advice>> advice;
  recorder.Report(token, std::move(measurement), advice.Callback());
  return advice.Get();
}

absl::StatusOr<int64_t> Core::ReportBatch(
    Token token, std::vector<Measurement> measurements) {
  Later<absl::StatusOr<int64_t>> through;
  recorder.ReportBatch(token, std::move(measurements), through.Callback());
  return through.Get();
}

absl::StatusOr<Trial> Core::Finish(FinishReport report) {
  Later<absl::StatusOr<Trial>> trial;
  recorder.Finish(std::move(report), trial.Callback());
  return trial.Get();
}

absl::StatusOr<Trial> Core::Complete(Token token, double loss) {
  return Finish({.token = token, .metrics = {{"loss", loss}}});
}

absl::StatusOr<Trial> Core::Fail(Token token, std::string reason) {
  return Finish({.token = token, .end = End::kFailed, .reason = reason});
}

absl::StatusOr<Trial> Core::Enqueue(StudyId study, Parameters parameters,
                                    std::string request_id) {
  Later<absl::StatusOr<Trial>> trial;
  const std::string fingerprint = ToText(parameters);
  editor.Enqueue(study, {.parameters = std::move(parameters)},
                 {"Enqueue", std::move(request_id), fingerprint},
                 trial.Callback());
  return trial.Get();
}

absl::StatusOr<Trial> Core::StopTrial(TrialId id, std::string reason) {
  Later<absl::StatusOr<Trial>> trial;
  editor.Stop(id, std::move(reason), trial.Callback());
  return trial.Get();
}

absl::StatusOr<Trial> Core::Retry(TrialId id, std::string request_id) {
  Later<absl::StatusOr<Trial>> trial;
  editor.Retry(id, {"Retry", std::move(request_id), absl::StrCat(id.value)},
               trial.Callback());
  return trial.Get();
}

absl::StatusOr<Trial> Core::Import(StudyId study,
                                   TrialEditor::Imported imported,
                                   std::string request_id) {
  Later<absl::StatusOr<Trial>> trial;
  const std::string fingerprint = ToText(imported.parameters);
  editor.Import(study, std::move(imported),
                {"CreateTrial", std::move(request_id), fingerprint},
                trial.Callback());
  return trial.Get();
}

Study Core::StudyOf(StudyId id) {
  Study study;
  const absl::Status status = storage.Read([&](Snapshot& rows) -> absl::Status {
    ASSAY_ASSIGN_OR_RETURN(study, rows.GetStudy(id));
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status;
  return study;
}

Trial Core::TrialOf(TrialId id) {
  Trial trial;
  const absl::Status status = storage.Read([&](Snapshot& rows) -> absl::Status {
    ASSAY_ASSIGN_OR_RETURN(trial, rows.GetTrial(id));
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status;
  return trial;
}

Attempt Core::AttemptOf(Token token) {
  Attempt attempt;
  const absl::Status status = storage.Read([&](Snapshot& rows) -> absl::Status {
    ASSAY_ASSIGN_OR_RETURN(attempt,
                           rows.GetAttempt(token.trial, token.attempt));
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status;
  return attempt;
}

std::vector<Trial> Core::TrialsOf(StudyId study) {
  std::vector<Trial> trials;
  const absl::Status status = storage.Read([&](Snapshot& rows) -> absl::Status {
    ASSAY_ASSIGN_OR_RETURN(trials, rows.ListTrials(study, {.limit = 100'000}));
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status;
  return trials;
}

// --- Fixtures ---------------------------------------------------------------

namespace {

void ExpectSound(Storage& rows) {
  const auto problems = rows.Check();
  ASSERT_TRUE(problems.ok()) << problems.status();
  EXPECT_THAT(*problems, ::testing::IsEmpty());
}

}  // namespace

CoreTest::CoreTest() {
  auto opened = OpenMemoryStorage();
  EXPECT_TRUE(opened.ok()) << opened.status();
  rows_ = *std::move(opened);
  core_.emplace(*rows_, clock_, codec_);
}

void CoreTest::TearDown() {
  core_->Settle();
  ExpectSound(*rows_);
}

RestartTest::RestartTest() {
  std::string folder =
      (std::filesystem::temp_directory_path() / "assay-server-test-XXXXXX")
          .string();
  EXPECT_NE(mkdtemp(folder.data()), nullptr);
  folder_ = folder;
  Restart();
}

RestartTest::~RestartTest() {
  core_.reset();
  ExpectSound(*rows_);
  rows_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void RestartTest::Restart() {
  core_.reset();
  rows_.reset();
  auto opened = OpenSqliteStorage(folder_);
  ASSERT_TRUE(opened.ok()) << opened.status();
  rows_ = *std::move(opened);
  core_.emplace(*rows_, clock_, codec_);
}

}  // namespace assay
