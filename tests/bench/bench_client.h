#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace assay {

// Latencies of one kind of call and how many ended in the time.
struct Load {
  double per_second = 0;
  std::vector<double> milliseconds;  // Each call's, unordered.

  double Percentile(double p) const;
};

struct StudyShape {
  std::string algorithm = "random";  // Or quasi_random, bayesian, tpe.
  int dimensions = 2;                // Parameters x0, x1, ... in [-5, 5].
  double max_wait = 0.1;             // Seconds.
};
// A study without a trial template. Its id.
int64_t CreateStudy(const std::string& address, const std::string& name,
                    const StudyShape& shape);

// The loss of a point, for searches that learn: a bowl with ripples.
double Ripples(const std::vector<double>& x);

// Suggest, one Report, Complete, again and again, in `clients` threads.
Load WholeTrials(const std::string& address, int64_t study, int clients,
                 absl::Duration time);

// Report calls of one trial each, `in_flight` at a time. `trials`: the tokens
// to report to; their sequences go on from `first_sequence`. An echo takes any.
struct HeldTrial {
  int64_t trial = 0;
  int32_t attempt = 0;
  int64_t sequence = 0;
};
std::vector<HeldTrial> HoldTrials(const std::string& address, int64_t study,
                                  int count);
Load UnaryReports(const std::string& address, std::vector<HeldTrial>& trials,
                  absl::Duration time);

// Suggest and Complete of one client, one after the other; times Suggest alone.
Load Suggests(const std::string& address, int64_t study, int count);

// `clients` threads that ask, train and tell until `count` trials were asked
// for; times Suggest alone, from the time on when the trials of the beginning,
// when all ask at once, are over. Training takes `mean`, log-normal with a
// deviation of the logarithm of 0.75; 0: no time at all.
Load AskTrainTell(const std::string& address, int64_t study, int clients,
                  int count, absl::Duration mean);

// Info calls, one after the other: the bare round trip.
Load Echoes(const std::string& address, int count);

// Measurements over one worker stream, `batch` a message, until `time` is over;
// counts those that were acknowledged. `runs`: start trials over the stream (a
// coordinator), else invent them (an echo).
Load StreamReports(const std::string& address, int batch, bool runs,
                   absl::Duration time);

}  // namespace assay
