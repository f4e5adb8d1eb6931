// Sec-WebSocket-Accept from Sec-WebSocket-Key (§4.2.2).
#include "handshakes.hpp"
#include "harness.hpp"
#include "sansocket/crypto/openssl.hpp"
#include "sansocket/handshake/accept_key.hpp"

namespace {

/// With one hash for all, as a server has it. It refuses keys that are not 16 bytes in base64.
class sansocket_accepter {
 public:
  explicit sansocket_accepter(const accept_work& work) : work_(work) {}

  template <class Visit>
  void write(Visit visit) {
    for (const std::string& key : work_.keys) {
      const auto accept = sansocket::accept_key(key, hash_);
      if (!accept) wrong("accept_key");
      visit(accept->characters.data(), accept->characters.size());
    }
  }

 private:
  const accept_work& work_;
  sansocket::openssl_sha1 hash_;
};

class openssl_accepter {
 public:
  explicit openssl_accepter(const accept_work& work) : work_(work) {}

  template <class Visit>
  void write(Visit visit) {
    for (const std::string& key : work_.keys) {
      const auto accept = accept_by_openssl(key);
      visit(accept.data(), accept.size());
    }
  }

 private:
  const accept_work& work_;
};

}  // namespace

int main(int argc, char** argv) {
  const accept_work work{websocket_keys(64)};
  const auto contenders = with_peers<accept_work>({{"sansocket", make_contender<writing<sansocket_accepter>>},
                                                   {"OpenSSL one-shot", make_contender<writing<openssl_accepter>>}},
                                                  &peer::accept);
  std::string right(first_accept);
  for (std::size_t i = 1; i < work.keys.size(); ++i) {
    const auto accept = accept_by_openssl(work.keys[i]);
    right.append(accept.data(), accept.size());
  }
  judge<accept_work>(contenders, work, [&](const std::string& shown) { return shown == right; });
  add_row("accept/one key", contenders, work, work.keys.size());
  return measure(argc, argv);
}
