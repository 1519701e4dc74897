#include "server/study_registry.h"

#include <algorithm>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "search/base/status_macros.h"
#include "server/requests.h"
#include "server/study_reference.h"
#include "server/warm_start_copier.h"

namespace assay {
namespace {

constexpr int kPage = 1000;

absl::Status NoSuchStudy(const std::string& reference) {
  return absl::NotFoundError(absl::StrCat("no study ", reference));
}

// 53 bits, so that a JSON number holds it exactly.
uint64_t DrawSeed() {
  std::random_device device;
  return ((uint64_t{device()} << 32) | device()) >> 11;
}

}  // namespace

StudyRegistry::StudyRegistry(Parts parts) : parts_(parts) {}

absl::Status StudyRegistry::Load() {
  for (StudyId after;;) {
    ASSAY_ASSIGN_OR_RETURN(const std::vector<StudyView> page,
                           List(after, kPage));
    for (const StudyView& view : page) {
      parts_.feed.Publish(view.study.id, view.study.revision);
    }
    if (page.size() < kPage) return absl::OkStatus();
    after = page.back().study.id;
  }
}

// --- Finding ----------------------------------------------------------------

absl::StatusOr<StudyId> StudyRegistry::Resolve(const std::string& reference) {
  if (reference.empty()) {
    return absl::InvalidArgumentError(
        "study: empty; an id, \"owner/name\" or \"name\" is wanted");
  }
  const StudyReference named = ParseStudyReference(reference);
  if (named.id && !*named.id) return NoSuchStudy(reference);
  if (named.id) return *named.id;
  {
    MutexLock lock(mutex_);
    const auto it = by_name_.find(named.name);
    if (it != by_name_.end()) return it->second;
  }
  std::optional<Study> found;
  ASSAY_RETURN_IF_ERROR(
      parts_.storage.Read([&](Snapshot& rows) -> absl::Status {
        ASSAY_ASSIGN_OR_RETURN(
            found, rows.FindStudy(named.name.first, named.name.second));
        return absl::OkStatus();
      }));
  if (!found) return NoSuchStudy(absl::StrCat("\"", reference, "\""));
  return found->id;
}

absl::StatusOr<std::shared_ptr<const StudySpec>> StudyRegistry::Spec(
    Snapshot& rows, const Study& study) {
  {
    MutexLock lock(mutex_);
    const auto it = entries_.find(study.id);
    if (it != entries_.end() &&
        it->second.spec_revision == study.spec_revision) {
      return it->second.spec;
    }
  }
  ASSAY_ASSIGN_OR_RETURN(const SpecRevision stored,
                         rows.GetSpec(study.id, study.spec_revision));
  ASSAY_ASSIGN_OR_RETURN(StudySpec spec, parts_.codec.Decode(stored.spec));
  spec.seed = study.seed;
  return std::make_shared<const StudySpec>(std::move(spec));
}

absl::StatusOr<std::shared_ptr<const StudySpec>> StudyRegistry::FirstSpec(
    Study study) {
  study.spec_revision = 1;
  std::shared_ptr<const StudySpec> spec;
  ASSAY_RETURN_IF_ERROR(
      parts_.storage.Read([&](Snapshot& rows) -> absl::Status {
        ASSAY_ASSIGN_OR_RETURN(spec, Spec(rows, study));
        return absl::OkStatus();
      }));
  return spec;
}

absl::StatusOr<StudyView> StudyRegistry::View(Snapshot& rows, Study study) {
  StudyView view;
  ASSAY_ASSIGN_OR_RETURN(view.spec, Spec(rows, study));
  ASSAY_ASSIGN_OR_RETURN(SpecRevision stored,
                         rows.GetSpec(study.id, study.spec_revision));
  view.spec_text = std::move(stored.spec);
  if (!view.spec->warm_start.empty()) {
    ASSAY_ASSIGN_OR_RETURN(view.earlier, rows.ListEarlier(study.id));
  }
  view.study = std::move(study);
  return view;
}

absl::StatusOr<StudyView> StudyRegistry::Get(StudyId id) {
  StudyView view;
  ASSAY_RETURN_IF_ERROR(
      parts_.storage.Read([&](Snapshot& rows) -> absl::Status {
        ASSAY_ASSIGN_OR_RETURN(Study study, rows.GetStudy(id));
        if (study.hidden) return NoSuchStudy(absl::StrCat(id.value));
        ASSAY_ASSIGN_OR_RETURN(view, View(rows, std::move(study)));
        Note(view.study, view.spec);
        return absl::OkStatus();
      }));
  return view;
}

absl::StatusOr<std::vector<StudyView>> StudyRegistry::List(StudyId after,
                                                           int limit) {
  std::vector<StudyView> views;
  ASSAY_RETURN_IF_ERROR(
      parts_.storage.Read([&](Snapshot& rows) -> absl::Status {
        ASSAY_ASSIGN_OR_RETURN(std::vector<Study> studies,
                               rows.ListStudies(after, limit));
        for (Study& study : studies) {
          ASSAY_ASSIGN_OR_RETURN(StudyView view, View(rows, std::move(study)));
          Note(view.study, view.spec);
          views.push_back(std::move(view));
        }
        return absl::OkStatus();
      }));
  return views;
}

// As the storage keeps it, so that an answer is the same when it is read again.
absl::Time StudyRegistry::Now() const {
  return absl::FromUnixMicros(absl::ToUnixMicros(parts_.clock.Now()));
}

// --- Creating and changing --------------------------------------------------

// Whoever asks for the same again gets what is there, whatever became of the
// studies that it learned from.
absl::StatusOr<StudyView> StudyRegistry::CreateIn(
    Transaction& rows, StudySpec spec, const std::string& spec_text,
    std::optional<uint64_t> seed) {
  ASSAY_ASSIGN_OR_RETURN(std::optional<Study> same,
                         rows.FindStudy(spec.owner, spec.name));
  if (same) {
    ASSAY_ASSIGN_OR_RETURN(const SpecRevision first, rows.GetSpec(same->id, 1));
    if (first.spec == spec_text) return View(rows, *std::move(same));
    return absl::AlreadyExistsError(
        absl::StrCat("study \"", spec.owner, "/", spec.name, "\" (id ",
                     same->id.value, ") exists with another spec"));
  }
  ASSAY_ASSIGN_OR_RETURN(std::vector<EarlierStudy> earlier,
                         CopyEarlier(rows, spec));
  Study study;
  study.owner = spec.owner;
  study.name = spec.name;
  study.seed = spec.seed = seed ? *seed : DrawSeed();
  study.created = Now();
  study.revision = study.changed_revision = 1;
  ASSAY_ASSIGN_OR_RETURN(study.id, rows.InsertStudy(study));
  ASSAY_RETURN_IF_ERROR(rows.InsertSpec(
      study.id, {.number = 1, .spec = spec_text, .time = study.created}));
  for (size_t i = 0; i < earlier.size(); ++i) {
    ASSAY_RETURN_IF_ERROR(
        rows.InsertEarlier(study.id, static_cast<int32_t>(i), earlier[i]));
    earlier[i].trials.clear();
  }
  return StudyView{study, std::make_shared<const StudySpec>(std::move(spec)),
                   spec_text, std::move(earlier)};
}

absl::StatusOr<std::vector<EarlierStudy>> StudyRegistry::CopyEarlier(
    Snapshot& rows, const StudySpec& spec) {
  WarmStartCopier copier(rows, spec);
  for (const WarmStart& from : spec.warm_start) {
    ASSAY_ASSIGN_OR_RETURN(const Study source, copier.Find(from));
    ASSAY_ASSIGN_OR_RETURN(const std::shared_ptr<const StudySpec> source_spec,
                           Spec(rows, source));
    ASSAY_RETURN_IF_ERROR(copier.Copy(from, source, *source_spec));
  }
  return std::move(copier).TakeEarlier();
}

void StudyRegistry::Create(StudySpec spec, std::string spec_text,
                           std::optional<uint64_t> seed, Done done) {
  const size_t bytes = spec_text.size() + 1024;
  auto view = std::make_shared<StudyView>();
  parts_.storage.Write(
      [this, view, spec = std::move(spec), text = std::move(spec_text),
       seed](Transaction& rows) mutable -> absl::Status {
        ASSAY_ASSIGN_OR_RETURN(*view,
                               CreateIn(rows, std::move(spec), text, seed));
        return absl::OkStatus();
      },
      [this, view, done = std::move(done)](absl::Status status) mutable {
        if (!status.ok()) return done(status);
        Note(view->study, view->spec);
        Publish({.study = view->study, .spec = view->spec, .changed = true});
        done(*std::move(view));
      },
      bytes);
}

absl::StatusOr<StudyChange> StudyRegistry::RunOn(Transaction& rows, Study study,
                                                 Body& body) {
  ASSAY_ASSIGN_OR_RETURN(std::shared_ptr<const StudySpec> spec,
                         Spec(rows, study));
  const auto runner = RunnerIfAny(study.id);
  StudyTransaction transaction(rows, std::move(study), std::move(spec), Now());
  ASSAY_RETURN_IF_ERROR(body(transaction));
  StudyTransaction::Outlook outlook;
  if (runner != nullptr) {
    outlook.exhausted = runner->supply() == SearchRunner::Supply::kExhausted;
    outlook.nothing_continues_after = runner->NothingContinuesAfter();
  }
  ASSAY_RETURN_IF_ERROR(transaction.Save(outlook));
  return std::move(transaction).TakeChange();
}

void StudyRegistry::Change(StudyId id, Body body,
                           absl::AnyInvocable<void(absl::Status)> done,
                           size_t bytes) {
  auto change = std::make_shared<StudyChange>();
  parts_.storage.Write(
      [this, id, change,
       body = std::move(body)](Transaction& rows) mutable -> absl::Status {
        ASSAY_ASSIGN_OR_RETURN(Study study, rows.GetStudy(id));
        if (study.hidden) return NoSuchStudy(absl::StrCat(id.value));
        ASSAY_ASSIGN_OR_RETURN(*change, RunOn(rows, std::move(study), body));
        return absl::OkStatus();
      },
      [this, change, done = std::move(done)](absl::Status status) mutable {
        if (status.ok()) Publish(*change);
        done(std::move(status));
      },
      bytes);
}

void StudyRegistry::ChangeByTrial(TrialId id, TrialBody body,
                                  absl::AnyInvocable<void(absl::Status)> done,
                                  size_t bytes) {
  auto change = std::make_shared<StudyChange>();
  parts_.storage.Write(
      [this, id, change,
       body = std::move(body)](Transaction& rows) mutable -> absl::Status {
        ASSAY_ASSIGN_OR_RETURN(Trial trial, rows.GetTrial(id));
        ASSAY_ASSIGN_OR_RETURN(Study study, rows.GetStudy(trial.study));
        Body on_study = [&](StudyTransaction& transaction) {
          return body(transaction, trial);
        };
        ASSAY_ASSIGN_OR_RETURN(*change,
                               RunOn(rows, std::move(study), on_study));
        return absl::OkStatus();
      },
      [this, change, done = std::move(done)](absl::Status status) mutable {
        if (status.ok()) Publish(*change);
        done(std::move(status));
      },
      bytes);
}

void StudyRegistry::ChangeAndView(StudyId id, Body body, Done done) {
  auto view = std::make_shared<StudyView>();
  Change(id, std::move(body),
         [this, id, view, done = std::move(done)](absl::Status status) mutable {
           if (!status.ok()) return done(std::move(status));
           done(Get(id));
         });
}

namespace {

// Whether a result of before ends the study under this spec.
absl::StatusOr<bool> TargetIsReached(Snapshot& rows, StudyId id,
                                     const StudySpec& spec) {
  const std::vector<int> objectives = Objectives(spec);
  if (objectives.empty() || !spec.budget.target) return false;
  const MetricSpec& objective = spec.metrics[objectives[0]];
  ASSAY_ASSIGN_OR_RETURN(const std::vector<Trial> best,
                         rows.ListBest(id, objective.goal, 0, 1));
  if (best.empty() || best[0].state != TrialState::kCompleted) return false;
  const auto value = best[0].final_metrics.find(objective.name);
  return value != best[0].final_metrics.end() &&
         WhatReachesTarget(objective, value->second, spec.budget).has_value();
}

}  // namespace

void StudyRegistry::Update(StudyId id, StudyEdit edit, std::string author,
                           std::string request_id, std::string fingerprint,
                           Done done) {
  ChangeAndView(
      id,
      [this, edit = std::move(edit), author = std::move(author),
       request =
           RequestKey{"Update", std::move(request_id), std::move(fingerprint)}](
          StudyTransaction& transaction) -> absl::Status {
        ASSAY_ASSIGN_OR_RETURN(const std::optional<std::string> answer,
                               FindAnswer(transaction, request));
        if (answer) return absl::OkStatus();
        Study& study = transaction.study();
        ASSAY_ASSIGN_OR_RETURN(
            const SpecRevision old,
            transaction.rows().GetSpec(study.id, study.spec_revision));
        std::string text = parts_.codec.Edit(old.spec, edit);
        ASSAY_ASSIGN_OR_RETURN(const StudySpec spec, parts_.codec.Decode(text));
        study.spec_revision += 1;
        ASSAY_RETURN_IF_ERROR(transaction.rows().InsertSpec(
            study.id, {.number = study.spec_revision,
                       .spec = std::move(text),
                       .author = author,
                       .time = transaction.now()}));
        transaction.UseSpec(spec, study.seed);
        transaction.Touch();
        const bool may_reopen =
            edit.budget && study.state == StudyState::kCompleted &&
            study.completion != CompletionReason::kStoppedByUser &&
            study.completion != CompletionReason::kSpaceExhausted &&
            !WhatIsSpent(study, spec.budget, transaction.now());
        if (may_reopen) {
          ASSAY_ASSIGN_OR_RETURN(
              const bool reached,
              TargetIsReached(transaction.rows(), study.id, spec));
          if (!reached) {
            ASSAY_RETURN_IF_ERROR(Reopen(study, transaction.now()));
          }
        }
        return StoreAnswer(transaction, request, absl::StrCat(study.id.value));
      },
      std::move(done));
}

void StudyRegistry::Pause(StudyId id, Done done) {
  ChangeAndView(
      id,
      [](StudyTransaction& transaction) -> absl::Status {
        Study& study = transaction.study();
        if (study.state == StudyState::kPaused) return absl::OkStatus();
        transaction.Touch();
        return assay::Pause(study, transaction.now());
      },
      std::move(done));
}

void StudyRegistry::Resume(StudyId id, Done done) {
  ChangeAndView(
      id,
      [](StudyTransaction& transaction) -> absl::Status {
        Study& study = transaction.study();
        if (study.state == StudyState::kActive) return absl::OkStatus();
        transaction.Touch();
        return assay::Resume(study, transaction.now());
      },
      std::move(done));
}

namespace {

absl::Status StopStudy(StudyTransaction& transaction, const std::string& why) {
  ASSAY_RETURN_IF_ERROR(transaction.StopAllPending(why));
  ASSAY_RETURN_IF_ERROR(transaction.TellAllToStop(why));
  transaction.Touch();
  return Complete(transaction.study(), CompletionReason::kStoppedByUser, why,
                  transaction.now());
}

}  // namespace

void StudyRegistry::Stop(StudyId id, Done done) {
  ChangeAndView(
      id,
      [](StudyTransaction& transaction) -> absl::Status {
        const Study& study = transaction.study();
        if (study.state == StudyState::kCompleted &&
            study.completion == CompletionReason::kStoppedByUser) {
          return absl::OkStatus();
        }
        if (study.state == StudyState::kCompleted) {
          return absl::FailedPreconditionError(absl::StrCat(
              "study \"", study.name, "\" is COMPLETED: ", study.reason));
        }
        return StopStudy(transaction, "the study was stopped by a user");
      },
      std::move(done));
}

void StudyRegistry::Delete(StudyId id, Done done) {
  auto view = std::make_shared<StudyView>();
  Change(
      id,
      [this, view](StudyTransaction& transaction) -> absl::Status {
        Study& study = transaction.study();
        if (study.state != StudyState::kCompleted) {
          ASSAY_RETURN_IF_ERROR(
              StopStudy(transaction, "the study was deleted"));
        }
        study.hidden = true;
        transaction.Touch();
        view->study = study;
        ASSAY_ASSIGN_OR_RETURN(view->spec, Spec(transaction.rows(), study));
        return absl::OkStatus();
      },
      [view, done = std::move(done)](absl::Status status) mutable {
        if (!status.ok()) return done(std::move(status));
        done(*std::move(view));
      });
}

// --- After a commit ---------------------------------------------------------

void StudyRegistry::Note(const Study& study,
                         std::shared_ptr<const StudySpec> spec) {
  if (const auto retired = NoteAndRetire(study, std::move(spec))) {
    retired->Retire();
  }
}

// The runner that is of no more use, for the caller to end outside the lock.
std::shared_ptr<SearchRunner> StudyRegistry::NoteAndRetire(
    const Study& study, std::shared_ptr<const StudySpec> spec) {
  std::shared_ptr<SearchRunner> retired;
  MutexLock lock(mutex_);
  if (study.hidden) {
    const auto name = by_name_.find({study.owner, study.name});
    if (name != by_name_.end() && name->second == study.id) {
      by_name_.erase(name);
    }
    const auto entry = entries_.find(study.id);
    if (entry == entries_.end()) return nullptr;
    retired = std::move(entry->second.runner);
    entries_.erase(entry);
    return retired;
  }
  Entry& entry = entries_[study.id];
  by_name_[{study.owner, study.name}] = study.id;
  if (study.spec_revision >= entry.spec_revision) {
    entry.spec = std::move(spec);
    entry.spec_revision = study.spec_revision;
  }
  if (study.revision < entry.study.revision) return nullptr;
  entry.study = study;
  // What is over needs no runner; a reopened study replays its log.
  if (study.state == StudyState::kCompleted && study.counts.running == 0) {
    retired = std::exchange(entry.runner, nullptr);
  }
  return retired;
}

void StudyRegistry::Publish(const StudyChange& change) {
  if (!change.changed) return;
  const auto runner = RunnerIfAny(change.study.id);
  Note(change.study, change.spec);
  for (const Attempt& attempt : change.started) {
    parts_.leases.Add({attempt.trial, attempt.number},
                      {.study = change.study.id,
                       .owner = change.study.owner,
                       .holder = attempt.holder,
                       .instance = attempt.instance,
                       .by_worker = attempt.by_worker,
                       .period = attempt.lease});
  }
  for (const Attempt& attempt : change.ended) {
    parts_.leases.Remove({attempt.trial, attempt.number});
  }
  for (const StopOrder& stop : change.stops) {
    parts_.leases.TellToStop({stop.trial, stop.attempt}, stop.reason);
  }
  if (runner) {
    for (const Trial& trial : change.ended_trials) {
      runner->TrialEnded(trial.ended_revision);
    }
  }
  for (StudyObserver* observer : observers_) observer->Changed(change);
  parts_.feed.Publish(change.study.id, change.study.revision);
}

std::shared_ptr<SearchRunner> StudyRegistry::RunnerIfAny(StudyId id) const {
  MutexLock lock(mutex_);
  const auto it = entries_.find(id);
  return it == entries_.end() ? nullptr : it->second.runner;
}

std::optional<StudyState> StudyRegistry::KnownState(StudyId id) const {
  MutexLock lock(mutex_);
  const auto it = entries_.find(id);
  if (it == entries_.end()) return std::nullopt;
  return it->second.study.state;
}

std::shared_ptr<const StudySpec> StudyRegistry::KnownSpec(StudyId id) const {
  MutexLock lock(mutex_);
  const auto it = entries_.find(id);
  return it == entries_.end() ? nullptr : it->second.spec;
}

absl::StatusOr<std::shared_ptr<SearchRunner>> StudyRegistry::Runner(
    StudyId id) {
  if (auto runner = RunnerIfAny(id)) return runner;
  ASSAY_ASSIGN_OR_RETURN(const StudyView view, Get(id));
  ASSAY_ASSIGN_OR_RETURN(const auto spec, FirstSpec(view.study));
  std::shared_ptr<SearchRunner> runner;
  {
    MutexLock lock(mutex_);
    Entry& entry = entries_[id];
    if (entry.runner) return entry.runner;
    runner = entry.runner = std::make_shared<SearchRunner>(
        id, spec,
        SearchRunner::Parts{parts_.storage, parts_.pool, parts_.search_pool,
                            parts_.timer, parts_.make_strategy,
                            [this, id] { supply_changed_(id); }});
  }
  runner->Start();
  return runner;
}

std::vector<StudyRegistry::Candidate> StudyRegistry::Candidates() const {
  std::vector<Candidate> candidates;
  MutexLock lock(mutex_);
  for (const auto& [id, entry] : entries_) {
    if (entry.study.state != StudyState::kActive || !entry.spec ||
        entry.spec->trial.runner == RunnerKind::kNone) {
      continue;
    }
    candidates.push_back({id, entry.spec, entry.study.counts.pending > 0});
  }
  return candidates;
}

bool StudyRegistry::MayEndByItsSchedule(StudyId id) const {
  MutexLock lock(mutex_);
  const auto it = entries_.find(id);
  return it != entries_.end() && it->second.spec &&
         it->second.spec->schedule.exists() &&
         it->second.study.counts.running == 0;
}

std::vector<StudyId> StudyRegistry::ActiveWithDeadline() const {
  std::vector<StudyId> ids;
  MutexLock lock(mutex_);
  for (const auto& [id, entry] : entries_) {
    if (entry.study.state == StudyState::kActive && entry.spec &&
        entry.spec->budget.max_seconds) {
      ids.push_back(id);
    }
  }
  return ids;
}

}  // namespace assay
