#include "engine/llama/context.h"

#include <gtest/gtest.h>

#include "engine/llama/model.h"
#include "engine/llama/testing_model.h"

namespace beleg::engine {
namespace {

TEST(Context, CacheThatDoesNotFitIsRefusedBeforeAnythingIsTaken) {
  auto model = Model::Load(TestModelOptions()).value();
  Context::Options options{.sequences_max = 256, .context_tokens = 8192, .batch_tokens = 512, .threads = 1};
  uint64_t bytes = Context::CacheBytes(model->get(), options);
  if (bytes == 0) GTEST_SKIP() << "the cache is in an accelerator's memory";
  // SmolLM2-135M: 30 layers, 3 heads of keys and values of 64 each, two bytes a number.
  EXPECT_EQ(bytes, uint64_t{256} * 8192 * 30 * (3 * 64) * 2 * 2);
  options.memory_bytes_max = bytes - 1;
  auto context = Context::Create(model->get(), options);
  ASSERT_FALSE(context.has_value());
  EXPECT_EQ(context.error().code, ErrorCode::kResourceExhausted);
  EXPECT_NE(context.error().message.find("256 sequences of 8192 tokens want"), std::string::npos)
      << context.error().message;
}

}  // namespace
}  // namespace beleg::engine
