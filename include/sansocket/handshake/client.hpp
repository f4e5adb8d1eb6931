// The client's side of the opening handshake (§4.1).
#ifndef SANSOCKET_HANDSHAKE_CLIENT_HPP
#define SANSOCKET_HANDSHAKE_CLIENT_HPP

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "sansocket/core/agreement.hpp"
#include "sansocket/core/buffer.hpp"
#include "sansocket/handshake/request.hpp"
#include "sansocket/handshake/response.hpp"
#include "sansocket/http/head_reader.hpp"

namespace sansocket {

/// How far a client's handshake is.
enum class client_status : std::uint8_t {
  need_more,   ///< send request() if that is not done; give it the next bytes
  accepted,    ///< the connection is open: make it from agreement()
  redirected,  ///< a 3xx with a Location: follow() it, or do not
  refused,     ///< any other status; refusal's status, fields and body are at hand
  failed,      ///< error() says what is wrong; close the transport
};

/// Writes a request and judges the response.
template <class Random, class Hash, byte_buffer Buffer = heap_buffer>
class basic_client_handshake {
 public:
  static_assert(detail::complete<Random> && detail::complete<Hash>,
                "include sansocket/crypto/openssl.hpp or name a hash and a random source of your own");
  static_assert(random_source<Random> && sha1_hash<Hash>);

  /// Takes: a ws: or wss: URI, which is copied, and options that outlive the handshake.
  ///        What is wrong with them is said by status() and error() at once.
  explicit basic_client_handshake(std::string_view url, const client_options& options, Random random = {},
                                  Hash hash = {})
      : basic_client_handshake(options, std::move(random), std::move(hash)) {
    if (!append(url_, bytes_of(std::string_view(url)))) {
      fail(error::out_of_memory);
    } else if (const auto target = parse_uri(text_of(std::as_const(url_).view())); !target) {
      fail(target.error());
    } else {
      begin(*target, true);
    }
  }
  explicit basic_client_handshake(std::string_view, client_options&&, Random = {}, Hash = {}) = delete;

  /// The bytes to send first; empty if the handshake failed before it began.
  /// Life: a view of this object.
  const_bytes request() const noexcept { return request_.view(); }

  /// Where to connect to.
  /// Life: views of this object.
  uri target() const noexcept { return *parse_uri(text_of(url_.view())); }

  /// Reads on.
  /// Takes:  the next bytes from the server. Those behind the head are not touched: they go into the
  ///         agreement, and so the chunk must stay until the connection has used it up. Of a refusal,
  ///         the body is kept as it comes, up to the limit; calls with more of it change nothing else.
  /// Cost:   O(n) in the new bytes.
  client_status receive(bytes chunk) {
    if (status_ == client_status::refused || status_ == client_status::redirected) keep_body(chunk);
    while (status_ == client_status::need_more) {
      const auto text = head_.read(chunk);
      if (text.failed()) return fail(text.error());
      if (!text.complete()) return status_;
      judge(chunk);
    }
    return status_;
  }

  /// The server has ended the transport.
  client_status receive_eof() { return status_ == client_status::need_more ? fail(error::head_cut) : status_; }

  client_status status() const noexcept { return status_; }

  /// Why the handshake failed or was refused (status_not_101); none otherwise.
  enum error error() const noexcept { return error_; }

  /// The response's head, once it was readable.
  /// Life: views of this object.
  response_head response() const noexcept {
    return head_.complete() ? split_response_head(head_.text()) : response_head{};
  }

  /// What came so far of the body of a refusal, as it travelled (transfer codings are not undone).
  /// Life: a view of this object.
  const_bytes body() const noexcept { return body_.view(); }

  /// What a connection is made from; nothing unless accepted.
  /// Life: views of the options and of the last chunk.
  std::optional<class agreement> agreement() const noexcept {
    if (status_ != client_status::accepted) return std::nullopt;
    return detail::agreement_maker::make(terms_.subprotocol, behind_head_, terms_.deflate);
  }

  /// The handshake with the place that a redirect names, as a new connection to it. To another origin
  /// (scheme, host or port) it carries no Authorization, Cookie or Proxy-Authorization. How many
  /// redirects to follow is the caller's choice.
  /// Gives:  a handshake that has failed if the redirect cannot be followed: redirect_malformed,
  ///         redirect_insecure, or handshake_unfinished if there is none.
  basic_client_handshake follow(Random random = {}, Hash hash = {}) const {
    basic_client_handshake next(*options_, std::move(random), std::move(hash));
    if (status_ != client_status::redirected) {
      next.fail(error::handshake_unfinished);
      return next;
    }
    const uri from = target();
    const auto to = next.resolve(response().fields.value("Location"), from);
    if (!to) {
      next.fail(error::redirect_malformed);
    } else if (from.secure && !to->secure) {
      next.fail(error::redirect_insecure);
    } else {
      const bool same_place =
          from.secure == to->secure && from.port == to->port && equals_ignoring_case(from.host, to->host);
      next.begin(*to, with_credentials_ && same_place);
    }
    return next;
  }

 private:
  explicit basic_client_handshake(const client_options& options, Random random, Hash hash)
      : options_(&options),
        random_(std::move(random)),
        hash_(std::move(hash)),
        head_(head_kind::response, options.head) {}

  client_status fail(enum error what) noexcept {
    error_ = what;
    return status_ = client_status::failed;
  }

  /// Makes the key, the answer that it asks for, and the request.
  void begin(const uri& target, bool with_credentials) {
    with_credentials_ = with_credentials;
    const auto key = make_websocket_key(random_);
    if (!key) return void(fail(key.error()));
    const auto accept = accept_key(key->view(), hash_);
    if (!accept) return void(fail(accept.error()));
    accept_ = *accept;
    const auto fault = write_request(request_, target, *key, *options_, with_credentials);
    if (fault != error::none) fail(fault);
  }

  void judge(bytes& behind_head) {
    const response_head head = split_response_head(head_.text());
    // RFC 9110 §15.2: "A client MUST be able to parse one or more 1xx responses received prior to a
    // final response, even if the client does not expect one."
    if (head.status < 200 && head.status != 101) {
      if (interim_left_-- == 0) return void(fail(error::head_too_large));
      head_ = head_reader<Buffer>(head_kind::response, options_->head);
      return;
    }
    const auto terms =
        check_response(head.version, head.status, head.fields, accept_, options_->subprotocols, options_->deflate);
    if (terms) {
      terms_ = *terms;
      behind_head_ = behind_head;
      status_ = client_status::accepted;
    } else if (terms.error() == error::status_not_101) {
      error_ = error::status_not_101;
      status_ = is_redirect(head) ? client_status::redirected : client_status::refused;
      keep_body(behind_head);
    } else {
      fail(terms.error());
    }
  }

  /// RFC 9110 §15.4: the statuses that send a client elsewhere, if they say where.
  static bool is_redirect(const response_head& head) noexcept {
    const bool elsewhere = (head.status >= 301 && head.status <= 303) || head.status == 307 || head.status == 308;
    return elsewhere && !head.fields.value("Location").empty();
  }

  void keep_body(const_bytes more) noexcept {
    const std::size_t most = std::min(options_->refusal_body, Buffer::max_size());
    more = more.first(std::min(more.size(), most - std::min(most, body_.size())));
    (void)append(body_, more);  // with no memory left, the verdict matters more than its body
  }

  /// Makes this handshake's URI from a Location: absolute (http and https mean ws and wss), without
  /// a scheme, or relative to the place that it came from (RFC 3986 §5.2, dots in the path left as they are).
  result<uri> resolve(std::string_view location, const uri& base) noexcept {
    location = location.substr(0, location.find('#'));
    if (location.empty()) return error::redirect_malformed;
    const bool secure = equals_ignoring_case(location.substr(0, 8), "https://");
    const std::string_view scheme = base.secure ? "wss:" : "ws:";
    const std::string_view path = base.resource.substr(0, base.resource.find('?'));
    bool kept = true;
    if (secure || equals_ignoring_case(location.substr(0, 7), "http://")) {
      kept = keep_url(secure ? "wss://" : "ws://", location.substr(secure ? 8 : 7));
    } else if (location.starts_with("//")) {
      kept = keep_url(scheme, location);
    } else if (location.starts_with('/')) {
      kept = keep_url(scheme, "//", base.authority, location);
    } else if (location.starts_with('?')) {
      kept = keep_url(scheme, "//", base.authority, path, location);
    } else if (location.substr(0, location.find_first_of("/?")).find(':') == std::string_view::npos) {
      const std::string_view folder = path.substr(0, path.rfind('/') + 1);
      kept = keep_url(scheme, "//", base.authority, folder.empty() ? "/" : folder, location);
    } else {
      kept = keep_url(location);
    }
    if (!kept) return error::out_of_memory;
    return parse_uri(text_of(std::as_const(url_).view()));
  }

  template <class... Parts>
  bool keep_url(Parts... parts) noexcept {
    return (append(url_, bytes_of(std::string_view(parts))) && ...);
  }

  const client_options* options_;
  [[no_unique_address]] Random random_;
  [[no_unique_address]] Hash hash_;
  websocket_accept accept_;
  head_reader<Buffer> head_;
  response_terms terms_;
  bytes behind_head_;
  client_status status_ = client_status::need_more;
  enum error error_ = error::none;
  bool with_credentials_ = true;
  std::uint8_t interim_left_ = 16;  // how many more 1xx responses are passed over
  Buffer url_;
  Buffer request_;
  Buffer body_;
};

/// The handshake with the defaults; using it needs sansocket/crypto/openssl.hpp.
using client_handshake = basic_client_handshake<openssl_random, openssl_sha1>;

}  // namespace sansocket

#endif
