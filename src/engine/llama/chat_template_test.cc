#include "engine/llama/chat_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/sha256.h"

namespace beleg::engine {
namespace {

constexpr char kChatml[] =
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + "
    "'<|im_end|>'}}{% endfor %}";

TEST(ChatTemplate, KnownTemplateIsRendered) {
  auto text = ChatTemplate(kChatml).Render({{"system", "Be brief."}, {"user", "Grüß dich"}});
  ASSERT_TRUE(text.has_value());
  EXPECT_EQ(*text,
            "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nGrüß "
            "dich<|im_end|>\n<|im_start|>assistant\n");
}

TEST(ChatTemplate, LongMessageIsWhole) {
  std::string content(100'000, 'x');
  EXPECT_THAT(*ChatTemplate(kChatml).Render({{"user", content}}), testing::HasSubstr(content));
}

TEST(ChatTemplate, DeveloperIsSystem) {
  ChatTemplate chatml(kChatml);
  EXPECT_EQ(*chatml.Render({{"developer", "x"}}), *chatml.Render({{"system", "x"}}));
}

TEST(ChatTemplate, ModelWithoutOneCannotChat) {
  EXPECT_EQ(ChatTemplate("").Render({{"user", "x"}}).error().code, ErrorCode::kFailedPrecondition);
}

TEST(ChatTemplate, UnknownTemplateCannotChat) {
  EXPECT_EQ(ChatTemplate("{{ strange }}").Render({{"user", "x"}}).error().code,
            ErrorCode::kFailedPrecondition);
}

TEST(ChatTemplate, UnknownRoleIsRefused) {
  auto text = ChatTemplate(kChatml).Render({{"user", "x"}, {"wizard", "y"}});
  ASSERT_FALSE(text.has_value());
  EXPECT_EQ(text.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(text.error().message, testing::HasSubstr("messages[1].role"));
}

TEST(ChatTemplate, NulByteIsRefused) {
  auto text = ChatTemplate(kChatml).Render({{"user", std::string("a\0b", 3)}});
  ASSERT_FALSE(text.has_value());
  EXPECT_EQ(text.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(text.error().message, testing::HasSubstr("messages[0].content"));
}

TEST(ChatTemplate, HashIsOfTheText) {
  EXPECT_EQ(ChatTemplate("").Hash(), Hash32{});
  EXPECT_EQ(ChatTemplate("abc").Hash(), wire::Sha256("abc"));
}

}  // namespace
}  // namespace beleg::engine
