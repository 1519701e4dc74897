#include "client/import/row_to_trial.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace assay {
namespace {

using ::testing::HasSubstr;

StudySpec Spec() {
  StudySpec spec;
  spec.metrics = {{.name = "loss"}};
  spec.space = *SearchSpace::Create(
      {{.name = "lr", .domain = DoubleDomain{.min = 0.001, .max = 1}},
       {.name = "units", .domain = IntegerDomain{.min = 1, .max = 64}},
       {.name = "opt",
        .domain = CategoricalDomain{{std::string("sgd"), std::string("1"),
                                     int64_t{1}, int64_t{32}, true}}},
       {.name = "momentum",
        .domain = DoubleDomain{},
        .when = Condition{"opt", {std::string("sgd")}}}});
  return spec;
}

// The rows of a file as ToTrial() sees them.
std::vector<RowResult> Read(const std::string& file, const StudySpec& spec) {
  std::istringstream in(file);
  const auto reader = OpenImport(in, spec, {});
  EXPECT_TRUE(reader.ok()) << reader.status();
  std::vector<RowResult> results;
  while (reader.ok()) {
    const auto row = (*reader)->Next();
    EXPECT_TRUE(row.ok()) << row.status();
    if (!row.ok() || !*row) break;
    results.push_back(ToTrial(**row, spec, absl::FixedTimeZone(3600)));
  }
  return results;
}

RowResult ReadOne(const std::string& file) { return Read(file, Spec()).at(0); }

v1::CreateTrialRequest RequestOf(const RowResult& result) {
  if (const auto* problem = std::get_if<RowProblem>(&result)) {
    ADD_FAILURE() << ToText(*problem);
    return {};
  }
  return std::get<RowTrial>(result).request;
}

std::string ProblemOf(const RowResult& result) {
  const auto* problem = std::get_if<RowProblem>(&result);
  return problem == nullptr ? "no problem" : ToText(*problem);
}

constexpr char kHeader[] = "lr,units,opt,momentum,loss,state,started,seconds\n";

RowResult ReadRow(const std::string& row) { return ReadOne(kHeader + row); }

TEST(RowToTrialTest, AWholeRowIsATrial) {
  const auto request = RequestOf(
      ReadRow("0.5,32.0,sgd,0.9,0.25,COMPLETE,2026-01-31 12:00:00,5"));
  EXPECT_EQ(request.state(), v1::Trial::COMPLETED);
  EXPECT_EQ(request.parameters().at("units").number_value(), 32);
  EXPECT_EQ(request.parameters().at("opt").string_value(), "sgd");
  EXPECT_EQ(request.metrics().at("loss"), 0.25);
  // Without a zone: that of the machine, here one hour east.
  EXPECT_EQ(request.started().seconds(), 1769857200);
  EXPECT_EQ(request.ended().seconds(), 1769857205);
}

TEST(RowToTrialTest, CategoriesAreFoundByWhatTheyMean) {
  const auto opt = [](const std::string& cell) {
    return RequestOf(ReadRow("0.5,2," + cell + ",,0.2,,,"))
        .parameters()
        .at("opt");
  };
  EXPECT_EQ(opt("1").number_value(), 1);
  EXPECT_EQ(opt("\"1\"").string_value(), "1");
  EXPECT_EQ(opt("32.0").number_value(), 32);
  EXPECT_TRUE(opt("True").bool_value());
}

TEST(RowToTrialTest, AWrongValueIsNamedWithItsColumnAndWhatIsAllowed) {
  EXPECT_THAT(ProblemOf(ReadRow("fast,2,sgd,0.9,0.2,,,")),
              HasSubstr("line 2, column \"lr\": \"fast\"; a number is wanted: "
                        "from 0.001 to 1"));
  EXPECT_THAT(ProblemOf(ReadRow("2,2,sgd,0.9,0.2,,,")),
              HasSubstr("column \"lr\": \"2\"; 2"));
  EXPECT_THAT(ProblemOf(ReadRow("0.5,2,adam,,0.2,,,")),
              HasSubstr("column \"opt\": \"adam\"; one of sgd"));
  EXPECT_THAT(ProblemOf(ReadRow("0.5,2,sgd,0.9,low,,,")),
              HasSubstr("column \"loss\": \"low\"; a number"));
  EXPECT_THAT(ProblemOf(ReadRow("0.5,2,sgd,0.9,1,odd,,")),
              HasSubstr("column \"state\": \"odd\"; COMPLETED, STOPPED"));
  EXPECT_THAT(ProblemOf(ReadRow("0.5,2,sgd,0.9,1,,soon,")),
              HasSubstr("column \"started\": \"soon\"; a time like"));
}

TEST(RowToTrialTest, WhatIsMissingOrTooMuchIsNamed) {
  EXPECT_THAT(ProblemOf(ReadRow("0.5,,sgd,0.9,0.2,,,")),
              HasSubstr("line 2: parameter \"units\": missing"));
  EXPECT_THAT(ProblemOf(ReadRow("0.5,2,1,0.9,0.2,,,")),
              HasSubstr("\"momentum\""));
  EXPECT_THAT(ProblemOf(ReadRow("0.5,2,sgd,0.9,,,,")),
              HasSubstr("the objective \"loss\" is missing"));
  EXPECT_THAT(ProblemOf(ReadRow("0.5,2,sgd,0.9,nan,,,")), HasSubstr("is NaN"));
  EXPECT_THAT(ProblemOf(ReadRow("0.5,2")), HasSubstr("2 values; the header"));
}

TEST(RowToTrialTest, StatesOfAllDialectsAreKnown) {
  const auto state = [](const std::string& text) {
    return RequestOf(ReadRow("0.5,2,sgd,0.9,0.2," + text + ",,")).state();
  };
  EXPECT_EQ(state("finished"), v1::Trial::COMPLETED);
  EXPECT_EQ(state("TrialState.PRUNED"), v1::Trial::STOPPED);
  EXPECT_EQ(state("crashed"), v1::Trial::FAILED);
  EXPECT_EQ(state("INFEASIBLE"), v1::Trial::INFEASIBLE);
  EXPECT_TRUE(
      std::holds_alternative<Unfinished>(ReadRow("0.5,2,sgd,0.9,,RUNNING,,")));
}

TEST(RowToTrialTest, AFailedTrialNeedsNoObjective) {
  EXPECT_EQ(RequestOf(ReadRow("0.5,2,sgd,0.9,,FAIL,,")).state(),
            v1::Trial::FAILED);
}

TEST(RowToTrialTest, JsonLinesOfOurExportAreTrials) {
  const auto request = RequestOf(ReadOne(
      R"({"id":7,"number":3,"state":"STOPPED","parameters":{"lr":0.5,)"
      R"("units":2,"opt":"1"},"final_metrics":{"loss":"NaN","more":2},)"
      R"("reason":"slow","note":"n","to_step":9,"last_step":4,"replicate":1,)"
      R"("ended":"2026-01-31T12:00:00.5Z","attempt_list":[{"holder":"w"}]})"));
  EXPECT_EQ(request.state(), v1::Trial::STOPPED);
  EXPECT_EQ(request.parameters().at("opt").string_value(), "1");
  EXPECT_EQ(request.metrics().at("more"), 2);
  EXPECT_EQ(request.reason(), "slow");
  EXPECT_EQ(request.to_step(), 9);
  EXPECT_EQ(request.last_step(), 4);
  EXPECT_EQ(request.replicate(), 1);
  EXPECT_EQ(request.holder(), "w");
  EXPECT_EQ(request.ended().nanos(), 500'000'000);
}

TEST(RowToTrialTest, FlatJsonLinesAreRowsAndWrongOnesStopNothing) {
  const auto rows = Read(
      "{\"lr\":0.5,\"units\":2,\"opt\":true,\"loss\":1}\n\nnot json\n"
      "{\"lr\":[1]}\n{\"lr\":0.5,\"units\":2,\"opt\":32,\"loss\":1}",
      Spec());
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_TRUE(RequestOf(rows[0]).parameters().at("opt").bool_value());
  EXPECT_THAT(ProblemOf(rows[1]), HasSubstr("line 3: no JSON object"));
  EXPECT_THAT(ProblemOf(rows[2]), HasSubstr("line 4: \"lr\": array"));
  EXPECT_EQ(RequestOf(rows[3]).parameters().at("opt").number_value(), 32);
}

TEST(RowToTrialTest, OptunasAttributesAreKept) {
  const RowResult result = ReadOne(
      "number,value,params_lr,params_units,params_opt,params_momentum,"
      "user_attrs_host,state\n0,0.5,0.5,2.0,sgd,0.5,gpu1,COMPLETE\n");
  ASSERT_EQ(RequestOf(result).metrics().at("loss"), 0.5);
  const auto& attributes = std::get<RowTrial>(result).attributes;
  ASSERT_EQ(attributes.size(), 1u);
  EXPECT_EQ(attributes[0].key(), "host");
  EXPECT_EQ(attributes[0].value(), "gpu1");
}

TEST(RowToTrialTest, WithoutASpaceValuesAreWhatTheyLookLike) {
  StudySpec spec = Spec();
  spec.space = SearchSpace();
  const auto rows = Read(
      "number,value,params_a,params_b,params_c,state\n"
      "0,1,2.5,True,\"7\",COMPLETE\n",
      spec);
  const auto request = RequestOf(rows.at(0));
  EXPECT_EQ(request.parameters().at("a").number_value(), 2.5);
  EXPECT_TRUE(request.parameters().at("b").bool_value());
  EXPECT_EQ(request.parameters().at("c").string_value(), "7");
}

TEST(OpenImportTest, WhatIsNoTableOfTrialsIsRefused) {
  const StudySpec spec = Spec();
  for (const char* text : {"", "[{}]", "a;b\n"}) {
    std::istringstream in(text);
    EXPECT_EQ(OpenImport(in, spec, {}).status().code(),
              absl::StatusCode::kInvalidArgument)
        << text;
  }
}

}  // namespace
}  // namespace assay
