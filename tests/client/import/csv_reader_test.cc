#include "client/import/csv_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "client/cli/export.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Texts = std::vector<std::string>;

Texts TextsOf(const CsvRow& row) {
  Texts texts;
  for (const CsvCell& cell : row.cells) texts.push_back(cell.text);
  return texts;
}

// Every row; stops at an error.
struct Table {
  std::vector<CsvRow> rows;
  absl::Status status;
};

Table ReadAll(const std::string& text) {
  std::istringstream in(text);
  CsvReader reader(in);
  Table table;
  while (true) {
    absl::StatusOr<std::optional<CsvRow>> row = reader.Next();
    table.status = row.status();
    if (!row.ok() || !*row) return table;
    table.rows.push_back(**std::move(row));
  }
}

TEST(CsvReaderTest, CellsMayHoldCommasQuotesAndLineEnds) {
  const Table table =
      ReadAll("a,b,c\r\n\"1,2\",\"say \"\"hi\"\"\",\"two\r\nlines\"\r\n");
  ASSERT_TRUE(table.status.ok()) << table.status;
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_THAT(TextsOf(table.rows[1]),
              ElementsAre("1,2", "say \"hi\"", "two\r\nlines"));
}

TEST(CsvReaderTest, QuotedNothingIsTheEmptyText) {
  const Table table = ReadAll("\"\",,x\n");
  ASSERT_EQ(table.rows.size(), 1u);
  EXPECT_TRUE(table.rows[0].cells[0].quoted);
  EXPECT_FALSE(table.rows[0].cells[1].quoted);
  EXPECT_THAT(TextsOf(table.rows[0]), ElementsAre("", "", "x"));
}

TEST(CsvReaderTest, RowsKnowTheLineTheyBeginAt) {
  const Table table = ReadAll("a\n\"1\n2\"\n\n3\n");
  ASSERT_EQ(table.rows.size(), 3u);
  EXPECT_EQ(table.rows[0].line, 1);
  EXPECT_EQ(table.rows[1].line, 2);
  EXPECT_EQ(table.rows[2].line, 5);
}

TEST(CsvReaderTest, TheLastLineNeedsNoEnd) {
  EXPECT_EQ(ReadAll("a,b\n1,2").rows.size(), 2u);
  EXPECT_EQ(ReadAll("a,").rows[0].cells.size(), 2u);
}

TEST(CsvReaderTest, AByteOrderMarkIsNoPartOfTheFirstName) {
  EXPECT_THAT(TextsOf(ReadAll("\xEF\xBB\xBFname,x\n").rows[0]),
              ElementsAre("name", "x"));
}

TEST(CsvReaderTest, AQuoteInsideAPlainCellIsACharacter) {
  EXPECT_THAT(TextsOf(ReadAll("5\" disk,x\n").rows[0]),
              ElementsAre("5\" disk", "x"));
}

TEST(CsvReaderTest, AnOpenQuoteIsNamedByTheLineItOpensOn) {
  const Table table = ReadAll("a,b\n1,\"2\n3,4\n");
  EXPECT_EQ(table.status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(table.status.message()),
              HasSubstr("line 2: a quote"));
}

TEST(CsvReaderTest, TextAfterAClosingQuoteIsRefused) {
  const Table table = ReadAll("\"a\"b\n");
  EXPECT_THAT(std::string(table.status.message()),
              HasSubstr("line 1: text after a closing quote"));
}

TEST(CsvReaderTest, AnEndlessRowIsRefused) {
  const Table table = ReadAll(std::string(CsvReader::kMaxRowBytes + 2, 'x'));
  EXPECT_THAT(std::string(table.status.message()), HasSubstr("a row of more"));
}

TEST(CsvReaderTest, TooManyColumnsAreRefused) {
  const Table table = ReadAll(std::string(CsvReader::kMaxColumns, ','));
  EXPECT_THAT(std::string(table.status.message()),
              HasSubstr("more than 10000 columns"));
}

TEST(CsvReaderTest, FilesThatBeginAlikeGiveTheirCommonRowsTheSameDigest) {
  const Table one = ReadAll("a,b\n1,2\n3,4");
  const Table longer = ReadAll("a,b\r\n1,2\r\n3,4\r\n5,6\r\n");
  const Table other = ReadAll("a,c\n1,2\n3,4");
  for (size_t i = 0; i < one.rows.size(); ++i) {
    EXPECT_EQ(one.rows[i].digest, longer.rows[i].digest);
    EXPECT_NE(one.rows[i].digest, other.rows[i].digest);
  }
  EXPECT_NE(one.rows[1].digest, one.rows[2].digest);
}

std::string RandomText(std::mt19937& random, const std::string& letters,
                       int most) {
  std::string text(random() % static_cast<unsigned>(most + 1), ' ');
  for (char& c : text) c = letters[random() % letters.size()];
  return text;
}

TEST(CsvReaderTest, WhatWasWrittenReadsBack) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    std::vector<Texts> rows(1 + random() % 20);
    std::string file;
    for (Texts& row : rows) {
      row.resize(2 + random() % 4);
      for (size_t i = 0; i < row.size(); ++i) {
        row[i] = RandomText(random, "ab,\"\r\n; \xC3\xA9", i == 0 ? 2000 : 20);
        absl::StrAppend(&file, i == 0 ? "" : ",", CsvField(row[i]));
      }
      file += round % 2 == 0 ? "\r\n" : "\n";
    }
    const Table table = ReadAll(file);
    ASSERT_TRUE(table.status.ok()) << table.status;
    ASSERT_EQ(table.rows.size(), rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      ASSERT_EQ(TextsOf(table.rows[i]), rows[i]);
    }
  }
}

TEST(CsvReaderTest, AnyBytesEndInRowsOrAnError) {
  std::mt19937 random(2);
  for (int round = 0; round < 3000; ++round) {
    const std::string file =
        RandomText(random, std::string("a1,\"\r\n\0\xFF\xEF\xBB\xBF", 12), 200);
    const Table table = ReadAll(file);
    if (table.status.ok()) continue;
    ASSERT_EQ(table.status.code(), absl::StatusCode::kInvalidArgument);
    ASSERT_THAT(std::string(table.status.message()), HasSubstr("line "));
  }
}

}  // namespace
}  // namespace assay
