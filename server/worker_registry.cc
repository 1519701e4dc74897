#include "server/worker_registry.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "search/base/status_macros.h"
#include "server/resume.h"

namespace assay {
namespace {

// After a lease that could not be written: the disk may be full for long.
constexpr absl::Duration kRest = absl::Seconds(1);

// What a worker has to have, in words.
std::vector<std::string> WantsOf(const StudySpec& spec) {
  std::vector<std::string> wants;
  if (spec.trial.resources.gpus > 0) {
    wants.push_back(absl::StrCat("gpus: ", spec.trial.resources.gpus));
  }
  switch (spec.trial.runner) {
    case RunnerKind::kBuiltin:
      wants.push_back("the built-in trainer");
      break;
    case RunnerKind::kCommand:
      wants.push_back("any command (--allow-any-command)");
      break;
    default:
      wants.push_back(absl::StrCat("runner \"", spec.trial.runner_name, "\""));
  }
  return wants;
}

}  // namespace

std::string GpuOf(const WorkerHello& hello, int32_t slot) {
  if (slot < 1 || static_cast<size_t>(slot) > hello.gpus.size()) return "";
  const WorkerGpu& gpu = hello.gpus[static_cast<size_t>(slot) - 1];
  return absl::StrCat(gpu.index, ": ", gpu.name);
}

// A Hello while its verdicts are found.
struct WorkerRegistry::Greeting {
  std::shared_ptr<WorkerSession> session;
  WorkerHello hello;
  Mutex mutex;
  size_t open ABSL_GUARDED_BY(mutex) = 0;
  std::vector<WorkerVerdict> verdicts ABSL_GUARDED_BY(mutex);
};

WorkerRegistry::WorkerRegistry(Parts parts)
    : parts_(parts), strand_(parts_.pool) {}

int32_t WorkerRegistry::Busy(const Entry& entry) {
  int32_t busy = entry.reserved;
  for (const auto& [token, place] : entry.held) busy += place.slots;
  return busy;
}

int32_t WorkerRegistry::SlotsOf(const StudySpec& spec) {
  return std::max(1, spec.trial.resources.gpus);
}

bool WorkerRegistry::Offers(const WorkerHello& hello, const StudySpec& spec) {
  if (static_cast<int32_t>(hello.gpus.size()) < spec.trial.resources.gpus ||
      hello.slots < SlotsOf(spec)) {
    return false;
  }
  switch (spec.trial.runner) {
    case RunnerKind::kNone:
      return false;
    case RunnerKind::kBuiltin:
      return hello.builtin;
    case RunnerKind::kCommand:
      return hello.any_command;
    case RunnerKind::kNamed:
      return std::find(hello.runners.begin(), hello.runners.end(),
                       spec.trial.runner_name) != hello.runners.end();
  }
  return false;
}

bool WorkerRegistry::HasRoom(const Entry& entry, const StudySpec& spec) const {
  const int32_t busy = Busy(entry);
  // A trial without GPUs takes a slot that has one first.
  const int32_t free_gpus =
      std::max(0, static_cast<int32_t>(entry.hello.gpus.size()) - busy);
  return entry.session != nullptr && entry.ready && !entry.draining &&
         Offers(entry.hello, spec) &&
         entry.hello.slots - busy >= SlotsOf(spec) &&
         free_gpus >= spec.trial.resources.gpus;
}

WorkerRegistry::Entry* WorkerRegistry::FindSession(
    const WorkerSession* session) {
  for (auto& [name, entry] : workers_) {
    if (entry.session.get() == session) return &entry;
  }
  return nullptr;
}

void WorkerRegistry::Hear(Entry& entry) const {
  entry.last_seen = parts_.clock.Now();
  entry.heard = parts_.clock.SinceBoot();
}

// --- Coming and going -------------------------------------------------------

absl::Status WorkerRegistry::Connect(std::shared_ptr<WorkerSession> session,
                                     WorkerHello hello) {
  std::shared_ptr<WorkerSession> replaced;
  {
    MutexLock lock(mutex_);
    const bool is_new = !workers_.contains(hello.name);
    if (is_new && workers_.size() >= kMaxWorkers && !ForgetOne()) {
      return absl::ResourceExhaustedError(
          absl::StrCat(kMaxWorkers, " workers are connected already"));
    }
    Entry& entry = workers_[hello.name];
    if (entry.session && entry.hello.instance != hello.instance) {
      return absl::AlreadyExistsError(
          absl::StrCat("another worker named \"", hello.name,
                       "\" is connected; give this one a --name of its own"));
    }
    replaced = std::exchange(entry.session, session);
    entry.ready = false;
    if (entry.hello.instance != hello.instance) entry.asked_to_drain.reset();
    entry.draining = entry.asked_to_drain.value_or(hello.draining);
    Hear(entry);
    entry.held.clear();
    entry.early.clear();
    entry.hello = hello;
  }
  if (replaced) {
    replaced->Close(absl::AbortedError("replaced by a newer stream"));
  }
  auto greeting = std::make_shared<Greeting>();
  greeting->session = std::move(session);
  greeting->hello = std::move(hello);
  strand_.Post([this, greeting] { Greet(greeting); });
  return absl::OkStatus();
}

bool WorkerRegistry::ForgetOne() {
  auto oldest = workers_.end();
  for (auto it = workers_.begin(); it != workers_.end(); ++it) {
    if (it->second.session || it->second.reserved > 0) continue;
    if (oldest == workers_.end() || it->second.heard < oldest->second.heard) {
      oldest = it;
    }
  }
  if (oldest == workers_.end()) return false;
  workers_.erase(oldest);
  return true;
}

void WorkerRegistry::Greet(std::shared_ptr<Greeting> greeting) {
  const HeldAttempts& held = greeting->hello.held;
  {
    MutexLock lock(greeting->mutex);
    greeting->open = held.size();
  }
  if (held.empty()) return FinishGreeting(greeting);
  for (const auto& [token, slot] : held) Judge(greeting, token, slot);
}

void WorkerRegistry::Judge(std::shared_ptr<Greeting> greeting, Token token,
                           int32_t slot) {
  auto verdict = std::make_shared<WorkerVerdict>();
  verdict->token = token;
  parts_.leases.Renew(token);
  const absl::Duration lease = parts_.lease;
  parts_.registry.ChangeByTrial(
      token.trial,
      [greeting, token, slot, verdict, lease](StudyTransaction& transaction,
                                              Trial& trial) -> absl::Status {
        const WorkerHello& hello = greeting->hello;
        ASSAY_ASSIGN_OR_RETURN(
            Attempt attempt,
            transaction.rows().GetAttempt(token.trial, token.attempt));
        const bool is_own = attempt.by_worker && attempt.holder == hello.name &&
                            attempt.instance == hello.instance;
        if (is_own && attempt.outcome == AttemptOutcome::kRunning) {
          verdict->go_on = true;
          return transaction.SetSlot(trial, attempt, slot, GpuOf(hello, slot));
        }
        // Lost, but nobody else has it yet: the process just goes on.
        const bool waits = trial.state == TrialState::kPending &&
                           trial.attempts == token.attempt &&
                           attempt.outcome == AttemptOutcome::kLost;
        if (is_own && waits) {
          attempt.lease = lease;
          attempt.slot = slot;
          attempt.gpu = GpuOf(hello, slot);
          ASSAY_ASSIGN_OR_RETURN(const Attempt next,
                                 transaction.Start(trial, attempt));
          verdict->go_on = true;
          verdict->new_attempt = next.number;
          return absl::OkStatus();
        }
        return CheckFence(trial, token.attempt).ok()
                   ? absl::FailedPreconditionError(absl::StrCat(
                         "the attempt is held by \"", attempt.holder, "\""))
                   : CheckFence(trial, token.attempt);
      },
      [this, greeting, verdict](absl::Status status) {
        // Not the attempt's fault: the worker comes again and asks once more.
        if (absl::IsUnavailable(status) || absl::IsResourceExhausted(status)) {
          return greeting->session->Close(std::move(status));
        }
        if (!status.ok()) {
          verdict->go_on = false;
          verdict->reason = std::string(status.message());
        }
        Judged(greeting, std::move(*verdict));
      });
}

void WorkerRegistry::Judged(const std::shared_ptr<Greeting>& greeting,
                            WorkerVerdict verdict) {
  {
    MutexLock lock(greeting->mutex);
    greeting->verdicts.push_back(std::move(verdict));
    if (--greeting->open > 0) return;
  }
  strand_.Post([this, greeting] { FinishGreeting(greeting); });
}

void WorkerRegistry::FinishGreeting(const std::shared_ptr<Greeting>& greeting) {
  std::vector<WorkerVerdict> verdicts;
  {
    MutexLock lock(greeting->mutex);
    verdicts = greeting->verdicts;
  }
  const WorkerHello& hello = greeting->hello;
  std::map<Token, Place> held;
  std::vector<Handout> again;
  const auto slots_of = [&](const Token& token) -> int32_t {
    const auto lease = parts_.leases.Find(token);
    const auto spec = lease ? parts_.registry.KnownSpec(lease->study) : nullptr;
    return spec ? SlotsOf(*spec) : 1;
  };
  for (const WorkerVerdict& verdict : verdicts) {
    if (!verdict.go_on) continue;
    Token token = verdict.token;
    if (verdict.new_attempt != 0) token.attempt = verdict.new_attempt;
    held[token] = {slots_of(token), hello.held.at(verdict.token)};
  }
  // Assigned to this process, but it has not heard of it: sent again.
  for (const Token& token : parts_.leases.HeldBy(hello.name, hello.instance)) {
    if (held.contains(token)) continue;
    Handout handout;
    const absl::Status status =
        parts_.storage.Read([&](Snapshot& rows) -> absl::Status {
          ASSAY_ASSIGN_OR_RETURN(handout.trial, rows.GetTrial(token.trial));
          ASSAY_ASSIGN_OR_RETURN(handout.attempt,
                                 rows.GetAttempt(token.trial, token.attempt));
          ASSAY_ASSIGN_OR_RETURN(const Study study,
                                 rows.GetStudy(handout.trial.study));
          handout.study_seed = study.seed;
          ASSAY_ASSIGN_OR_RETURN(handout.spec,
                                 parts_.registry.Spec(rows, study));
          ASSAY_ASSIGN_OR_RETURN(handout.resume,
                                 FindResume(rows, handout.trial));
          return absl::OkStatus();
        });
    const bool runs =
        status.ok() && handout.attempt.outcome == AttemptOutcome::kRunning;
    if (!runs) continue;
    held[token] = {.slots = SlotsOf(*handout.spec)};
    again.push_back(std::move(handout));
  }
  WorkerSession& session = *greeting->session;
  {
    MutexLock lock(mutex_);
    Entry* entry = FindSession(&session);
    if (entry == nullptr) return;  // Gone, or replaced, meanwhile.
    held.merge(entry->held);       // With what was leased meanwhile.
    entry->held = held;
    // From now on Changed() takes out what ends; some may have ended before.
    for (const auto& [token, place] : held) {
      if (!parts_.leases.Find(token)) entry->held.erase(token);
    }
  }
  session.Welcome(parts_.lease, verdicts);
  for (const Handout& handout : again) session.Assign(handout);
  std::vector<Handout> early;
  bool draining = false;
  {
    MutexLock lock(mutex_);
    Entry* entry = FindSession(&session);
    if (entry == nullptr) return;
    early.swap(entry->early);
    entry->ready = true;
    held = entry->held;
    draining = entry->draining;
  }
  if (draining != hello.draining) session.Drain(draining);
  for (const Handout& handout : early) {
    const bool is_sent =
        std::any_of(again.begin(), again.end(), [&](const Handout& sent) {
          return sent.trial.id == handout.trial.id &&
                 sent.attempt.number == handout.attempt.number;
        });
    if (!is_sent) session.Assign(handout);
  }
  for (const auto& [token, place] : held) {
    const auto lease = parts_.leases.Find(token);
    if (lease && !lease->stop_reason.empty()) {
      session.StopAttempt(token, lease->stop_reason, /*kill=*/false);
    }
  }
  Match();
}

void WorkerRegistry::Disconnect(const WorkerSession* session) {
  MutexLock lock(mutex_);
  Entry* entry = FindSession(session);
  if (entry == nullptr) return;
  entry->session = nullptr;
  entry->ready = false;
  entry->last_seen = parts_.clock.Now();
}

void WorkerRegistry::CloseSilent() {
  const absl::Duration now = parts_.clock.SinceBoot();
  std::vector<std::shared_ptr<WorkerSession>> silent;
  {
    MutexLock lock(mutex_);
    for (auto& [name, entry] : workers_) {
      if (!entry.session || now - entry.heard < parts_.lease) continue;
      silent.push_back(std::exchange(entry.session, nullptr));
      entry.ready = false;
    }
  }
  for (const auto& session : silent) {
    session->Close(absl::UnavailableError(absl::StrCat(
        "nothing was heard for ", absl::FormatDuration(parts_.lease))));
  }
}

void WorkerRegistry::Heartbeat(const WorkerSession* session,
                               const HeldAttempts& held) {
  std::shared_ptr<WorkerSession> strong;
  WorkerHello hello;
  HeldAttempts told;
  {
    MutexLock lock(mutex_);
    Entry* entry = FindSession(session);
    if (entry == nullptr) return;
    Hear(*entry);
    strong = entry->session;
    told = TakeNewSlots(*entry, held);
    if (!told.empty()) hello = entry->hello;
  }
  for (const auto& [token, slot] : held) {
    if (!parts_.leases.Renew(token)) {
      strong->StopAttempt(token, "the attempt is over", true);
    }
  }
  for (const auto& [token, slot] : told) {
    WriteSlot(hello.name, token, slot, GpuOf(hello, slot));
  }
}

HeldAttempts WorkerRegistry::TakeNewSlots(Entry& entry,
                                          const HeldAttempts& held) {
  HeldAttempts told;
  for (const auto& [token, slot] : held) {
    const auto found = entry.held.find(token);
    if (slot == 0 || found == entry.held.end()) continue;
    if (std::exchange(found->second.slot, slot) != slot) told[token] = slot;
  }
  return told;
}

void WorkerRegistry::WriteSlot(const std::string& worker, Token token,
                               int32_t slot, std::string gpu) {
  parts_.registry.ChangeByTrial(
      token.trial,
      [token, slot, gpu = std::move(gpu)](StudyTransaction& transaction,
                                          Trial& trial) -> absl::Status {
        ASSAY_RETURN_IF_ERROR(CheckFence(trial, token.attempt));
        ASSAY_ASSIGN_OR_RETURN(
            Attempt attempt,
            transaction.rows().GetAttempt(token.trial, token.attempt));
        return transaction.SetSlot(trial, attempt, slot, gpu);
      },
      [this, worker, token](const absl::Status& status) {
        if (!status.ok()) ForgetSlot(worker, token);
      });
}

void WorkerRegistry::ForgetSlot(const std::string& worker, Token token) {
  MutexLock lock(mutex_);
  const auto entry = workers_.find(worker);
  if (entry == workers_.end()) return;
  const auto found = entry->second.held.find(token);
  if (found != entry->second.held.end()) found->second.slot = 0;
}

void WorkerRegistry::SetDraining(const WorkerSession* session, bool draining) {
  {
    MutexLock lock(mutex_);
    Entry* entry = FindSession(session);
    if (entry == nullptr) return;
    entry->draining = draining;
    entry->asked_to_drain.reset();
  }
  Match();
}

absl::StatusOr<WorkerView> WorkerRegistry::Drain(const std::string& name,
                                                 bool draining) {
  std::shared_ptr<WorkerSession> session;
  {
    MutexLock lock(mutex_);
    const auto it = workers_.find(name);
    if (it == workers_.end()) {
      return absl::NotFoundError(absl::StrCat("no worker \"", name, "\""));
    }
    it->second.draining = draining;
    it->second.asked_to_drain = draining;
    // Not yet welcomed: hears of it then.
    if (it->second.ready) session = it->second.session;
  }
  if (session) session->Drain(draining);
  Match();
  for (WorkerView& view : List()) {
    if (view.hello.name == name) return std::move(view);
  }
  return absl::NotFoundError(absl::StrCat("no worker \"", name, "\""));
}

// --- What people see --------------------------------------------------------

std::vector<WorkerView> WorkerRegistry::List() const {
  std::vector<WorkerView> views;
  MutexLock lock(mutex_);
  for (const auto& [name, entry] : workers_) {
    WorkerView& view = views.emplace_back();
    view.hello = entry.hello;
    view.busy = Busy(entry);
    view.connected = entry.session != nullptr;
    view.draining = entry.draining;
    view.last_seen = view.connected
                         ? std::max(entry.last_seen, absl::UnixEpoch())
                         : entry.last_seen;
    for (const auto& [token, place] : entry.held) {
      view.held[token] = place.slot;
    }
  }
  return views;
}

WorkerRegistry::Totals WorkerRegistry::totals() const {
  Totals totals;
  MutexLock lock(mutex_);
  for (const auto& [name, entry] : workers_) {
    if (!entry.session) continue;
    totals.workers += 1;
    totals.slots += entry.hello.slots;
    totals.busy += Busy(entry);
  }
  return totals;
}

std::string ToText(Shortage shortage) {
  switch (shortage) {
    case Shortage::kNone:
      return "";
    case Shortage::kNoWorker:
      return "no_worker";
    case Shortage::kNotOffered:
      return "not_offered";
    case Shortage::kDraining:
      return "draining";
    case Shortage::kBusy:
      return "busy";
  }
  return "";
}

Shortage WorkerRegistry::ShortageFor(const StudySpec& spec) const {
  if (spec.trial.runner == RunnerKind::kNone) return Shortage::kNone;
  MutexLock lock(mutex_);
  bool connected = false, offered = false, drained = true;
  for (const auto& [name, entry] : workers_) {
    if (!entry.session) continue;
    connected = true;
    if (!Offers(entry.hello, spec)) continue;
    offered = true;
    if (entry.draining) continue;
    drained = false;
    if (HasRoom(entry, spec)) return Shortage::kNone;
  }
  if (!connected) return Shortage::kNoWorker;
  if (!offered) return Shortage::kNotOffered;
  return drained ? Shortage::kDraining : Shortage::kBusy;
}

std::string WorkerRegistry::WhyWaiting(const StudySpec& spec) const {
  switch (ShortageFor(spec)) {
    case Shortage::kNone:
      return "";
    case Shortage::kNoWorker:
      return "no worker is connected";
    case Shortage::kDraining:
      return "every worker that could is draining";
    case Shortage::kBusy:
      return "every slot is busy";
    case Shortage::kNotOffered:
      break;
  }
  return absl::StrCat("no worker offers ",
                      absl::StrJoin(WantsOf(spec), " and "));
}

// --- Matching ---------------------------------------------------------------

void WorkerRegistry::Match() {
  {
    MutexLock lock(mutex_);
    if (std::exchange(matching_, true)) return;
  }
  strand_.Post([this] { MatchNow(); });
}

void WorkerRegistry::MatchAnew() {
  {
    MutexLock lock(mutex_);
    for (auto& [study, line] : lines_) line.events += 1;
  }
  Match();
}

void WorkerRegistry::SupplyChanged(StudyId study) {
  {
    MutexLock lock(mutex_);
    lines_[study].events += 1;
  }
  Match();
}

void WorkerRegistry::Changed(const StudyChange& change) {
  // Most changes are reports: they are nothing to the workers.
  if (!change.MayStartTrials() && change.stops.empty()) return;
  std::vector<std::pair<std::shared_ptr<WorkerSession>, StopOrder>> stops;
  std::vector<std::pair<std::shared_ptr<WorkerSession>, Token>> lost;
  {
    MutexLock lock(mutex_);
    lines_[change.study.id].events += 1;
    if (change.study.hidden) lines_.erase(change.study.id);
    for (auto& [name, entry] : workers_) {
      for (const Attempt& attempt : change.ended) {
        const Token token{attempt.trial, attempt.number};
        if (entry.held.erase(token) == 0 || !entry.ready) continue;
        if (attempt.outcome == AttemptOutcome::kLost) {
          lost.push_back({entry.session, token});
        }
      }
      for (const StopOrder& stop : change.stops) {
        if (entry.ready && entry.held.contains({stop.trial, stop.attempt})) {
          stops.push_back({entry.session, stop});
        }
      }
    }
  }
  for (auto& [session, token] : lost) {
    session->StopAttempt(token, "the lease ran out", /*kill=*/true);
  }
  for (auto& [session, stop] : stops) {
    session->StopAttempt({stop.trial, stop.attempt}, stop.reason,
                         /*kill=*/false);
  }
  Match();
}

void WorkerRegistry::MatchNow() {
  {
    MutexLock lock(mutex_);
    matching_ = false;
  }
  while (std::optional<Choice> choice = Choose()) Lease(*std::move(choice));
}

absl::flat_hash_map<std::string, int64_t> WorkerRegistry::LeasingByOwner(
    const std::vector<StudyRegistry::Candidate>& candidates) const {
  absl::flat_hash_map<std::string, int64_t> leasing;
  MutexLock lock(mutex_);
  for (const StudyRegistry::Candidate& candidate : candidates) {
    const auto line = lines_.find(candidate.id);
    if (line != lines_.end() && line->second.in_flight) {
      leasing[candidate.spec->owner] += 1;
    }
  }
  return leasing;
}

std::vector<StudyRegistry::Candidate> WorkerRegistry::InOrder() const {
  std::vector<StudyRegistry::Candidate> candidates =
      parts_.registry.Candidates();
  // What is being leased counts as running.
  absl::flat_hash_map<std::string, int64_t> leasing =
      LeasingByOwner(candidates);
  // Each rank is taken once: leases come and go while this sorts.
  using Rank = std::tuple<int64_t, int64_t, int64_t, StudyId>;
  std::vector<std::pair<Rank, StudyRegistry::Candidate>> ranked;
  for (StudyRegistry::Candidate& c : candidates) {
    const Rank rank = {
        parts_.leases.RunningOf(c.spec->owner) + leasing[c.spec->owner],
        -int64_t{c.spec->priority}, parts_.leases.RunningOf(c.id), c.id};
    ranked.emplace_back(rank, std::move(c));
  }
  std::sort(ranked.begin(), ranked.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  candidates.clear();
  for (auto& [rank, candidate] : ranked) {
    candidates.push_back(std::move(candidate));
  }
  return candidates;
}

std::optional<WorkerRegistry::Choice> WorkerRegistry::Choose() {
  std::vector<StudyRegistry::Candidate> candidates = InOrder();
  MutexLock lock(mutex_);
  for (StudyRegistry::Candidate& candidate : candidates) {
    Line& line = lines_[candidate.id];
    if (line.in_flight || line.resting || line.idle_since == line.events) {
      continue;
    }
    Entry* best = nullptr;
    for (auto& [name, entry] : workers_) {
      if (!HasRoom(entry, *candidate.spec)) continue;
      const auto free = [](const Entry& e) { return e.hello.slots - Busy(e); };
      if (best == nullptr || free(entry) > free(*best)) best = &entry;
    }
    if (best == nullptr) continue;
    Choice choice;
    choice.slots = SlotsOf(*candidate.spec);
    choice.worker = best->hello.name;
    choice.holder.holder = best->hello.name;
    choice.holder.instance = best->hello.instance;
    choice.holder.by_worker = true;
    choice.holder.lease = parts_.lease;
    choice.events = line.events;
    choice.study = std::move(candidate);
    best->reserved += choice.slots;
    line.in_flight = true;
    return choice;
  }
  return std::nullopt;
}

void WorkerRegistry::Lease(Choice choice) {
  const StudyId study = choice.study.id;
  const auto runner = parts_.registry.Runner(study);
  if (!runner.ok()) return Leased(choice, runner.status());
  Attempt holder = choice.holder;
  (*runner)->WhenReady(1, [this, study, holder = std::move(holder),
                           choice = std::move(choice)]() mutable {
    parts_.dispatcher.LeaseTo(
        study, std::move(holder),
        [this, choice = std::move(choice)](absl::StatusOr<Answer> answer) {
          Leased(choice, std::move(answer));
        });
  });
}

void WorkerRegistry::Leased(const Choice& choice,
                            absl::StatusOr<Answer> answer) {
  std::shared_ptr<WorkerSession> session;
  const bool given = answer.ok() && !answer->handouts.empty();
  {
    MutexLock lock(mutex_);
    Line& line = lines_[choice.study.id];
    line.in_flight = false;
    line.resting = !answer.ok();
    if (!given) line.idle_since = choice.events;
    const auto it = workers_.find(choice.worker);
    if (it != workers_.end()) {
      Entry& entry = it->second;
      entry.reserved -= choice.slots;
      if (given && entry.hello.instance == choice.holder.instance) {
        const Handout& handout = answer->handouts.front();
        entry.held[{handout.trial.id, handout.attempt.number}] = {
            .slots = choice.slots};
        if (entry.ready) session = entry.session;
        if (!entry.ready) entry.early.push_back(handout);
      }
    }
  }
  // Without a stream it is sent again when the worker is back, or its lease
  // runs out.
  if (session) session->Assign(answer->handouts.front());
  if (!answer.ok()) {
    parts_.timer.After(kRest,
                       [this, study = choice.study.id] { Rested(study); });
  }
  Match();
}

void WorkerRegistry::Rested(StudyId study) {
  {
    MutexLock lock(mutex_);
    const auto line = lines_.find(study);
    if (line == lines_.end()) return;
    line->second.resting = false;
    line->second.events += 1;
  }
  Match();
}

}  // namespace assay
