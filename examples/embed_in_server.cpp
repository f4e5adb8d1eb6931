// A server that has an HTTP parser and header types of its own, and lets the library judge the upgrade.
#include <cstdio>
#include <map>
#include <optional>
#include <string>

#include "sansocket/sansocket.hpp"

/// Header fields of a type that is no range.
class my_headers {
 public:
  explicit my_headers(std::string host) : host_(std::move(host)) {}
  std::size_t count() const { return host_.empty() ? 0 : 1; }
  std::string_view name(std::size_t) const { return host_.empty() ? "" : "host"; }
  std::string_view value(std::size_t) const { return host_; }

 private:
  std::string host_;
};

// [field_access]
template <>
struct sansocket::field_access<my_headers> {
  static void for_each(const my_headers& headers, auto&& visit) {
    for (std::size_t i = 0; i < headers.count(); ++i) visit(headers.name(i), headers.value(i));
  }
};
// [field_access]

namespace {

// What such a server has already.
using http_headers = std::multimap<std::string, std::string>;
struct http_request {
  std::string method, target, version;
  http_headers headers;
};
struct http_response {
  int status = 0;
  http_headers headers;
  std::string body;
};

// [embed]
constexpr std::array<std::string_view, 1> subprotocols{"chat.v2"};
const sansocket::server_options options{.subprotocols = subprotocols};

/// Answers an upgrade request; if it gives an agreement, the socket's bytes go to a connection from here on.
std::optional<sansocket::agreement> upgrade(const http_request& request, http_response& response) {
  const auto verdict =
      sansocket::check_upgrade(request.method, request.version, request.target, request.headers, options);
  response.status = verdict.status();  // 101, or 400, 403, 405, 426, 500, 505
  for (const auto& [name, value] : verdict.fields()) response.headers.emplace(name, value);
  response.body = verdict.body();
  return verdict.agreement();
}
// [embed]

void show(const http_response& response) {
  std::printf("%d\n", response.status);
  for (const auto& [name, value] : response.headers) std::printf("%s: %s\n", name.c_str(), value.c_str());
  if (!response.body.empty()) std::printf("%s\n", response.body.c_str());
}

}  // namespace

int main() {
  http_request request{"GET", "/chat", "HTTP/1.1", {}};
  request.headers = {{"host", "example.com"},
                     {"upgrade", "websocket"},
                     {"connection", "keep-alive, Upgrade"},
                     {"sec-websocket-version", "13"},
                     {"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="},
                     {"sec-websocket-protocol", "chat.v1, chat.v2"},
                     {"origin", "https://example.com"}};
  http_response accepted;
  if (const auto agreement = upgrade(request, accepted)) {
    show(accepted);
    sansocket::server_connection connection{*agreement};
    if (connection.send_text("welcome") == sansocket::error::none) {
      std::printf("to send: %zu bytes\n", connection.output().size());
    }
  }

  request.headers.find("origin")->second = "https://elsewhere.example";
  http_response refused;
  if (!upgrade(request, refused)) show(refused);

  const auto verdict = sansocket::check_upgrade("GET", "HTTP/1.1", "/", my_headers("example.com"), options);
  std::printf("%s\n", std::string(verdict.body()).c_str());
}
