#pragma once

#include <cstdint>
#include <string>

#include "assay/v1/study.pb.h"
#include "assay/v1/trial.pb.h"
#include "client/cli/terminal.h"

namespace assay {

// Numbers, times and messages as people read them.

// "0.9123", "1.5e-05", "NaN": up to `digits` significant ones.
std::string FormatNumber(double number, int digits = 5);

// "3 s", "4 min 10 s", "2 h 5 min", "3 d 4 h".
std::string FormatDuration(double seconds);

// "2026-01-31 12:00:00" of this machine's time zone; "" if it is not set.
std::string FormatTime(const google::protobuf::Timestamp& time);

// "adam", "0.01", "true".
std::string FormatValue(const google::protobuf::Value& value);

// "lr=0.01 width=32".
std::string FormatParameters(const v1::Trial& trial);

// "accuracy=0.91 loss=0.3"; objectives of the study first.
std::string FormatMetrics(const v1::StudySpec& spec, const v1::Trial& trial);

// "to step 3", "3 to 9": of its steps; "" if it goes as far as the program
// does.
std::string FormatBudget(const v1::Trial& trial);

std::string FormatState(v1::Trial::State state);
Style StyleOf(v1::Trial::State state);
std::string FormatState(const v1::Study& study);

// The word as a shell reads it: quoted if it has to be.
std::string ShellQuoted(const std::string& word);

// The first objective; nullptr if there is none.
const v1::Metric* FirstObjective(const v1::StudySpec& spec);

// "60 of 100 trials", by the budget that ends first; "60 trials" without one.
std::string FormatProgress(const v1::Study& study);

// Share of the budget that is used, by the limit that is nearest; -1: no limit.
double Progress(const v1::Study& study);

// Trials that ended.
int64_t Ended(const v1::StudyCounts& counts);

// Name of its owner and itself, as commands take it: "name" of the owner
// "local", else "owner/name".
std::string FormatName(const v1::Study& study);

}  // namespace assay
