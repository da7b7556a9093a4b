#include "record/request_id.h"

#include <set>

#include <gtest/gtest.h>

#include "record/testing.h"

namespace beleg::record {
namespace {

RequestId SampleRequestId() {
  RequestIdentity identity = SampleIdentity();
  return DeriveRequestId(SampleBoot(), identity.seq, identity.trace_id);
}

TEST(RequestId, IsTheOneThatHashlibGives) {  // Python's hashlib over the bytes that request_id.h says
  EXPECT_EQ(SampleRequestId().Hex(), "5c17e60620ac1e188f4a25a7c84dd47f");
  EXPECT_EQ(DeriveSpanId(SampleRequestId(), "server").Hex(), "de5a3d018f4ca26e");
  EXPECT_EQ(DeriveSpanId(SampleRequestId(), "decode").Hex(), "252fdeb2a8500f0f");
}

TEST(RequestId, IsAnotherForAnotherBootSeqOrTrace) {
  RequestIdentity identity = SampleIdentity();
  std::set<RequestId> ids = {SampleRequestId(), DeriveRequestId(BootId{}, identity.seq, identity.trace_id),
                             DeriveRequestId(SampleBoot(), identity.seq + 1, identity.trace_id),
                             DeriveRequestId(SampleBoot(), identity.seq, TraceId{})};
  EXPECT_EQ(ids.size(), 4u);
}

TEST(RequestId, TextFormReadsBack) {
  RequestId id = SampleRequestId();
  EXPECT_EQ(FormatRequestId(Operation::kChat, id), "chatcmpl-5c17e60620ac1e188f4a25a7c84dd47f");
  EXPECT_EQ(FormatRequestId(Operation::kTextCompletion, id), "cmpl-5c17e60620ac1e188f4a25a7c84dd47f");
  for (std::string text :
       {FormatRequestId(Operation::kChat, id), FormatRequestId(Operation::kTextCompletion, id), id.Hex()})
    EXPECT_EQ(*ParseRequestId(text), id) << text;
}

TEST(RequestId, OtherTextIsRefused) {
  for (std::string_view text :
       {"", "chatcmpl-", "chatcmpl-abc123", "chatcmpl-5c17e60620ac1e188f4a25a7c84dd47fff",
        "xx-5c17e60620ac1e188f4a25a7c84dd47f", "5c17e60620ac1e188f4a25a7c84dd47g",
        "cmpl-chatcmpl-5c17e60620ac1e188f4a25a7c84dd47f"})
    EXPECT_EQ(ParseRequestId(text).error().code, ErrorCode::kInvalidArgument) << text;
}

}  // namespace
}  // namespace beleg::record
