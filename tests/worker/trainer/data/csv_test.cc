#include "worker/trainer/data/csv.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Result<Dataset> Read(const std::string& text, const std::string& target,
                     Task task) {
  const auto table = ParseCsv(text, "f.csv");
  if (!table.ok()) return table.error();
  return DatasetFromCsv(*table, target, task, "f.csv");
}

TEST(CsvTest, ReadsQuotesCommasAndLineEndsInsideThem) {
  const auto table =
      ParseCsv("a,b\r\n\"x, \"\"y\"\"\nz\",2\n\n3,\"\"\r\n", "f.csv");
  ASSERT_TRUE(table.ok()) << table.error().message;
  EXPECT_THAT(table->header, ElementsAre("a", "b"));
  EXPECT_THAT(table->rows, ElementsAre(ElementsAre("x, \"y\"\nz", "2"),
                                       ElementsAre("3", "")));
  EXPECT_THAT(table->lines, ElementsAre(2, 5));
}

TEST(CsvTest, LastLineNeedsNoEndAndAByteOrderMarkIsSkipped) {
  const auto table = ParseCsv(
      "\xEF\xBB\xBF"
      "a,b\n1,2",
      "f.csv");
  ASSERT_TRUE(table.ok());
  EXPECT_THAT(table->header, ElementsAre("a", "b"));
  EXPECT_THAT(table->rows, ElementsAre(ElementsAre("1", "2")));
}

TEST(CsvTest, RegressionHasNumbersAndOneInputAColumnOfNumbers) {
  const auto data = Read("x,y,z\n1,2,3\n-4.5,1e2,+6\n", "y", Task::kRegression);
  ASSERT_TRUE(data.ok()) << data.error().message;
  EXPECT_THAT(data->targets, ElementsAre(2, 100));
  EXPECT_THAT(data->shape, ElementsAre(2));
  EXPECT_THAT(std::get<std::vector<float>>(data->inputs),
              ElementsAre(1, 3, -4.5, 6));
  EXPECT_EQ(data->classes, 0);
}

TEST(CsvTest, ClassesAreSortedTextsAndTextColumnsOneInputAValue) {
  const auto data = Read("colour,kind\nred,dog\nblue,cat\nred,cat\n", "kind",
                         Task::kClassification);
  ASSERT_TRUE(data.ok()) << data.error().message;
  EXPECT_THAT(data->class_names, ElementsAre("cat", "dog"));
  EXPECT_THAT(data->labels, ElementsAre(1, 0, 0));
  EXPECT_THAT(data->shape, ElementsAre(2));  // blue, red.
  EXPECT_THAT(std::get<std::vector<float>>(data->inputs),
              ElementsAre(0, 1, 1, 0, 0, 1));
}

TEST(CsvTest, NumericClassesAreInNumericOrder) {
  const auto data = Read("x,y\n1,10\n1,9\n1,-1\n", "y", Task::kClassification);
  ASSERT_TRUE(data.ok());
  EXPECT_THAT(data->class_names, ElementsAre("-1", "9", "10"));
}

TEST(CsvTest, MalformedFilesAreRefusedByLine) {
  const auto message = [](const std::string& text) {
    const auto table = ParseCsv(text, "f.csv");
    return table.ok() ? "" : table.error().message;
  };
  EXPECT_THAT(message(""), HasSubstr("f.csv: has no rows"));
  EXPECT_THAT(message("a,b\n"), HasSubstr("has no rows"));
  EXPECT_THAT(message("a,b\n1,2\n3\n"),
              HasSubstr("line 3 has 1 fields; the header has 2"));
  EXPECT_THAT(message("a,b\n1,2,3\n"), HasSubstr("line 2 has 3 fields"));
  EXPECT_THAT(message("a,a\n1,2\n"), HasSubstr("two columns"));
  EXPECT_THAT(message("a,b\n\"1,2\n"), HasSubstr("line 2: a quoted field"));
  EXPECT_THAT(message("a,b\n\"1\"x,2\n"), HasSubstr("line 2: a quoted field"));
}

TEST(CsvTest, TargetThatIsNoColumnIsRefused) {
  const auto data = Read("size,price\n1,2\n", "prize", Task::kRegression);
  ASSERT_FALSE(data.ok());
  EXPECT_EQ(data.error().kind, ErrorKind::kConfiguration);
  EXPECT_THAT(data.error().message,
              HasSubstr("data.target: \"prize\" is not a column of f.csv; "
                        "allowed: size, price, did you mean \"price\"?"));
}

TEST(CsvTest, TargetOfARegressionMustBeAFiniteNumber) {
  for (const std::string bad : {"many", "nan", "inf", ""}) {
    const auto data = Read("x,y\n1,2\n1," + bad + "\n", "y", Task::kRegression);
    ASSERT_FALSE(data.ok()) << bad;
    EXPECT_THAT(data.error().message,
                HasSubstr("line 3, column \"y\": \"" + bad + "\""));
  }
}

TEST(CsvTest, TypoInALongColumnOfNumbersIsFoundNotMadeACategory) {
  std::string text = "x,y\n";
  for (int i = 0; i < 200; ++i) text += std::to_string(i) + ",0\n";
  text += "2o1,1\n";
  const auto data = Read(text, "y", Task::kClassification);
  ASSERT_FALSE(data.ok());
  EXPECT_THAT(data.error().message,
              HasSubstr("line 202, column \"x\": \"2o1\" is not a finite "
                        "number"));
}

}  // namespace
}  // namespace assay
