#include "search/base/utf8.h"

#include <string>

#include "gtest/gtest.h"

namespace assay {
namespace {

TEST(Utf8Test, AcceptsWhatIsWellFormed) {
  for (const char* text :
       {"", "lr", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80",
        "\xED\x9F\xBF", "\xEE\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(IsUtf8(text)) << text;
  }
  EXPECT_TRUE(IsUtf8(std::string(1, '\0')));
}

TEST(Utf8Test, RefusesWhatIsMalformed) {
  for (const char* text : {"\x80",          // A byte that continues nothing.
                           "\xC3",          // Cut off.
                           "a\xE2\x82",     // Cut off.
                           "\xC0\xAF",      // Overlong.
                           "\xE0\x80\xAF",  // Overlong.
                           "\xF0\x80\x80\x80",  // Overlong.
                           "\xED\xA0\x80",      // A surrogate.
                           "\xF4\x90\x80\x80",  // Above U+10FFFF.
                           "\xFF", "\xC3(", "\xE2(\xA1"}) {
    EXPECT_FALSE(IsUtf8(text)) << text;
  }
}

}  // namespace
}  // namespace assay
