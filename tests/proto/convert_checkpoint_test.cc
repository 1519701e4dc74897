#include "proto/convert_checkpoint.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/convert.h"
#include "search/base/sha256.h"

namespace assay {
namespace {

using ::testing::HasSubstr;

Checkpoint Sample() {
  const Manifest manifest = {{{.path = "model.bin",
                               .size = kChunkBytes + 5,
                               .mode = 0640,
                               .chunks = {Sha256("a"), Sha256("b")}},
                              {.path = "done", .size = 0, .mode = 0755}}};
  return {.id = {3},
          .study = {1},
          .trial = {7},
          .attempt = 2,
          .step = 9,
          .created = absl::FromUnixSeconds(1'700'000'000),
          .files = 2,
          .bytes = kChunkBytes + 5,
          .manifest = manifest,
          .unneeded_since = absl::FromUnixSeconds(1'700'000'600)};
}

TEST(ConvertCheckpointTest, ComesBackAsGiven) {
  const Checkpoint sample = Sample();
  const auto back = ToCheckpoint(ToMessage(sample));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->id, sample.id);
  EXPECT_EQ(back->study, sample.study);
  EXPECT_EQ(back->trial, sample.trial);
  EXPECT_EQ(back->attempt, sample.attempt);
  EXPECT_EQ(back->step, sample.step);
  EXPECT_EQ(back->created, sample.created);
  EXPECT_EQ(back->files, sample.files);
  EXPECT_EQ(back->bytes, sample.bytes);
  EXPECT_EQ(back->manifest, sample.manifest);
  EXPECT_EQ(back->unneeded_since, sample.unneeded_since);
}

TEST(ConvertCheckpointTest, ACommitIsCountedFromItsManifest) {
  const auto back = ToCheckpoint(ToCommitRequest(Sample()));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->trial, Sample().trial);
  EXPECT_EQ(back->files, 2);
  EXPECT_EQ(back->bytes, kChunkBytes + 5);
  EXPECT_EQ(back->manifest, Sample().manifest);
}

TEST(ConvertCheckpointTest, BadFieldsAreNamed) {
  v1::CommitCheckpointRequest request = ToCommitRequest(Sample());
  request.set_step(-1);
  EXPECT_EQ(ToCheckpoint(request).status().message(), "step: -1; 0 to 2^53");
  request.set_step(0);
  request.mutable_manifest()->mutable_files(0)->set_path("/a");
  EXPECT_THAT(std::string(ToCheckpoint(request).status().message()),
              HasSubstr("manifest.files: \"/a\": a path has to be relative"));
}

TEST(ConvertCheckpointTest, TheQuotaOfAStudy) {
  v1::StudySpec spec;
  spec.set_name("a");
  spec.add_metrics()->set_name("loss");
  spec.mutable_metrics(0)->set_goal(v1::MINIMIZE);
  EXPECT_EQ(ToStudySpec(spec)->checkpoint_bytes, std::nullopt);
  spec.mutable_checkpoints()->set_max_bytes(0);
  EXPECT_EQ(ToStudySpec(spec)->checkpoint_bytes, 0);
  spec.mutable_checkpoints()->set_max_bytes(-5);
  EXPECT_EQ(ToStudySpec(spec).status().message(),
            "checkpoints.max_bytes: -5; 0 to 2^53");
}

}  // namespace
}  // namespace assay
