#include "search/math/permutation.h"

#include <cassert>

#include "search/math/random.h"

namespace assay {
namespace {

// The finalizer of MurmurHash3: each bit of the input turns half of the output.
uint64_t Mix(uint64_t x) {
  x = (x ^ x >> 33) * 0xFF51AFD7ED558CCD;
  x = (x ^ x >> 33) * 0xC4CEB9FE1A85EC53;
  return x ^ x >> 33;
}

int HalfBits(uint64_t size) {
  int half = 1;
  while (2 * half < 64 && size > uint64_t{1} << 2 * half) ++half;
  return half;
}

}  // namespace

Permutation::Permutation(int64_t size, uint64_t seed)
    : size_(static_cast<uint64_t>(size)), half_bits_(HalfBits(size_)) {
  assert(size >= 1 && size <= int64_t{1} << 62);
  Random random(seed, ~uint64_t{1});
  for (uint64_t& key : keys_) key = random.NextBits();
}

uint64_t Permutation::Encrypt(uint64_t block) const {
  const uint64_t mask = (uint64_t{1} << half_bits_) - 1;
  uint64_t left = block >> half_bits_;
  uint64_t right = block & mask;
  for (const uint64_t key : keys_) {
    const uint64_t next = left ^ (Mix(right ^ key) & mask);
    left = right;
    right = next;
  }
  return left << half_bits_ | right;
}

int64_t Permutation::operator()(int64_t i) const {
  uint64_t block = static_cast<uint64_t>(i);
  do {
    block = Encrypt(block);
  } while (block >= size_);
  return static_cast<int64_t>(block);
}

}  // namespace assay
