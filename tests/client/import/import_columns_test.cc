#include "client/import/import_columns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace assay {
namespace {

using ::testing::HasSubstr;

using Header = std::vector<std::string>;

StudySpec Spec() {
  StudySpec spec;
  spec.metrics = {{.name = "loss"},
                  {.name = "acc", .goal = Goal::kMaximize},
                  {.name = "latency", .bound = 20}};
  spec.space = *SearchSpace::Create(
      {{.name = "lr", .domain = DoubleDomain{}},
       {.name = "units", .domain = IntegerDomain{.min = 1, .max = 64}}});
  return spec;
}

// "lr:parameter lr" of each column that means something.
std::string Meaning(const Header& header, const ColumnMaps& maps = {}) {
  const auto columns = AssignColumns(header, Spec(), maps);
  if (!columns.ok()) return std::string(columns.status().message());
  std::string text;
  for (const ImportColumn& column : *columns) {
    if (!text.empty()) text += " ";
    switch (column.use) {
      case ColumnUse::kNothing:
        text += "-";
        break;
      case ColumnUse::kParameter:
        text += "p." + column.name;
        break;
      case ColumnUse::kMetric:
        text += "m." + column.name;
        break;
      case ColumnUse::kAttribute:
        text += "a." + column.name;
        break;
      case ColumnUse::kState:
        text += "state";
        break;
      default:
        text += "other";
    }
  }
  return text;
}

TEST(ImportColumnsTest, OptunasTableIsRecognized) {
  const Header header = {"",
                         "number",
                         "values_0",
                         "values_1",
                         "datetime_start",
                         "datetime_complete",
                         "duration",
                         "params_lr",
                         "params_units",
                         "user_attrs_latency",
                         "user_attrs_host",
                         "system_attrs_x",
                         "state"};
  EXPECT_EQ(RecognizeDialect(header), ImportDialect::kOptuna);
  EXPECT_EQ(Meaning(header),
            "- - m.loss m.acc other other - p.lr p.units m.latency a.host - "
            "state");
}

TEST(ImportColumnsTest, OptunasNamedValuesAreMetrics) {
  EXPECT_EQ(Meaning({"number", "values_acc", "values_loss", "params_lr",
                     "params_units", "state"}),
            "- m.acc m.loss p.lr p.units state");
}

TEST(ImportColumnsTest, TheRunsTableOfWandbIsRecognized) {
  const Header header = {"Name",    "State",   "Notes", "User", "Tags",
                         "Created", "Runtime", "Sweep", "lr",   "units",
                         "epoch",   "loss",    "acc"};
  EXPECT_EQ(RecognizeDialect(header), ImportDialect::kWandb);
  EXPECT_EQ(Meaning(header),
            "other state - other - other other - p.lr p.units - m.loss m.acc");
}

TEST(ImportColumnsTest, OurOwnTableIsReadByPlace) {
  const Header header = {
      "number",    "state",   "lr",        "units",     "loss",      "acc",
      "latency",   "extra",   "replicate", "continues", "from_step", "to_step",
      "last_step", "started", "ended",     "holder",    "attempts",  "reason"};
  EXPECT_EQ(RecognizeDialect(header), ImportDialect::kAssay);
  EXPECT_EQ(Meaning(header),
            "- state p.lr p.units m.loss m.acc m.latency m.extra other - other "
            "other other other other other - other");
}

TEST(ImportColumnsTest, APlainTableNamesParametersAndMetrics) {
  EXPECT_EQ(Meaning({"units", "acc", "lr", "loss", "who", "reason"}),
            "p.units m.acc p.lr m.loss - other");
}

TEST(ImportColumnsTest, WhatAUserMapsCounts) {
  EXPECT_EQ(
      Meaning({"lr", "rate", "units", "val", "acc"},
              {.parameters = {{"rate", "lr"}}, .metrics = {{"val", "loss"}}}),
      "- p.lr p.units m.loss m.acc");
}

TEST(ImportColumnsTest, AMissingParameterOrObjectiveIsNamed) {
  EXPECT_THAT(Meaning({"lr", "loss", "acc"}),
              HasSubstr("no column is the parameter \"units\": --map"));
  EXPECT_THAT(Meaning({"lr", "units", "loss"}),
              HasSubstr("no column is the objective \"acc\": --metric"));
}

TEST(ImportColumnsTest, AMapOfWhatIsNotThereIsRefused) {
  const Header header = {"lr", "units", "loss", "acc"};
  EXPECT_THAT(Meaning(header, {.parameters = {{"rate", "lr"}}}),
              HasSubstr("there is no column \"rate\"; there are lr, units"));
  EXPECT_THAT(Meaning(header, {.parameters = {{"lr", "rate"}}}),
              HasSubstr("\"rate\" is no parameter of the study; lr, units"));
  EXPECT_THAT(Meaning(header, {.parameters = {{"lr", "lr"}},
                               .metrics = {{"lr", "loss"}}}),
              HasSubstr("one of them"));
}

TEST(ImportColumnsTest, TwoColumnsOfOneThingAreRefused) {
  EXPECT_THAT(Meaning({"lr", "lr", "units", "loss", "acc"}),
              HasSubstr("columns 1 (lr) and 2 (lr) are the same thing, lr"));
}

TEST(ImportColumnsTest, WithoutASpaceOurParametersStandBeforeTheMetrics) {
  StudySpec spec = Spec();
  spec.space = SearchSpace();
  const auto columns = AssignColumns(
      {"number", "state", "free", "loss", "acc", "latency", "extra",
       "replicate", "continues", "from_step", "to_step", "last_step", "started",
       "ended", "holder", "attempts", "reason"},
      spec, {});
  ASSERT_TRUE(columns.ok()) << columns.status();
  EXPECT_EQ((*columns)[2].use, ColumnUse::kParameter);
  EXPECT_EQ((*columns)[3].use, ColumnUse::kMetric);
  EXPECT_EQ((*columns)[6].use, ColumnUse::kMetric);
}

}  // namespace
}  // namespace assay
