#include "search/base/sha256.h"

#include <openssl/evp.h>

#include <cassert>

namespace assay {

std::string Sha256(absl::string_view bytes) {
  std::string digest(kSha256Bytes, '\0');
  unsigned int size = 0;
  [[maybe_unused]] const int done =
      EVP_Digest(bytes.data(), bytes.size(),
                 reinterpret_cast<unsigned char*>(digest.data()), &size,
                 EVP_sha256(), nullptr);
  assert(done == 1 && size == kSha256Bytes);
  return digest;
}

}  // namespace assay
