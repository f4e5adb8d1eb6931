// The envelopes that travel as text messages: one table says what they look like, and what reads, checks and
// describes them goes by it.
#ifndef SANSOCKET_EXAMPLES_CHAT_ENVELOPE_HPP
#define SANSOCKET_EXAMPLES_CHAT_ENVELOPE_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "message.hpp"

namespace chat {

using nlohmann::json;

inline constexpr std::string_view subprotocol = "sansocket.chat.1";

/// The largest whole number that every reader of JSON gets right (RFC 8259 §6).
inline constexpr std::uint64_t largest_whole = (std::uint64_t{1} << 53U) - 1;

// The table

enum class kind : std::uint8_t {
  nothing,  ///< null
  text,     ///< a string of so many bytes
  line,     ///< the same without control characters
  place,    ///< "ms-n"
  whole,    ///< a whole number within bounds
  flag,     ///< true or false
  lines,    ///< a list of so many lines
  linked,   ///< "together" or "alone"
};

enum class presence : std::uint8_t { required, nullable };

struct field_rule {
  std::string_view name;
  kind is = kind::nothing;
  std::uint64_t least = 0;  ///< bytes of a string, elements of a list, or the number itself
  std::uint64_t most = largest_whole;
  presence may_be = presence::required;
};

enum class side : std::uint8_t { client, server };

struct envelope_rule {
  std::string_view type;
  side from = side::client;
  field_rule id;
  std::span<const field_rule> payload;
};

inline constexpr std::uint64_t longest_text = 4000;
inline constexpr std::uint64_t most_members = 200;

namespace rules {

inline constexpr field_rule number{"id", kind::whole};
inline constexpr field_rule sequence{"id", kind::whole, 1};
inline constexpr field_rule no_id{"id", kind::nothing};
inline constexpr field_rule any_id{.name = "id", .is = kind::whole, .may_be = presence::nullable};

inline constexpr field_rule room{"room", kind::line, 1, 64};
inline constexpr field_rule sender{"sender", kind::line, 8, 64};
inline constexpr field_rule at{.name = "at", .is = kind::place, .may_be = presence::nullable};
inline constexpr field_rule text{"text", kind::text, 1, longest_text};
inline constexpr field_rule members{"members", kind::lines, 0, most_members};
inline constexpr field_rule state{"state", kind::linked};
inline constexpr field_rule detail{"detail", kind::text};

inline constexpr std::array join{room, sender,
                                 field_rule{.name = "after", .is = kind::place, .may_be = presence::nullable}};
inline constexpr std::array say{text};
inline constexpr std::array joined{room,    field_rule{"user", kind::line},     field_rule{"node", kind::line},
                                   members, field_rule{"complete", kind::flag}, field_rule{"last_seq", kind::whole},
                                   state};
inline constexpr std::array said{at,
                                 room,
                                 field_rule{"from", kind::line},
                                 sender,
                                 field_rule{"seq", kind::whole, 1},
                                 text,
                                 field_rule{"time", kind::whole}};
inline constexpr std::array accepted{at};
inline constexpr std::array presence{members};
inline constexpr std::array notice{state, detail};
inline constexpr std::array error{field_rule{"code", kind::line, 1}, detail};

}  // namespace rules

inline constexpr std::array envelopes{
    envelope_rule{"join", side::client, rules::number, rules::join},
    envelope_rule{"say", side::client, rules::sequence, rules::say},
    envelope_rule{"ping", side::client, rules::number, {}},
    envelope_rule{"joined", side::server, rules::number, rules::joined},
    envelope_rule{"message", side::server, rules::no_id, rules::said},
    envelope_rule{"accepted", side::server, rules::sequence, rules::accepted},
    envelope_rule{"presence", side::server, rules::no_id, rules::presence},
    envelope_rule{"notice", side::server, rules::no_id, rules::notice},
    envelope_rule{"pong", side::server, rules::number, {}},
    envelope_rule{"error", side::server, rules::any_id, rules::error},
};

// Reading

/// What is wrong with an envelope, as the error that answers it says.
struct fault {
  std::optional<std::uint64_t> id{};  ///< of the envelope
  std::string_view code;
  std::string detail;
};

/// An envelope that was found to follow the table.
struct envelope {
  std::string_view type;  ///< one of the table's
  std::optional<std::uint64_t> id{};
  json payload;
};

namespace detail {

using verdict = std::optional<std::pair<std::string_view, std::string>>;

inline verdict judge_size(const field_rule& rule, std::uint64_t size, std::string_view unit) {
  const std::string name(rule.name);
  if (size > rule.most) return {{"too_long", name + " is longer than " + std::to_string(rule.most).append(unit)}};
  if (size >= rule.least) return {};
  if (size == 0) return {{"empty", name + " is empty"}};
  return {{"too_short", name + " is shorter than " + std::to_string(rule.least).append(unit)}};
}

inline bool is_line(std::string_view text) noexcept {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return false;
  }
  return true;
}

inline verdict judge_string(const field_rule& rule, const std::string& text) {
  const std::string name(rule.name);
  if (rule.is == kind::place && !parse_place(text)) return {{"malformed", name + " is not of the form ms-n"}};
  if (rule.is == kind::linked && text != "together" && text != "alone") {
    return {{"malformed", name + " is neither together nor alone"}};
  }
  if (rule.is == kind::line && !is_line(text)) return {{"malformed", name + " holds a control character"}};
  return judge_size(rule, text.size(), " bytes");
}

inline verdict judge_number(const field_rule& rule, const json& value) {
  const std::string name(rule.name);
  if (!value.is_number_integer()) return {{"wrong_type", name + " is not a whole number"}};
  const bool within =
      value.is_number_unsigned() && value.get<std::uint64_t>() >= rule.least && value.get<std::uint64_t>() <= rule.most;
  if (within) return {};
  return {
      {"out_of_range", name + " is not between " + std::to_string(rule.least) + " and " + std::to_string(rule.most)}};
}

inline verdict judge_list(const field_rule& rule, const json& value) {
  const std::string name(rule.name);
  if (!value.is_array()) return {{"wrong_type", name + " is not a list"}};
  for (const json& element : value) {
    if (!element.is_string()) return {{"wrong_type", name + " has an element that is not a string"}};
    if (!is_line(element.get_ref<const std::string&>())) return {{"malformed", name + " holds a control character"}};
  }
  return judge_size(rule, value.size(), " elements");
}

/// Takes: the value; nullptr if there is none.
inline verdict judge(const field_rule& rule, const json* value) {
  const std::string name(rule.name);
  const bool absent = value == nullptr || value->is_null();
  if (rule.is == kind::nothing) return absent ? verdict() : verdict({"wrong_type", name + " is not null"});
  if (absent && rule.may_be == presence::nullable) return {};
  if (absent) return {{"missing_field", name + " is missing"}};
  switch (rule.is) {
    case kind::nothing: break;
    case kind::whole: return judge_number(rule, *value);
    case kind::flag:
      return value->is_boolean() ? verdict() : verdict({"wrong_type", name + " is neither true nor false"});
    case kind::lines: return judge_list(rule, *value);
    case kind::text:
    case kind::line:
    case kind::place:
    case kind::linked:
      if (!value->is_string()) return {{"wrong_type", name + " is not a string"}};
      return judge_string(rule, value->get_ref<const std::string&>());
  }
  return {};
}

inline const json* find(const json& object, std::string_view name) {
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

inline const envelope_rule* rule_of(std::string_view type, side from) noexcept {
  for (const envelope_rule& each : envelopes) {
    if (each.from == from && each.type == type) return &each;
  }
  return nullptr;
}

}  // namespace detail

/// Reads an envelope and holds it against the table. Members that the table does not name are ignored.
/// Takes: a text that is UTF-8, and which side it comes from.
/// Gives: the envelope; or nothing, and then what is wrong with it in `wrong`.
inline std::optional<envelope> read_envelope(std::string_view text, side from, fault& wrong) {
  json parsed = json::parse(text, nullptr, false);
  const auto refuse = [&wrong](std::string_view code, std::string words) -> std::optional<envelope> {
    wrong.code = code;
    wrong.detail = std::move(words);
    return std::nullopt;
  };
  wrong.id.reset();
  if (parsed.is_discarded()) return refuse("not_json", "this is not JSON");
  if (!parsed.is_object()) return refuse("not_an_envelope", "this is not an object");
  const json* const id = detail::find(parsed, "id");
  if (id != nullptr && id->is_number_unsigned() && id->get<std::uint64_t>() <= largest_whole) wrong.id = *id;
  const json* const type = detail::find(parsed, "type");
  if (type == nullptr || !type->is_string()) return refuse("not_an_envelope", "type is missing or not a string");
  const json* const payload = detail::find(parsed, "payload");
  if (payload == nullptr || !payload->is_object()) {
    return refuse("not_an_envelope", "payload is missing or not an object");
  }
  const envelope_rule* const rule = detail::rule_of(type->get_ref<const std::string&>(), from);
  if (rule == nullptr) return refuse("unknown_type", "there is no such type of message");
  if (auto broken = detail::judge(rule->id, id)) return refuse(broken->first, std::move(broken->second));
  for (const field_rule& each : rule->payload) {
    auto broken = detail::judge(each, detail::find(*payload, each.name));
    if (broken) return refuse(broken->first, std::move(broken->second));
  }
  return envelope{rule->type, wrong.id, std::move(parsed["payload"])};
}

/// A place of an envelope that was checked, which may be null or missing.
inline std::optional<place> place_in(const json& payload, std::string_view name) {
  const json* const value = detail::find(payload, name);
  return value != nullptr && value->is_string() ? parse_place(value->get_ref<const std::string&>()) : std::nullopt;
}

}  // namespace chat

#endif
