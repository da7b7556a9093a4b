#include "record/audit_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/rng.h"
#include "record/testing.h"
#include "wire/jcs.h"

namespace beleg::record {
namespace {

using ::testing::HasSubstr;

// The canonical bytes of a record with one member set to another value, or taken out by a null.
std::string With(const AuditRecord& record, std::string_view member, wire::Json value) {
  auto json = *wire::Json::Parse(Encode(record));
  wire::Json::Object changed;
  for (auto& [name, old] : json.as_object())
    if (name != member) changed.emplace_back(name, std::move(old));
  if (!value.is_null()) changed.emplace_back(member, std::move(value));
  return wire::Canonicalize(wire::Json(std::move(changed)));
}

std::string WithParam(std::string_view param, wire::Json value) {
  auto json = *wire::Json::Parse(Encode(SampleRecord(FullRequest())));
  json.Find("params")->Set(param, std::move(value));
  return wire::Canonicalize(json);
}

void ExpectRefused(std::string_view bytes, ErrorCode code, std::string_view part) {
  auto record = Decode(bytes);
  ASSERT_FALSE(record) << bytes;
  EXPECT_EQ(record.error().code, code) << record.error().message << "\n" << bytes;
  EXPECT_THAT(record.error().message, HasSubstr(part)) << bytes;
}

void ExpectRoundTrip(const AuditRecord& record) {
  std::string bytes = Encode(record);
  auto read = Decode(bytes);
  ASSERT_TRUE(read) << read.error().message << "\n" << bytes;
  EXPECT_EQ(*read, record) << bytes;
  EXPECT_EQ(Encode(*read), bytes);
  EXPECT_EQ(wire::Canonicalize(*wire::Json::Parse(bytes)), bytes);
}

TEST(AuditRecord, EveryTypeReadsBackAsWritten) {
  auto records = SampleRecords();
  ASSERT_EQ(records.size(), std::variant_size_v<Body>);
  for (const auto& record : records) ExpectRoundTrip(record);
  ExpectRoundTrip(SampleRecord(FullRequest()));
}

TEST(AuditRecord, EveryTypeReadsBackWithNothingInIt) {
  for (Body body : std::initializer_list<Body>{Request{}, Refused{}, Lost{}, Boot{}, Shutdown{}, Heartbeat{},
                                               Model{}, Config{}, Key{}, Unrecorded{}, ReadAccess{}, Prune{},
                                               Hold{}, Erasure{}, Reconcile{}, Review{}})
    ExpectRoundTrip(AuditRecord{.boot = {}, .time_us = 0, .body = std::move(body)});
}

TEST(AuditRecord, TypicalRequestTakesAtMost700Bytes) {
  size_t size = Encode(SampleRecord(SampleRequest())).size();
  fmt::print("a typical request record: {} bytes; with everything: {} bytes\n", size,
             Encode(SampleRecord(FullRequest())).size());
  EXPECT_LE(size, 700u);
}

TEST(AuditRecord, TypesHaveNames) {
  std::vector<std::string_view> names;
  for (const auto& record : SampleRecords()) names.push_back(TypeName(record.body));
  EXPECT_THAT(names, testing::ElementsAre("request", "refused", "lost", "boot", "shutdown", "heartbeat",
                                          "model", "config", "key", "unrecorded", "read", "prune", "hold",
                                          "erasure", "reconcile", "review"));
  EXPECT_EQ(Name(Operation::kTextCompletion), "text_completion");
  EXPECT_EQ(Name(Outcome::kCancelled), "cancelled");
  EXPECT_EQ(Name(ErrorType::kNone), "");
  EXPECT_EQ(Name(ErrorType::kContextLength), "context_length_exceeded");
  EXPECT_EQ(Name(ErrorType::kUpstream), "upstream_error");
}

TEST(AuditRecord, RequestsHaveAnIdentityAndOthersNone) {
  for (const auto& record : SampleRecords()) {
    const RequestIdentity* identity = IdentityOf(record);
    bool is_request = record.body.index() <= 2;
    EXPECT_EQ(identity != nullptr, is_request) << TypeName(record.body);
    if (is_request) {
      EXPECT_EQ(*identity, SampleIdentity());
    }
  }
}

TEST(AuditRecord, LostRequestBelongsToTheBootThatBeganIt) {
  Lost lost{.id = SampleIdentity(),
            .begun_boot = BootId{CountingBytes<std::array<uint8_t, 8>>(0xa0)},
            .start_us = 1};
  EXPECT_EQ(BootOfRequest(SampleRecord(lost)), lost.begun_boot);
  EXPECT_EQ(BootOfRequest(SampleRecord(SampleRequest())), SampleBoot());
}

TEST(AuditRecord, StringsAreEscapedAsRfc8785Wants) {
  std::string every_ascii;
  for (char c = 0; c < 127; ++c) every_ascii += c;
  Config config{{{"a", every_ascii}, {"b", "Grüße, €, 😀, \xef\xbf\xbd"}, {"c", ""}}};
  ExpectRoundTrip(SampleRecord(config));
}

TEST(AuditRecord, BytesThatAreNoUtf8BecomeReplacementCharacters) {
  Config config{{{"a", "x\xff"}}};
  EXPECT_THAT(Encode(SampleRecord(config)), HasSubstr("\"x\xef\xbf\xbd\""));
}

TEST(AuditRecord, DoublesKeepEveryBit) {
  for (double value :
       {0.0, 1.0, 0.1, 1.0 / 3, 1e-7, 5e-324, 1e21, 1.7976931348623157e308, 9007199254740993.0, 2.0, 1e20}) {
    Request request = SampleRequest();
    request.params.temperature = value;
    request.params.presence_penalty = -value;
    ExpectRoundTrip(SampleRecord(request));
  }
}

TEST(AuditRecord, SeedsOfTheWholeRangeAreKept) {
  constexpr int64_t kExact = (int64_t{1} << 53) - 1;
  for (int64_t seed :
       {int64_t{0}, int64_t{-1}, kExact, -kExact, kExact + 1, -kExact - 1, INT64_MAX, INT64_MIN}) {
    Request request = SampleRequest();
    request.params.seed = seed;
    ExpectRoundTrip(SampleRecord(request));
  }
  EXPECT_THAT(WithParam("seed", "9007199254740992"), HasSubstr("\"seed\":\"9007199254740992\""));
  EXPECT_TRUE(Decode(WithParam("seed", "9007199254740992")));
  ExpectRefused(WithParam("seed", "9007199254740991"), ErrorCode::kInvalidArgument, "params.seed");
  ExpectRefused(WithParam("seed", "09007199254740992"), ErrorCode::kInvalidArgument,
                "as this version writes it");
  ExpectRefused(WithParam("seed", "x"), ErrorCode::kInvalidArgument, "params.seed");
  ExpectRefused(WithParam("seed", 1.5), ErrorCode::kInvalidArgument, "params.seed");
}

TEST(AuditRecord, IntegersOutOfRangeAreWrittenAsTheNearestBound) {
  Request request = SampleRequest();
  request.input_tokens = INT64_MAX;
  request.output_tokens = -5;
  request.cached_tokens = -5;
  request.decode_us = -7;
  request.model_index = UINT64_MAX;
  request.params.top_k = INT64_MIN;
  auto read = Decode(Encode(SampleRecord(request)));
  ASSERT_TRUE(read) << read.error().message;
  const auto& kept = std::get<Request>(read->body);
  EXPECT_EQ(kept.input_tokens, (int64_t{1} << 53) - 1);
  EXPECT_EQ(kept.output_tokens, 0);
  EXPECT_EQ(kept.cached_tokens, 0);
  EXPECT_EQ(kept.decode_us, -1);
  EXPECT_EQ(kept.model_index, (uint64_t{1} << 53) - 1);
  EXPECT_EQ(kept.params.top_k, -(int64_t{1} << 53) + 1);
}

TEST(AuditRecord, UnknownMembersAreRefusedByName) {
  auto request = SampleRecord(FullRequest());
  for (std::string_view name : {"a", "boota", "note", "v2", "zz"})
    ExpectRefused(With(request, name, 1), ErrorCode::kInvalidArgument,
                  std::string(name) + ": unknown member");
  ExpectRefused(WithParam("top_l", 1), ErrorCode::kInvalidArgument, "params.top_l: unknown member");
}

TEST(AuditRecord, EveryMemberIsMissedOrHasADefault) {
  for (const auto& record : SampleRecords()) {
    auto json = *wire::Json::Parse(Encode(record));
    for (const auto& [name, value] : json.as_object()) {
      std::string without = With(record, name, nullptr);
      auto read = Decode(without);
      if (read) {
        EXPECT_EQ(Encode(*read), without);
      } else {
        EXPECT_EQ(read.error().code, ErrorCode::kInvalidArgument);
        EXPECT_EQ(read.error().message, name + ": missing") << without;
      }
    }
  }
}

TEST(AuditRecord, EveryMemberHasOneJsonType) {
  for (const auto& record : SampleRecords()) {
    auto json = *wire::Json::Parse(Encode(record));
    for (const auto& [name, value] : json.as_object()) {
      for (const auto& other :
           {wire::Json(true), wire::Json(-3), wire::Json("?\n"), wire::Json::MakeArray({1}),
            wire::Json::MakeObject({{"?", 1}}), wire::Json(1e300)}) {
        if (value.is_string() && other.is_string()) continue;  // a string that says anything
        auto read = Decode(With(record, name, other));
        if (value.is_bool() && other.is_bool()) continue;
        ASSERT_FALSE(read) << With(record, name, other);
        EXPECT_THAT(read.error().message, HasSubstr(name));
      }
    }
  }
}

TEST(AuditRecord, MembersOutOfRangeAreRefusedByPath) {
  auto request = SampleRecord(FullRequest());
  ExpectRefused(With(request, "seq", -1), ErrorCode::kInvalidArgument, "seq: want a whole number from 0");
  ExpectRefused(With(request, "seq", int64_t{1} << 53), ErrorCode::kInvalidArgument, "seq: ");
  ExpectRefused(With(request, "status", 200.5), ErrorCode::kInvalidArgument, "status: ");
  ExpectRefused(With(request, "trace_id", "0102"), ErrorCode::kInvalidArgument,
                "trace_id: want 32 hexadecimal digits");
  ExpectRefused(With(request, "boot", "B0B1B2B3B4B5B6B7"), ErrorCode::kInvalidArgument, "boot: want 16 hex");
  ExpectRefused(With(request, "boot", "b0b1b2b3b4b5b6bg"), ErrorCode::kInvalidArgument, "boot: want 16 hex");
  ExpectRefused(With(request, "outcome", "fine"), ErrorCode::kInvalidArgument,
                "outcome: want one of ok, failed, cancelled");
  ExpectRefused(With(request, "finish_reasons", wire::Json::MakeArray({"stop", 3})),
                ErrorCode::kInvalidArgument, "finish_reasons[1]: want a string");
  ExpectRefused(With(request, "commitment", wire::Json::MakeObject({{"items", 1}})),
                ErrorCode::kInvalidArgument, "commitment.root: missing");
  auto config = SampleRecord(Config{{{"port", "8000"}}});
  ExpectRefused(With(config, "settings", wire::Json::MakeObject({{"port", 8000}})),
                ErrorCode::kInvalidArgument, "settings.port: want a string");
  ExpectRefused(With(config, "settings", wire::Json::MakeObject({{"pört", "8000"}})),
                ErrorCode::kInvalidArgument, "settings: ");
}

TEST(AuditRecord, MembersThatSayNothingAreRefused) {
  auto request = SampleRecord(FullRequest());
  ExpectRefused(With(request, "cached_tokens", 0), ErrorCode::kInvalidArgument,
                "cached_tokens: must be left out");
  ExpectRefused(With(request, "error_type", ""), ErrorCode::kInvalidArgument, "error_type: must be left out");
  ExpectRefused(With(request, "finish_reasons", wire::Json::MakeArray()), ErrorCode::kInvalidArgument,
                "finish_reasons: must");
  ExpectRefused(With(request, "parent_span_id", "0000000000000000"), ErrorCode::kInvalidArgument,
                "parent_span_id: must");
  ExpectRefused(WithParam("choices", 1), ErrorCode::kInvalidArgument, "params.choices: must be left out");
  ExpectRefused(WithParam("top_k", 0), ErrorCode::kInvalidArgument, "params.top_k: must be left out");
}

TEST(AuditRecord, NewerVersionsAndUnknownTypesAreUnimplemented) {
  auto request = SampleRecord(FullRequest());
  ExpectRefused(With(request, "v", 2), ErrorCode::kUnimplemented, "schema version 2");
  ExpectRefused(With(request, "type", "pardon"), ErrorCode::kUnimplemented, "pardon");
  ExpectRefused(With(request, "v", 0), ErrorCode::kInvalidArgument, "v: ");
  ExpectRefused(With(request, "v", "1"), ErrorCode::kInvalidArgument, "v: ");
  ExpectRefused(With(request, "v", nullptr), ErrorCode::kInvalidArgument, "v: missing");
  ExpectRefused(With(request, "type", nullptr), ErrorCode::kInvalidArgument, "type: missing");
  ExpectRefused(With(request, "type", 7), ErrorCode::kInvalidArgument, "type: ");
  ExpectRefused(R"({"hello":[1,{"x":"]"}],"type":"poem","v":3,"zebra":null})", ErrorCode::kUnimplemented,
                "version 3");
}

TEST(AuditRecord, BytesThatAreNotCanonicalAreDataLoss) {
  std::string bytes = Encode(SampleRecord(SampleRequest()));
  auto replaced = [&](std::string_view what, std::string_view by) {
    std::string out = bytes;
    size_t at = out.find(what);
    EXPECT_NE(at, out.npos) << what;
    return out.replace(at, what.size(), by);
  };
  for (const std::string& bad :
       {replaced(":", ": "), bytes + " ", " " + bytes, bytes + "\n", bytes + bytes, replaced("0.7", "0.70"),
        replaced("0.7", "7e-1"), replaced("\"status\":200", "\"status\":2e2"),
        replaced("\"status\":200", "\"status\":0200"), replaced("anonymous", "\\u0061nonymous"),
        replaced("anonymous", "\\/"), replaced("anonymous", "a\x01"), replaced("anonymous", "\xff"),
        replaced("\"type\":\"request\",\"v\":1", "\"v\":1,\"type\":\"request\""),
        replaced("\"seq\":48213", "\"seq\":48213,\"seq\":48213"), replaced("\"status\":200", "\"status\":-0"),
        replaced("256,\"caller", "nan,\"caller"), replaced("0.7", "inf")})
    ExpectRefused(bad, ErrorCode::kDataLoss, "");
}

TEST(AuditRecord, CutBytesAreDataLoss) {
  for (const auto& record : SampleRecords()) {
    std::string bytes = Encode(record);
    for (size_t size = 0; size < bytes.size(); ++size)
      ExpectRefused(std::string_view(bytes).substr(0, size), ErrorCode::kDataLoss, "");
  }
}

TEST(AuditRecord, NoFlippedByteReadsAsAnotherWriting) {
  SeededRng rng(7);
  size_t accepted = 0;
  for (const auto& record : SampleRecords()) {
    std::string bytes = Encode(record);
    for (size_t at = 0; at < bytes.size(); ++at) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(rng.Next());
      auto read = Decode(changed);
      if (!read) continue;
      EXPECT_EQ(Encode(*read), changed);
      ++accepted;
    }
  }
  EXPECT_GT(accepted, 100u);  // another digit is another record
}

TEST(AuditRecord, OtherJsonIsNoRecord) {
  for (std::string_view text : {"1", "null", "[]", "\"x\"", "{}"})
    ExpectRefused(text, ErrorCode::kInvalidArgument, "");
}

TEST(AuditRecord, LongestRecordIsReadAndALongerOneIsRefused) {
  Config config{{{"a", ""}}};
  size_t rest = kRecordBytesMax - Encode(SampleRecord(config)).size();
  config.settings["a"] = std::string(rest, 'x');
  std::string bytes = Encode(SampleRecord(config));
  ASSERT_EQ(bytes.size(), kRecordBytesMax);
  ExpectRoundTrip(SampleRecord(config));
  ExpectRefused(bytes + "x", ErrorCode::kInvalidArgument, "16385 bytes");
  // Each bad byte would be written as three: a record that fits may not fit when written anew.
  ExpectRefused(bytes.replace(bytes.find("xxxx"), 8000, std::string(8000, '\xff')), ErrorCode::kDataLoss, "");
  config.settings["a"] += 'x';
  EXPECT_DEATH(Encode(SampleRecord(config)), "kRecordBytesMax");
}

TEST(AuditRecord, WhatCannotBeWrittenIsABug) {
  Request request = SampleRequest();
  request.params.temperature = std::numeric_limits<double>::quiet_NaN();
  EXPECT_DEATH(Encode(SampleRecord(request)), "NaN");
  EXPECT_DEATH(Encode(SampleRecord(Config{{{"pört", "1"}}})), "ASCII");
}

}  // namespace
}  // namespace beleg::record
