#include "search/expression.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "search/math/random.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Missing = Expression::Missing;

const Parameters kValues = {
    {"width", int64_t{64}},
    {"depth", int64_t{3}},
    {"lr", 0.01},
    {"optimizer", std::string("sgd")},
    {"nesterov", true},
    {"model.drop", 0.5},
    {"odd name", int64_t{2}},
};

bool Holds(const std::string& text, Missing missing = Missing::kTrue) {
  const auto expression = Expression::Parse(text);
  EXPECT_TRUE(expression.ok()) << text << ": " << expression.status();
  if (!expression.ok()) return false;
  return expression->Evaluate(
      [](const std::string& name) -> const ParameterValue* {
        const auto it = kValues.find(name);
        return it == kValues.end() ? nullptr : &it->second;
      },
      missing);
}

TEST(ExpressionTest, TrueOnes) {
  for (const char* text : {"width * depth <= 4096",
                           "optimizer != 'sgd' or lr > 0",
                           "optimizer == \"sgd\" and not (lr >= 0.1)",
                           "nesterov",
                           "nesterov == true",
                           "not nesterov == false",
                           "true or false and false",
                           "1 + 2 * 3 == 7",
                           "(1 + 2) * 3 == 9",
                           "7 - 2 - 1 == 4",
                           "8 / 4 / 2 == 1",
                           "-2 * -3 == 6",
                           "--2 == 2",
                           "width % 10 == 4",
                           "min(3, width, 2) == 2 and max(1) == 1",
                           "abs(-2) == 2 and sqrt(9) == 3 and log(exp(1)) == 1",
                           "`odd name` == 2",
                           "model.drop == .5 and lr == 1e-2",
                           "'a' < 'b'",
                           "not not nesterov"}) {
    EXPECT_TRUE(Holds(text)) << text;
  }
}

TEST(ExpressionTest, FalseOnes) {
  for (const char* text :
       {"width > 64", "false", "not nesterov", "optimizer == 'adam'",
        "optimizer == 1",      // Text and number.
        "optimizer != 1",      // Likewise.
        "optimizer + 1 > 0",   // Arithmetic on text.
        "optimizer + 1 != 0",  // Likewise.
        "nesterov == 1",       // A boolean is no number.
        "width and true",      // A number is no condition.
        "log(-1) > 0", "0 / 0 == 0 / 0"}) {
    EXPECT_FALSE(Holds(text)) << text;
  }
}

TEST(ExpressionTest, MissingDecidesOnlyWhatDependsOnIt) {
  for (const char* text : {"gone > 0", "not (gone > 0)", "gone + 1 == width",
                           "gone", "not gone", "gone == 'x' or width > 100",
                           "gone > 0 and width > 1", "min(gone, 1) > 0"}) {
    EXPECT_TRUE(Holds(text, Missing::kTrue)) << text;
    EXPECT_FALSE(Holds(text, Missing::kFalse)) << text;
  }
  EXPECT_TRUE(Holds("gone > 0 or width > 1", Missing::kFalse));
  EXPECT_FALSE(Holds("gone > 0 and width > 100", Missing::kTrue));
}

TEST(ExpressionTest, NamesAreSortedAndUnique) {
  const auto expression =
      Expression::Parse("b > a and `odd name` < max(b, c.d) or true");
  ASSERT_TRUE(expression.ok());
  EXPECT_THAT(expression->names(), ElementsAre("a", "b", "c.d", "odd name"));
}

TEST(ExpressionTest, BadTextsAreRefusedWithColumnAndExpectation) {
  struct Case {
    const char* text;
    const char* message;
  };
  for (const Case& c : std::vector<Case>{
           {"", "column 1: expected a value, found the end"},
           {"width * depth <= ", "column 18: expected a value, found the end"},
           {"1 and 2", "column 1: expected a condition, found a number"},
           {"true and 2", "column 10: expected a condition, found a number"},
           {"1 + 2", "column 1: expected a condition, found a number"},
           {"'a'", "column 1: expected a condition, found a text"},
           {"not 3", "column 5: expected a condition, found a number"},
           {"1 + 'a' > 2", "column 5: expected a number, found a text"},
           {"-(a > b) > 0", "column 2: expected a number, found a condition"},
           {"a < b < c", "column 7: expected and, or or the end"},
           {"a b", "column 3: expected an operator or the end, found \"b\""},
           {"(a > b", "column 7: expected \")\", found the end"},
           {"a > b)", "column 6: expected an operator or the end"},
           {"a = b", "column 3: \"=\" means nothing here"},
           {"a > #", "column 5: \"#\" means nothing here"},
           {"a == 'x", "column 6: no closing '"},
           {"a > 1e999", "column 5: not a finite number"},
           {"a > .", "column 5: not a finite number"},
           {"sin(a) > 0",
            "column 1: unknown function \"sin\"; there are abs, exp, log, max, "
            "min, sqrt"},
           {"abs(1, 2) > 0", "column 1: abs takes 1 argument, not 2"},
           {"abs() > 0", "column 5: expected a value, found \")\""},
           {"a > and", "column 5: expected a value, found \"and\""},
       }) {
    const absl::Status status = Expression::Parse(c.text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << c.text;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.message)) << c.text;
  }
}

std::string Repeated(const std::string& text, int count) {
  std::string result;
  for (int i = 0; i < count; ++i) result += text;
  return result;
}

TEST(ExpressionTest, DeepOrLongTextsAreRefusedNotCrashedOn) {
  EXPECT_TRUE(
      Expression::Parse(Repeated("(", 64) + "a > 1" + Repeated(")", 64)).ok());
  for (const std::string& text :
       {Repeated("(", 4000), Repeated("not ", 1000) + "a",
        Repeated("-", 4000) + "1 > 0",
        Repeated("abs(", 900) + "1" + Repeated(")", 900) + " > 0",
        "1" + Repeated("+1", 2000) + " > 0", Repeated("a", 5000)}) {
    const absl::Status status = Expression::Parse(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_TRUE(Holds("true" + Repeated(" and true", 400)));
}

TEST(ExpressionTest, RandomTextsNeverCrash) {
  const std::string pieces[] = {
      "a", "1", "(",    ")", "'x'", "and", "or ",  "not ", "<",  "==", "+",
      "-", "*", "min(", ",", "`",   " ",   "\xFF", "true", ".5", "%"};
  Random random(1);
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    const uint64_t length = random.Below(12);
    for (uint64_t k = 0; k < length; ++k) {
      text += pieces[random.Below(std::size(pieces))];
    }
    const auto expression = Expression::Parse(text);
    if (!expression.ok()) continue;
    expression->Evaluate([](const std::string&) { return nullptr; },
                         Missing::kTrue);
  }
}

}  // namespace
}  // namespace assay
