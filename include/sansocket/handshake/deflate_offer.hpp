// How permessage-deflate is offered and answered, as text (RFC 7692 §5.1, §7.1).
#ifndef SANSOCKET_HANDSHAKE_DEFLATE_OFFER_HPP
#define SANSOCKET_HANDSHAKE_DEFLATE_OFFER_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "sansocket/core/agreement.hpp"
#include "sansocket/core/result.hpp"
#include "sansocket/core/role.hpp"
#include "sansocket/handshake/extension_list.hpp"

namespace sansocket {

inline constexpr std::string_view permessage_deflate_name = "permessage-deflate";

/// What one end wishes for: smaller windows and no context takeover take less memory and compress less.
/// A client says in its offer whether it can be asked for a smaller window; a server that wants one
/// (client_max_window_bits below 15) declines the offers of those that cannot.
struct deflate_options {
  std::uint8_t server_max_window_bits = 15;  ///< 9 to 15; 8 too in a client, which only inflates with it
  std::uint8_t client_max_window_bits = 15;  ///< 9 to 15; 8 too in a server, which only inflates with it
  bool server_no_context_takeover = false;
  bool client_no_context_takeover = false;

  /// The window bits are what `own` role can compress and inflate with.
  constexpr bool valid_for(role own) const noexcept {
    const std::uint8_t compressed = own == role::server ? server_max_window_bits : client_max_window_bits;
    const std::uint8_t inflated = own == role::server ? client_max_window_bits : server_max_window_bits;
    return compressed >= 9 && compressed <= 15 && inflated >= 8 && inflated <= 15;
  }
};

/// The text of an offer or an answer, held in place.
class deflate_text {
 public:
  constexpr std::string_view view() const noexcept { return {text_.data(), size_}; }

  constexpr deflate_text& add(std::string_view words) noexcept {
    for (const char c : words) text_[size_++] = c;
    return *this;
  }
  constexpr deflate_text& add(std::string_view words, std::uint8_t bits) noexcept {
    add(words);
    if (bits > 9) add("1");
    text_[size_++] = static_cast<char>('0' + (bits % 10));
    return *this;
  }

 private:
  std::array<char, 136> text_{};  // the longest answer has 128 characters
  std::uint8_t size_ = 0;
};

/// What an offer or an answer says, as it was written.
struct deflate_parameters {
  bool server_no_context_takeover = false;
  bool client_no_context_takeover = false;
  std::uint8_t server_max_window_bits = 0;  ///< 0 if it is not there
  std::uint8_t client_max_window_bits = 0;  ///< 0 if it is not there
  bool client_window_without_value = false;
};

/// Reads the parameters of one permessage-deflate extension.
/// Takes:  extension::parameters; `answer` says that they are a server's answer, where every window has a value.
/// Errors: extensions_malformed, deflate_parameter_unknown, deflate_parameter_repeated, deflate_value_invalid.
/// Source: RFC 7692 §7: "an extension parameter with an invalid value", "multiple extension parameters with
///         the same name", "an extension parameter not defined for use in" it.
constexpr result<deflate_parameters> parse_deflate_parameters(std::string_view parameters, bool answer) noexcept;

/// The server's side: judges one offer.
/// Gives:  what is agreed.
/// Errors: those of parse_deflate_parameters; deflate_window_refused if the windows do not suit. The offer
///         is then declined, which is no fault of the handshake. deflate_options_invalid: own options do
///         not suit a server; no offer is ever accepted then.
/// Source: RFC 7692 §7.1.
constexpr result<deflate_agreement> judge_deflate_offer(std::string_view parameters,
                                                        const deflate_options& own) noexcept;

/// The server's answer to the offer that it accepts.
/// Takes: the offer's parameters, so that nothing is answered that was not asked for.
constexpr deflate_text write_deflate_answer(std::string_view offered, const deflate_agreement& agreed) noexcept;

/// The client's offer.
constexpr deflate_text write_deflate_offer(const deflate_options& own) noexcept;

/// The client's side: judges the answer to its offer.
/// Errors: those of parse_deflate_parameters; deflate_window_refused and deflate_takeover_refused if the
///         answer does not keep to the offer. The handshake then fails.
/// Source: RFC 7692 §7.1.
constexpr result<deflate_agreement> judge_deflate_answer(std::string_view parameters,
                                                         const deflate_options& own) noexcept;

namespace detail {

/// RFC 7692 §7.1.2.1: "a decimal integer value without leading zeroes between 8 to 15 inclusive"; 0 for all else.
constexpr std::uint8_t parse_window_bits(std::string_view value) noexcept {
  std::uint8_t bits = 0;
  for (const char c : value) {
    if (c == '\\') continue;  // an escape in a quoted string; a token has none
    if (c < '0' || c > '9' || (bits == 0 && c == '0')) return 0;
    bits = static_cast<std::uint8_t>((10 * bits) + (c - '0'));
    if (bits > 15) return 0;
  }
  return bits < 8 ? std::uint8_t{0} : bits;
}

/// One parameter that stands for itself.
constexpr error set_flag(bool& flag, const extension_parameter& given) noexcept {
  if (flag) return error::deflate_parameter_repeated;
  flag = true;
  return given.value ? error::deflate_value_invalid : error::none;
}

constexpr error set_window(std::uint8_t& bits, const extension_parameter& given) noexcept {
  if (bits != 0) return error::deflate_parameter_repeated;
  bits = given.value ? parse_window_bits(*given.value) : std::uint8_t{0};
  return bits == 0 ? error::deflate_value_invalid : error::none;
}

constexpr error set_parameter(deflate_parameters& all, const extension_parameter& given, bool answer) noexcept {
  if (given.name == "server_no_context_takeover") return set_flag(all.server_no_context_takeover, given);
  if (given.name == "client_no_context_takeover") return set_flag(all.client_no_context_takeover, given);
  if (given.name == "server_max_window_bits") return set_window(all.server_max_window_bits, given);
  if (given.name != "client_max_window_bits") return error::deflate_parameter_unknown;
  if (all.client_window_without_value) return error::deflate_parameter_repeated;
  if (given.value || answer) return set_window(all.client_max_window_bits, given);
  if (all.client_max_window_bits != 0) return error::deflate_parameter_repeated;
  all.client_window_without_value = true;
  return error::none;
}

}  // namespace detail

constexpr result<deflate_parameters> parse_deflate_parameters(std::string_view parameters, bool answer) noexcept {
  deflate_parameters all;
  for (;;) {
    const auto given = take_parameter(parameters);
    if (!given) return given.error();
    if (!*given && !parameters.empty()) return error::extensions_malformed;
    if (!*given) return all;
    if (const error fault = detail::set_parameter(all, **given, answer); fault != error::none) return fault;
  }
}

constexpr result<deflate_agreement> judge_deflate_offer(std::string_view parameters,
                                                        const deflate_options& own) noexcept {
  if (!own.valid_for(role::server)) return error::deflate_options_invalid;
  const auto offer = parse_deflate_parameters(parameters, false);
  if (!offer) return offer.error();
  deflate_agreement agreed;
  agreed.server_no_context_takeover = offer->server_no_context_takeover || own.server_no_context_takeover;
  agreed.client_no_context_takeover = offer->client_no_context_takeover || own.client_no_context_takeover;

  // RFC 7692 §7.1.2.1: the answer has "the same or smaller value". A window of 8 cannot be compressed with.
  agreed.server_max_window_bits = own.server_max_window_bits;
  if (offer->server_max_window_bits != 0) {
    agreed.server_max_window_bits = std::min(offer->server_max_window_bits, own.server_max_window_bits);
  }
  if (agreed.server_max_window_bits < 9) return error::deflate_window_refused;

  // RFC 7692 §7.1.2.2: without the parameter in the offer, the answer must not have it.
  const bool can_be_asked = offer->client_max_window_bits != 0 || offer->client_window_without_value;
  if (!can_be_asked && own.client_max_window_bits < 15) return error::deflate_window_refused;
  agreed.client_max_window_bits = own.client_max_window_bits;
  if (offer->client_max_window_bits != 0) {
    agreed.client_max_window_bits = std::min(offer->client_max_window_bits, own.client_max_window_bits);
  }
  return agreed;
}

constexpr deflate_text write_deflate_answer(std::string_view offered, const deflate_agreement& agreed) noexcept {
  const auto offer = parse_deflate_parameters(offered, false);
  deflate_text text;
  text.add(permessage_deflate_name);
  if (agreed.server_no_context_takeover) text.add("; server_no_context_takeover");
  if (agreed.client_no_context_takeover) text.add("; client_no_context_takeover");
  if (offer->server_max_window_bits != 0 || agreed.server_max_window_bits < 15) {
    text.add("; server_max_window_bits=", agreed.server_max_window_bits);
  }
  if (agreed.client_max_window_bits < 15) text.add("; client_max_window_bits=", agreed.client_max_window_bits);
  return text;
}

constexpr deflate_text write_deflate_offer(const deflate_options& own) noexcept {
  deflate_text text;
  text.add(permessage_deflate_name);
  if (own.server_no_context_takeover) text.add("; server_no_context_takeover");
  if (own.client_no_context_takeover) text.add("; client_no_context_takeover");
  if (own.server_max_window_bits < 15) text.add("; server_max_window_bits=", own.server_max_window_bits);
  if (own.client_max_window_bits < 15) text.add("; client_max_window_bits=", own.client_max_window_bits);
  else text.add("; client_max_window_bits");
  return text;
}

constexpr result<deflate_agreement> judge_deflate_answer(std::string_view parameters,
                                                         const deflate_options& own) noexcept {
  const auto answer = parse_deflate_parameters(parameters, true);
  if (!answer) return answer.error();
  deflate_agreement agreed;
  // RFC 7692 §7.1.1.1: to accept the offer with this parameter, the server must answer with it.
  if (own.server_no_context_takeover && !answer->server_no_context_takeover) return error::deflate_takeover_refused;
  agreed.server_no_context_takeover = answer->server_no_context_takeover;
  // RFC 7692 §7.1.1.2: the client may keep to its own offer whatever the answer says.
  agreed.client_no_context_takeover = answer->client_no_context_takeover || own.client_no_context_takeover;

  if (answer->server_max_window_bits != 0) agreed.server_max_window_bits = answer->server_max_window_bits;
  if (agreed.server_max_window_bits > own.server_max_window_bits) return error::deflate_window_refused;
  if (answer->client_max_window_bits > own.client_max_window_bits) return error::deflate_window_refused;
  agreed.client_max_window_bits =
      answer->client_max_window_bits != 0 ? answer->client_max_window_bits : own.client_max_window_bits;
  return agreed;
}

}  // namespace sansocket

#endif
