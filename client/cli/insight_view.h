#pragma once

#include <string>
#include <vector>

#include "assay/v1/insight.pb.h"
#include "assay/v1/study.pb.h"
#include "client/cli/terminal.h"

namespace assay {

// What InsightService says, as people read it: lines of a screen.

// A row a parameter, with a bar of its total share.
std::vector<std::string> ImportanceLines(const v1::ImportanceResponse& response,
                                         const Look& look);

// The first prediction: a row a metric, in the order of the spec.
std::vector<std::string> PredictionLines(const v1::StudySpec& spec,
                                         const v1::PredictResponse& response,
                                         const Look& look);

// The figures, what they mean, and the `count` trials that are predicted worst,
// by their intervals.
std::vector<std::string> QualityLines(const v1::QualityResponse& response,
                                      int count, const Look& look);

// Whether a model with these figures can be trusted: "yes: ...", "roughly:
// ...", "no: ...".
std::string TrustInWords(const v1::QualityResponse& response);

// A row a rule: what it would have stopped and saved, and whether it would have
// lost the best. `names`: how the rules are called, as many as there are. With
// one rule its stops follow.
std::vector<std::string> ReplayLines(const v1::ReplayResponse& response,
                                     const std::vector<std::string>& names,
                                     const Look& look);

// What early stopping and the schedule saved, and what stopping may have cost,
// in words: one to three lines.
std::vector<std::string> SavingsLines(const v1::SavingsResponse& response);

}  // namespace assay
