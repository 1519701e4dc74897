#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "search/earlier_study.h"
#include "search/math/random.h"
#include "search/trial.h"

namespace assay {

// A trial that could be: parameters, the budget to run, and why.
struct Proposal {
  Parameters parameters;
  int64_t from_step = 0;
  int64_t to_step = 0;
  TrialId continues;
  int32_t replicate = 0;
  Origin origin;  // `strategy`, `why`, `ordinal` set by who proposes.
};

// The waiting trial, without an id, that the proposal would be.
Trial AsTrial(const Proposal& proposal);
// What the trial was proposed as.
Proposal AsProposal(const Trial& trial);

// Proposes configurations. Pure: no I/O, no threads, no clock; what it knows
// derives from the sequence of calls, so that the same log gives the same
// proposals. Used by one thread at a time. A space, a seed and options come
// with the constructor.
class SearchStrategy {
 public:
  virtual ~SearchStrategy() = default;

  // Learns of a study that this one starts from. Called before the first
  // Observe(), once for each, in the order of the spec. Its trials are none of
  // this study: what was tried there may be proposed again. Strategies that do
  // not learn take no notice.
  virtual void ObserveEarlier(const EarlierStudy& study) { (void)study; }

  // Learns of one finished trial. Called once for each, in the order of the
  // study's log.
  virtual void Observe(const Trial& trial) = 0;

  // The same of a configuration that was run `runs` times: `mean` is what
  // MergeReplicates() makes of them.
  virtual void ObserveMean(const Trial& mean, int runs) {
    (void)runs;
    Observe(mean);
  }

  // Learns what a configuration of which it was told brought when it was
  // trained on, up to `configuration.last_step`: as its Observe(), with other
  // values. For strategies inside a schedule (search/schedules). Those that do
  // not override it compare configurations by what each brought first.
  virtual void ObserveLonger(const Trial& configuration) {
    (void)configuration;
  }

  // True if it learns from curves: then ObserveReport() is called with what a
  // trial's last attempt reported, in order, right before its Observe(), at
  // least with the first kReports of them. Depends on what was observed alone;
  // once false, it stays so.
  virtual bool WantsReports() const { return false; }
  static constexpr int kReports = 1000;
  virtual void ObserveReport(const Trial& trial,
                             const Measurement& measurement) {
    (void)trial, (void)measurement;
  }

  // Up to `count` proposals. Their identity is (active parameters, budget,
  // `continues`, replicate): none repeats a finished, running or pending one.
  // The first j of `count` are Suggest(j)'s. `unfinished` holds all pending and
  // running trials, and proposals not handed out yet as trials without an id.
  // OutOfRange once the space is used up; an empty list when nothing can be
  // proposed until a running trial ends.
  virtual absl::StatusOr<std::vector<Proposal>> Suggest(
      absl::Span<const Trial> unfinished, int count, Random& random) = 0;

  // False if results do not change what is proposed: ready proposals never go
  // stale, and the n-th is the same at any parallelism.
  virtual bool Learns() const = 0;
};

}  // namespace assay
