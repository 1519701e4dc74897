#include "search/base/utf8.h"

#include <cstdint>

namespace assay {
namespace {

// Lead bytes, how many bytes follow, and what the first of these may be.
struct Form {
  uint8_t lead_from, lead_to;
  int more;
  uint8_t next_from, next_to;
};
constexpr Form kForms[] = {
    {0x00, 0x7F, 0, 0x00, 0x00}, {0xC2, 0xDF, 1, 0x80, 0xBF},
    {0xE0, 0xE0, 2, 0xA0, 0xBF}, {0xE1, 0xEC, 2, 0x80, 0xBF},
    {0xED, 0xED, 2, 0x80, 0x9F}, {0xEE, 0xEF, 2, 0x80, 0xBF},
    {0xF0, 0xF0, 3, 0x90, 0xBF}, {0xF1, 0xF3, 3, 0x80, 0xBF},
    {0xF4, 0xF4, 3, 0x80, 0x8F},
};

uint8_t ByteAt(absl::string_view text, size_t i) {
  return static_cast<uint8_t>(text[i]);
}

const Form* FormOf(uint8_t lead) {
  for (const Form& form : kForms) {
    if (lead >= form.lead_from && lead <= form.lead_to) return &form;
  }
  return nullptr;
}

// Bytes of the character that `text` begins with; 0 if it is malformed.
size_t FirstCharacter(absl::string_view text) {
  const Form* form = FormOf(ByteAt(text, 0));
  if (form == nullptr) return 0;
  const size_t size = 1 + static_cast<size_t>(form->more);
  if (size > text.size()) return 0;
  for (size_t i = 1; i < size; ++i) {
    const uint8_t from = i == 1 ? form->next_from : 0x80;
    const uint8_t to = i == 1 ? form->next_to : 0xBF;
    if (ByteAt(text, i) < from || ByteAt(text, i) > to) return 0;
  }
  return size;
}

}  // namespace

bool IsUtf8(absl::string_view text) {
  while (!text.empty()) {
    const size_t size = FirstCharacter(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

}  // namespace assay
