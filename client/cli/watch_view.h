#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "assay/v1/study.pb.h"
#include "assay/v1/trial.pb.h"
#include "client/cli/terminal.h"

namespace assay {

// What is known of a study that is watched.
class WatchState {
 public:
  // Adds what a message brings. Trials that ended since the last one are
  // returned, by number; none for a snapshot.
  std::vector<v1::Trial> Take(const v1::WatchStudyResponse& message);

  const v1::Study& study() const { return study_; }
  int64_t revision() const { return revision_; }
  // Where to go on after a break: a snapshot that may lack pages starts anew.
  int64_t resume_after() const { return in_snapshot_ ? 0 : revision_; }
  bool is_over() const {
    return study_.state() == v1::Study::COMPLETED &&
           study_.counts().running() == 0;
  }

  struct Running {
    v1::Trial trial;
    std::string last;  // "epoch 3  accuracy=0.81".
  };
  const std::map<int64_t, Running>& running() const { return running_; }

  // Values of the first objective of COMPLETED trials, by number.
  const std::map<int64_t, double>& history() const { return history_; }
  // nullptr if no trial has a value.
  const v1::Trial* best() const { return has_best_ ? &best_ : nullptr; }

 private:
  void TakeTrial(const v1::Trial& trial);

  v1::Study study_;
  int64_t revision_ = 0;
  bool in_snapshot_ = false;
  std::map<int64_t, Running> running_;  // By global id.
  std::map<int64_t, double> history_;
  v1::Trial best_;
  bool has_best_ = false;
  std::map<int64_t, v1::Trial::State> ended_;
};

// The picture of a study for a terminal of that width and height: progress bar
// with the estimated end, counts, best so far, history plot, running trials.
// `seconds_per_trial` < 0: not known yet.
std::vector<std::string> RenderWatch(const WatchState& state, const Look& look,
                                     int height);

// One line for a trial that ended: "12  COMPLETED  accuracy=0.91  lr=0.01".
std::string RenderEnded(const v1::StudySpec& spec, const v1::Trial& trial,
                        const Look& look);

}  // namespace assay
