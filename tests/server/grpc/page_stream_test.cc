#include "server/grpc/page_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "assay/v1/study.grpc.pb.h"
#include "tests/server/grpc/service_context_of.h"
#include "tests/server/server_fixture.h"

namespace assay {
namespace {

using Page = v1::WatchStudyResponse;

// What its first call waits for comes before that call has returned; the
// second one, on another thread, waits again.
class Hasty final : public PageStream<Page> {
 public:
  using PageStream::PageStream;

  std::future<void> Waited() { return waited_.get_future(); }

 private:
  absl::StatusOr<std::optional<Page>> Next() override {
    if (calls_++ > 0) {
      again_.set_value();
      return std::nullopt;
    }
    std::future<void> again = again_.get_future();
    Continue();
    again.wait();
    waited_.set_value();
    return std::nullopt;
  }

  std::atomic<int> calls_ = 0;
  std::promise<void> again_;
  std::promise<void> waited_;
};

class PageStreamTest : public CoreTest {
 protected:
  ServerMetrics metrics_{clock_.Now()};
  ServiceContext context_ = ContextOf(*core_, metrics_);
  std::atomic<int> open_ = 0;
};

TEST_F(PageStreamTest, WhatComesBeforeTheWaitReturnsDoesNotEndTheStream) {
  auto stream = std::make_shared<Hasty>(
      context_, CallRecord(context_, "StudyService/Watch"), open_);
  auto waited = stream->Waited();
  stream->Begin();
  waited.wait();
  core_->Settle();
  EXPECT_THAT(
      metrics_.Serialize(),
      testing::Not(testing::HasSubstr("method=\"StudyService/Watch\"")));
  stream->Refuse(absl::OkStatus());  // It had not ended.
  EXPECT_THAT(metrics_.Serialize(),
              testing::HasSubstr("method=\"StudyService/Watch\""));
  stream->OnDone();
}

}  // namespace
}  // namespace assay
