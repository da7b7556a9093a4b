#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/thread.h"
#include "serve/api_keys.h"
#include "serve/token_stream.h"
#include "serve/traceparent.h"

namespace beleg::serve {
namespace {

constexpr std::string_view kParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(TraceParent, ReadsAndWritesTheHeader) {
  auto parent = ParseTraceParent(kParent);
  ASSERT_TRUE(parent);
  EXPECT_TRUE(parent->sampled);
  EXPECT_EQ(FormatTraceParent(*parent), kParent);
  EXPECT_FALSE(ParseTraceParent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")->sampled);
  EXPECT_TRUE(ParseTraceParent("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-comes-later"));
}

TEST(TraceParent, MalformedHeadersStartANewTrace) {
  for (std::string_view bad : {"", "00", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
                               "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                               "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                               "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
                               "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
                               "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
                               "0g-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                               "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01x"})
    EXPECT_FALSE(ParseTraceParent(bad)) << bad;
}

std::optional<std::string> Caller(const ApiKeys& keys, std::string authorization) {
  return keys.Authenticate(net::HttpHeaders{{"Authorization", std::move(authorization)}});
}

TEST(ApiKeys, CallersAreKnownByName) {
  ApiKeys keys = *ApiKeys::Parse({"alice:s3cret", "plain", "no name:x"});
  EXPECT_EQ(Caller(keys, "Bearer s3cret"), "alice");
  EXPECT_EQ(Caller(keys, "Bearer plain"), "key-2");
  EXPECT_EQ(Caller(keys, "Bearer no name:x"), "key-3");
  EXPECT_EQ(Caller(keys, "Bearer wrong"), std::nullopt);
  EXPECT_EQ(keys.Authenticate({}), std::nullopt);
  EXPECT_EQ(ApiKeys().Authenticate({}), "anonymous");
  EXPECT_FALSE(ApiKeys::Parse({""}));
  EXPECT_FALSE(ApiKeys::Parse({"bob:"}));
}

net::Awaitable<void> Collect(TokenStream& stream, TokenStream::Until until, std::string& text, bool& done) {
  while (!done) {
    TokenStream::Batch batch = co_await stream.Next(until);
    for (const TokenStream::Piece& piece : batch.pieces) text += piece.text;
    done = batch.done.has_value();
  }
}

TEST(TokenStream, EveryPieceOfAnotherThreadArrivesInOrder) {
  boost::asio::io_context loop;
  TokenStream stream(loop.get_executor());
  std::string got, want;
  bool done = false;
  boost::asio::co_spawn(loop, Collect(stream, TokenStream::Until::kPiece, got, done), boost::asio::detached);
  for (int i = 0; i < 10'000; ++i) want += std::to_string(i) + " ";
  Thread engine("engine", [&stream](std::stop_token) {
    for (int i = 0; i < 10'000; ++i) stream.OnText(0, std::to_string(i) + " ", 1);
    stream.OnSequenceDone(0, {});
    stream.OnDone({});
  });
  loop.run();
  EXPECT_TRUE(done);
  EXPECT_EQ(got, want);
}

TEST(TokenStream, WhoWantsTheWholeIsWokenOnce) {
  boost::asio::io_context loop;
  TokenStream stream(loop.get_executor());
  std::string got;
  bool done = false;
  boost::asio::co_spawn(loop, Collect(stream, TokenStream::Until::kDone, got, done), boost::asio::detached);
  loop.poll();
  for (int i = 0; i < 3; ++i) stream.OnText(0, "word ", 1);
  stream.OnSequenceDone(0, {});
  EXPECT_EQ(loop.poll(), 0u);
  stream.OnDone({});
  loop.run();
  EXPECT_TRUE(done);
  EXPECT_EQ(got, "word word word ");
}

net::Awaitable<void> TakeOne(TokenStream& stream, std::optional<TokenStream::Batch>& out) {
  out = co_await stream.Next(TokenStream::Until::kDone);
}

TEST(TokenStream, AWakerBringsBackWhoWaitsForTheEnd) {
  boost::asio::io_context loop;
  std::optional<TokenStream> stream(loop.get_executor());
  const auto wake = stream->Waker();
  std::optional<TokenStream::Batch> got;
  boost::asio::co_spawn(loop, TakeOne(*stream, got), boost::asio::detached);
  loop.poll();
  ASSERT_FALSE(got);
  wake();
  loop.run();
  ASSERT_TRUE(got);
  EXPECT_FALSE(got->done);
  stream.reset();
  wake();
}

TEST(OneShot, NobodyWaitsSoTheLoopHasNothingToDo) {
  boost::asio::io_context loop;
  OneShot<int> shot(loop.get_executor());
  EXPECT_FALSE(shot.is_set());
  shot.Setter()(7);
  EXPECT_TRUE(shot.is_set());
  EXPECT_EQ(loop.poll(), 0u);
}

net::Awaitable<void> Await(OneShot<int>& shot, int& out) { out = co_await shot.Get(); }

TEST(OneShot, ValueSetBeforeOrAfterTheWaitArrives) {
  for (bool before : {true, false}) {
    boost::asio::io_context loop;
    OneShot<int> shot(loop.get_executor());
    int got = 0;
    if (before) shot.Setter()(7);
    boost::asio::co_spawn(loop, Await(shot, got), boost::asio::detached);
    loop.poll();
    if (!before) shot.Setter()(7);
    loop.restart();
    loop.run();
    EXPECT_EQ(got, 7);
  }
}

}  // namespace
}  // namespace beleg::serve
