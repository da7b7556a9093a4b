#include "app/invocation.h"

#include <gtest/gtest.h>

#include "io/testing.h"

namespace beleg::app {
namespace {

using Arguments = std::vector<std::string>;

TEST(Invocation, ItsOwnNameChangesNothing) {
  Arguments own = {"/usr/bin/beleg", "serve", "--model", "demo"};
  EXPECT_EQ(OwnArguments(own).value(), own);
  EXPECT_TRUE(OwnArguments({}).value().empty());
}

TEST(Invocation, TheCollectorsNameIsTheCollector) {
  EXPECT_EQ(OwnArguments({"/bin/otelcol-contrib", "--config", "f"}).value(),
            (Arguments{"/bin/otelcol-contrib", "collector", "--config", "f"}));
  EXPECT_EQ(OwnArguments({"otelcol", "validate"}).value(), (Arguments{"otelcol", "collector", "validate"}));
  EXPECT_EQ(OwnArguments({"otelcol", "-v"}).value(), (Arguments{"otelcol", "--version"}));
}

TEST(Invocation, VllmServeTakesAFile) {
  io::TempFolder folder;
  std::string model = folder / "m.gguf";
  ASSERT_TRUE(io::PosixFileSystem().Open(model, io::OpenMode::kCreate).has_value());
  EXPECT_EQ(OwnArguments({"vllm", "serve", model, "--port", "1"}).value(),
            (Arguments{"vllm", "serve", "--model", model, "--port", "1"}));
  EXPECT_EQ(OwnArguments({"vllm", "serve", "--model", "x"}).value(),
            (Arguments{"vllm", "serve", "--model", "x"}));
  EXPECT_EQ(OwnArguments({"vllm", "serve", "demo"}).value(), (Arguments{"vllm", "serve", "--model", "demo"}));
}

TEST(Invocation, AHuggingFaceNameIsAnErrorThatSaysWhatToDo) {
  auto out = OwnArguments({"vllm", "serve", "facebook/opt-125m"});
  ASSERT_FALSE(out.has_value());
  EXPECT_EQ(out.error().code, ErrorCode::kNotFound);
  for (std::string_view said : {"facebook/opt-125m", "vllm serve ./MODEL.gguf", "vllm serve demo"})
    EXPECT_NE(out.error().message.find(said), std::string::npos) << said;
  EXPECT_NE(CheckModel("facebook/opt-125m", "beleg").error().message.find("beleg serve demo"),
            std::string::npos);
  EXPECT_TRUE(CheckModel("demo", "beleg"));
}

}  // namespace
}  // namespace beleg::app
