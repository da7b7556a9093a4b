#include "app/otlp_target.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace beleg::app {
namespace {

using serve::OtlpProtocol;
using ::testing::HasSubstr;

Result<OtlpTarget> Resolve(const std::string& flag, std::map<std::string, std::string> environment = {}) {
  return ResolveOtlpTarget(flag, [&](const char* name) { return environment[name]; });
}

void ExpectTarget(const Result<OtlpTarget>& target, OtlpProtocol protocol, std::string_view endpoint) {
  ASSERT_TRUE(target) << target.error().message;
  EXPECT_EQ(target->protocol, protocol);
  EXPECT_EQ(target->endpoint, endpoint);
}

TEST(OtlpTarget, NothingSetIsNoExport) { ExpectTarget(Resolve(""), OtlpProtocol::kHttpProtobuf, ""); }

TEST(OtlpTarget, VllmsFormWithoutPathIsGrpc) {
  ExpectTarget(Resolve("http://otel-collector:4317"), OtlpProtocol::kGrpc, "http://otel-collector:4317");
  ExpectTarget(Resolve("https://otel-collector:4317/"), OtlpProtocol::kGrpc, "https://otel-collector:4317");
  ExpectTarget(Resolve("otel-collector:4317"), OtlpProtocol::kGrpc, "http://otel-collector:4317");
}

TEST(OtlpTarget, PathOrPort4318IsHttp) {
  ExpectTarget(Resolve("http://c:9/v1/traces"), OtlpProtocol::kHttpProtobuf, "http://c:9/v1/traces");
  ExpectTarget(Resolve("http://c:4318"), OtlpProtocol::kHttpProtobuf, "http://c:4318/v1/traces");
}

TEST(OtlpTarget, ProtocolVariableDecidesAndTheTracesOneFirst) {
  ExpectTarget(Resolve("http://c:4317", {{"OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"}}),
               OtlpProtocol::kHttpProtobuf, "http://c:4317/v1/traces");
  ExpectTarget(Resolve("http://c:4318", {{"OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"},
                                         {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"}}),
               OtlpProtocol::kGrpc, "http://c:4318");
}

TEST(OtlpTarget, VariablesAreReadWhereTheFlagIsMissing) {
  std::map<std::string, std::string> both = {{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://t:1/x"},
                                             {"OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4318/"}};
  ExpectTarget(Resolve("http://flag:1/y", both), OtlpProtocol::kHttpProtobuf, "http://flag:1/y");
  ExpectTarget(Resolve("", both), OtlpProtocol::kHttpProtobuf, "http://t:1/x");
  both.erase("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
  ExpectTarget(Resolve("", both), OtlpProtocol::kHttpProtobuf, "http://all:4318/v1/traces");
  ExpectTarget(Resolve("", {{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4318/base/"}}),
               OtlpProtocol::kHttpProtobuf, "http://all:4318/base/v1/traces");
}

TEST(OtlpTarget, WhatIsWrongIsNamed) {
  EXPECT_THAT(Resolve("http://c:1", {{"OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"}}).error().message,
              HasSubstr("OTEL_EXPORTER_OTLP_PROTOCOL=http/json"));
  EXPECT_THAT(Resolve("http://c:1/v1/traces", {{"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"}}).error().message,
              HasSubstr("leave out /v1/traces"));
  EXPECT_THAT(Resolve("collector").error().message, HasSubstr("--otlp-traces-endpoint=collector: no port"));
  EXPECT_THAT(Resolve("http://collector").error().message, HasSubstr("http://collector: no port"));
  EXPECT_THAT(Resolve("", {{"OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://c"}}).error().message,
              HasSubstr("OTEL_EXPORTER_OTLP_ENDPOINT=ftp://c"));
}

}  // namespace
}  // namespace beleg::app
