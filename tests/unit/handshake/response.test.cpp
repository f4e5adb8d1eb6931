#include "sansocket/handshake/response.hpp"

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "exact_buffer.hpp"
#include "sansocket/core/error_info.hpp"

using namespace sansocket;
using sansocket::tests::exact_buffer;

namespace {

constexpr std::array<std::string_view, 2> chats{"chat", "superchat"};
constexpr std::string_view sample_accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
constexpr websocket_accept wanted = [] {
  websocket_accept accept;
  sample_accept.copy(accept.characters.data(), accept.characters.size());
  return accept;
}();

using header_list = std::vector<std::pair<std::string, std::string>>;

/// A response that is accepted, to be broken by the tests.
struct parsed_response {
  http_version version = 11;
  std::uint16_t status = 101;
  header_list headers = {
      {"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {"Sec-WebSocket-Accept", std::string(sample_accept)}};

  parsed_response without(std::string_view name) && {
    std::erase_if(headers, [&](const auto& header) { return header.first == name; });
    return std::move(*this);
  }
  parsed_response with(std::string name, std::string value) && {
    headers.emplace_back(std::move(name), std::move(value));
    return std::move(*this);
  }
  parsed_response having(std::string_view name, std::string value) && {
    return std::move(*this).without(name).with(std::string(name), std::move(value));
  }
};

result<std::string_view> judge(const parsed_response& response, std::span<const std::string_view> offered = chats) {
  const auto terms = check_response(response.version, response.status, response.headers, wanted, offered);
  if (!terms) return terms.error();
  return terms->subprotocol;
}

error error_of(const parsed_response& response) { return judge(response).error(); }

using constant_fields = std::array<std::pair<std::string_view, std::string_view>, 4>;
constexpr constant_fields constant{{{"Upgrade", "websocket"},
                                    {"Connection", "Upgrade"},
                                    {"Sec-WebSocket-Accept", sample_accept},
                                    {"Sec-WebSocket-Protocol", "chat"}}};
static_assert(check_response(11, 101, constant, wanted, chats)->subprotocol == "chat");
static_assert(check_response(11, 200, constant, wanted, chats).error() == error::status_not_101);

/// A header type that is no range at all.
struct odd_headers {
  const header_list* headers;
};

}  // namespace

template <>
struct sansocket::field_access<odd_headers> {
  static void for_each(const odd_headers& source, auto&& visit) {
    for (const auto& [name, value] : *source.headers) visit(std::string_view(name), std::string_view(value));
  }
};

TEST_CASE("response: accepts what confirms the upgrade", "[response][4.1]") {
  const auto subprotocol = judge({});
  REQUIRE(subprotocol);
  CHECK(subprotocol->empty());
}

TEST_CASE("response: gives the subprotocol as it was offered", "[response][4.1]") {
  const auto subprotocol = judge(parsed_response().with("Sec-WebSocket-Protocol", "superchat"));
  REQUIRE(subprotocol);
  CHECK(subprotocol->data() == chats[1].data());
}

TEST_CASE("response: every broken rule has an error of its own", "[response][4.1]") {
  struct refusal_case {
    parsed_response response;
    error reason;
  };
  using res = parsed_response;
  const std::string accept(sample_accept);
  const std::array cases{
      refusal_case{{.version = 10}, error::response_version_unsupported},
      refusal_case{{.version = 20}, error::response_version_unsupported},
      refusal_case{{.version = "HTTP/0.9"}, error::response_version_unsupported},
      refusal_case{{.status = 200}, error::status_not_101},
      refusal_case{{.status = 100}, error::status_not_101},
      refusal_case{{.status = 102}, error::status_not_101},
      refusal_case{{.status = 426}, error::status_not_101},
      refusal_case{res().without("Upgrade"), error::upgrade_not_confirmed},
      refusal_case{res().having("Upgrade", ""), error::upgrade_not_confirmed},
      refusal_case{res().having("Upgrade", "h2c"), error::upgrade_not_confirmed},
      refusal_case{res().having("Upgrade", "websocket/13"), error::upgrade_not_confirmed},
      refusal_case{res().having("Upgrade", "websocket, h2c"), error::upgrade_not_confirmed},
      refusal_case{res().with("Upgrade", "h2c"), error::upgrade_not_confirmed},
      refusal_case{res().without("Connection"), error::connection_not_confirmed},
      refusal_case{res().having("Connection", ""), error::connection_not_confirmed},
      refusal_case{res().having("Connection", "close"), error::connection_not_confirmed},
      refusal_case{res().having("Connection", "Upgraded"), error::connection_not_confirmed},
      refusal_case{res().having("Connection", "keep-alive Upgrade"), error::connection_not_confirmed},
      refusal_case{res().without("Sec-WebSocket-Accept"), error::accept_missing},
      refusal_case{res().with("Sec-WebSocket-Accept", accept), error::accept_repeated},
      refusal_case{res().having("Sec-WebSocket-Accept", ""), error::accept_mismatch},
      refusal_case{res().having("Sec-WebSocket-Accept", "S3pPLMBiTxaQ9kYGzzhZRbK+xOo="), error::accept_mismatch},
      refusal_case{res().having("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo"), error::accept_mismatch},
      refusal_case{res().having("Sec-WebSocket-Accept", accept + "="), error::accept_mismatch},
      refusal_case{res().having("Sec-WebSocket-Accept", accept + ", x"), error::accept_mismatch},
      refusal_case{res().having("Sec-WebSocket-Accept", "dGhlIHNhbXBsZSBub25jZQ=="), error::accept_mismatch},
      refusal_case{res().with("Sec-WebSocket-Extensions", "permessage-deflate"), error::extension_not_offered},
      refusal_case{res().with("Sec-WebSocket-Extensions", "foo; bar"), error::extension_not_offered},
      refusal_case{res().with("Sec-WebSocket-Extensions", ";"), error::extensions_malformed},
      refusal_case{res().with("Sec-WebSocket-Extensions", "permessage-deflate;"), error::extensions_malformed},
      refusal_case{res().with("Sec-WebSocket-Protocol", "chat").with("Sec-WebSocket-Protocol", "chat"),
                   error::subprotocol_repeated},
      refusal_case{res().with("Sec-WebSocket-Protocol", "soap"), error::subprotocol_not_offered},
      refusal_case{res().with("Sec-WebSocket-Protocol", "Chat"), error::subprotocol_not_offered},
      refusal_case{res().with("Sec-WebSocket-Protocol", "chat, superchat"), error::subprotocol_not_offered},
      refusal_case{res().with("Sec-WebSocket-Protocol", ""), error::subprotocol_not_offered},
  };
  for (const auto& [response, reason] : cases) {
    CAPTURE(response.status, response.headers.back().first, response.headers.back().second);
    CHECK(name(error_of(response)) == name(reason));
  }
}

TEST_CASE("response: a subprotocol that nobody offered is refused", "[response][4.1]") {
  CHECK(judge(parsed_response().with("Sec-WebSocket-Protocol", "chat"), {}).error() == error::subprotocol_not_offered);
  CHECK(judge(parsed_response().with("Sec-WebSocket-Protocol", ""), {}).error() == error::subprotocol_not_offered);
}

TEST_CASE("response: of several broken rules the first one of §4.1 is told", "[response][4.1]") {
  // Invariant: with two rules broken, the error is that of the one which comes first in this list.
  struct breach {
    error reason;
    int subject;  // breaches of one subject cannot be had together
    std::function<parsed_response(parsed_response&&)> commit;
  };
  using res = parsed_response;
  const std::vector<breach> breaches{
      {error::response_version_unsupported, 0, [](res&& r) { return r.version = 10, std::move(r); }},
      {error::status_not_101, 1, [](res&& r) { return r.status = 403, std::move(r); }},
      {error::upgrade_not_confirmed, 2, [](res&& r) { return std::move(r).without("Upgrade"); }},
      {error::connection_not_confirmed, 3, [](res&& r) { return std::move(r).without("Connection"); }},
      {error::accept_missing, 4, [](res&& r) { return std::move(r).without("Sec-WebSocket-Accept"); }},
      {error::accept_repeated, 4, [](res&& r) { return std::move(r).with("Sec-WebSocket-Accept", "x"); }},
      {error::accept_mismatch, 4, [](res&& r) { return std::move(r).having("Sec-WebSocket-Accept", "x"); }},
      {error::extension_not_offered, 5, [](res&& r) { return std::move(r).with("Sec-WebSocket-Extensions", "x"); }},
      {error::subprotocol_repeated, 6,
       [](res&& r) { return std::move(r).with("Sec-WebSocket-Protocol", "a").with("Sec-WebSocket-Protocol", "b"); }},
      {error::subprotocol_not_offered, 6, [](res&& r) { return std::move(r).with("Sec-WebSocket-Protocol", "a"); }},
  };
  for (const breach& one : breaches) {
    CHECK(error_of(one.commit({})) == one.reason);
    for (const breach& other : breaches) {
      if (one.subject == other.subject) continue;
      CAPTURE(name(one.reason), name(other.reason));
      const error first = &one < &other ? one.reason : other.reason;
      CHECK(name(error_of(one.commit(other.commit({})))) == name(first));
    }
  }
}

TEST_CASE("response: names and the values of Upgrade and Connection are compared without case", "[response][4.1]") {
  CHECK(judge({.headers = {{"uPGRADE", "WebSocket"},
                           {"CONNECTION", "uPgRaDe"},
                           {"sec-websocket-ACCEPT", std::string(sample_accept)}}}));
}

TEST_CASE("response: Connection is a list, over several lines too", "[response][4.1]") {
  CHECK(judge(parsed_response().having("Connection", "keep-alive,upgrade")));
  CHECK(judge(parsed_response().having("Connection", "keep-alive").with("Connection", "Upgrade")));
  CHECK(judge(parsed_response().having("Connection", "Upgrade").with("Connection", "keep-alive")));
}

TEST_CASE("response: white space around the values is no part of them", "[response][4.1]") {
  CHECK(judge(parsed_response()
                  .having("Upgrade", " websocket\t")
                  .having("Connection", " Upgrade ")
                  .having("Sec-WebSocket-Accept", "\t" + std::string(sample_accept) + "  ")
                  .with("Sec-WebSocket-Protocol", " chat ")));
}

TEST_CASE("response: other fields change nothing", "[response][4.1]") {
  CHECK(judge(parsed_response().with("Set-Cookie", "a=b").with("Sec-WebSocket-Version", "13").with("Server", "x")));
}

TEST_CASE("response: HTTP versions from 1.1 on, below 2, confirm", "[response][4.1]") {
  CHECK(judge({.version = "HTTP/1.1"}));
  CHECK(judge({.version = "1.2"}));
}

TEST_CASE("response: takes header fields in any type", "[response]") {
  const header_list headers = parsed_response().with("Sec-WebSocket-Protocol", "chat").headers;
  const auto accepts = [](const auto& source) {
    const auto terms = check_response(11, 101, source, wanted, chats);
    return terms && terms->subprotocol == "chat";
  };
  CHECK(accepts(headers));
  CHECK(accepts(std::multimap<std::string, std::string>(headers.begin(), headers.end())));
  CHECK(accepts(constant));
  CHECK(accepts(odd_headers{&headers}));
  CHECK_FALSE(accepts(header_list()));
}

TEST_CASE("response: reads no byte outside the fields' values", "[response]") {
  const auto exact = [](std::string_view text) { return exact_buffer(text); };
  const std::array values{exact("websocket"), exact("Upgrade"), exact(sample_accept), exact("chat"), exact("")};
  const std::array names{exact("Upgrade"), exact("Connection"), exact("Sec-WebSocket-Accept"),
                         exact("Sec-WebSocket-Protocol"), exact("S")};
  std::vector<field> fields;
  for (std::size_t i = 0; i < names.size(); ++i)
    fields.push_back({text_of(names[i].view()), text_of(values[i].view())});
  CHECK(check_response(11, 101, fields, wanted, chats)->subprotocol == "chat");
}

namespace {

/// What a client that offered permessage-deflate, or not, makes of a response with those fields.
result<response_terms> judge_extensions(const std::vector<std::string_view>& values,
                                        const std::optional<deflate_options>& offered) {
  parsed_response response;
  for (const std::string_view value : values) {
    response = std::move(response).with("Sec-WebSocket-Extensions", std::string(value));
  }
  return check_response(response.version, response.status, response.headers, wanted, chats, offered);
}

const std::optional<deflate_options> offered_plain{deflate_options{}};

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> constant_deflate{
    {{"Upgrade", "websocket"},
     {"Connection", "Upgrade"},
     {"Sec-WebSocket-Accept", sample_accept},
     {"Sec-WebSocket-Extensions", "permessage-deflate; server_max_window_bits=10"}}};
static_assert(check_response(11, 101, constant_deflate, wanted, {}, deflate_options{})->deflate ==
              deflate_agreement{.server_max_window_bits = 10});
static_assert(check_response(11, 101, constant_deflate, wanted, {}).error() == error::extension_not_offered);

}  // namespace

TEST_CASE("response: says how messages may be compressed, if the server accepted the offer", "[response][deflate]") {
  const auto none = judge_extensions({}, offered_plain);
  REQUIRE(none);
  CHECK_FALSE(none->deflate);
  const auto plain = judge_extensions({"permessage-deflate"}, offered_plain);
  REQUIRE(plain);
  CHECK(plain->deflate == deflate_agreement{});
  const auto all = judge_extensions({"permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
                                     "server_max_window_bits=\"8\"; client_max_window_bits=9"},
                                    offered_plain);
  REQUIRE(all);
  CHECK(all->deflate == deflate_agreement{true, true, 8, 9});
  CHECK(judge_extensions({" ,permessage-deflate ; server_max_window_bits = 9 ,"}, offered_plain)->deflate ==
        deflate_agreement{.server_max_window_bits = 9});
}

TEST_CASE("response: what the client wished for itself holds whatever the answer says", "[response][deflate]") {
  const std::optional<deflate_options> own{
      deflate_options{.client_max_window_bits = 10, .client_no_context_takeover = true}};
  const auto terms = judge_extensions({"permessage-deflate"}, own);
  REQUIRE(terms);
  CHECK(terms->deflate == deflate_agreement{.client_no_context_takeover = true, .client_max_window_bits = 10});
}

TEST_CASE("response: an answer about compression can be wrong in many ways", "[response][deflate]") {
  const deflate_options narrow{
      .server_max_window_bits = 10, .client_max_window_bits = 11, .server_no_context_takeover = true};
  struct wrong {
    std::vector<std::string_view> fields;
    std::optional<deflate_options> own;
    error reason;
  };
  for (const auto& [fields, own, reason] : {
           wrong{{"permessage-deflate"}, std::nullopt, error::extension_not_offered},
           wrong{{"foo"}, offered_plain, error::extension_not_offered},
           wrong{{"Permessage-Deflate"}, offered_plain, error::extension_not_offered},
           wrong{{"permessage-deflate, foo"}, offered_plain, error::extension_not_offered},
           wrong{{"foo, permessage-deflate"}, offered_plain, error::extension_not_offered},
           wrong{{"permessage-deflate", "foo; bar"}, offered_plain, error::extension_not_offered},
           wrong{{"foo; bar", "permessage-deflate"}, offered_plain, error::extension_not_offered},
           wrong{{"permessage-deflate, permessage-deflate"}, offered_plain, error::extension_repeated},
           wrong{{"permessage-deflate", "permessage-deflate; a"}, offered_plain, error::extension_repeated},
           wrong{{"permessage-deflate; foo"}, offered_plain, error::deflate_parameter_unknown},
           wrong{{"permessage-deflate; server_max_window_bits=10; server_max_window_bits=10"},
                 offered_plain,
                 error::deflate_parameter_repeated},
           wrong{{"permessage-deflate; server_max_window_bits=16"}, offered_plain, error::deflate_value_invalid},
           wrong{{"permessage-deflate; client_max_window_bits"}, offered_plain, error::deflate_value_invalid},
           wrong{{"permessage-deflate; client_no_context_takeover=1"}, offered_plain, error::deflate_value_invalid},
           wrong{{"permessage-deflate; server_no_context_takeover; server_max_window_bits=11"},
                 narrow,
                 error::deflate_window_refused},
           wrong{{"permessage-deflate; server_no_context_takeover"}, narrow, error::deflate_window_refused},
           wrong{
               {"permessage-deflate; server_no_context_takeover; server_max_window_bits=9; client_max_window_bits=12"},
               narrow,
               error::deflate_window_refused},
           wrong{{"permessage-deflate; server_max_window_bits=9"}, narrow, error::deflate_takeover_refused},
           wrong{{"permessage-deflate;"}, offered_plain, error::extensions_malformed},
           wrong{{"permessage-deflate; a="}, offered_plain, error::extensions_malformed},
           wrong{{"permessage-deflate", "permessage-deflate; ;"}, offered_plain, error::extensions_malformed},
       }) {
    CAPTURE(fields.front(), name(reason));
    const auto terms = judge_extensions(fields, own);
    CHECK_FALSE(terms);
    CHECK(name(terms.error()) == name(reason));
  }
}

TEST_CASE("response: a list of extensions without an extension is malformed", "[response][deflate][9.1]") {
  for (const std::string_view empty : {"", " ", "\t", ",", " , ,"}) {
    CAPTURE(empty);
    CHECK(name(judge_extensions({empty}, offered_plain).error()) == "extensions_malformed");
    CHECK(name(judge_extensions({empty}, std::nullopt).error()) == "extensions_malformed");
    CHECK(name(judge_extensions({"permessage-deflate", empty}, offered_plain).error()) == "extensions_malformed");
  }
}

TEST_CASE("response: the first wrong element of the extensions is told", "[response][deflate]") {
  CHECK(judge_extensions({"foo, permessage-deflate, permessage-deflate"}, offered_plain).error() ==
        error::extension_not_offered);
  CHECK(judge_extensions({"permessage-deflate, permessage-deflate, foo"}, offered_plain).error() ==
        error::extension_repeated);
  CHECK(judge_extensions({"permessage-deflate, ;", "foo"}, offered_plain).error() == error::extensions_malformed);
  CHECK(judge_extensions({"foo", "permessage-deflate, ;"}, offered_plain).error() == error::extension_not_offered);
}

TEST_CASE("response: extensions are judged behind the accept and before the subprotocol", "[response][deflate]") {
  using res = parsed_response;
  const auto error_with = [](const parsed_response& response) {
    return check_response(response.version, response.status, response.headers, wanted, chats, offered_plain).error();
  };
  for (const auto& [value, reason] : {std::pair{"permessage-deflate; foo", error::deflate_parameter_unknown},
                                      {"foo", error::extension_not_offered}}) {
    const auto response = res().with("Sec-WebSocket-Extensions", value);
    CHECK(error_with(res(response).having("Sec-WebSocket-Accept", "x")) == error::accept_mismatch);
    CHECK(error_with(res(response).with("Sec-WebSocket-Protocol", "soap")) == reason);
  }
  const auto both = res().with("Sec-WebSocket-Extensions", "permessage-deflate").with("Sec-WebSocket-Protocol", "chat");
  const auto terms = check_response(both.version, both.status, both.headers, wanted, chats, offered_plain);
  REQUIRE(terms);
  CHECK(terms->subprotocol == "chat");
  CHECK(terms->deflate == deflate_agreement{});
  CHECK(error_with(res(both).having("Sec-WebSocket-Protocol", "soap")) == error::subprotocol_not_offered);
}

TEST_CASE("response: the agreement does not view the answer", "[response][deflate]") {
  const std::string answer = "permessage-deflate; server_max_window_bits=\"\\1\\0\" ; client_no_context_takeover ";
  for (std::size_t size = 0; size <= answer.size(); ++size) {
    const exact_buffer value(std::string_view(answer).substr(0, size));
    const std::vector<field> fields{{"Upgrade", "websocket"},
                                    {"Connection", "Upgrade"},
                                    {"Sec-WebSocket-Accept", sample_accept},
                                    {"Sec-WebSocket-Extensions", text_of(value.view())}};
    const auto terms = check_response(11, 101, fields, wanted, {}, offered_plain);
    if (size != answer.size()) continue;
    CHECK(terms->deflate == deflate_agreement{.client_no_context_takeover = true, .server_max_window_bits = 10});
  }
}
