// The server's side of the opening handshake for those who have only a socket (§4.2).
#ifndef SANSOCKET_HANDSHAKE_SERVER_HPP
#define SANSOCKET_HANDSHAKE_SERVER_HPP

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "sansocket/core/buffer.hpp"
#include "sansocket/handshake/upgrade.hpp"
#include "sansocket/http/head_reader.hpp"
#include "sansocket/http/head_writer.hpp"

namespace sansocket {

/// How far a server's handshake is.
enum class handshake_status : std::uint8_t {
  need_more,  ///< give it the next bytes
  done,       ///< there is a verdict: send response(), and close the transport if it is a refusal
};

/// What an application answers instead of accepting.
struct refusal {
  std::uint16_t status = 403;       ///< 300 to 599
  std::span<const field> fields{};  ///< such as WWW-Authenticate; not Connection, not Content-Length
  std::string_view body{};
};

/// Reads a request's head, judges it and writes the answer.
template <class Hash, byte_buffer Buffer = heap_buffer>
class basic_server_handshake {
 public:
  static_assert(detail::complete<Hash>,
                "include sansocket/crypto/openssl.hpp or name a hash and a random source of your own");
  static_assert(sha1_hash<Hash>);

  /// Takes: options that outlive the handshake.
  explicit basic_server_handshake(const server_options& options, Hash hash = {})
      : options_(&options), hash_(std::move(hash)), head_(head_kind::request, options.head) {}
  explicit basic_server_handshake(server_options&&, Hash = {}) = delete;  // the options would be gone at once

  /// Reads on.
  /// Takes:  the next bytes from the client. Those behind the head are not touched: they go into the
  ///         agreement, and so the chunk must stay until the connection has used it up.
  /// Gives:  done once there is a verdict; from then on bytes are ignored.
  /// Cost:   O(n) in the new bytes.
  handshake_status receive(bytes chunk) {
    if (verdict_) return handshake_status::done;
    const auto text = head_.read(chunk);
    if (text.failed()) return decide(upgrade_verdict(text.error()));
    if (!text.complete()) return handshake_status::need_more;
    const request_head head = split_request_head(*text);
    behind_head_ = chunk;
    return decide(check_upgrade(head.method, head.version, head.target, head.fields, *options_, hash_));
  }

  /// The client has ended the transport: a head that was begun gets no more verdict than head_cut.
  handshake_status receive_eof() {
    return verdict_ ? handshake_status::done : decide(upgrade_verdict(error::head_cut));
  }

  /// The request, once the head was readable: its target and fields decide what the application does.
  /// Life: views of this object.
  request_head request() const noexcept { return head_.complete() ? split_request_head(head_.text()) : request_head{}; }

  /// The verdict, once there is one.
  const std::optional<upgrade_verdict>& verdict() const noexcept { return verdict_; }

  /// The verdict is there and lets the client in.
  bool accepted() const noexcept { return verdict_ && *verdict_; }

  /// Turns the acceptance into the application's own refusal and writes it.
  /// Errors: handshake_unfinished, response_written, status_not_refusal, field_forbidden, field_reserved,
  /// out_of_memory,
  ///         buffer_full; the verdict then stays as it was.
  [[nodiscard]] error refuse(const refusal& answer) {
    if (!verdict_) return error::handshake_unfinished;
    if (response_written()) return error::response_written;
    if (answer.status < 300 || answer.status > 599) return error::status_not_refusal;
    for (const field& extra : answer.fields) {
      if (is_any_of(extra.name, "Connection", "Content-Length", "Transfer-Encoding")) return error::field_reserved;
    }
    const error fault = write(answer.status, [&](auto& head) {
      for (const field& extra : answer.fields) head.add(extra.name, extra.value);
      head.add("Connection", answer.status == 426 ? "close, Upgrade" : "close")
          .add("Content-Length", answer.body.size())
          .end(answer.body);
    });
    if (fault == error::none) verdict_.emplace(error::refused_by_application, answer.status);
    return fault;
  }

  /// Writes the acceptance with fields of the application's own, such as Set-Cookie.
  /// Errors: handshake_unfinished (also if it is a refusal), response_written, field_forbidden,
  ///         field_reserved, out_of_memory, buffer_full;
  ///         the verdict then stays as it was.
  [[nodiscard]] error accept(std::span<const field> extra_fields) {
    if (!accepted()) return error::handshake_unfinished;
    if (response_written()) return error::response_written;
    for (const field& extra : extra_fields) {
      if (is_any_of(extra.name, "Connection", "Upgrade", "Content-Length", "Transfer-Encoding") ||
          equals_ignoring_case(extra.name.substr(0, 14), "Sec-WebSocket-")) {
        return error::field_reserved;
      }
    }
    return write(101, [&](auto& head) {
      for (const field& own : verdict_->fields()) head.add(own.name, own.value);
      for (const field& extra : extra_fields) head.add(extra.name, extra.value);
      head.end();
    });
  }

  /// The bytes that answer the request. The first call writes what the verdict says, unless refuse() or
  /// accept() did that before: they cannot come after it.
  /// Gives:  nothing while there is no verdict, or if the client ended the transport before its first
  ///         byte; nothing, and the verdict turns into a refusal, if there is no memory for it.
  /// Life:   a view of this object.
  const_bytes response() {
    if (verdict_ && !response_written()) {
      if (const error fault = write_verdict(); fault != error::none) verdict_.emplace(fault);
    }
    return std::as_const(response_).view();
  }

  /// What a connection is made from; nothing unless accepted().
  /// Life: views of the options and of the last chunk.
  std::optional<class agreement> agreement() const noexcept {
    return accepted() ? verdict_->agreement(behind_head_) : std::nullopt;
  }

 private:
  template <class... Names>
  static bool is_any_of(std::string_view name, Names... names) noexcept {
    return (equals_ignoring_case(name, names) || ...);
  }

  handshake_status decide(upgrade_verdict verdict) noexcept {
    verdict_ = verdict;
    return handshake_status::done;
  }

  bool response_written() const noexcept { return response_.size() != 0; }

  error write_verdict() {
    if (verdict_->reason() == error::head_cut && head_.untouched()) return error::none;
    return write(verdict_->status(), [&](auto& head) {
      for (const field& own : verdict_->fields()) head.add(own.name, own.value);
      if (!*verdict_) head.add("Content-Length", verdict_->body().size() + 1);
      head.end();
      // RFC 9110 §9.3.2: "the server MUST NOT send content in the response" to a HEAD
      if (!*verdict_ && request().method != "HEAD") head.put(verdict_->body()).put("\n");
    });
  }

  template <class Lines>
  error write(std::uint16_t status, Lines lines) {
    head_writer head(response_);
    head.status_line(status);
    lines(head);
    if (head.error() != error::none) response_.release();
    return head.error();
  }

  const server_options* options_;
  [[no_unique_address]] Hash hash_;
  head_reader<Buffer> head_;
  bytes behind_head_;
  std::optional<upgrade_verdict> verdict_;
  Buffer response_;
};

/// The handshake with the defaults; using it needs sansocket/crypto/openssl.hpp.
using server_handshake = basic_server_handshake<openssl_sha1>;

}  // namespace sansocket

#endif
