#include "verify/policy.h"

#include <gtest/gtest.h>

#include "verify/cosignature.h"
#include "verify/testing.h"

namespace beleg::verify {
namespace {

using testing::TestKey;
using testing::TestLog;

class PolicyTest : public ::testing::Test {
 protected:
  std::string Witness(std::string_view name, uint8_t fill) const {
    return fmt::format("witness {} {}\n", name,
                       FormatVerifierKey(name, TestKey(fill)->public_key(), KeyType::kCosignatureV1));
  }
  void Cosign(std::string_view name, uint8_t fill, int64_t unix_s = 1'700'000'000) {
    auto key = TestKey(fill);
    std::string bytes;
    PutBig64(bytes, static_cast<uint64_t>(unix_s));
    bytes += AsView(key->Sign(CosignedMessage(unix_s, ParseNote(note_)->text)));
    note_ += FormatSignature(
        {std::string(name), KeyIdOf(name, key->public_key(), KeyType::kCosignatureV1), bytes});
  }
  bool Met(const std::string& text) const {
    auto policy = Policy::Parse(text);
    EXPECT_TRUE(policy) << policy.error().message;
    auto opened = policy->Open(note_);
    EXPECT_TRUE(opened) << opened.error().message;
    return opened->quorum_met;
  }

  TestLog log_{5};
  std::string note_ = log_.files.at("checkpoint");
  std::string log_line_ = fmt::format("log {} https://log.example/\n", log_.vkey_text());
};

TEST_F(PolicyTest, WithoutAQuorumTheLogsSignatureIsEnough) {
  EXPECT_TRUE(Met("# ours\n\n" + log_line_ + "quorum none\n"));
  auto opened = Policy::Parse(log_line_ + "quorum none")->Open(note_);
  EXPECT_EQ(opened->checkpoint, log_.checkpoint());
  EXPECT_TRUE(opened->cosigned.empty());
}

TEST_F(PolicyTest, GroupsOfGroupsAreCounted) {  // the example of C2SP tlog-policy
  const std::string policy = log_line_ + Witness("X1", 11) + Witness("X2", 12) + Witness("X3", 13) +
                             "group X-witnesses 2 X1 X2 X3\n" + Witness("Y1", 14) + Witness("Y2", 15) +
                             "group Y-witnesses any Y1 Y2\n\tgroup  X-and-Y all X-witnesses\tY-witnesses \n"
                             "quorum X-and-Y\n";
  EXPECT_FALSE(Met(policy));
  Cosign("X1", 11);
  Cosign("Y2", 15);
  EXPECT_FALSE(Met(policy));
  Cosign("X3", 13, 1'700'000'009);
  EXPECT_TRUE(Met(policy));
  auto opened = Policy::Parse(policy)->Open(note_);
  ASSERT_EQ(opened->cosigned.size(), 3u);
  EXPECT_EQ(opened->cosigned[1].witness, "X3");
  EXPECT_EQ(opened->cosigned[1].unix_s, 1'700'000'009);
}

TEST_F(PolicyTest, UnknownLogsAndWitnessesShowNothing) {
  TestLog other(5, "example.com/other");
  auto policy = Policy::Parse(log_line_ + "quorum none");
  EXPECT_EQ(policy->Open(other.files.at("checkpoint")).error().code, ErrorCode::kUnauthenticated);
  Cosign("Z", 16);
  EXPECT_FALSE(Met(log_line_ + Witness("X1", 11) + "quorum X1\n"));
}

TEST_F(PolicyTest, ABadSignatureOfAKnownKeyIsDamage) {
  auto policy = Policy::Parse(log_line_ + Witness("X1", 11) + "quorum none\n");
  const std::string good = note_;
  Cosign("X1", 11);
  std::string other_text = note_;
  other_text.replace(other_text.find("\n5\n"), 3, "\n6\n");
  EXPECT_EQ(policy->Open(other_text).error().code, ErrorCode::kDataLoss);
  TestLog grown(6);
  std::string moved =
      grown.files.at("checkpoint") + note_.substr(good.size());  // a cosignature of another tree
  EXPECT_EQ(policy->Open(moved).error().code, ErrorCode::kDataLoss);
}

TEST_F(PolicyTest, MalformedLinesAreRefused) {
  const std::string x1 = Witness("X1", 11);
  for (const std::string& bad : {
           std::string(""),
           log_line_,
           log_line_ + "quorum none\nquorum none\n",
           log_line_ + log_line_ + "quorum none",
           log_line_ + "quorum X1\n" + x1,
           log_line_ + x1 + "group G 2 X1\nquorum G",
           log_line_ + x1 + "group G 0 X1\nquorum G",
           log_line_ + x1 + "group G any X1 X1\nquorum G",
           log_line_ + x1 + "group G any X1\ngroup H any X1\nquorum G",
           log_line_ + x1 + "group X1 any X1\nquorum X1",
           log_line_ + x1 + Witness("X2", 11) + "quorum none",
           log_line_ + "group none any X1\nquorum none",
           log_line_ + "witness X1 " + log_.vkey_text() + "\nquorum none",  // a log's key
           "log " + x1.substr(11) + "quorum none",
           log_line_ + "quorum none\nmirror x",
           log_line_ + "quorum none\r\n",
           std::string("log\nquorum none"),
           log_line_ + x1 + "group G any\nquorum none",
       })
    EXPECT_EQ(Policy::Parse(bad).error().code, ErrorCode::kInvalidArgument) << bad;
}

TEST_F(PolicyTest, MadeOfKeysItAsksForSoMany) {
  const VerifierKey x1 = *ParseVerifierKey(
      FormatVerifierKey("X1", TestKey(11)->public_key(), KeyType::kCosignatureV1), KeyType::kCosignatureV1);
  EXPECT_FALSE(Policy::Make({log_.vkey()}, {x1}, 1)->Open(note_)->quorum_met);
  EXPECT_TRUE(Policy::Make({log_.vkey()}, {x1}, 0)->Open(note_)->quorum_met);
  EXPECT_EQ(Policy::Make({log_.vkey()}, {x1}, 2).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(Policy::Make({log_.vkey()}, {x1, x1}, 1).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(PolicyTest, EachOfSeveralKeysOfOneLogMaySign) {
  const std::string other = fmt::format("log {}\n", FormatVerifierKey(log_.origin, TestKey(9)->public_key()));
  auto policy = Policy::Parse(other + log_line_ + "quorum none\n");
  ASSERT_TRUE(policy) << policy.error().message;
  auto opened = policy->Open(note_);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->signer.key.public_key, log_.key->public_key());
  EXPECT_TRUE(opened->signer.CountsFor(opened->checkpoint));
}

}  // namespace
}  // namespace beleg::verify
