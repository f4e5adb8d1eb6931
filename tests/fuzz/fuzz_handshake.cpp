// Invariant: whatever bytes come, a handshake's verdict, its answer and what it leaves for the connection do not
// depend on how they were cut, and an answer is a head that can be read again.
#include "sansocket/handshake/server.hpp"

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include "fixed_random.hpp"
#include "head_recording.hpp"
#include "require.hpp"
#include "sansocket/crypto/openssl.hpp"
#include "sansocket/handshake/client.hpp"
#include "sansocket/http/head.hpp"

using namespace sansocket;
using namespace sansocket::tests;

namespace {

constexpr std::string_view subprotocols[] = {"chat", "superchat"};

struct setup {
  bool ends;
  unsigned seed;
  head_limits limits;
};

/// Runs `judge(sizes)` on the whole stream and on cuts of it.
template <class Judge>
head_recording in_all_cuts(const setup& how, Judge judge) {
  const head_recording wanted = judge([](std::size_t rest) { return rest; });
  require(judge([](std::size_t) { return std::size_t{1}; }) == wanted, "bytes may come one by one");
  std::minstd_rand random(how.seed + 1);
  require(judge([&](std::size_t) { return 1 + random() % (2 + how.seed); }) == wanted, "cuts do not matter");
  return wanted;
}

template <class Buffer>
void run_server(std::string_view stream, const setup& how) {
  const server_options options{.subprotocols = subprotocols, .head = how.limits};
  const head_recording seen = in_all_cuts(how, [&](auto sizes) {
    basic_server_handshake<openssl_sha1, Buffer> handshake(options);
    return record_server(handshake, stream, sizes, how.ends);
  });
  require(!how.ends || seen.decided, "there is a verdict at the transport's end");
  require(seen.accepted == (seen.decided && seen.verdict == error::none), "a verdict has a reason if it is a refusal");
  if (seen.answer.empty()) return;
  std::string_view answer = seen.answer;
  const auto head = parse_response_head(answer);
  require(head.complete() && head->status == seen.status, "the answer is a head");
  require((head->status == 101) == seen.accepted, "101 is the acceptance");
  if (seen.accepted) require(answer.empty(), "an acceptance has no body");
}

template <class Buffer>
void run_client(std::string_view stream, const setup& how) {
  const client_options options{.subprotocols = subprotocols, .head = how.limits, .refusal_body = 30};
  const head_recording seen = in_all_cuts(how, [&](auto sizes) {
    basic_client_handshake<counting_random, openssl_sha1, Buffer> handshake("ws://a/", options);
    const head_recording recorded = record_client(handshake, stream, sizes, how.ends);
    // Where a redirect leads to is the server's to say; it must be a sound request in any case.
    if (handshake.status() != client_status::redirected) return recorded;
    const auto next = handshake.follow();
    std::string_view request = text_of(next.request());
    const bool sound = parse_request_head(request).complete() && request.empty();
    require(next.error() != error::none || sound, "a redirect is followed by a request");
    return recorded;
  });
  require(!how.ends || seen.decided, "there is a verdict at the transport's end");
  require(seen.accepted == (seen.decided && seen.verdict == error::none), "a verdict has a reason if it is a refusal");
  require(seen.answer.size() <= options.refusal_body, "a refusal's body obeys its limit");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const unsigned choices = data[0];
  setup how{.ends = (choices & 4U) != 0, .seed = data[1], .limits = {}};
  if ((choices & 8U) != 0) how.limits = {.bytes = 230, .fields = 7};
  const exact_buffer stream(const_bytes(std::as_bytes(std::span(data, size))).subspan(2));
  const std::string_view text = text_of(stream.view());
  const bool fixed = (choices & 2U) != 0;
  if ((choices & 1U) != 0) fixed ? run_client<inplace_buffer<250>>(text, how) : run_client<heap_buffer>(text, how);
  else fixed ? run_server<inplace_buffer<250>>(text, how) : run_server<heap_buffer>(text, how);
  return 0;
}
