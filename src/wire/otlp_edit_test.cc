#include "wire/otlp_edit.h"

#include <gtest/gtest.h>
#include <protozero/pbf_writer.hpp>

#include "wire/testing.h"

namespace beleg::wire::otlp {
namespace {

std::string Message(uint32_t tag, std::string_view body) {
  std::string out;
  protozero::pbf_writer(out).add_bytes(tag, body.data(), body.size());
  return out;
}

// A field that no version of OTLP has.
std::string Unknown(std::string_view text) { return Message(977, text); }

std::vector<ScopeSpans> Decode(std::string_view request) {
  auto out = DecodeTraces(request);
  EXPECT_TRUE(out.has_value()) << (out ? "" : out.error().message);
  return out.value_or(std::vector<ScopeSpans>{});
}

std::string Edit(std::string_view request, const std::function<void(AttributeEditor&)>& edit) {
  auto out = EditResources(request, edit);
  EXPECT_TRUE(out.has_value());
  return out.value_or("");
}

TEST(OtlpEdit, ItemsOfJoinedRequestsAreCounted) {
  std::string one = EncodeTraces(SampleTraces());
  EXPECT_EQ(CountItems(one).value(), 3u);
  EXPECT_EQ(CountItems(one + one).value(), 6u);
  EXPECT_EQ(CountItems("").value(), 0u);
}

TEST(OtlpEdit, DataPointsOfEveryKindAreCounted) {
  std::string metrics;
  for (uint32_t kind : {5u, 7u, 9u, 10u, 11u})
    metrics += Message(2, Message(1, "name") + Message(kind, Message(1, "") + Message(1, "")));
  EXPECT_EQ(CountDataPoints(Message(1, Message(2, metrics))).value(), 10u);
  EXPECT_EQ(CountItems(Message(1, Message(2, metrics))).value(), 5u);
}

TEST(OtlpEdit, BytesThatAreNoProtobufAreRefused) {
  EXPECT_EQ(CountItems("\x0a\x05xx").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(SplitItems("\x0a\x05xx", 1).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(EditResources("\x0a\x05xx", [](AttributeEditor&) {}).error().code, ErrorCode::kInvalidArgument);
}

TEST(OtlpEdit, UpsertReplacesOrAddsInEveryResource) {
  std::string out = Edit(EncodeTraces(SampleTraces()), [](AttributeEditor& resource) {
    resource.Upsert("service.name", EncodeAnyValue("new"));
    resource.Upsert("deployment.region", EncodeAnyValue("nbg1"));
  });
  std::vector<ScopeSpans> want = SampleTraces();
  for (ScopeSpans& scope : want) {
    scope.resource[0].value = "new";
    scope.resource.push_back({"deployment.region", "nbg1"});
  }
  EXPECT_EQ(Decode(out), want);
}

TEST(OtlpEdit, InsertUpdateDeleteKeepToTheirConditions) {
  std::string request = EncodeTraces(SampleTraces());
  std::string out = Edit(request, [](AttributeEditor& resource) {
    resource.Insert("service.name", EncodeAnyValue("not taken"));
    resource.Insert("a", EncodeAnyValue(true));
    resource.Update("missing", EncodeAnyValue(1));
    resource.Update("a", EncodeAnyValue(int64_t{7}));
    resource.Delete("host.cpus");
  });
  Attributes want = {{"service.name", "vllm"}, {"a", int64_t{7}}};
  EXPECT_EQ(Decode(out)[0].resource, want);
}

TEST(OtlpEdit, NothingChangedGivesNothing) {
  EXPECT_EQ(Edit(EncodeTraces(SampleTraces()),
                 [](AttributeEditor& resource) {
                   resource.Update("nope", EncodeAnyValue(1));
                   resource.Delete("nope");
                 }),
            "");
}

TEST(OtlpEdit, UnknownFieldsOfEveryLevelStayByteForByte) {
  std::string item = Message(2, Unknown("in the item"));
  std::string scope =
      Message(2, Unknown("before") + Message(1, Unknown("in the scope")) + item + Unknown("after"));
  std::string resource =
      Message(1, Unknown("r1") + Message(1, Message(1, "k") + Message(2, Message(1, "v"))) + Unknown("r2"));
  std::string request =
      Unknown("q1") + Message(1, Unknown("w1") + resource + scope + Unknown("w2")) + Unknown("q2");
  std::string out = Edit(request, [](AttributeEditor& editor) { editor.Upsert("k", EncodeAnyValue("w")); });
  std::string edited =
      Message(1, Unknown("r1") + Message(1, Message(1, "k") + Message(2, Message(1, "w"))) + Unknown("r2"));
  EXPECT_EQ(out, Unknown("q1") + Message(1, edited + Unknown("w1") + scope + Unknown("w2")) + Unknown("q2"));
}

TEST(OtlpEdit, AResourceThatIsMissingIsMade) {
  std::string out = Edit(Message(1, Message(2, "")),
                         [](AttributeEditor& editor) { editor.Upsert("k", EncodeAnyValue("v")); });
  EXPECT_EQ(Decode(out)[0].resource, (Attributes{{"k", "v"}}));
}

TEST(OtlpEdit, AResourceInPiecesIsOne) {
  std::string piece = Message(1, Message(1, Message(1, "a") + Message(2, Message(1, "1"))));
  std::string other = Message(1, Message(1, Message(1, "b") + Message(2, Message(1, "2"))));
  std::string out = Edit(Message(1, piece + other + Message(2, "")),
                         [](AttributeEditor& editor) { editor.Update("a", EncodeAnyValue("3")); });
  EXPECT_EQ(Decode(out)[0].resource, (Attributes{{"a", "3"}, {"b", "2"}}));
}

TEST(OtlpEdit, ASplitKeepsResourceAndScopeOnBothSides) {
  std::string request = EncodeTraces(SampleTraces());
  std::vector<std::string> parts = SplitItems(request, 1).value();
  ASSERT_EQ(parts.size(), 3u);
  std::vector<ScopeSpans> first = Decode(parts[0]), rest = Decode(parts[1]);
  EXPECT_EQ(first[0].resource, SampleTraces()[0].resource);
  EXPECT_EQ(first[0].spans[0], FullSpan());
  EXPECT_EQ(rest[0].resource, SampleTraces()[0].resource);
  EXPECT_EQ(rest[0].scope_name, "beleg");
  EXPECT_EQ(rest[0].spans[0], MinimalSpan());
}

TEST(OtlpEdit, PartialSuccessIsReadFromTheAnswer) {
  PartialSuccess partial = DecodeExportResponse(EncodeTraceResponse(3, "too old")).value();
  EXPECT_EQ(partial.rejected, 3);
  EXPECT_EQ(partial.message, "too old");
  EXPECT_EQ(DecodeExportResponse("").value().rejected, 0);
  EXPECT_EQ(DecodeExportResponse(std::string_view("\x0a\x00", 2)).value().rejected, 0);
  EXPECT_EQ(StatusMessage(EncodeStatus(3, "bad")), "bad");
  EXPECT_EQ(StatusMessage("no status"), "");
}

TEST(OtlpEdit, EverySplitHasEachItemOnce) {
  std::string request = EncodeTraces(SampleTraces());
  for (size_t items = 1; items <= 4; ++items) {
    std::vector<std::string> parts = SplitItems(request, items).value();
    EXPECT_EQ(parts.size(), (3 + items - 1) / items);
    std::string joined;
    for (const std::string& part : parts) {
      EXPECT_LE(CountItems(part).value(), items);
      joined += part;
    }
    EXPECT_EQ(CountItems(joined).value(), 3u);
  }
  EXPECT_EQ(Decode(SplitItems(request, 3).value()[0]), SampleTraces());
}

TEST(OtlpEdit, ASplitKeepsWhatHoldsNoItemsAndWhatItDoesNotKnow) {
  std::string scope = Message(2, Unknown("scope") + Message(2, "")),
              empty_scope = Message(2, Unknown("none"));
  std::string request = Message(1, scope + Unknown("resource") + empty_scope) + Unknown("request");
  EXPECT_EQ(SplitItems(request, 1).value(),
            std::vector{Message(1, Unknown("resource") + scope + empty_scope) + Unknown("request")});
}

}  // namespace
}  // namespace beleg::wire::otlp
