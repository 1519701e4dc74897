#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "assay/v1/study.pb.h"
#include "assay/v1/trial.pb.h"
#include "assay/v1/worker.pb.h"
#include "search/study.h"
#include "search/trial.h"

namespace assay {

// The only place where messages and values meet. Everything that comes from
// outside is checked here or in SearchSpace::Create(): a StudySpec that exists
// is valid. Errors are InvalidArgument and name the field, its value and what
// is allowed.

// A message's text fields have to be UTF-8; protobuf's parser checks that.
absl::StatusOr<StudySpec> ToStudySpec(const v1::StudySpec& message);

// The fields a user may edit, checked like a new study's.
absl::StatusOr<Budget> ToBudget(const v1::Budget& message);
v1::Budget ToMessage(const Budget& budget);

// Values of each kind. Whole numbers become integers; SearchSpace::Canonical()
// gives each the type of its parameter. InvalidArgument for null, lists and
// objects, naming the parameter.
absl::StatusOr<Parameters> ToParameters(
    const google::protobuf::Map<std::string, google::protobuf::Value>& map);
void ToMessage(const Parameters& parameters,
               google::protobuf::Map<std::string, google::protobuf::Value>* map);

// InvalidArgument if there are no metrics or more than 64, a name is empty or
// longer than 256 bytes, step, sequence or elapsed_seconds is negative or not
// finite.
absl::StatusOr<Measurement> ToMeasurement(const v1::Measurement& message);
v1::Measurement ToMessage(const Measurement& measurement);
absl::StatusOr<Metrics> ToMetrics(
    const google::protobuf::Map<std::string, double>& map);

// `study_seed` for Trial.seed.
v1::Trial ToMessage(const Trial& trial, uint64_t study_seed);
v1::Attempt ToMessage(const Attempt& attempt);
v1::StudyCounts ToMessage(const StudyCounts& counts);
v1::Study::State ToMessage(StudyState state);
v1::Study::Completion ToMessage(CompletionReason reason);
v1::Trial::State ToMessage(TrialState state);
absl::StatusOr<TrialState> ToTrialState(v1::Trial::State state);

// The seed of a trial's training program: the study's, mixed with the number.
uint64_t TrialSeed(uint64_t study_seed, int64_t number);

}  // namespace assay
