#include "client/cli/export.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <sstream>

namespace assay {
namespace {

TEST(ExportTest, FieldsAreQuotedWhereTheyHaveToBe) {
  EXPECT_EQ(CsvField("plain"), "plain");
  EXPECT_EQ(CsvField("a,b"), "\"a,b\"");
  EXPECT_EQ(CsvField("say \"hi\""), "\"say \"\"hi\"\"\"");
  EXPECT_EQ(CsvField("two\nlines"), "\"two\nlines\"");
}

TEST(ExportTest, NumbersReadBackAsTheSame) {
  for (const double number : {0.1, 1.0 / 3, 1e-300, 5e-324, 12345678.9}) {
    EXPECT_EQ(std::strtod(ExactNumber(number).c_str(), nullptr), number);
  }
  EXPECT_EQ(ExactNumber(NAN), "NaN");
  EXPECT_EQ(ExactNumber(-INFINITY), "-Infinity");
}

TEST(ExportTest, TextsThatReadAsSomethingElseAreInQuotes) {
  v1::Trial trial;
  auto& parameters = *trial.mutable_parameters();
  parameters["a"].set_string_value("1");
  parameters["b"].set_string_value("");
  parameters["c"].set_string_value("True");
  parameters["d"].set_string_value("adam");
  parameters["e"].set_number_value(1);
  parameters["f"].set_bool_value(true);
  std::ostringstream out;
  CsvExport csv(v1::StudySpec(), {trial}, out);
  csv.Write(trial);
  EXPECT_EQ(out.str().substr(0, 51),
            "0,STATE_UNSPECIFIED,\"1\",\"\",\"True\",adam,1,true,0,,0,");
}

TEST(ExportTest, EachTrialIsARowAndEachNameAColumn) {
  v1::StudySpec spec;
  spec.add_parameters()->set_name("lr");
  spec.add_metrics()->set_name("loss");
  v1::Trial trial;
  trial.set_id(31);
  trial.set_number(3);
  trial.set_state(v1::Trial::COMPLETED);
  (*trial.mutable_parameters())["lr"].set_number_value(0.25);
  (*trial.mutable_final_metrics())["loss"] = 0.5;
  (*trial.mutable_final_metrics())["extra, odd"] = NAN;
  trial.set_replicate(2);
  trial.set_to_step(9);
  trial.set_last_step(7);
  trial.set_attempts(2);
  trial.add_attempt_list()->set_holder("w1");
  trial.add_attempt_list()->set_holder("w2");
  trial.mutable_started()->set_seconds(0);
  v1::Trial failed;
  failed.set_number(4);
  failed.set_continues(31);
  failed.set_state(v1::Trial::FAILED);
  failed.set_reason("bad,\nluck");
  std::ostringstream out;
  CsvExport csv(spec, {trial, failed}, out);
  csv.WriteHeader();
  csv.Write(trial);
  csv.Write(failed);
  EXPECT_EQ(
      out.str(),
      "number,state,lr,loss,\"extra, odd\",replicate,continues,"
      "from_step,to_step,last_step,started,ended,holder,attempts,reason\r\n"
      "3,COMPLETED,0.25,0.5,NaN,2,,0,9,7,1970-01-01T00:00:00Z,,w2,2,\r\n"
      "4,FAILED,,,,0,3,0,0,0,,,,0,\"bad,\nluck\"\r\n");
}

}  // namespace
}  // namespace assay
