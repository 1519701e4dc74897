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

TEST(ExportTest, EachTrialIsARowAndEachNameAColumn) {
  v1::StudySpec spec;
  spec.add_parameters()->set_name("lr");
  spec.add_metrics()->set_name("loss");
  v1::Trial trial;
  trial.set_number(3);
  trial.set_state(v1::Trial::COMPLETED);
  (*trial.mutable_parameters())["lr"].set_number_value(0.25);
  (*trial.mutable_final_metrics())["loss"] = 0.5;
  (*trial.mutable_final_metrics())["extra, odd"] = NAN;
  trial.set_attempts(2);
  trial.add_attempt_list()->set_holder("w1");
  trial.add_attempt_list()->set_holder("w2");
  trial.mutable_started()->set_seconds(0);
  v1::Trial failed;
  failed.set_number(4);
  failed.set_state(v1::Trial::FAILED);
  failed.set_reason("bad,\nluck");
  std::ostringstream out;
  CsvExport csv(spec, {trial, failed}, out);
  csv.WriteHeader();
  csv.Write(trial);
  csv.Write(failed);
  EXPECT_EQ(out.str(),
            "number,state,lr,loss,\"extra, odd\",started,ended,holder,"
            "attempts,reason\r\n"
            "3,COMPLETED,0.25,0.5,NaN,1970-01-01T00:00:00Z,,w2,2,\r\n"
            "4,FAILED,,,,,,,0,\"bad,\nluck\"\r\n");
}

}  // namespace
}  // namespace assay
