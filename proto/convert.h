#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "assay/v1/study.pb.h"
#include "assay/v1/trial.pb.h"
#include "assay/v1/worker.pb.h"
#include "search/domain.h"
#include "search/earlier_study.h"
#include "search/study.h"
#include "search/trial.h"

namespace assay {

// The only place where messages and values meet. Everything that comes from
// outside is checked here or in SearchSpace::Create(): a StudySpec that exists
// is valid. Errors are InvalidArgument and name the field, its value and what
// is allowed: `metrics[0].goal: missing; MINIMIZE or MAXIMIZE`. No error is
// longer than a few hundred bytes, however long the value.

// Limits that the .proto comments state and no value type has.
inline constexpr int kMaxSpecBytes = 1 << 20;
inline constexpr int kMaxMetrics = 64;
inline constexpr int kMaxNameBytes = 256;
inline constexpr int kMaxConstraints = 1000;
inline constexpr int kMaxArguments = 1000;
inline constexpr int kMaxReplicates = 100;
inline constexpr int kMaxWarmStarts = 16;
// A study nested deeper could not be answered as JSON, which protobuf ends at
// 100 messages in each other.
inline constexpr int kMaxConfigDepth = 24;

// A message's text fields have to be UTF-8; protobuf's parser checks that.
// Names hold no control characters. An absent seed is 0 here: who creates the
// study draws one. The same `trial.builtin.config` always gives the same text.
absl::StatusOr<StudySpec> ToStudySpec(const v1::StudySpec& message);

// The fields a user may edit, checked like a new study's.
absl::StatusOr<Budget> ToBudget(const v1::Budget& message);
v1::Budget ToMessage(const Budget& budget);

// Values of each kind. Whole numbers within +-2^53 become integers;
// SearchSpace::Canonical() gives each the type of its parameter.
// InvalidArgument, naming the parameter, for null, lists, objects, NaN and
// infinity, for a bad name, and for more than SearchSpace::kMaxParameters.
absl::StatusOr<Parameters> ToParameters(
    const google::protobuf::Map<std::string, google::protobuf::Value>& map);
void ToMessage(
    const Parameters& parameters,
    google::protobuf::Map<std::string, google::protobuf::Value>* map);

// InvalidArgument if there are no metrics or more than 64, a name is empty or
// longer than 256 bytes, step or sequence is not within 0 to 2^53, or
// elapsed_seconds is negative or not finite. `revision` and `time` are the
// server's and not taken.
absl::StatusOr<Measurement> ToMeasurement(const v1::Measurement& message);
v1::Measurement ToMessage(const Measurement& measurement);

// InvalidArgument as above, but may be empty.
absl::StatusOr<Metrics> ToMetrics(
    const google::protobuf::Map<std::string, double>& map);

// `study_seed` for Trial.seed. Without `attempt_list` and `last_measurement`.
v1::Trial ToMessage(const Trial& trial, uint64_t study_seed);
v1::Attempt ToMessage(const Attempt& attempt);

// Without `spec`, `seconds_used`, `waiting`, `stock` and `earlier`, which the
// row has not.
v1::Study ToMessage(const Study& study);
v1::EarlierStudy ToMessage(const EarlierStudy& earlier);
v1::StudyCounts ToMessage(const StudyCounts& counts);
v1::Study::State ToMessage(StudyState state);
v1::Study::Completion ToMessage(CompletionReason reason);
v1::Trial::State ToMessage(TrialState state);
v1::Attempt::Outcome ToMessage(AttemptOutcome outcome);

// InvalidArgument if it is unspecified or unknown.
absl::StatusOr<TrialState> ToTrialState(v1::Trial::State state);

// Clamped to the years 1 to 9999, as the message demands, and cut to whole
// microseconds, as they are stored: the first answer is that of a repetition.
google::protobuf::Timestamp ToTimestamp(absl::Time time);

// The seed of a trial's training program: the study's, mixed with the number
// (two rounds of SplitMix64, Steele et al. 2014). Below 2^53, so that a JSON
// number holds it exactly in every language.
uint64_t TrialSeed(uint64_t study_seed, int64_t number);

}  // namespace assay
