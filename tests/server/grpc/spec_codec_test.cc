#include "server/grpc/spec_codec.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "tests/server/server_fixture.h"

namespace assay {
namespace {

using google::protobuf::util::MessageDifferencer;

v1::StudySpec SpecFrom(const std::string& json) {
  v1::StudySpec spec;
  const auto status = google::protobuf::util::JsonStringToMessage(json, &spec);
  EXPECT_TRUE(status.ok()) << status;
  return spec;
}

v1::StudySpec FullSpec() {
  return SpecFrom(R"({
    "name": "a", "owner": "ann",
    "metrics": [{"name": "loss", "goal": "MINIMIZE"},
                {"name": "bytes", "goal": "MINIMIZE", "bound": 5}],
    "parameters": [
      {"name": "x", "integer": {"min": 1, "max": 9}},
      {"name": "kind", "categorical": {"values": ["a", true, 2]}},
      {"name": "lr", "double": {"min": 0.1, "max": 1, "scale": "LOG"},
       "when": {"parent": "kind", "values": ["a"]}}],
    "constraints": ["x < 9"],
    "algorithm": {"random": {}},
    "stopping": {"median": {}},
    "trial": {"builtin": {"config": {
        "epochs": 3, "model": {"name": "cnn", "width": 8, "depth": 2}}},
      "resources": {"gpus": 1}, "maxAttempts": 2},
    "budget": {"maxTrials": 10, "maxParallel": 2},
    "priority": 1, "note": "first", "seed": 7})");
}

TEST(SpecCodecTest, EditKeepsEverythingElse) {
  const v1::StudySpec before = FullSpec();
  const MessageSpecCodec codec;
  const std::string edited = codec.Edit(
      EncodeSpec(before),
      {.budget = Budget{.max_trials = 20}, .priority = 5, .note = "second"});
  v1::StudySpec expected = before;
  expected.mutable_budget()->Clear();
  expected.mutable_budget()->set_max_trials(20);
  expected.set_priority(5);
  expected.set_note("second");
  EXPECT_TRUE(MessageDifferencer::Equals(DecodeSpec(edited), expected))
      << DecodeSpec(edited).DebugString();
}

TEST(SpecCodecTest, AnEditOfNothingChangesNoByte) {
  const std::string text = EncodeSpec(FullSpec());
  EXPECT_EQ(MessageSpecCodec().Edit(text, {}), text);
}

TEST(SpecCodecTest, EditKeepsFieldsOfANewerVersion) {
  v1::StudySpec spec = FullSpec();
  spec.GetReflection()->MutableUnknownFields(&spec)->AddVarint(10'000, 42);
  const std::string edited =
      MessageSpecCodec().Edit(EncodeSpec(spec), {.note = "second"});
  const v1::StudySpec decoded = DecodeSpec(edited);
  EXPECT_EQ(decoded.GetReflection()->GetUnknownFields(decoded).field_count(),
            1);
}

TEST(SpecCodecTest, EqualSpecsHaveEqualBytesWhateverTheMapOrder) {
  std::vector<std::string> keys;
  for (int i = 0; i < 50; ++i) keys.push_back("key" + std::to_string(i));
  v1::StudySpec first = FullSpec(), second = FullSpec();
  auto& up = *first.mutable_trial()->mutable_builtin()->mutable_config();
  auto& down = *second.mutable_trial()->mutable_builtin()->mutable_config();
  for (size_t i = 0; i < keys.size(); ++i) {
    (*up.mutable_fields())[keys[i]].set_string_value(keys[i]);
    const std::string& key = keys[keys.size() - 1 - i];
    (*down.mutable_fields())[key].set_string_value(key);
  }
  ASSERT_TRUE(MessageDifferencer::Equals(first, second));
  EXPECT_EQ(EncodeSpec(first), EncodeSpec(second));
}

TEST(SpecCodecTest, DecodesWhatItEncoded) {
  const auto spec = MessageSpecCodec().Decode(EncodeSpec(FullSpec()));
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->owner, "ann");
  EXPECT_EQ(spec->space.parameters().size(), 3u);
  EXPECT_EQ(spec->budget.max_trials, 10);
  EXPECT_EQ(spec->trial.limits.max_failed, 2);
}

TEST(SpecCodecTest, DamagedBytesAreDataLoss) {
  EXPECT_THAT(MessageSpecCodec().Decode("\xff\xff\xff"),
              HasCode(absl::StatusCode::kDataLoss));
}

}  // namespace
}  // namespace assay
