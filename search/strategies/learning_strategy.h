#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "search/gp/transfer_portfolio.h"
#include "search/gp/transfer_sources.h"
#include "search/search_strategy.h"
#include "search/space_prior.h"
#include "search/strategies/fingerprint.h"
#include "search/strategies/observation.h"
#include "search/strategies/start_points.h"
#include "search/study.h"

namespace assay {

// What every search that learns shares: the start, no proposal twice,
// constraints, the end of the space. A derived class learns of results and
// names one point at a time.
//
// The first StartTrials() configurations of a study are StartPoints; after
// SIMILAR studies a portfolio of their best comes before these
// (search/gp/transfer_portfolio.h), and each trial of a SAME one takes the
// place of one of them. A point that Propose() names is dropped if it was there
// before or fails a constraint; after kAsks such points in a row the next draw
// of `random` takes its place, in a small space in the end each of those left,
// then OutOfRange.
class LearningStrategy : public SearchStrategy {
 public:
  static constexpr int kAsks = 8;
  static constexpr int kPortfolio = 3;

  void ObserveEarlier(const EarlierStudy& study) final;
  void Observe(const Trial& trial) final { ObserveMean(trial, 1); }
  void ObserveMean(const Trial& mean, int runs) final;
  void ObserveLonger(const Trial& configuration) final;
  void ObserveReport(const Trial& trial, const Measurement& measurement) final;
  absl::StatusOr<std::vector<Proposal>> Suggest(
      absl::Span<const Trial> unfinished, int count, Random& random) final;
  bool Learns() const final { return true; }

 protected:
  // A trial that has no result yet, or a proposal that is none yet.
  struct Unfinished {
    Origin origin;
    Parameters parameters;
    std::vector<double> point;  // [encoded_size], see SearchSpace::Encode().
    TrialId id;                 // None: a proposal that was not handed out.
  };

  // What to try, and why in one line for people.
  struct Candidate {
    Parameters parameters;
    std::string why;
    int64_t ordinal = -1;  // Of Origin: comes back with the result.
  };

  // `name` as in the factory. REQUIRES: !spec->space.empty().
  LearningStrategy(std::string name, std::shared_ptr<const StudySpec> spec);

  const StudySpec& spec() const { return *spec_; }
  const SearchSpace& space() const { return spec_->space; }
  const SpacePrior& prior() const { return prior_; }

  // Learns of one finished trial that lies in the space, in the log's order.
  // Those of SAME studies come first and have no id.
  virtual void Learn(const Observation& observation) = 0;

  // Learns what the configuration of `observation.id` brought at more steps
  // than when it was learned of. By default nothing: what each brought first is
  // compared.
  virtual void LearnLonger(const Observation& observation) {
    (void)observation;
  }

  // True: what a schedule has not trained to the end (search/schedules) is
  // STOPPED for it, with a curve of what it brought there. False: COMPLETED.
  virtual bool ComparesSteps() const { return false; }

  // One configuration, from what was learned and what is unfinished, in the
  // order of creation: the same arguments and state of `random` give the same
  // answer, however often it is called. Nothing that it changes may change a
  // later answer.
  virtual Candidate Propose(absl::Span<const Unfinished> unfinished,
                            Random& random) = 0;

  // True if Propose() named it with an ordinal: it is neither a start point nor
  // a user's.
  bool IsOwn(const Origin& origin) const;

  // One above each Candidate::ordinal that is known, from 0.
  int64_t NextOrdinal(absl::Span<const Unfinished> unfinished) const;

  // Learns of SIMILAR studies, once, before the first Propose(). `sources` has
  // its models and lives as long as this.
  virtual void LearnOfSources(const TransferSources& sources) { (void)sources; }

  // How many configurations come from the portfolio and StartPoints.
  virtual int64_t StartTrials() const { return StartPoints::Count(*spec_); }

  // A configuration of the space, a draw of the priors, uniform in the encoding
  // without one, that passes the constraints if one of 1,000 draws does.
  Parameters RandomParameters(Random& random) const;

 private:
  // What one call of Suggest() knows.
  struct Round {
    std::vector<Trial> trials;           // `unfinished`, then its own.
    std::vector<Unfinished> unfinished;  // Those of them in the space.
    absl::flat_hash_set<Fingerprint> taken;
  };

  Observation Observed(const Trial& trial,
                       const std::vector<Measurement>& curve) const;
  void PrepareSources();
  Proposal StartProposal(int64_t index) const;
  void Add(Round& round, const Trial& trial) const;
  bool IsNew(const Round& round, const Proposal& proposal) const;
  absl::StatusOr<Proposal> Next(const Round& round, Random& random);
  std::optional<Proposal> NextStart(const Round& round) const;
  std::optional<Proposal> NextOfModel(const Round& round, Random& random);
  absl::StatusOr<Proposal> NextOfRest(const Round& round, Random& random);

  const std::string name_;
  const std::shared_ptr<const StudySpec> spec_;
  const StartPoints start_;
  const SpacePrior prior_;
  const std::unique_ptr<SearchStrategy> rest_;  // Random, then what is left.
  std::vector<Measurement> curve_;  // Of the trial that is observed next.
  absl::flat_hash_set<Fingerprint> finished_;
  int64_t next_ordinal_ = 0;  // Of finished trials.

  int64_t same_ = 0;  // Trials of SAME studies.
  TransferSources sources_;
  bool sources_ready_ = false;
  std::vector<TransferPortfolio::Point> portfolio_;
};

}  // namespace assay
