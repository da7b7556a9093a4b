#include "net/grpc.h"

#include <gtest/gtest.h>

#include "wire/compress.h"

namespace beleg::net {
namespace {

using namespace std::chrono_literals;

constexpr size_t kMax = 1'000;

ErrorCode UnframeError(std::string body, std::string_view encoding = "") {
  auto message = UnframeGrpcMessage(std::move(body), encoding, kMax);
  EXPECT_FALSE(message.has_value());
  return message ? ErrorCode::kInternal : message.error().code;
}

TEST(Grpc, MessageSurvivesItsFraming) {
  for (const std::string& message : {std::string(), std::string("x"), std::string(kMax, 'y')}) {
    EXPECT_EQ(*UnframeGrpcMessage(FrameGrpcMessage(message, GrpcCompression::kNone), "", kMax), message);
    EXPECT_EQ(*UnframeGrpcMessage(FrameGrpcMessage(message, GrpcCompression::kGzip), "gzip", kMax), message);
    EXPECT_EQ(*UnframeGrpcMessage(FrameGrpcMessage(message, GrpcCompression::kZstd), "zstd", kMax), message);
  }
  EXPECT_EQ(FrameGrpcMessage("ab", GrpcCompression::kNone), std::string("\0\0\0\0\2ab", 7));
}

TEST(Grpc, CompressedFlagNeedsAKnownEncoding) {
  std::string gzip = FrameGrpcMessage("hello", GrpcCompression::kGzip);
  EXPECT_EQ(UnframeError(gzip, ""), ErrorCode::kInternal);
  EXPECT_EQ(UnframeError(gzip, "identity"), ErrorCode::kInternal);
  EXPECT_EQ(UnframeError(gzip, "deflate"), ErrorCode::kUnimplemented);
  EXPECT_EQ(UnframeError(std::string("\1\0\0\0\2ab", 7), "gzip"), ErrorCode::kInternal);
  EXPECT_EQ(*UnframeGrpcMessage(std::string("\0\0\0\0\2ab", 7), "gzip", kMax), "ab");
}

TEST(Grpc, DamagedFramingIsAnError) {
  EXPECT_EQ(UnframeError(""), ErrorCode::kInternal);
  EXPECT_EQ(UnframeError(std::string("\0\0\0\0", 4)), ErrorCode::kInternal);
  EXPECT_EQ(UnframeError(std::string("\0\0\0\0\3ab", 7)), ErrorCode::kInternal);
  EXPECT_EQ(UnframeError(std::string("\2\0\0\0\2ab", 7)), ErrorCode::kInternal);
  EXPECT_EQ(UnframeError(std::string("\0\0\0\0\1ab", 7)), ErrorCode::kUnimplemented);
}

TEST(Grpc, MessageBeyondTheLimitIsAnErrorAlsoAfterDecompression) {
  std::string large(kMax + 1, 'x');
  EXPECT_EQ(UnframeError(FrameGrpcMessage(large, GrpcCompression::kNone)), ErrorCode::kResourceExhausted);
  EXPECT_EQ(UnframeError(FrameGrpcMessage(large, GrpcCompression::kGzip), "gzip"),
            ErrorCode::kResourceExhausted);
  EXPECT_EQ(UnframeError(std::string("\0\xff\xff\xff\xff", 5)), ErrorCode::kResourceExhausted);
}

TEST(Grpc, TimeoutsHaveAtMostEightDigitsAndAUnit) {
  EXPECT_EQ(*ParseGrpcTimeout("100m"), 100ms);
  EXPECT_EQ(*ParseGrpcTimeout("5S"), 5s);
  EXPECT_EQ(*ParseGrpcTimeout("7n"), 7ns);
  EXPECT_EQ(*ParseGrpcTimeout("99999999u"), 99'999'999us);
  EXPECT_EQ(*ParseGrpcTimeout("2M"), 2min);
  EXPECT_GT(*ParseGrpcTimeout("99999999H"), 24h * 365 * 200);
  for (std::string_view bad : {"", "5", "S", "5s", "-5S", " 5S", "5.0S", "100000000m", "5 S"})
    EXPECT_EQ(ParseGrpcTimeout(bad).error().code, ErrorCode::kInvalidArgument) << bad;
}

TEST(Grpc, FormattedTimeoutIsNeverShorter) {
  EXPECT_EQ(FormatGrpcTimeout(100ms), "100000u");
  EXPECT_EQ(FormatGrpcTimeout(-1s), "0n");
  for (auto timeout : {1ns, std::chrono::nanoseconds(30s), std::chrono::nanoseconds(1h),
                       std::chrono::nanoseconds(24h * 365), std::chrono::nanoseconds(99'999'999'999'999)}) {
    auto parsed = ParseGrpcTimeout(FormatGrpcTimeout(timeout));
    ASSERT_TRUE(parsed.has_value());
    EXPECT_GE(*parsed, timeout);
    EXPECT_LE(*parsed - timeout, timeout / 1'000);
  }
}

TEST(Grpc, StatusMessageSurvivesItsEncoding) {
  std::string text = "100% of „größe“\n\t~";
  EXPECT_EQ(DecodeGrpcMessage(EncodeGrpcMessage(text)), text);
  EXPECT_EQ(EncodeGrpcMessage("a%\n"), "a%25%0A");
  EXPECT_EQ(DecodeGrpcMessage("%zz%4"), "%zz%4");
  EXPECT_EQ(DecodeGrpcMessage("%e2%82%AC"), "€");
}

TEST(Grpc, BinaryMetadataIsBase64OnTheWire) {
  HttpHeaders fields;
  AddMetadata(fields, {{"x-bin", std::string("\0\xff", 2)}, {"y", "plain"}});
  EXPECT_EQ(*fields.Get("x-bin"), "AP8");
  HttpHeaders with_others = fields;
  with_others.Add("grpc-timeout", "1S");
  with_others.Add("content-type", "application/grpc");
  with_others.Add("z-bin", "!");
  HttpHeaders metadata = TakeMetadata(with_others);
  EXPECT_EQ(metadata.fields().size(), 2);
  EXPECT_EQ(*metadata.Get("x-bin"), std::string("\0\xff", 2));
  EXPECT_EQ(*metadata.Get("y"), "plain");
}

TEST(Grpc, RetryDelayTravelsInTheStatusDetails) {
  GrpcReply reply = GrpcFailure(GrpcCode::kResourceExhausted, "full");
  EXPECT_EQ(RetryDelay(reply), std::nullopt);
  SetRetryDelay(reply, 1'500ms);
  EXPECT_EQ(RetryDelay(reply), 1'500ms);
  SetRetryDelay(reply, 0ms);
  EXPECT_EQ(RetryDelay(reply), 0ms);
  std::string details(*reply.trailers.Get("grpc-status-details-bin"));
  EXPECT_EQ(details.substr(0, 8), std::string("\x08\x08\x12\x04"
                                              "full"));
  for (size_t size = 0; size < details.size(); ++size) {
    reply.trailers.Set("grpc-status-details-bin", details.substr(0, size));
    EXPECT_EQ(RetryDelay(reply), std::nullopt) << size;
  }
}

TEST(Grpc, EveryErrorHasACode) {
  EXPECT_EQ(GrpcStatusOf({ErrorCode::kDataLoss, "m"}).code, GrpcCode::kDataLoss);
  EXPECT_EQ(GrpcCodeName(GrpcCode::kUnauthenticated), "UNAUTHENTICATED");
  EXPECT_EQ(GrpcCodeName(GrpcCode::kOk), "OK");
}

}  // namespace
}  // namespace beleg::net
