// Which subprotocol is spoken: the server picks one of those that the client offers (§1.9, §11.3.4).
#ifndef SANSOCKET_HANDSHAKE_SUBPROTOCOL_HPP
#define SANSOCKET_HANDSHAKE_SUBPROTOCOL_HPP

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "sansocket/core/error.hpp"
#include "sansocket/http/token.hpp"

namespace sansocket {

/// Judges the subprotocols that a client is about to offer, or that a server is set up with.
/// Errors: subprotocol_not_token, for one that is not a token or that is there twice.
/// Source: §4.1: "The elements that comprise this value MUST be non-empty strings ... and MUST all be unique strings."
constexpr error check_subprotocols(std::span<const std::string_view> subprotocols) noexcept {
  for (std::size_t i = 0; i < subprotocols.size(); ++i) {
    if (!is_token(subprotocols[i])) return error::subprotocol_not_token;
    for (const std::string_view earlier : subprotocols.first(i)) {
      if (earlier == subprotocols[i]) return error::subprotocol_not_token;
    }
  }
  return error::none;
}

/// Picks by the server's preference while the client's offers are read, over as many field lines as there are.
class subprotocol_selector {
 public:
  /// More offers than this are refused, so that looking for repeated ones stays cheap.
  static constexpr std::size_t max_offers = 64;

  /// Takes: the server's subprotocols, the preferred one first.
  /// Life:  views `supported`; selected() is one of its elements.
  constexpr explicit subprotocol_selector(std::span<const std::string_view> supported) noexcept
      : supported_(supported), selected_(supported.size()) {}

  /// Reads one Sec-WebSocket-Protocol field's value.
  /// Errors: subprotocols_malformed, too_many_subprotocols.
  /// Life:   the value stays valid until the last line was offered.
  constexpr error offer(std::string_view list) noexcept {
    std::string_view element = next_element(list);
    // §11.3.4's grammar asks for one element at least.
    if (element.empty()) return error::subprotocols_malformed;
    for (; !element.empty(); element = next_element(list)) {
      if (!is_token(element) || was_offered(element)) return error::subprotocols_malformed;
      if (offered_count_ == max_offers) return error::too_many_subprotocols;
      offered_[offered_count_++] = element;
      for (std::size_t i = 0; i < selected_; ++i) {
        // §11.3.4 says nothing of case, so subprotocols are compared as they are.
        if (supported_[i] == element) selected_ = i;
      }
    }
    return error::none;
  }

  /// The server's first choice among those that were offered; empty if there is none.
  constexpr std::string_view selected() const noexcept {
    return selected_ < supported_.size() ? supported_[selected_] : std::string_view();
  }

  constexpr bool any_offered() const noexcept { return offered_count_ != 0; }

 private:
  constexpr bool was_offered(std::string_view element) const noexcept {
    for (const std::string_view earlier : std::span(offered_).first(offered_count_)) {
      if (earlier == element) return true;
    }
    return false;
  }

  std::span<const std::string_view> supported_;
  std::size_t selected_;  // index in supported_; its size while nothing is selected
  std::size_t offered_count_ = 0;
  std::array<std::string_view, max_offers> offered_;
};

}  // namespace sansocket

#endif
