#include "wire/otlp_view.h"

#include <gtest/gtest.h>

#include "base/rng.h"
#include "wire/otlp_partial.h"
#include "wire/testing.h"

namespace beleg::wire::otlp {
namespace {

void ExpectSame(const ValueView& view, const Value& value) {
  using Type = ValueView::Type;
  constexpr Type kTypes[] = {Type::kNone,   Type::kText,  Type::kBool,  Type::kInt,
                             Type::kDouble, Type::kBytes, Type::kArray, Type::kMap};
  ASSERT_EQ(view.type, kTypes[value.value.index()]);
  const auto* text = std::get_if<std::string>(&value.value);
  EXPECT_TRUE(text == nullptr || view.bytes == *text);
  const auto* bytes = std::get_if<Bytes>(&value.value);
  EXPECT_TRUE(bytes == nullptr || view.bytes == bytes->bytes);
  const auto* flag = std::get_if<bool>(&value.value);
  EXPECT_TRUE(flag == nullptr || view.number == (*flag ? 1 : 0));
  const auto* number = std::get_if<int64_t>(&value.value);
  EXPECT_TRUE(number == nullptr || view.number == *number);
  if (const auto* items = std::get_if<std::vector<Value>>(&value.value)) {
    std::vector<std::string_view> texts;
    for (const Value& item : *items) {
      if (const auto* item_text = std::get_if<std::string>(&item.value)) texts.push_back(*item_text);
    }
    EXPECT_EQ(TextsOf(view), texts);
  }
}

void ExpectSame(const SpanView& view, const Span& span) {
  EXPECT_EQ(view.trace_id, span.trace_id);
  EXPECT_EQ(view.span_id, span.span_id);
  EXPECT_EQ(view.parent_span_id, span.parent_span_id);
  EXPECT_EQ(view.name, span.name);
  EXPECT_EQ(view.kind, span.kind);
  EXPECT_EQ(view.start_unix_ns, span.start_unix_ns);
  EXPECT_EQ(view.end_unix_ns, span.end_unix_ns);
  EXPECT_EQ(view.status, span.status);
  ASSERT_EQ(view.attributes.size(), span.attributes.size());
  for (size_t i = 0; i < span.attributes.size(); ++i) {
    EXPECT_EQ(view.attributes[i].key, span.attributes[i].key);
    ExpectSame(view.attributes[i].value, span.attributes[i].value);
  }
}

// The same scopes, the same words of what is wrong.
void ExpectAsDecoded(std::string_view request) {
  PartialSuccess rejected, rejected_here;
  const auto scopes = DecodeTraces(request, rejected);
  const auto resources = ViewTraces(request, rejected_here);
  EXPECT_EQ(rejected_here.rejected, rejected.rejected);
  EXPECT_EQ(rejected_here.message, rejected.message);
  ASSERT_EQ(resources.has_value(), scopes.has_value());
  if (!scopes) {
    EXPECT_EQ(resources.error().message, scopes.error().message);
    return;
  }
  size_t number = 0;
  for (const ResourceSpansView& resource : *resources) {
    for (const ScopeSpansView& view : resource.scopes) {
      ASSERT_LT(number, scopes->size());
      ScopeSpans scope = (*scopes)[number++];
      EXPECT_EQ(resource.resource, scope.resource);
      ASSERT_EQ(view.spans.size(), scope.spans.size());
      scope.resource.clear();
      const std::vector<Span> spans = std::move(scope.spans);
      for (size_t i = 0; i < spans.size(); ++i) {
        ExpectSame(view.spans[i], spans[i]);
        scope.spans = {spans[i]};
        const auto alone = DecodeTraces(RequestOfSpan(view.scope, view.spans[i].bytes));
        ASSERT_TRUE(alone) << alone.error().message;
        EXPECT_EQ(*alone, std::vector{scope});
      }
    }
  }
  EXPECT_EQ(number, scopes->size());
}

TEST(OtlpView, SeesWhatDecodingGives) {
  ExpectAsDecoded(EncodeTraces(SampleTraces()));
  ExpectAsDecoded("");
}

TEST(OtlpView, TakesNoMoreAndNoLessThanDecodingOfDamagedBytes) {
  const std::string whole = EncodeTraces(SampleTraces());
  SeededRng rng(7);
  for (int i = 0; i < 20'000 && !::testing::Test::HasFailure(); ++i) {
    std::string bytes = whole.substr(0, i % 8 == 0 ? rng.Next() % whole.size() : whole.size());
    for (size_t changes = 1 + rng.Next() % 3; changes > 0 && !bytes.empty(); --changes) {
      bytes[rng.Next() % bytes.size()] =
          static_cast<char>(rng.Next() % 4 == 0 ? rng.Next() : rng.Next() % 32);
    }
    SCOPED_TRACE(i);
    ExpectAsDecoded(bytes);
  }
}

TEST(OtlpView, MessagesInPiecesAreOne) {
  ScopeSpans first, second;
  first.scope_name = "a";
  first.scope_attributes = {{"k", 1}};
  second.scope_version = "2";
  second.scope_attributes = {{"l", 2}};
  second.spans = {FullSpan()};
  // One ScopeSpans of both: their bytes behind each other, their own heads cut off.
  std::string both;
  for (const ScopeSpans& scope : {first, second}) {
    PartialSuccess rejected;
    const std::string request = EncodeTraces({scope});
    const auto view = ViewTraces(request, rejected);
    both += view->at(0).scopes.at(0).scope;
  }
  PartialSuccess rejected;
  const std::string request = EncodeTraces({second});
  const auto span = ViewTraces(request, rejected)->at(0).scopes.at(0).spans.at(0);
  const auto scopes = DecodeTraces(RequestOfSpan(both, span.bytes));
  ASSERT_TRUE(scopes);
  EXPECT_EQ(scopes->at(0).scope_name, "a");
  EXPECT_EQ(scopes->at(0).scope_version, "2");
  EXPECT_EQ(scopes->at(0).scope_attributes.size(), 2u);
  ExpectAsDecoded(RequestOfSpan(both, span.bytes));
}

TEST(OtlpView, ResourceOfManyScopesIsNotCopiedAndNotRefused) {
  std::vector<ScopeSpans> scopes(65);
  for (ScopeSpans& scope : scopes) scope.resource = {{"large", std::string(1 << 20, 'r')}};
  const std::string request = EncodeTraces(scopes);
  EXPECT_EQ(DecodeTraces(request).error().code, ErrorCode::kInvalidArgument);
  PartialSuccess rejected;
  const auto resources = ViewTraces(request, rejected);
  ASSERT_TRUE(resources) << resources.error().message;
  ASSERT_EQ(resources->size(), 1u);
  EXPECT_EQ(resources->at(0).resource, scopes[0].resource);
  EXPECT_EQ(resources->at(0).scopes.size(), scopes.size());
}

TEST(OtlpView, DepthIsLimitedAsInDecoding) {
  for (int depth : {kValueDepthMax, kValueDepthMax + 1}) {
    Value value(1);
    for (int i = 0; i < depth; ++i) {
      value = i % 2 == 0 ? Value(std::vector<Value>{value}) : Value(std::vector<KeyValue>{{"k", value}});
    }
    Span span = MinimalSpan();
    span.attributes = {{"deep", value}};
    ScopeSpans scope;
    scope.spans = {span};
    ExpectAsDecoded(EncodeTraces({scope}));
  }
}

}  // namespace
}  // namespace beleg::wire::otlp
