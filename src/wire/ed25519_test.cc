#include "wire/ed25519.h"

#include <string>

#include <gtest/gtest.h>

namespace beleg::wire {
namespace {

Hash32 Bytes32(std::string_view hex) { return *ToArray<32>(*HexDecode(hex)); }

struct Vector {
  const char* seed;
  const char* public_key;
  const char* message;
  const char* signature;
};

// RFC 8032 §7.1, TEST 1 to 3.
const Vector kVectors[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f"
     "0595bbe24"
     "655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2ea"
     "eb4302aee"
     "b00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e"
     "9716ed28d"
     "c027beceea1ec40a"},
};

TEST(Ed25519, MatchesRfc8032) {
  for (const Vector& vector : kVectors) {
    auto key = Ed25519Key::FromSeed(Bytes32(vector.seed));
    ASSERT_TRUE(key);
    EXPECT_EQ((*key)->public_key(), Bytes32(vector.public_key));
    std::string message = *HexDecode(vector.message);
    EXPECT_EQ(HexEncode(AsView((*key)->Sign(message))), vector.signature);
    EXPECT_TRUE(Ed25519Verify(Bytes32(vector.public_key), message, *HexDecode(vector.signature)));
  }
}

TEST(Ed25519, EveryChangedBitIsSeen) {
  Hash32 public_key = Bytes32(kVectors[1].public_key);
  std::string signature = *HexDecode(kVectors[1].signature);
  for (size_t bit = 0; bit < 8 * signature.size(); ++bit) {
    std::string changed = signature;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(Ed25519Verify(public_key, "\x72", changed)) << bit;
  }
  EXPECT_FALSE(Ed25519Verify(public_key, "\x73", signature));
  EXPECT_FALSE(Ed25519Verify(Bytes32(kVectors[0].public_key), "\x72", signature));
}

TEST(Ed25519, ASignatureOfAnotherLengthIsNone) {
  Hash32 public_key = Bytes32(kVectors[1].public_key);
  std::string signature = *HexDecode(kVectors[1].signature);
  EXPECT_FALSE(Ed25519Verify(public_key, "\x72", ""));
  EXPECT_FALSE(Ed25519Verify(public_key, "\x72", signature.substr(1)));
  EXPECT_FALSE(Ed25519Verify(public_key, "\x72", signature + "x"));
}

}  // namespace
}  // namespace beleg::wire
