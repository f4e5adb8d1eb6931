// TLS by OpenSSL, without a socket: wire bytes in, plain bytes out; plain bytes in, wire bytes out.
//
//     while (const std::size_t count = tls.receive(wire, plain)) use(plain.first(count));  // readable
//     waiting = waiting.subspan(tls.send(waiting));                                         // to be said
//     tls.sent(write_to_socket(tls.output()));                                              // writable
//
// What a failed stream has left in output() tells the peer why: it is worth sending.
#ifndef SANSOCKET_EXAMPLES_TLS_STREAM_HPP
#define SANSOCKET_EXAMPLES_TLS_STREAM_HPP

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "sansocket/core/bytes.hpp"

namespace examples {

/// What the streams of a program share: who it is, and whom it trusts. TLS 1.2 and later; the one
/// protocol inside is http/1.1 (RFC 7301), which every WebSocket begins as.
class tls_context {
 public:
  /// Takes: the server's certificate with what leads to the authority behind it, and its key, as PEM files.
  static tls_context server(const std::string& chain_file, const std::string& key_file);

  /// A client's, which trusts the authorities of the system, or those in a PEM file instead.
  static tls_context client(const std::string& ca_file = {});

  /// False if it could not be made; error() says why, in words.
  explicit operator bool() const noexcept { return error_.empty(); }
  const std::string& error() const noexcept { return error_; }

 private:
  friend class tls_stream;

  explicit tls_context(const SSL_METHOD* method);
  void fail(const std::string& what);

  struct deleter {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };

  std::unique_ptr<SSL_CTX, deleter> context_;
  std::string error_;
};

enum class tls_state : std::uint8_t {
  handshake,  // nothing can be sent yet
  open,
  ended,   // the peer's close_notify came: all that it sent is here
  failed,  // error() says why
};

/// One TLS session. It does no I/O. It keeps at most one record that has come in part, and not much more
/// than max_output bytes to be sent.
class tls_stream {
 public:
  static constexpr std::size_t max_output = 64 * 1024;
  static constexpr std::size_t max_record = 16 * 1024;

  /// A server's end.
  explicit tls_stream(const tls_context& context) {
    if (begin(context)) SSL_set_accept_state(ssl_.get());
  }

  /// A client's end: the certificate must be for this host. Its first bytes wait in output() at once.
  /// Takes: a name, or an IP address as it stands in a URL, with [] around one of version 6.
  tls_stream(const tls_context& context, std::string_view host);

  /// Hands over bytes that have come, and takes what they mean.
  /// Takes: the bytes; it is advanced past those that were used, which are not all if `plain` was too small.
  /// Gives: how many bytes are in `plain`, never more than wire.size() + max_record. Call it until it gives 0:
  ///        then all of `wire` is used, and what it meant was given.
  std::size_t receive(sansocket::const_bytes& wire, sansocket::bytes plain);

  /// The transport has ended. Without a close_notify before, that is a failure: anyone can cut a connection.
  void receive_eof();

  /// Encrypts bytes to be sent.
  /// Gives: how many it took: none before the handshake is done, and no more while much waits in output().
  std::size_t send(sansocket::const_bytes plain);

  /// Says that nothing more will be sent (close_notify).
  void close();

  /// Bytes to be sent. Life: until the next call of anything that is not const.
  sansocket::const_bytes output() const;
  /// Says how many of them were sent.
  void sent(std::size_t count);

  tls_state state() const noexcept { return state_; }
  /// Why it has failed, in words.
  const std::string& error() const noexcept { return error_; }

 private:
  bool begin(const tls_context& context);
  bool is_over() const noexcept { return state_ == tls_state::ended || state_ == tls_state::failed; }
  bool verify(const std::string& host);
  bool shake_hands();
  std::size_t read(sansocket::bytes plain);
  bool check(int outcome);
  void fail(std::string what);

  struct deleter {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  std::unique_ptr<SSL, deleter> ssl_;
  BIO* output_ = nullptr;  // belongs to ssl_
  tls_state state_ = tls_state::handshake;
  std::string error_;
};

namespace detail {

/// §3.1 of RFC 7301: each name behind its length.
inline constexpr std::array<unsigned char, 9> http_1_1{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

/// The oldest entry of OpenSSL's error queue, which is nearest to the cause, in words. Empties the queue.
inline std::string tls_reason() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "no reason is known";
  if (const char* reason = ERR_reason_error_string(code); reason != nullptr) return reason;
  if (ERR_GET_LIB(code) == ERR_LIB_SYS) return std::strerror(ERR_GET_REASON(code));
  std::array<char, 256> text{};
  ERR_error_string_n(code, text.data(), text.size());
  return text.data();
}

/// RFC 7301 §3.2: "In the event that the server supports no protocols that the client advertises, then
/// the server SHALL respond with a fatal "no_application_protocol" alert."
inline int select_protocol(SSL* /*ssl*/, const unsigned char** chosen, unsigned char* size,
                           const unsigned char* offered, unsigned offered_size, void* /*context*/) {
  unsigned char* found = nullptr;
  const int verdict = SSL_select_next_proto(&found, size, http_1_1.data(), static_cast<unsigned>(http_1_1.size()),
                                            offered, offered_size);
  *chosen = found;
  return verdict == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace detail

inline tls_context::tls_context(const SSL_METHOD* method) : context_(SSL_CTX_new(method)) {
  if (!context_ || SSL_CTX_set_min_proto_version(context_.get(), TLS1_2_VERSION) != 1) {
    fail("there is no TLS");
    return;
  }
  SSL_CTX_set_options(context_.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context_.get(), SSL_MODE_RELEASE_BUFFERS);  // an idle session holds less
  SSL_CTX_set_session_cache_mode(context_.get(), SSL_SESS_CACHE_OFF);
}

inline void tls_context::fail(const std::string& what) { error_ = what + ": " + detail::tls_reason(); }

inline tls_context tls_context::server(const std::string& chain_file, const std::string& key_file) {
  ERR_clear_error();
  tls_context made(TLS_server_method());
  if (!made) return made;
  SSL_CTX* context = made.context_.get();
  SSL_CTX_set_alpn_select_cb(context, detail::select_protocol, nullptr);
  if (SSL_CTX_use_certificate_chain_file(context, chain_file.c_str()) != 1) {
    made.fail("the certificate in " + chain_file + " cannot be used");
  } else if (SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    made.fail("the key in " + key_file + " cannot be used");
  }
  return made;
}

inline tls_context tls_context::client(const std::string& ca_file) {
  ERR_clear_error();
  tls_context made(TLS_client_method());
  if (!made) return made;
  SSL_CTX* context = made.context_.get();
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  const bool trusts = ca_file.empty() ? SSL_CTX_set_default_verify_paths(context) == 1
                                      : SSL_CTX_load_verify_locations(context, ca_file.c_str(), nullptr) == 1;
  if (!trusts) {
    made.fail("the authorities in " + (ca_file.empty() ? std::string("the system's files") : ca_file) +
              " cannot be used");
  } else if (SSL_CTX_set_alpn_protos(context, detail::http_1_1.data(), detail::http_1_1.size()) != 0) {
    made.fail("no protocol can be offered");
  }
  return made;
}

inline tls_stream::tls_stream(const tls_context& context, std::string_view host) {
  if (!begin(context)) return;
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.ends_with('.')) host.remove_suffix(1);  // the root of all names: certificates leave it out
  if (!verify(std::string(host))) {
    fail("no certificate can be for the host \"" + std::string(host) + "\"");
    return;
  }
  SSL_set_connect_state(ssl_.get());
  sansocket::const_bytes nothing;
  receive(nothing, {});
}

inline bool tls_stream::begin(const tls_context& context) {
  ERR_clear_error();
  if (!context) {
    fail(context.error());
    return false;
  }
  ssl_.reset(SSL_new(context.context_.get()));
  output_ = ssl_ ? BIO_new(BIO_s_mem()) : nullptr;
  if (output_ == nullptr) fail("there is no memory for TLS");
  else SSL_set0_wbio(ssl_.get(), output_);
  return output_ != nullptr;
}

/// Gives: false if the host is none. For OpenSSL an empty name would mean any.
inline bool tls_stream::verify(const std::string& host) {
  if (host.empty() || host.find('\0') != std::string::npos) return false;
  X509_VERIFY_PARAM* rules = SSL_get0_param(ssl_.get());
  if (X509_VERIFY_PARAM_set1_ip_asc(rules, host.c_str()) == 1) return true;
  ERR_clear_error();
  X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  // RFC 6066 §3: the server learns which of its names is meant; an address is none.
  return SSL_set1_host(ssl_.get(), host.c_str()) == 1 && SSL_set_tlsext_host_name(ssl_.get(), host.c_str()) == 1;
}

inline std::size_t tls_stream::receive(sansocket::const_bytes& wire, sansocket::bytes plain) {
  if (is_over()) wire = {};  // nothing that comes now means anything
  if (is_over()) return 0;
  const sansocket::const_bytes chunk = wire.first(std::min(wire.size(), std::size_t{1} << 30));
  ERR_clear_error();
  // OpenSSL reads from where the bytes lie, and takes over what has come of a record that is not whole.
  BIO* input =
      BIO_new_mem_buf(chunk.empty() ? "" : static_cast<const void*>(chunk.data()), static_cast<int>(chunk.size()));
  if (input == nullptr) {
    fail("there is no memory for TLS");
    return 0;
  }
  BIO_set_mem_eof_return(input, -1);  // more may come
  SSL_set0_rbio(ssl_.get(), input);
  const std::size_t count = shake_hands() ? read(plain) : 0;
  wire = is_over() ? sansocket::const_bytes() : wire.subspan(chunk.size() - BIO_ctrl_pending(input));
  SSL_set0_rbio(ssl_.get(), nullptr);
  return count;
}

/// Gives: whether the handshake is done.
inline bool tls_stream::shake_hands() {
  if (state_ != tls_state::handshake) return true;
  if (!check(SSL_do_handshake(ssl_.get()))) return false;
  const unsigned char* protocol = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &protocol, &size);
  const bool fits = size == 0 || std::ranges::equal(std::span(protocol, size), std::span(detail::http_1_1).subspan(1));
  if (!fits) {
    fail("the server speaks another protocol than http/1.1");
    return false;
  }
  state_ = tls_state::open;
  return true;
}

inline std::size_t tls_stream::read(sansocket::bytes plain) {
  std::size_t count = 0;
  while (count < plain.size()) {
    std::size_t got = 0;
    if (!check(SSL_read_ex(ssl_.get(), &plain[count], plain.size() - count, &got))) break;
    count += got;
  }
  return count;
}

/// Takes: what a function of OpenSSL has given.
/// Gives: whether it did what it was to do. If it cannot go on, the state says so.
inline bool tls_stream::check(int outcome) {
  if (outcome == 1) return true;
  switch (SSL_get_error(ssl_.get(), outcome)) {
    case SSL_ERROR_WANT_READ: return false;
    case SSL_ERROR_ZERO_RETURN: state_ = tls_state::ended; return false;
    default: break;
  }
  const int reason = ERR_GET_REASON(ERR_peek_error());
  if (const long verdict = SSL_get_verify_result(ssl_.get());
      reason == SSL_R_CERTIFICATE_VERIFY_FAILED && verdict != X509_V_OK) {
    fail(std::string("the server's certificate is refused: ") + X509_verify_cert_error_string(verdict));
  } else if (reason > SSL_AD_REASON_OFFSET) {
    fail("the peer has ended it: " + detail::tls_reason());
  } else {
    fail(detail::tls_reason());
  }
  return false;
}

inline void tls_stream::fail(std::string what) {
  ERR_clear_error();
  state_ = tls_state::failed;
  error_ = std::move(what);
}

inline void tls_stream::receive_eof() {
  if (state_ == tls_state::handshake) fail("the connection was cut in mid-handshake");
  if (state_ == tls_state::open) fail("the connection was cut: there was no close_notify");
}

inline std::size_t tls_stream::send(sansocket::const_bytes plain) {
  if (state_ == tls_state::handshake || state_ == tls_state::failed) return 0;
  if ((SSL_get_shutdown(ssl_.get()) & SSL_SENT_SHUTDOWN) != 0) return 0;
  ERR_clear_error();
  std::size_t count = 0;
  while (count < plain.size() && output().size() < max_output) {
    const sansocket::const_bytes next = plain.subspan(count, std::min(plain.size() - count, max_record));
    std::size_t taken = 0;
    if (!check(SSL_write_ex(ssl_.get(), next.data(), next.size(), &taken))) break;
    count += taken;
  }
  return count;
}

inline void tls_stream::close() {
  if (state_ == tls_state::handshake || state_ == tls_state::failed) return;
  if ((SSL_get_shutdown(ssl_.get()) & SSL_SENT_SHUTDOWN) != 0) return;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
}

inline sansocket::const_bytes tls_stream::output() const {
  if (output_ == nullptr) return {};
  char* waiting = nullptr;
  const long size = BIO_get_mem_data(output_, &waiting);
  return {static_cast<const std::byte*>(static_cast<const void*>(waiting)), static_cast<std::size_t>(size)};
}

inline void tls_stream::sent(std::size_t count) {
  std::array<char, 4096> gone;
  while (count != 0) {
    const int dropped = BIO_read(output_, gone.data(), static_cast<int>(std::min(count, gone.size())));
    if (dropped <= 0) return;
    count -= static_cast<std::size_t>(dropped);
  }
  // A session that rests keeps no room for the much that it had to say once.
  BUF_MEM* room = nullptr;
  BIO_get_mem_ptr(output_, &room);
  if (!output().empty() || room->max <= gone.size()) return;
  if (BIO* smaller = BIO_new(BIO_s_mem()); smaller != nullptr) {
    output_ = smaller;
    SSL_set0_wbio(ssl_.get(), smaller);
  }
}

}  // namespace examples

#endif
