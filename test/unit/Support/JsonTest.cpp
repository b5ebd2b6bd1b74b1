//===- JsonTest.cpp - RFC 8259, and the limits of reliability -------------===//

#include "qcc/Support/Json.h"

#include <gtest/gtest.h>

using namespace qcc;

namespace {

/// The message for a text that must be refused; a failure for one that is accepted.
std::string refusal(std::string_view text, const json::Limits &limits = {}) {
  Expected<json::Value> value = json::parse(text, "f.json", limits);
  if (value) {
    ADD_FAILURE() << "accepted: " << text;
    return {};
  }
  return value.error().message;
}

void expectRefused(std::string_view text, std::string_view part, const json::Limits &limits = {}) {
  std::string message = refusal(text, limits);
  EXPECT_NE(message.find(part), std::string::npos) << message << "\nfor " << text;
}

TEST(Json, ReadsEveryKindOfValue) {
  Expected<json::Value> root = json::parse(R"( {"a": [1, -2.5e1, true, null, "x"], "": {}} )", "f.json");
  ASSERT_TRUE(root);
  const std::vector<json::Value> &a = root->find("a")->array();
  EXPECT_EQ(a[0].integer(), 1);
  EXPECT_EQ(a[1].real(), -25.0);
  EXPECT_TRUE(a[2].boolean());
  EXPECT_TRUE(a[3].isNull());
  EXPECT_EQ(a[4].string(), "x");
  EXPECT_TRUE(root->find("")->members().empty());
  EXPECT_EQ(root->find("b"), nullptr);
}

TEST(Json, UnescapesStringsToUtf8) {
  Expected<json::Value> root = json::parse(R"("\" \\ \/ \b\f\n\r\t \u0041 \u00e9 \u20AC \uD83D\uDE00")", "f.json");
  ASSERT_TRUE(root);
  EXPECT_EQ(root->string(), "\" \\ / \b\f\n\r\t A \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
}

TEST(Json, RefusesWhatTheGrammarDoesNotHave) {
  for (std::string_view text : {"",    " ",   "{",  "[1,]",    "{\"a\":1,}",  "{a:1}",   "{\"a\" 1}", "[1 2]",    "01",
                                "-",   "1.",  ".5", "1e",      "+1",          "0x10",    "NaN",       "Infinity", "tru",
                                "nul", "'a'", "\"", "\"\\x\"", "\"\\u12g4\"", "// c\n1", "1 2",       "[1]]"})
    expectRefused(text, "invalid JSON");
  expectRefused(std::string_view("\"a\nb\"", 5), "control character");
  expectRefused(std::string_view("\"a\0b\"", 5), "control character");
}

TEST(Json, RefusesMalformedUnicode) {
  // Overlong, surrogate, beyond U+10FFFF, lone continuation, cut sequence: table 3-7 of the Unicode standard.
  for (std::string_view text : {"\"\xc0\xaf\"", "\"\xe0\x9f\xbf\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"",
                                "\"\x80\"", "\"\xe2\x82\"", "\"\xff\""})
    expectRefused(text, "invalid UTF-8");
  expectRefused(R"("\ud800")", "lone high surrogate");
  expectRefused(R"("\ud800\u0041")", "lone high surrogate");
  expectRefused(R"("\udc00")", "lone low surrogate");
}

TEST(Json, RefusesDuplicateKeysAfterUnescaping) {
  expectRefused(R"({"a": 1, "b": 2, "\u0061": 3})", "duplicate key 'a', first at byte 1");
  EXPECT_TRUE(json::parse(R"({"a": {"a": 1}})", "f.json"));
}

TEST(Json, NamesByteAndLineOfAnError) {
  EXPECT_NE(refusal("{\n\"a\": 1,\n\"b\": x}").find("f.json: byte 15 (line 3)"), std::string::npos);
}

TEST(Json, BoundsDepthSizeAndCount) {
  json::Limits limits;
  limits.depth = 3;
  EXPECT_TRUE(json::parse("[[[1]]]", "f.json", limits));
  expectRefused("[[[[1]]]]", "nested deeper than 3", limits);
  limits.values = 3;
  EXPECT_TRUE(json::parse("[1,2]", "f.json", limits));
  expectRefused("[1,2,3]", "more than 3 values", limits);
  limits.bytes = 5;
  expectRefused("[1, 2]", "the limit is 5", limits);
}

TEST(Json, UnsignedIntegersOnlyOnRequest) {
  json::Limits strict;
  strict.unsignedIntegersOnly = strict.trailingSpacesOnly = true;
  Expected<json::Value> largest = json::parse("9223372036854775807  ", "f.json", strict);
  ASSERT_TRUE(largest);
  EXPECT_EQ(largest->integer(), INT64_MAX);
  expectRefused("9223372036854775808", "larger than", strict);
  for (std::string_view text : {"-1", "1.0", "1e3"})
    expectRefused(text, "unsigned integers", strict);
  expectRefused("1\n", "after the end", strict);
  Expected<json::Value> beyond = json::parse("9223372036854775808", "f.json");
  ASSERT_TRUE(beyond);
  EXPECT_EQ(beyond->kind, json::Kind::Real);
  expectRefused("1e999", "range of double");
}

} // namespace
