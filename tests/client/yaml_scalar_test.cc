#include "client/cli/yaml_scalar.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

namespace assay {
namespace {

struct Case {
  const char* text;
  nlohmann::json value;
};

TEST(YamlScalarTest, FollowsTheCoreSchemaOfYaml12) {
  const Case cases[] = {
      {"no", "no"},
      {"yes", "yes"},
      {"on", "on"},
      {"true", true},
      {"False", false},
      {"~", nullptr},
      {"null", nullptr},
      {"", nullptr},
      {"7", 7},
      {"-7", -7},
      {"+7", 7},
      {"007", 7},
      {"0x10", 16},
      {"0o17", 15},
      {"1e-5", 1e-5},
      {"1.", 1.0},
      {".5", 0.5},
      {"-2.5E+3", -2500.0},
      {".inf", HUGE_VAL},
      {"-.INF", -HUGE_VAL},
      {"1e400", HUGE_VAL},
      {"-1e400", -HUGE_VAL},
      {"1_000", "1_000"},
      {"12:30", "12:30"},
      {"1e", "1e"},
      {"0x", "0x"},
      {"sgd", "sgd"},
      {"-", "-"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(ParseYamlScalar(c.text), c.value) << "\"" << c.text << "\"";
  }
}

TEST(YamlScalarTest, NotANumberIsOne) {
  EXPECT_TRUE(std::isnan(ParseYamlScalar(".nan").get<double>()));
  EXPECT_EQ(ParseYamlScalar("nan"), "nan");
}

TEST(YamlScalarTest, WholeNumbersKeepEveryDigit) {
  EXPECT_EQ(ParseYamlScalar("18446744073709551615").get<uint64_t>(),
            18446744073709551615u);
  EXPECT_EQ(ParseYamlScalar("-9223372036854775808").get<int64_t>(), INT64_MIN);
  EXPECT_TRUE(ParseYamlScalar("18446744073709551616").is_number_float());
}

TEST(YamlScalarTest, LongTextsStayTexts) {
  const std::string digits(100'000, '1');
  EXPECT_EQ(ParseYamlScalar(digits), digits);
}

}  // namespace
}  // namespace assay
