#pragma once

#include <memory>

#include "search/search_strategy.h"
#include "search/study.h"

namespace assay {

// Bayesian optimization with Gaussian processes: models of each objective, each
// bound and success (search/gp/surrogate.h), proposals where an acquisition
// function is greatest (search/gp/portfolio.h):
//
//   one objective      upper confidence bound: mean + 1.8 deviation within a
//                      trust region around the trials
//                      (search/gp/trust_region.h), as Vizier has it (Song et
//                      al. 2024).
//   several            in turn with the expected improvement of hypervolume.
//
// The first trial is the parameters' defaults or the centre; what starts before
// any trial has a result, at points of a Sobol sequence. From the first result
// on the model proposes: around a point that people chose or would choose it
// learns more than from points spread over the whole space.
//
// Pending trials shrink the deviation; and while more than one proposal is
// wanted at once most of them explore where something good may still be
// (UCB-PE). Above 20 parameters both look at a box around the best trial
// that halves after failures and doubles after successes (TuRBO, Eriksson et
// al. 2019). A user's priors multiply both (search/gp/prior_pull.h). Any space;
// minimised and maximised metrics, several objectives, bounds, conditions,
// input constraints, failed and stopped trials.
//
// Where a study asks for gradients of an objective and trials report them, its
// model learns of one directional derivative a trial, unless values alone
// predict each other better (search/gp/metric_model.h).
//
// After SIMILAR studies the objectives' models have a mean that is learned from
// those studies' models (search/gp/transfer_fit.h), and the start is their
// portfolio and one point more.
//
// Cost of a proposal: README.
std::unique_ptr<SearchStrategy> MakeBayesian(
    std::shared_ptr<const StudySpec> spec);

}  // namespace assay
