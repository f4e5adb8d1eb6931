// A server's whole opening handshake: from a request's head, as one recv() brings it, to the response's bytes.
#include <array>
#include <cstring>
#include <functional>

#include "handshakes.hpp"
#include "harness.hpp"
#include "sansocket/sansocket.hpp"

namespace {

using namespace sansocket;

/// One hash is shared by all handshakes.
class handshaker {
 public:
  explicit handshaker(const upgrade_work& work) : work_(work) {}

  template <class Visit>
  void write(Visit visit) {
    for (const std::string& head : work_.heads) {
      std::memcpy(chunk_.data(), head.data(), head.size());
      basic_server_handshake<std::reference_wrapper<openssl_sha1>> upgrade(options_, std::ref(hash_));
      if (upgrade.receive(bytes(chunk_).first(head.size())) != handshake_status::done || !upgrade.accepted()) {
        wrong("the handshake was refused");
      }
      const const_bytes response = upgrade.response();
      visit(response.data(), response.size());
    }
  }

 private:
  const upgrade_work& work_;
  server_options options_;
  openssl_sha1 hash_;
  std::array<std::byte, 4096> chunk_{};
};

/// Beside a server that has parsed the request into strings; the verdict is written by head_writer.
class judge_of_fields {
 public:
  explicit judge_of_fields(const upgrade_work& work) {
    for (const std::string& text : work.heads) {
      const request_head head = split_request_head(text);
      request& parsed = requests_.emplace_back();
      parsed.method = head.method;
      parsed.target = head.target;
      for (const field each : head.fields) parsed.fields.emplace_back(each.name, each.value);
    }
  }

  template <class Visit>
  void write(Visit visit) {
    for (const request& each : requests_) {
      const upgrade_verdict verdict = check_upgrade(each.method, 11, each.target, each.fields, options_, hash_);
      if (!verdict) wrong("the request was refused");
      heap_buffer response;
      head_writer head(response);
      head.status_line(verdict.status());
      for (const field& own : verdict.fields()) head.add(own.name, own.value);
      head.end();
      visit(response.view().data(), response.view().size());
    }
  }

 private:
  struct request {
    std::string method, target;
    std::vector<std::pair<std::string, std::string>> fields;
  };

  std::vector<request> requests_;
  server_options options_;
  openssl_sha1 hash_;
};

made_contender make_sansocket(const upgrade_work& work) {
  if (work.parsed) return std::make_unique<writing<judge_of_fields>>(work);
  return std::make_unique<writing<handshaker>>(work);
}

/// As many responses as keys, each a 101 with the answer to its key.
bool answers(std::string_view shown, const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    const std::size_t end = shown.find("\r\n\r\n");
    const std::string_view head = shown.substr(0, end);
    const auto accept = accept_by_openssl(key);
    if (end == shown.npos || !head.starts_with("HTTP/1.1 101 ")) return false;
    if (head.find("Sec-WebSocket-Accept: " + std::string(accept.data(), accept.size())) == head.npos) return false;
    shown.remove_prefix(end + 4);
  }
  return shown.empty();
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> keys = websocket_keys(64);
  upgrade_work browser{{}, false};
  upgrade_work minimal{{}, false};
  for (const std::string& key : keys) {
    browser.heads.push_back(browser_head(key));
    minimal.heads.push_back(minimal_head(key));
  }
  const upgrade_work parsed{browser.heads, true};
  const auto contenders = with_peers<upgrade_work>({{"sansocket", make_sansocket}}, &peer::upgrade);
  const auto add = [&](const std::string& name, const upgrade_work& work) {
    judge<upgrade_work>(contenders, work, [&](const std::string& shown) { return answers(shown, keys); });
    add_row("upgrade/" + name, contenders, work, keys.size());
  };
  const auto size_of = [](const upgrade_work& work) { return std::to_string(work.heads[0].size()) + " B"; };
  add("browser's head, " + size_of(browser), browser);
  add("minimal head, " + size_of(minimal), minimal);
  add("browser's request, parsed before", parsed);
  return measure(argc, argv);
}
