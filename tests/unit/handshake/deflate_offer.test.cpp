#include "sansocket/handshake/deflate_offer.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "sansocket/core/error_info.hpp"

using namespace sansocket;
using sansocket::tests::exact_buffer;

namespace {

constexpr deflate_options plain{};

std::string name_of(error fault) { return std::string(name(fault)); }

result<deflate_parameters> parse(std::string_view text, bool answer) {
  const exact_buffer exact(text);
  return parse_deflate_parameters(text_of(exact.view()), answer);
}
result<deflate_agreement> judge_offer(std::string_view text, const deflate_options& own = plain) {
  const exact_buffer exact(text);
  return judge_deflate_offer(text_of(exact.view()), own);
}
result<deflate_agreement> judge_answer(std::string_view text, const deflate_options& own = plain) {
  const exact_buffer exact(text);
  return judge_deflate_answer(text_of(exact.view()), own);
}

/// The parameters of an offer or an answer that was written; the name before them must be right.
std::string_view parameters_of(const deflate_text& text) {
  REQUIRE(text.view().starts_with("permessage-deflate"));
  return text.view().substr(18);
}

/// Parameters to be put together: 0 for a window that is not there, 1 for one without a value.
struct wording {
  bool server_alone = false;
  bool client_alone = false;
  int server_bits = 0;
  int client_bits = 0;

  std::string text() const {
    std::string out;
    if (client_bits != 0) out += "; client_max_window_bits";
    if (client_bits > 1) out += "=" + std::to_string(client_bits);
    if (server_alone) out += "; server_no_context_takeover";
    if (server_bits != 0) out += "; server_max_window_bits=" + std::to_string(server_bits);
    if (client_alone) out += "; client_no_context_takeover";
    return out;
  }
};

constexpr int absent = 0;
constexpr int without_value = 1;

std::vector<wording> all_wordings(bool window_without_value) {
  std::vector<wording> all;
  for (const int flags : {0, 1, 2, 3}) {
    for (const int server : {absent, 8, 9, 10, 11, 12, 13, 14, 15}) {
      for (const int client : {absent, without_value, 8, 9, 10, 11, 12, 13, 14, 15}) {
        if (client == without_value && !window_without_value) continue;
        all.push_back({(flags & 1) != 0, (flags & 2) != 0, server, client});
      }
    }
  }
  return all;
}

/// All options that suit a role.
std::vector<deflate_options> all_options(role own) {
  std::vector<deflate_options> all;
  for (const int flags : {0, 1, 2, 3}) {
    for (std::uint8_t server = own == role::server ? 9 : 8; server <= 15; ++server) {
      for (std::uint8_t client = own == role::client ? 9 : 8; client <= 15; ++client) {
        all.push_back({server, client, (flags & 1) != 0, (flags & 2) != 0});
      }
    }
  }
  return all;
}

/// Every value from -1 to 99, and others that are written like numbers.
std::vector<std::string> all_values() {
  std::vector<std::string> all;
  for (int value = -1; value <= 99; ++value) all.push_back(std::to_string(value));
  for (const std::string_view odd : {"00",
                                     "08",
                                     "09",
                                     "010",
                                     "015",
                                     "0015",
                                     "+8",
                                     "-8",
                                     "8.0",
                                     "8.",
                                     ".8",
                                     "0x8",
                                     "0xf",
                                     "1e1",
                                     "8a",
                                     "a8",
                                     "ten",
                                     "true",
                                     "_8",
                                     "1_0",
                                     "8-15",
                                     "100",
                                     "108",
                                     "150",
                                     "256",
                                     "264",
                                     "265",
                                     "271",
                                     "512",
                                     "520",
                                     "65544",
                                     "65551",
                                     "4294967304",
                                     "4294967311",
                                     "18446744073709551624",
                                     "99999999999999999999999999999999",
                                     "^8",
                                     "`8`",
                                     "8'"}) {
    all.emplace_back(odd);
  }
  return all;
}

/// The windows of §7.1.2 as they must be written.
constexpr std::string_view good_values[] = {"8", "9", "10", "11", "12", "13", "14", "15"};

int window_of(const std::string& value) {
  return std::ranges::find(good_values, std::string_view(value)) == std::end(good_values) ? 0 : std::stoi(value);
}

static_assert(plain.valid_for(role::server) && plain.valid_for(role::client));
static_assert(!deflate_options{.server_max_window_bits = 8}.valid_for(role::server));
static_assert(parse_deflate_parameters("", false).has_value());
static_assert(parse_deflate_parameters("; server_max_window_bits=\"1\\2\"", true)->server_max_window_bits == 12);
static_assert(parse_deflate_parameters("; client_max_window_bits", false)->client_window_without_value);
static_assert(parse_deflate_parameters("; a", false).error() == error::deflate_parameter_unknown);
static_assert(judge_deflate_offer("; server_max_window_bits=10", plain)->server_max_window_bits == 10);
static_assert(write_deflate_offer(plain).view() == "permessage-deflate; client_max_window_bits");
static_assert(write_deflate_answer("", {.client_no_context_takeover = true}).view() ==
              "permessage-deflate; client_no_context_takeover");
static_assert(judge_deflate_answer("; client_max_window_bits=9", plain)->client_max_window_bits == 9);
static_assert(deflate_text().add("a").add("=", 15).view() == "a=15");
static_assert(permessage_deflate_name == "permessage-deflate");
static_assert(noexcept(parse_deflate_parameters("", false)) && noexcept(judge_deflate_offer("", plain)) &&
              noexcept(judge_deflate_answer("", plain)) && noexcept(write_deflate_offer(plain)) &&
              noexcept(write_deflate_answer("", {})));

}  // namespace

TEST_CASE("deflate_offer: options are valid if the own window can be compressed with and the other one inflated",
          "[deflate_offer][7.1.2.1][7.1.2.2]") {
  std::string wrong;
  for (unsigned server = 0; server < 256; ++server) {
    for (unsigned client = 0; client < 256; ++client) {
      const deflate_options options{static_cast<std::uint8_t>(server), static_cast<std::uint8_t>(client),
                                    server % 2 == 0, client % 2 == 0};
      const bool in_server = server > 8 && server < 16 && client > 7 && client < 16;
      const bool in_client = server > 7 && server < 16 && client > 8 && client < 16;
      if (options.valid_for(role::server) != in_server || options.valid_for(role::client) != in_client) {
        wrong += std::to_string(server) + "/" + std::to_string(client) + " ";
      }
    }
  }
  CHECK(wrong.empty());
}

TEST_CASE("deflate_offer: options unless set are the largest windows and context takeover", "[deflate_offer]") {
  CHECK(plain.server_max_window_bits == 15);
  CHECK(plain.client_max_window_bits == 15);
  CHECK_FALSE(plain.server_no_context_takeover);
  CHECK_FALSE(plain.client_no_context_takeover);
}

TEST_CASE("deflate_offer: a text puts words and windows behind each other", "[deflate_offer]") {
  deflate_text text;
  CHECK(text.view().empty());
  text.add("a=", 8).add("; b=", 9).add("").add("; c=", 10).add("; d=", 14).add("; e=", 15).add(";");
  CHECK(text.view() == "a=8; b=9; c=10; d=14; e=15;");
  const deflate_text copy = text;
  text.add("more");
  CHECK(copy.view() == "a=8; b=9; c=10; d=14; e=15;");
}

TEST_CASE("deflate_offer: no parameters are no wishes", "[deflate_offer][7.1]") {
  for (const bool answer : {false, true}) {
    const auto none = parse("", answer);
    REQUIRE(none);
    CHECK_FALSE(none->server_no_context_takeover);
    CHECK_FALSE(none->client_no_context_takeover);
    CHECK(none->server_max_window_bits == 0);
    CHECK(none->client_max_window_bits == 0);
    CHECK_FALSE(none->client_window_without_value);
  }
}

TEST_CASE("deflate_offer: each parameter is read for itself, in any order", "[deflate_offer][7.1]") {
  for (const bool answer : {false, true}) {
    std::string wrong;
    for (const wording& words : all_wordings(!answer)) {
      const auto read = parse(words.text(), answer);
      const bool right = read && read->server_no_context_takeover == words.server_alone &&
                         read->client_no_context_takeover == words.client_alone &&
                         read->server_max_window_bits == words.server_bits &&
                         read->client_max_window_bits == (words.client_bits > 1 ? words.client_bits : 0) &&
                         read->client_window_without_value == (words.client_bits == without_value);
      if (!right) wrong += words.text() + " ";
    }
    CHECK(wrong.empty());
  }
  std::vector<std::string_view> parts{"; client_max_window_bits=9", "; client_no_context_takeover",
                                      "; server_max_window_bits=15", "; server_no_context_takeover"};
  int orders = 0;
  do {
    std::string text;
    for (const std::string_view part : parts) text += part;
    CAPTURE(text);
    const auto read = parse(text, true);
    REQUIRE(read);
    CHECK(read->server_no_context_takeover);
    CHECK(read->client_no_context_takeover);
    CHECK(read->server_max_window_bits == 15);
    CHECK(read->client_max_window_bits == 9);
    ++orders;
  } while (std::ranges::next_permutation(parts).found);
  CHECK(orders == 24);
}

TEST_CASE("deflate_offer: white space around the words is no part of them", "[deflate_offer][7.1]") {
  for (const std::string_view text : {";server_max_window_bits=10;client_no_context_takeover",
                                      ";\tserver_max_window_bits \t= \t10\t ; \t client_no_context_takeover \t",
                                      "; server_max_window_bits = \"10\" ; client_no_context_takeover "}) {
    CAPTURE(text);
    const auto read = parse(text, false);
    REQUIRE(read);
    CHECK(read->server_max_window_bits == 10);
    CHECK(read->client_no_context_takeover);
  }
}

TEST_CASE("deflate_offer: a window is a decimal number from 8 to 15 without leading zeroes, and nothing else",
          "[deflate_offer][7.1.2.1][7.1.2.2]") {
  int good = 0;
  for (const std::string& value : all_values()) {
    for (const bool quoted : {false, true}) {
      const int bits = window_of(value);
      const std::string text = quoted ? "=\"" + value + "\"" : "=" + value;
      CAPTURE(text);
      const error fault = bits == 0 ? error::deflate_value_invalid : error::none;
      for (const bool answer : {false, true}) {
        const auto server = parse("; server_max_window_bits" + text, answer);
        const auto client = parse("; client_max_window_bits" + text, answer);
        CHECK(name_of(server.error()) == name_of(fault));
        CHECK(name_of(client.error()) == name_of(fault));
        if (bits == 0) continue;
        CHECK(server->server_max_window_bits == bits);
        CHECK(server->client_max_window_bits == 0);
        CHECK(client->client_max_window_bits == bits);
        CHECK(client->server_max_window_bits == 0);
        CHECK_FALSE(client->client_window_without_value);
        ++good;
      }
      if (bits != 0) continue;
      CHECK(judge_offer("; server_max_window_bits" + text).error() == error::deflate_value_invalid);
      CHECK(judge_offer("; client_max_window_bits" + text).error() == error::deflate_value_invalid);
      CHECK(judge_answer("; server_max_window_bits" + text).error() == error::deflate_value_invalid);
      CHECK(judge_answer("; client_max_window_bits" + text).error() == error::deflate_value_invalid);
    }
  }
  CHECK(good == 8 * 2 * 2);
}

TEST_CASE("deflate_offer: a quoted window is what it says without its backslashes", "[deflate_offer][9.1]") {
  struct quoted {
    std::string_view text;
    int bits;
  };
  for (const auto& [text, bits] :
       {quoted{R"("\8")", 8}, quoted{R"("1\0")", 10}, quoted{R"("\10")", 10}, quoted{R"("\1\5")", 15},
        quoted{R"("\9")", 9}, quoted{R"("\7")", 0}, quoted{R"("\0\8")", 0}, quoted{R"("\08")", 0},
        quoted{R"("0\8")", 0}, quoted{R"("\1\6")", 0}, quoted{R"("\1")", 0}, quoted{R"("\a")", 0},
        quoted{R"("\1\0\0")", 0}}) {
    CAPTURE(text);
    for (const bool answer : {false, true}) {
      for (const std::string name : {"; server_max_window_bits=", "; client_max_window_bits="}) {
        const auto read = parse(name + std::string(text), answer);
        CHECK(name_of(read.error()) == (bits == 0 ? "deflate_value_invalid" : "none"));
        CHECK(read->server_max_window_bits + read->client_max_window_bits == bits);
      }
    }
  }
}

TEST_CASE("deflate_offer: a window without a value is only a client's offer of its own", "[deflate_offer][7.1.2.2]") {
  CHECK(parse("; client_max_window_bits", false));
  CHECK(parse("; client_max_window_bits", true).error() == error::deflate_value_invalid);
  CHECK(parse("; server_max_window_bits", false).error() == error::deflate_value_invalid);
  CHECK(parse("; server_max_window_bits", true).error() == error::deflate_value_invalid);
  CHECK(judge_offer("; server_max_window_bits").error() == error::deflate_value_invalid);
  CHECK(judge_answer("; client_max_window_bits").error() == error::deflate_value_invalid);
}

TEST_CASE("deflate_offer: a parameter about context takeover has no value", "[deflate_offer][7.1.1.1][7.1.1.2]") {
  for (const std::string name : {"; server_no_context_takeover", "; client_no_context_takeover"}) {
    for (const std::string_view value : {"=1", "=0", "=true", "=15", "=\"1\"", "=\"\\1\"", " = a"}) {
      CAPTURE(name, value);
      for (const bool answer : {false, true}) {
        CHECK(parse(name + std::string(value), answer).error() == error::deflate_value_invalid);
      }
      CHECK(judge_offer(name + std::string(value)).error() == error::deflate_value_invalid);
      CHECK(judge_answer(name + std::string(value)).error() == error::deflate_value_invalid);
    }
  }
}

TEST_CASE("deflate_offer: a parameter that is repeated is refused, whatever it says and whatever is between",
          "[deflate_offer][7.1]") {
  struct repetition {
    std::string first;
    std::string second;
    bool in_answer = true;  // otherwise the first one alone is wrong there
  };
  const std::vector<repetition> repetitions{
      {"; server_no_context_takeover", "; server_no_context_takeover"},
      {"; server_no_context_takeover", "; server_no_context_takeover=1"},
      {"; client_no_context_takeover", "; client_no_context_takeover"},
      {"; client_no_context_takeover", "; client_no_context_takeover=\"x\""},
      {"; server_max_window_bits=10", "; server_max_window_bits=10"},
      {"; server_max_window_bits=10", "; server_max_window_bits=11"},
      {"; server_max_window_bits=8", "; server_max_window_bits"},
      {"; server_max_window_bits=15", "; server_max_window_bits=16"},
      {"; client_max_window_bits=10", "; client_max_window_bits=10"},
      {"; client_max_window_bits=10", "; client_max_window_bits=\"9\""},
      {"; client_max_window_bits=15", "; client_max_window_bits=0"},
      {"; client_max_window_bits=8", "; client_max_window_bits"},
      {"; client_max_window_bits", "; client_max_window_bits", false},
      {"; client_max_window_bits", "; client_max_window_bits=10", false},
      {"; client_max_window_bits", "; client_max_window_bits=99", false},
  };
  for (const auto& [first, second, in_answer] : repetitions) {
    for (const std::string between : {"", "; server_max_window_bits=9", "; client_no_context_takeover",
                                      "; server_no_context_takeover", "; client_max_window_bits=12"}) {
      if (!between.empty() && first.starts_with(between.substr(0, 12))) continue;
      CAPTURE(first, between, second);
      const std::string text = first + between + second;
      CHECK(name_of(parse(text, false).error()) == "deflate_parameter_repeated");
      CHECK(name_of(judge_offer(text).error()) == "deflate_parameter_repeated");
      const std::string in_answers = in_answer ? "deflate_parameter_repeated" : "deflate_value_invalid";
      CHECK(name_of(parse(text, true).error()) == in_answers);
      CHECK(name_of(judge_answer(text).error()) == in_answers);
    }
  }
}

TEST_CASE("deflate_offer: a parameter that is not defined is refused, with a value and without",
          "[deflate_offer][7.1]") {
  for (const std::string_view name :
       {"foo", "s", "server_no_context_takeove", "server_no_context_takeover_", "Server_no_context_takeover",
        "SERVER_NO_CONTEXT_TAKEOVER", "server-no-context-takeover", "Client_no_context_takeover", "no_context_takeover",
        "client_no_context_takeovers", "Server_max_window_bits", "server_max_window_bit", "server_max_window_bits2",
        "max_window_bits", "Client_Max_Window_Bits", "CLIENT_MAX_WINDOW_BITS", "client_max_window_bit",
        "client_max_window_bits_", "permessage-deflate"}) {
    for (const std::string_view value : {"", "=10", "=\"10\""}) {
      for (const std::string_view before : {"", "; server_max_window_bits=10", "; client_no_context_takeover"}) {
        const std::string text = std::string(before) + "; " + std::string(name) + std::string(value);
        CAPTURE(text);
        CHECK(parse(text, false).error() == error::deflate_parameter_unknown);
        CHECK(parse(text, true).error() == error::deflate_parameter_unknown);
        CHECK(judge_offer(text).error() == error::deflate_parameter_unknown);
        CHECK(judge_answer(text).error() == error::deflate_parameter_unknown);
      }
    }
  }
}

TEST_CASE("deflate_offer: parameters that are no parameters are malformed", "[deflate_offer][9.1]") {
  for (const std::string_view text : {";",
                                      "; ",
                                      ";;",
                                      ";=",
                                      ";=10",
                                      ";a=",
                                      "; server_max_window_bits=",
                                      "; server_max_window_bits= ",
                                      "; server_max_window_bits=\"\"",
                                      "; server_max_window_bits=\"",
                                      "; server_max_window_bits=\"10",
                                      "; server_max_window_bits=\"10\\",
                                      "; server_max_window_bits=\"1 0\"",
                                      "; server_max_window_bits==10",
                                      "; client_max_window_bits=;",
                                      "; client_no_context_takeover;",
                                      "; server_no_context_takeover=",
                                      "; \"server_no_context_takeover\"",
                                      ";;server_no_context_takeover",
                                      "; server_no_context_takeover;;"}) {
    CAPTURE(text);
    CHECK(parse(text, false).error() == error::extensions_malformed);
    CHECK(parse(text, true).error() == error::extensions_malformed);
    CHECK(judge_offer(text).error() == error::extensions_malformed);
    CHECK(judge_answer(text).error() == error::extensions_malformed);
  }
}

TEST_CASE("deflate_offer: no byte behind the parameters is read, wherever they end", "[deflate_offer]") {
  const std::string text =
      "; server_max_window_bits=\"\\1\\0\" ; client_no_context_takeover; client_max_window_bits = 12 ; "
      "server_no_context_takeover ";
  for (std::size_t size = 0; size <= text.size(); ++size) {
    for (const bool answer : {false, true}) (void)parse(std::string_view(text).substr(0, size), answer);
  }
  CHECK(parse(text, true));
}

TEST_CASE("deflate_offer: the server's judgement and answer for every offer and all own options",
          "[deflate_offer][7.1]") {
  std::string wrong;
  std::size_t accepted = 0;
  std::size_t declined = 0;
  const auto servers = all_options(role::server);
  for (const wording& offer : all_wordings(true)) {
    const std::string parameters = offer.text();
    for (const deflate_options& own : servers) {
      // What RFC 7692 §7.1 leads to: the smaller window of both, no takeover if one of both wishes it.
      deflate_agreement expected;
      expected.server_no_context_takeover = offer.server_alone || own.server_no_context_takeover;
      expected.client_no_context_takeover = offer.client_alone || own.client_no_context_takeover;
      const int server_limit = offer.server_bits == absent ? 15 : offer.server_bits;
      const int client_limit = offer.client_bits < 8 ? 15 : offer.client_bits;
      expected.server_max_window_bits =
          static_cast<std::uint8_t>(std::min<int>(server_limit, own.server_max_window_bits));
      expected.client_max_window_bits =
          static_cast<std::uint8_t>(std::min<int>(client_limit, own.client_max_window_bits));
      const bool acceptable =
          offer.server_bits != 8 && (offer.client_bits != absent || own.client_max_window_bits == 15);

      std::string text = "permessage-deflate";
      if (expected.server_no_context_takeover) text += "; server_no_context_takeover";
      if (expected.client_no_context_takeover) text += "; client_no_context_takeover";
      if (offer.server_bits != absent || expected.server_max_window_bits != 15) {
        text += "; server_max_window_bits=" + std::to_string(expected.server_max_window_bits);
      }
      if (expected.client_max_window_bits != 15) {
        text += "; client_max_window_bits=" + std::to_string(expected.client_max_window_bits);
      }

      const auto agreed = judge_deflate_offer(parameters, own);
      const bool right = acceptable
                             ? agreed && *agreed == expected && write_deflate_answer(parameters, *agreed).view() == text
                             : agreed.error() == error::deflate_window_refused;
      if (!right) wrong += parameters + " | ";
      (acceptable ? accepted : declined) += 1;
    }
  }
  CHECK(wrong.substr(0, 200).empty());
  CHECK(accepted == 4 * 8 * (9 * 224 + 28));
  CHECK(declined == 4 * (10 * 224 + 8 * (224 - 28)));
}

TEST_CASE("deflate_offer: no answer says more than was offered", "[deflate_offer][7.1.2.1][7.1.2.2]") {
  // Invariant: the answer's windows are not larger than the offer's, and the client's is there only if it was offered.
  std::string wrong;
  const auto servers = all_options(role::server);
  for (const wording& offer : all_wordings(true)) {
    const std::string offered = offer.text();
    for (const deflate_options& own : servers) {
      const auto agreed = judge_deflate_offer(offered, own);
      if (!agreed) continue;
      const deflate_text answer = write_deflate_answer(offered, *agreed);
      const auto value = [&](std::string_view name) {
        const std::size_t at = answer.view().find(name);
        return at == std::string_view::npos ? absent : std::stoi(std::string(answer.view().substr(at + name.size())));
      };
      const int server = value("server_max_window_bits=");
      const int client = value("client_max_window_bits=");
      const bool right =
          (offer.server_bits == absent || (server != absent && server <= offer.server_bits)) &&
          (client == absent || offer.client_bits != absent) &&
          (offer.client_bits < 8 || offer.client_bits == 15 || (client != absent && client <= offer.client_bits)) &&
          server != 8 &&
          (!offer.server_alone || answer.view().find("server_no_context_takeover") != std::string_view::npos);
      if (!right) wrong += offered + " -> " + std::string(answer.view()) + " | ";
    }
  }
  CHECK(wrong.substr(0, 200).empty());
}

TEST_CASE("deflate_offer: a server whose own options do not suit it accepts nothing", "[deflate_offer]") {
  for (const deflate_options& own :
       {deflate_options{.server_max_window_bits = 8}, deflate_options{.server_max_window_bits = 0},
        deflate_options{.server_max_window_bits = 16}, deflate_options{.client_max_window_bits = 7},
        deflate_options{.client_max_window_bits = 16}, deflate_options{.client_max_window_bits = 255}}) {
    for (const wording& offer : all_wordings(true)) {
      if (judge_offer(offer.text(), own).error() != error::deflate_options_invalid) FAIL_CHECK(offer.text());
    }
  }
}

TEST_CASE("deflate_offer: the client's offer says what differs from the defaults", "[deflate_offer][7.1]") {
  for (const deflate_options& own : all_options(role::client)) {
    std::string text = "permessage-deflate";
    if (own.server_no_context_takeover) text += "; server_no_context_takeover";
    if (own.client_no_context_takeover) text += "; client_no_context_takeover";
    if (own.server_max_window_bits != 15) {
      text += "; server_max_window_bits=" + std::to_string(own.server_max_window_bits);
    }
    text += own.client_max_window_bits == 15 ? "; client_max_window_bits"
                                             : "; client_max_window_bits=" + std::to_string(own.client_max_window_bits);
    CHECK(write_deflate_offer(own).view() == text);
  }
}

TEST_CASE("deflate_offer: the client's judgement of every answer for all own options", "[deflate_offer][7.1]") {
  std::string wrong;
  std::size_t accepted = 0;
  const auto clients = all_options(role::client);
  for (const wording& answer : all_wordings(false)) {
    const std::string parameters = answer.text();
    for (const deflate_options& own : clients) {
      const int server = answer.server_bits == absent ? 15 : answer.server_bits;
      const int client = answer.client_bits == absent ? own.client_max_window_bits : answer.client_bits;
      error expected = error::none;
      if (server > own.server_max_window_bits || client > own.client_max_window_bits) {
        expected = error::deflate_window_refused;
      }
      if (own.server_no_context_takeover && !answer.server_alone) expected = error::deflate_takeover_refused;

      const auto agreed = judge_deflate_answer(parameters, own);
      bool right = agreed.error() == expected;
      if (expected == error::none) {
        right = right &&
                *agreed == deflate_agreement{answer.server_alone, answer.client_alone || own.client_no_context_takeover,
                                             static_cast<std::uint8_t>(server), static_cast<std::uint8_t>(client)};
        ++accepted;
      }
      if (!right) wrong += parameters + " | ";
    }
  }
  CHECK(wrong.substr(0, 200).empty());
  // Of the flags 12 of 16 pairs, of the server's windows 1 + 36 of 72, of the client's 7 + 35 of 63.
  CHECK(accepted == 12U * (1 + 36) * (7 + 35));
}

TEST_CASE("deflate_offer: what one end writes the other accepts, and both hold the same agreement",
          "[deflate_offer][5.1]") {
  std::string wrong;
  std::size_t agreements = 0;
  std::size_t refusals = 0;
  const auto servers = all_options(role::server);
  for (const deflate_options& client : all_options(role::client)) {
    const deflate_text offer = write_deflate_offer(client);
    const std::string_view offered = parameters_of(offer);
    for (const deflate_options& server : servers) {
      const auto there = judge_deflate_offer(offered, server);
      if (!there) {
        // The only thing that a server cannot do for our client is to compress with a window of 8.
        if (client.server_max_window_bits != 8 || there.error() != error::deflate_window_refused) wrong += "declined ";
        ++refusals;
        continue;
      }
      const deflate_text answer = write_deflate_answer(offered, *there);
      const auto here = judge_deflate_answer(answer.view().substr(18), client);
      const bool right = here && *here == *there && there->server_max_window_bits <= client.server_max_window_bits &&
                         there->server_max_window_bits <= server.server_max_window_bits &&
                         there->client_max_window_bits <= client.client_max_window_bits &&
                         there->client_max_window_bits <= server.client_max_window_bits;
      if (!right) wrong += std::string(offer.view()) + " -> " + std::string(answer.view()) + " | ";
      ++agreements;
    }
  }
  CHECK(wrong.substr(0, 200).empty());
  CHECK(agreements == 224U * 224 * 7 / 8);
  CHECK(refusals == 224U * 224 / 8);
}

TEST_CASE("deflate_offer: the longest offer and the longest answer have room", "[deflate_offer]") {
  constexpr std::string_view longest =
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=14; "
      "client_max_window_bits=14";
  constexpr deflate_options own{14, 14, true, true};
  CHECK(write_deflate_offer(own).view() == longest);
  CHECK(write_deflate_answer("", {true, true, 14, 14}).view() == longest);
}

TEST_CASE("deflate_offer: server_max_window_bits is answered if it was offered, the largest window too",
          "[deflate_offer][7.1.2.1]") {
  CHECK(write_deflate_answer("; server_max_window_bits=15", {}).view() ==
        "permessage-deflate; server_max_window_bits=15");
  CHECK(write_deflate_answer("; client_max_window_bits=15", {}).view() == "permessage-deflate");
  CHECK(write_deflate_answer("; client_max_window_bits", {}).view() == "permessage-deflate");
  CHECK(write_deflate_answer("", {}).view() == "permessage-deflate");
}

TEST_CASE("deflate_offer: a window of 8 is inflated with and not compressed with", "[deflate_offer][7.1.2]") {
  CHECK(judge_offer("; server_max_window_bits=8").error() == error::deflate_window_refused);
  CHECK(judge_offer("; server_max_window_bits=8", {.server_max_window_bits = 9}).error() ==
        error::deflate_window_refused);
  CHECK(judge_offer("; client_max_window_bits=8")->client_max_window_bits == 8);
  CHECK(judge_offer("; client_max_window_bits", {.client_max_window_bits = 8})->client_max_window_bits == 8);
  CHECK(judge_answer("; server_max_window_bits=8", {.server_max_window_bits = 8})->server_max_window_bits == 8);
  CHECK(judge_answer("; server_max_window_bits=8")->server_max_window_bits == 8);
  // Such a client sends its messages as they are.
  CHECK(judge_answer("; client_max_window_bits=8")->client_max_window_bits == 8);
}
