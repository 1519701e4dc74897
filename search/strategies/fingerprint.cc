#include "search/strategies/fingerprint.h"

#include <string>

#include "absl/strings/str_cat.h"

namespace assay {
namespace {

__extension__ using Uint128 = unsigned __int128;

constexpr Uint128 Join(uint64_t high, uint64_t low) {
  return static_cast<Uint128>(high) << 64 | low;
}

// FNV-1a with 128 bits.
Fingerprint Hash(const std::string& text) {
  constexpr Uint128 kPrime = Join(0x0000000001000000, 0x000000000000013B);
  Uint128 hash = Join(0x6C62272E07BB0142, 0x62B821756295C58D);
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * kPrime;
  return {static_cast<uint64_t>(hash >> 64), static_cast<uint64_t>(hash)};
}

template <typename Run>
Fingerprint Of(const Run& run) {
  std::string text = Identity(run.parameters);
  absl::StrAppend(&text, "/", run.from_step, "/", run.to_step, "/",
                  run.continues.value, "/", run.replicate);
  return Hash(text);
}

}  // namespace

Fingerprint FingerprintOf(const Trial& trial) { return Of(trial); }
Fingerprint FingerprintOf(const Proposal& proposal) { return Of(proposal); }

}  // namespace assay
