//===- Sha256Test.cpp - Against NIST's examples ---------------------------===//

#include "qcc/Support/Sha256.h"

#include <gtest/gtest.h>

using namespace qcc;

namespace {

// "abc", the two-block message and a million a's: NIST's examples for FIPS 180; the empty message: RFC 6234's test set.
TEST(Sha256, AgreesWithThePublishedExamples) {
  EXPECT_EQ(hexadecimal(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hexadecimal(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hexadecimal(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hexadecimal(sha256(std::string(1000000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PiecesOfAnySizeGiveTheSame) {
  // Lengths around the block of 64 bytes and around its 56 bytes that leave room for the length.
  for (size_t length : {1, 55, 56, 57, 63, 64, 65, 119, 120, 128, 200}) {
    std::string message;
    for (size_t i = 0; i < length; ++i)
      message += char(i * 7);
    Digest whole = sha256(message);
    for (size_t cut = 0; cut <= length; ++cut) {
      Sha256 hash;
      hash.update(std::string_view(message).substr(0, cut));
      hash.update(std::string_view(message).substr(cut));
      EXPECT_EQ(hash.finish(), whole) << length << " cut at " << cut;
    }
  }
}

} // namespace
