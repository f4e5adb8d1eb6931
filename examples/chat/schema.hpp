// The table of envelopes as a JSON Schema, for those who write a client of their own.
#ifndef SANSOCKET_EXAMPLES_CHAT_SCHEMA_HPP
#define SANSOCKET_EXAMPLES_CHAT_SCHEMA_HPP

#include <string>

#include "envelope.hpp"

namespace chat {

namespace detail {

inline json schema_of_string(const field_rule& rule) {
  json schema{{"type", "string"}};
  if (rule.is == kind::place) schema["pattern"] = "^[0-9]+-[0-9]+$";
  if (rule.is == kind::linked) schema["enum"] = {"together", "alone"};
  if (rule.is == kind::line) schema["pattern"] = R"(^[^\u0000-\u001F\u007F]*$)";
  // A schema counts code points and the server bytes of UTF-8, so these bounds are the outer ones.
  if (rule.least != 0) schema["minLength"] = (rule.least + 3) / 4;
  if (rule.most != largest_whole) {
    schema["maxLength"] = rule.most;
    schema["description"] = std::to_string(rule.least) + " to " + std::to_string(rule.most) + " bytes of UTF-8";
  }
  return schema;
}

inline json schema_of(const field_rule& rule) {
  json schema;
  switch (rule.is) {
    case kind::nothing: return {{"type", "null"}};
    case kind::flag: schema = {{"type", "boolean"}}; break;
    case kind::whole: schema = {{"type", "integer"}, {"minimum", rule.least}, {"maximum", rule.most}}; break;
    case kind::lines:
      schema = {{"type", "array"}, {"maxItems", rule.most}, {"items", schema_of_string({"", kind::line})}};
      break;
    case kind::text:
    case kind::line:
    case kind::place:
    case kind::linked: schema = schema_of_string(rule); break;
  }
  if (rule.may_be == presence::nullable) schema["type"] = {schema["type"], "null"};
  return schema;
}

inline json schema_of(const envelope_rule& rule) {
  json properties = json::object();
  json required = json::array();
  for (const field_rule& each : rule.payload) {
    properties[std::string(each.name)] = schema_of(each);
    if (each.may_be == presence::required) required.push_back(each.name);
  }
  const json payload{{"type", "object"}, {"properties", std::move(properties)}, {"required", std::move(required)}};
  const json members{{"type", {{"const", rule.type}}}, {"id", schema_of(rule.id)}, {"payload", payload}};
  json needed{"type", "payload"};
  if (rule.id.is != kind::nothing && rule.id.may_be == presence::required) needed.push_back("id");
  return {{"title", rule.type},
          {"description", rule.from == side::client ? "from client to server" : "from server to client"},
          {"type", "object"},
          {"properties", members},
          {"required", needed}};
}

}  // namespace detail

/// Gives: the schema as text.
inline std::string schema() {
  json each = json::array();
  for (const envelope_rule& rule : envelopes) each.push_back(detail::schema_of(rule));
  const json whole{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                   {"title", subprotocol},
                   {"description", "Every text message is one of these; members that are not named are ignored."},
                   {"oneOf", std::move(each)}};
  return whole.dump(2) + '\n';
}

}  // namespace chat

#endif
