// What an endpoint makes of a sequence of frames: slow, obvious, and apart from the library (§5 to §8).
#ifndef SANSOCKET_TESTS_ORACLE_HPP
#define SANSOCKET_TESTS_ORACLE_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sansocket/core/close_code.hpp"
#include "sansocket/core/error.hpp"
#include "sansocket/core/role.hpp"

/// Of the library this uses the names of roles, errors and close codes, and nothing that computes.
/// Its rules are read off the RFC once more; where the RFC leaves the choice, the comment says which
/// one was made.
namespace sansocket::tests::oracle {

/// In how many bits a frame's length is written: the fewest that hold it, or more than that.
enum class length_form : std::uint8_t { minimal, in_16_bits, in_64_bits };

/// One frame, legal or not.
struct frame {
  bool fin = true;
  unsigned rsv = 0;  ///< RSV1 is 4, RSV3 is 1
  unsigned opcode = 0x1;
  bool masked = false;
  length_form form = length_form::minimal;
  std::string payload{};  ///< as the application meant it, not masked
  /// The length that the header gives if it is not the payload's: for frames that their header condemns.
  std::optional<std::uint64_t> announced{};

  std::uint64_t length() const { return announced.value_or(payload.size()); }
};

/// The bytes of a frame (§5.2, §5.3).
inline std::string wire(const frame& one) {
  const auto octet = [](std::uint64_t value) { return static_cast<char>(static_cast<unsigned char>(value & 0xFFU)); };
  std::string out;
  out += octet((one.fin ? 0x80U : 0U) + one.rsv * 0x10U + one.opcode);

  const unsigned mask_bit = one.masked ? 0x80U : 0U;
  length_form form = one.form;
  if (form == length_form::minimal && one.length() > 125) form = length_form::in_16_bits;
  if (form == length_form::in_16_bits && one.length() > 65'535) form = length_form::in_64_bits;
  switch (form) {
    case length_form::minimal: out += octet(mask_bit + one.length()); break;
    case length_form::in_16_bits:
      out += octet(mask_bit + 126);
      for (const unsigned shift : {8U, 0U}) out += octet(one.length() >> shift);
      break;
    case length_form::in_64_bits:
      out += octet(mask_bit + 127);
      for (const unsigned shift : {56U, 48U, 40U, 32U, 24U, 16U, 8U, 0U}) out += octet(one.length() >> shift);
      break;
  }

  // The key of the RFC's examples.
  constexpr std::string_view key = "\x37\xfa\x21\x3d";
  if (one.masked) out += key;
  for (std::size_t i = 0; i < one.payload.size(); ++i) {
    const auto plain = static_cast<unsigned char>(one.payload[i]);
    out += octet(one.masked ? plain ^ static_cast<unsigned char>(key[i % 4]) : plain);
  }
  return out;
}

/// How the text of a message looks so far.
struct text_verdict {
  std::size_t possible;  ///< bytes that a valid text can begin with
  bool complete;         ///< a valid text can end behind them
};

/// Holds a text against the grammar of RFC 3629 §4, alternative by alternative.
inline text_verdict judge_text(std::string_view text) {
  struct range {
    unsigned low, high;
  };
  constexpr range tail{0x80, 0xBF};
  constexpr range unused{1, 0};
  constexpr std::array<std::array<range, 4>, 9> grammar{{
      {{{0x00, 0x7F}, unused, unused, unused}},
      {{{0xC2, 0xDF}, tail, unused, unused}},
      {{{0xE0, 0xE0}, {0xA0, 0xBF}, tail, unused}},
      {{{0xE1, 0xEC}, tail, tail, unused}},
      {{{0xED, 0xED}, {0x80, 0x9F}, tail, unused}},
      {{{0xEE, 0xEF}, tail, tail, unused}},
      {{{0xF0, 0xF0}, {0x90, 0xBF}, tail, tail}},
      {{{0xF1, 0xF3}, tail, tail, tail}},
      {{{0xF4, 0xF4}, {0x80, 0x8F}, tail, tail}},
  }};
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t longest = 0;
    bool whole = false;
    for (const auto& alternative : grammar) {
      std::size_t length = 0;
      while (length < 4 && alternative[length].low <= alternative[length].high) ++length;
      std::size_t matched = 0;
      while (matched < length && at + matched < text.size()) {
        const auto octet = static_cast<unsigned char>(text[at + matched]);
        if (octet < alternative[matched].low || octet > alternative[matched].high) break;
        ++matched;
      }
      if (matched > longest) longest = matched;
      if (matched == length) whole = true;
    }
    at += longest;
    if (!whole) return {at, false};
  }
  return {at, true};
}

/// §7.4.1, §7.4.2 and the registry of §11.7: the codes that a Close frame may carry.
inline bool may_be_sent(unsigned code) {
  if (code >= 1000 && code <= 1003) return true;
  if (code >= 1007 && code <= 1014) return true;
  return code >= 3000 && code <= 4999;
}

/// The code that tells the peer what was wrong (§7.4.1).
inline close_code code_for(error fault) {
  switch (fault) {
    case error::text_not_utf8:
    case error::close_reason_not_utf8: return close_code::invalid_payload;
    case error::frame_too_big:
    case error::message_too_big: return close_code::message_too_big;
    // Not a matter of size: the fragments could all be empty.
    case error::too_many_fragments: return close_code::policy_violation;
    default: return close_code::protocol_error;
  }
}

struct limits {
  std::uint64_t frame;
  std::uint64_t message;
  std::uint64_t fragments;
};

enum class kind : std::uint8_t { text, binary, ping, pong };
enum class end : std::uint8_t { neither, local, peer };
enum class transport : std::uint8_t { keep, await_eof, close };

/// One thing that the application is told; pieces that follow each other directly are one.
struct happening {
  kind what;
  std::string payload;
  bool first = true;
  bool last = true;

  friend bool operator==(const happening&, const happening&) = default;
};

/// One frame that the endpoint sends by itself.
struct reply {
  unsigned opcode;        ///< 0xA or 0x8
  std::string payload{};  ///< of a pong
  close_code code{};      ///< of a Close frame; no_status for one without a payload

  friend bool operator==(const reply&, const reply&) = default;
};

/// What has come of the frames.
struct outcome {
  std::vector<happening> events;  ///< without the last one, which is the rest of this
  std::vector<reply> replies;
  bool over = false;
  error fault = error::none;
  end first = end::neither;                    ///< who sent the first Close frame
  close_code sent = close_code::none;          ///< in our Close frame
  close_code received = close_code::abnormal;  ///< in the peer's
  std::string reason;                          ///< in the peer's

  friend bool operator==(const outcome&, const outcome&) = default;
};

/// An endpoint that does nothing but listen, answer, and perhaps close first.
class endpoint {
 public:
  endpoint(role own, oracle::limits most, bool in_pieces) : own_(own), most_(most), in_pieces_(in_pieces) {}

  const outcome& result() const { return result_; }

  void send_close(close_code code) {
    result_.replies.push_back({0x8, "", code});
    result_.first = end::local;
    result_.sent = code;
  }

  /// §1.4: "after receiving a control frame indicating the connection should be closed, a peer
  /// discards any further data received"; and so after a failure (§7.1.7).
  void receive(const frame& one) {
    if (result_.over) return;
    if (const error fault = judge_header(one); fault != error::none) return fail(fault);
    switch (one.opcode) {
      case 0x8: return receive_close(one);
      case 0x9:
        // §5.5.2: "an endpoint MUST send a Pong frame in response, unless it already received a Close
        // frame", and §5.5.3: with "identical "Application data""
        tell({kind::ping, one.payload});
        result_.replies.push_back({0xA, one.payload});
        return;
      case 0xA: return tell({kind::pong, one.payload});
      default: return receive_data(one);
    }
  }

  void receive_eof() {
    if (!result_.over) {
      result_.over = true;
      result_.fault = error::connection_cut;
    }
    eof_ = true;
  }

  /// What is to be done when all replies are sent (§7.1.1).
  transport then() const {
    if (!result_.over) return transport::keep;
    if (result_.fault != error::none || own_ == role::server || eof_) return transport::close;
    return transport::await_eof;
  }

 private:
  /// The RFC does not say which rule comes first if a frame breaks several. Here: what it is by
  /// itself, then its place among the others, then its length, then the limits.
  error judge_header(const frame& one) const {
    if (one.rsv != 0) return error::reserved_bits_set;
    if ((one.opcode >= 0x3 && one.opcode <= 0x7) || one.opcode >= 0xB) return error::opcode_reserved;
    const bool control = one.opcode >= 0x8;
    if (control && !one.fin) return error::control_fragmented;
    // Seven bits of length are enough for 125, so a control frame never has more.
    if (control && (one.length() > 125 || one.form != length_form::minimal)) return error::control_too_long;
    if (own_ == role::server && !one.masked) return error::mask_missing;
    if (own_ == role::client && one.masked) return error::mask_forbidden;
    if (control) return error::none;

    if (one.opcode == 0x0 && !message_) return error::continuation_unexpected;
    if (one.opcode != 0x0 && message_) return error::message_interrupted;

    if (one.length() >= 0x8000'0000'0000'0000U) return error::length_msb_set;
    if (one.form == length_form::in_16_bits && one.length() < 126) return error::length_not_minimal;
    if (one.form == length_form::in_64_bits && one.length() < 65'536) return error::length_not_minimal;

    const std::uint64_t before = message_ ? message_->length : 0;
    const std::uint64_t fragments = message_ ? message_->fragments : 0;
    if (one.length() > most_.frame) return error::frame_too_big;
    if (one.length() > most_.message - before) return error::message_too_big;
    if (fragments + 1 > most_.fragments) return error::too_many_fragments;
    return error::none;
  }

  void receive_data(const frame& one) {
    if (!message_) message_ = message{one.opcode == 0x1 ? kind::text : kind::binary};
    ++message_->fragments;
    message_->length += one.length();

    // §8.1: text that is not UTF-8 fails the connection; at the first byte that cannot be valid.
    const std::size_t before = message_->content.size();
    message_->content += one.payload;
    std::size_t possible = message_->content.size();
    bool complete = true;
    if (message_->what == kind::text) {
      const text_verdict verdict = judge_text(message_->content);
      possible = verdict.possible;
      complete = verdict.complete;
    }
    const bool broken = possible != message_->content.size() || (one.fin && !complete);
    const bool last = one.fin && !broken;
    if (in_pieces_) tell_piece(message_->content.substr(before, possible - before), last);
    else if (last) tell({message_->what, message_->content});
    if (broken) return fail(error::text_not_utf8);
    if (last) message_.reset();
  }

  void tell(happening what) { result_.events.push_back(std::move(what)); }

  /// An empty piece says nothing unless it is the last one.
  void tell_piece(const std::string& piece, bool last) {
    if (piece.empty() && !last) return;
    const bool goes_on = message_->begun && !result_.events.empty() && result_.events.back().what == message_->what;
    if (goes_on) {
      result_.events.back().payload += piece;
      result_.events.back().last = last;
    } else {
      tell({message_->what, piece, !message_->begun, last});
    }
    message_->begun = true;
  }

  void receive_close(const frame& one) {
    const std::string& payload = one.payload;
    close_code code = close_code::no_status;
    if (payload.size() == 1) return fail(error::close_payload_short);
    if (payload.size() >= 2) {
      const unsigned value = static_cast<unsigned char>(payload[0]) * 256U + static_cast<unsigned char>(payload[1]);
      if (!may_be_sent(value)) return fail(error::close_code_invalid);
      code = static_cast<close_code>(value);
      result_.reason = payload.substr(2);
      const text_verdict verdict = judge_text(result_.reason);
      if (verdict.possible != result_.reason.size() || !verdict.complete) {
        result_.reason.clear();
        return fail(error::close_reason_not_utf8);
      }
    }
    result_.over = true;
    result_.received = code;
    if (result_.first == end::local) return;
    // §5.5.1: "it typically echos the status code it received"
    result_.first = end::peer;
    result_.sent = code;
    result_.replies.push_back({0x8, "", code});
  }

  void fail(error fault) {
    result_.over = true;
    result_.fault = fault;
    if (result_.first == end::local) return;  // a Close frame is the last one that may be sent
    result_.first = end::local;
    result_.sent = code_for(fault);
    result_.replies.push_back({0x8, "", result_.sent});
  }

  /// The message whose last frame has not come.
  struct message {
    kind what;
    std::string content{};
    std::uint64_t length = 0;
    std::uint64_t fragments = 0;
    bool begun = false;  // a piece of it was told
  };

  role own_;
  oracle::limits most_;
  bool in_pieces_;
  bool eof_ = false;
  std::optional<message> message_;
  outcome result_;
};

}  // namespace sansocket::tests::oracle

#endif
