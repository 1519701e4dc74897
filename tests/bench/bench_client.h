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

// A study of two real parameters, without a trial template. Its id.
int64_t CreateStudy(const std::string& address, const std::string& name,
                    const std::string& algorithm);

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

// Info calls, one after the other: the bare round trip.
Load Echoes(const std::string& address, int count);

// Measurements over one worker stream, `batch` a message, until `time` is over;
// counts those that were acknowledged. `runs`: start trials over the stream (a
// coordinator), else invent them (an echo).
Load StreamReports(const std::string& address, int batch, bool runs,
                   absl::Duration time);

}  // namespace assay
