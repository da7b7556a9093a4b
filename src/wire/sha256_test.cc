#include "wire/sha256.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/thread.h"

namespace beleg::wire {
namespace {

std::string Hex(const Hash32& hash) { return HexEncode(AsView(hash)); }

TEST(Sha256, MatchesFips180) {
  EXPECT_EQ(Hex(Sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Hex(Sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Hex(Sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(Hex(Sha256(std::string(1000000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, TwoPiecesHashAsOne) {
  EXPECT_EQ(Sha256("a", "bc"), Sha256("abc"));
  EXPECT_EQ(Sha256("", "abc"), Sha256("abc"));
}

TEST(Sha256, AStreamHashesAsTheWholeAndStartsAnew) {
  Sha256Stream stream;
  stream.Update("ab");
  stream.Update("");
  EXPECT_EQ(Sha256("between"), Sha256("between"));  // another hash of the thread does not disturb
  stream.Update("c");
  EXPECT_EQ(stream.Finish(), Sha256("abc"));
  EXPECT_EQ(stream.Finish(), Sha256(""));
}

TEST(Sha256, HmacMatchesRfc4231) {
  EXPECT_EQ(Hex(HmacSha256(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(
      Hex(HmacSha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(Hex(HmacSha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Sha256, MerkleHashesMatchRfc6962) {
  EXPECT_EQ(Hex(MerkleLeafHash("")), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
  Hash32 left = MerkleLeafHash("left"), right = MerkleLeafHash("right");
  EXPECT_EQ(MerkleNodeHash(left, right),
            Sha256("\x01" + std::string(AsView(left)) + std::string(AsView(right))));
  EXPECT_NE(MerkleNodeHash(left, right), MerkleNodeHash(right, left));
}

TEST(Sha256, ThreadsDoNotDisturbOneAnother) {
  std::vector<Thread> threads;
  std::vector<Hash32> hashes(4);
  for (auto& hash : hashes) {
    threads.emplace_back("hasher", [&hash](std::stop_token) {
      for (int i = 0; i < 1000; ++i) hash = Sha256("ab", "c");
    });
  }
  threads.clear();
  for (const auto& hash : hashes) EXPECT_EQ(hash, Sha256("abc"));
}

}  // namespace
}  // namespace beleg::wire
