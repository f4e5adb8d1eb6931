#include "server/token.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"
#include "hex.hpp"

namespace {

using chat::token_fault;
using chat::token_signer;

std::vector<std::byte> secret(unsigned char filler) { return std::vector<std::byte>(32, std::byte{filler}); }

}  // namespace

TEST_CASE("token: text that is no base64url is refused, whatever its length", "[token]") {
  std::string data = "untouched";
  for (const char* const text : {"A", "AAAAA", "A===", "A+", "A/", "Zg=", "Zh", "?"}) {
    CAPTURE(text);
    CHECK_FALSE(chat::detail::decode_base64url(text, data));
  }
  REQUIRE(chat::detail::decode_base64url("Zg", data));
  CHECK(data == "f");
}

TEST_CASE("token: is the name, the expiry and an HMAC over both", "[token]") {
  // The signature was made with openssl: openssl dgst -sha256 -mac HMAC -macopt hexkey:0101...
  const token_signer signer(secret(1));
  CHECK(signer.make("Ann B\xC3\xB6hm-1", 2000) == "QW5uIELDtmhtLTE.2000.EJ7UXzTyEMamsATdSQknb6x4RLBH50jswnjk_kklo40");
}

TEST_CASE("token: tells who it was made for, until it expires", "[token]") {
  const token_signer signer(secret(1));
  const std::string token = signer.make("ann", 2000);
  CHECK(signer.check(token, 1999).user == "ann");
  CHECK(signer.check(token, 1999).fault == token_fault::none);
  CHECK(signer.check(token, 2000).fault == token_fault::expired);
  CHECK(signer.check(token, 2000).user.empty());
}

TEST_CASE("token: any change makes it worthless", "[token]") {
  const token_signer signer(secret(1));
  const std::string token = signer.make("ann", 2000);
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    INFO(changed);
    CHECK(signer.check(changed, 0).fault != token_fault::none);
    CHECK(signer.check(changed, 0).user.empty());
    CHECK(signer.check(token.substr(0, i), 0).fault != token_fault::none);
  }
  CHECK(signer.check(token + "A", 0).fault == token_fault::forged);
  CHECK(token_signer(secret(2)).check(token, 0).fault == token_fault::forged);
}

TEST_CASE("token: what is no token is called so", "[token]") {
  const token_signer signer(secret(1));
  CHECK(signer.check("", 0).fault == token_fault::missing);
  for (const std::string_view text : {".", "..", "...", "a.b", "a.b.c", "YW5u.2000.", "YW5u..", " "}) {
    INFO(text);
    const token_fault fault = signer.check(text, 0).fault;
    CHECK((fault == token_fault::malformed || fault == token_fault::forged));
  }
}

TEST_CASE("token: one that was signed with the right secret, but says nothing of use", "[token]") {
  const token_signer signer(secret(1));
  CHECK(signer.check(signer.make("", 2000), 0).fault == token_fault::malformed);
  CHECK(signer.check(signer.make("a\nb", 2000), 0).fault == token_fault::malformed);
  CHECK(signer.check(signer.make("ann", -5), 0).fault == token_fault::expired);
}

TEST_CASE("token: base64url has no padding, and only one text for some bytes", "[token]") {
  std::string data;
  for (std::size_t size = 0; size < 70; ++size) {
    std::string decoded;
    const std::string text = chat::detail::encode_base64url(sansocket::bytes_of(data));
    CHECK(text.find_first_of("+/=") == std::string::npos);
    REQUIRE(chat::detail::decode_base64url(text, decoded));
    CHECK(decoded == data);
    data += static_cast<char>(size * 53);
  }
  std::string decoded;
  CHECK_FALSE(chat::detail::decode_base64url("YQ==", decoded));
  CHECK_FALSE(chat::detail::decode_base64url("YR", decoded));  // bits behind the last byte
  CHECK_FALSE(chat::detail::decode_base64url("Y", decoded));
  CHECK_FALSE(chat::detail::decode_base64url("++++", decoded));
}

TEST_CASE("user name: letters of any script, digits, hyphen, underscore, spaces within", "[user_name]") {
  for (const std::string_view name :
       {"a", "Ann", "ann-b_c 1", "\xC3\xB6", "\xE5\xA5\xBD", "\xF0\x9F\x99\x82", "12345678901234567890123456789012"}) {
    INFO(name);
    CHECK(chat::is_user_name(name));
  }
  for (const std::string_view name : {"", " ", " a", "a ", "a\tb", "a\nb", "a.b", "<b>", "a\x7F", "\xC2\x85",
                                      "\xE2\x80\xAE"
                                      "a",
                                      "a\xE2\x80\x8B",
                                      "\xEF\xBB\xBF"
                                      "a",
                                      "\xFF", "a\xC3", "123456789012345678901234567890123"}) {
    INFO(name);
    CHECK_FALSE(chat::is_user_name(name));
  }
  // Fillers, blanks and selectors, which nothing is seen of
  for (const std::string_view unseen : {"\xCD\x8F", "\xE1\x85\x9F", "\xE1\x85\xA0", "\xE1\x9E\xB4", "\xE1\xA0\x8B",
                                        "\xE2\xA0\x80", "\xEF\xB8\x8F", "\xEF\xBE\xA0"}) {
    CHECK_FALSE(chat::is_user_name(std::string("ann").append(unseen)));
  }
  std::string umlauts;
  for (int i = 0; i < 32; ++i) umlauts += "\xC3\xB6";
  CHECK(chat::is_user_name(umlauts));
  CHECK_FALSE(chat::is_user_name(umlauts + "a"));
}
