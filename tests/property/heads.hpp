// Heads of requests and responses as they may arrive, legal and not, with the verdict on them.
#ifndef SANSOCKET_TESTS_HEADS_HPP
#define SANSOCKET_TESTS_HEADS_HPP

#include <cstdint>
#include <string>
#include <string_view>

#include "sansocket/core/error.hpp"

namespace sansocket::tests {

/// One stream. In its text "\n" stands for CR LF, "\v" for a LF alone and "\f" for a CR alone.
struct head_case {
  std::string_view name;
  std::string_view text;
  error verdict;          ///< none: accepted, or nothing decided yet where `status` is 0
  std::uint16_t status;   ///< of the server's answer, or of the response that the client read; 0 for none
  std::string_view rest;  ///< what must be left for the connection
};

inline std::string head_stream(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') out += "\r\n";
    else if (c == '\v') out += '\n';
    else if (c == '\f') out += '\r';
    else out += c;
  }
  return out;
}

/// What a server may read; it speaks "chat" and "superchat", lets same origins in and takes heads of
/// at most 600 bytes and 12 fields.
inline constexpr head_case request_heads[] = {
    {"1.3: the example, but for its Origin",
     "GET /chat HTTP/1.1\nHost: server.example.com\nUpgrade: websocket\nConnection: Upgrade\n"
     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nSec-WebSocket-Protocol: chat, superchat\n"
     "Sec-WebSocket-Version: 13\n\n",
     error::none, 101, ""},
    {"1.3: the example",
     "GET /chat HTTP/1.1\nHost: server.example.com\nUpgrade: websocket\nConnection: Upgrade\n"
     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nOrigin: http://example.com\n"
     "Sec-WebSocket-Protocol: chat, superchat\nSec-WebSocket-Version: 13\n\n",
     error::origin_refused, 403, ""},
    {"frames behind the head",
     "GET / HTTP/1.1\nHost: a\nUpgrade: websocket\nConnection: Upgrade\n"
     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nSec-WebSocket-Version: 13\n\nbehind the head",
     error::none, 101, "behind the head"},
    {"line ends behind the head belong to the connection",
     "GET / HTTP/1.1\nHost: a\nUpgrade: websocket\nConnection: Upgrade\n"
     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nSec-WebSocket-Version: 13\n\n\n\n",
     error::none, 101, "\r\n\r\n"},
    {"lists over lines, in any case, and empty lines in front",
     "\n\nGET /a?b=%20c HTTP/1.1\nhOST:[::1]:8080\nupgrade:h2c , WebSocket\nCONNECTION: keep-alive\n"
     "connection:upgrade\nsec-websocket-key:\tdGhlIHNhbXBsZSBub25jZQ==  \nSec-WebSocket-Protocol: superchat\n"
     "Sec-WebSocket-Protocol: chat\nsec-websocket-version: 13\nOrigin: http://[::1]:8080\nX:\n\nx",
     error::none, 101, "x"},
    {"nothing", "", error::none, 0, ""},
    {"empty lines only", "\n\n\n", error::none, 0, ""},
    {"a cut request line", "GET /chat HTT", error::none, 0, ""},
    {"a cut head", "GET / HTTP/1.1\nHost: a\nUpgrade: websocket\n", error::none, 0, ""},
    {"a head but for its last byte", "GET / HTTP/1.1\nHost: a\n\f", error::none, 0, ""},
    {"a POST", "POST / HTTP/1.1\nHost: a\nContent-Length: 3\n\nabc", error::method_not_get, 405, ""},
    {"HTTP/1.0", "GET / HTTP/1.0\nHost: a\n\n", error::http_version_unsupported, 505, ""},
    {"HTTP/2.0", "GET / HTTP/2.0\nHost: a\n\n", error::http_version_unsupported, 505, ""},
    {"the target is no path", "GET chat HTTP/1.1\nHost: a\n\n", error::target_malformed, 400, ""},
    {"no Host", "GET / HTTP/1.1\nUpgrade: websocket\n\n", error::host_missing, 400, ""},
    {"two Hosts", "GET / HTTP/1.1\nHost: a\nHost: a\n\n", error::host_repeated, 400, ""},
    {"a Host with user information", "GET / HTTP/1.1\nHost: a@b\n\n", error::host_malformed, 400, ""},
    {"a body", "GET / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n0\n\n", error::body_present, 400, ""},
    {"no Upgrade", "GET / HTTP/1.1\nHost: a\n\n", error::upgrade_missing, 400, ""},
    {"another Upgrade", "GET / HTTP/1.1\nHost: a\nUpgrade: websocket2\n\n", error::upgrade_missing, 400, ""},
    {"no Connection", "GET / HTTP/1.1\nHost: a\nUpgrade: websocket\n\n", error::connection_missing, 400, ""},
    {"no version", "GET / HTTP/1.1\nHost: a\nUpgrade: websocket\nConnection: Upgrade\n\n", error::version_missing, 400,
     ""},
    {"version 8", "GET / HTTP/1.1\nHost: a\nUpgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Version: 8\n\n",
     error::version_unsupported, 426, ""},
    {"two versions",
     "GET / HTTP/1.1\nHost: a\nUpgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Version: 13\n"
     "Sec-WebSocket-Version: 13\n\n",
     error::version_repeated, 400, ""},
    {"no key", "GET / HTTP/1.1\nHost: a\nUpgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Version: 13\n\n",
     error::key_missing, 400, ""},
    {"two keys",
     "GET / HTTP/1.1\nHost: a\nUpgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Version: 13\n"
     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n\n",
     error::key_repeated, 400, ""},
    {"a key that is not canonical",
     "GET / HTTP/1.1\nHost: a\nUpgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Version: 13\n"
     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==\n\n",
     error::key_malformed, 400, ""},
    {"an offer that is no token",
     "GET / HTTP/1.1\nHost: a\nUpgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Version: 13\n"
     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nSec-WebSocket-Protocol: a b\n\n",
     error::subprotocols_malformed, 400, ""},
    {"an extension against its grammar",
     "GET / HTTP/1.1\nHost: a\nUpgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Version: 13\n"
     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nSec-WebSocket-Extensions: a;=b\n\n",
     error::extensions_malformed, 400, ""},
    {"two Origins",
     "GET / HTTP/1.1\nHost: a\nUpgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Version: 13\n"
     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nOrigin: http://a\nOrigin: http://a\n\n",
     error::origin_repeated, 400, ""},
    {"a null Origin",
     "GET / HTTP/1.1\nHost: a\nUpgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Version: 13\n"
     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nOrigin: null\n\n",
     error::origin_refused, 403, ""},
    {"LF alone", "GET / HTTP/1.1\vHost: a\v\v", error::request_line_malformed, 400, ""},
    {"LF alone behind a field", "GET / HTTP/1.1\nHost: a\v\n", error::field_malformed, 400, ""},
    {"CR alone in a field", "GET / HTTP/1.1\nHost: a\fb\n\n", error::field_malformed, 400, ""},
    {"a space in front", " GET / HTTP/1.1\n\n", error::request_line_malformed, 400, ""},
    {"two spaces", "GET  / HTTP/1.1\n\n", error::request_line_malformed, 400, ""},
    {"a control character in the target", "GET /\x01 HTTP/1.1\n\n", error::request_line_malformed, 400, ""},
    {"a TLS hello", "\x16\x03\x01\x02", error::request_line_malformed, 400, ""},
    {"a folded line", "GET / HTTP/1.1\nHost: a\n b\n\n", error::field_malformed, 400, ""},
    {"a space before the colon", "GET / HTTP/1.1\nHost : a\n\n", error::field_malformed, 400, ""},
    {"a field without a name", "GET / HTTP/1.1\n: a\n\n", error::field_malformed, 400, ""},
    {"a field without a colon", "GET / HTTP/1.1\nHost\n\n", error::field_malformed, 400, ""},
    {"as many fields as there may be", "GET / HTTP/1.1\nHost: a\nA:\nB:\nC:\nD:\nE:\nF:\nG:\nH:\nI:\nJ:\nK:\n\n",
     error::upgrade_missing, 400, ""},
    {"one field more than there may be", "GET / HTTP/1.1\nHost: a\nA:\nB:\nC:\nD:\nE:\nF:\nG:\nH:\nI:\nJ:\nK:\nL:\n\n",
     error::too_many_fields, 431, ""},
    {"a head that is too long",
     "GET /0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
     "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
     "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
     "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
     "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
     "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
     " HTTP/1.1\nHost: a\n\n",
     error::head_too_large, 431, ""},
    {"a fault behind 300 bytes",
     "GET /0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
     "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
     "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
     " HTTP/1.1\nHost a\n\n",
     error::field_malformed, 400, ""},
};

/// What a client may read that sent the key AAECAwQFBgcICQoLDA0ODw==, offered "chat" and "superchat" and
/// takes heads of at most 400 bytes and 8 fields.
inline constexpr head_case response_heads[] = {
    {"accepted",
     "HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\nConnection: Upgrade\n"
     "Sec-WebSocket-Accept: Bz3qJYTGdOe8gUSpLosEdiLKDrk=\n\n",
     error::none, 101, ""},
    {"accepted, with frames behind the head",
     "HTTP/1.1 101 \nUpgrade: websocket\nConnection: Upgrade\n"
     "Sec-WebSocket-Accept: Bz3qJYTGdOe8gUSpLosEdiLKDrk=\nSec-WebSocket-Protocol: superchat\n\n\n\nbehind",
     error::none, 101, "\r\n\r\nbehind"},
    {"accepted in any case",
     "HTTP/1.1 101 Web Socket\nUPGRADE:WebSocket\nconnection: keep-alive, upgrade\n"
     "sec-websocket-accept:Bz3qJYTGdOe8gUSpLosEdiLKDrk=\t\nX: \xC3\xA9\n\n",
     error::none, 101, ""},
    {"accepted after two interim responses",
     "HTTP/1.1 100 Continue\n\nHTTP/1.1 103 Early Hints\nLink: </a>\n\nHTTP/1.1 101 Switching Protocols\n"
     "Upgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Accept: Bz3qJYTGdOe8gUSpLosEdiLKDrk=\n\nbehind",
     error::none, 101, "behind"},
    {"nothing", "", error::none, 0, ""},
    {"a cut status line", "HTTP/1.1 10", error::none, 0, ""},
    {"an interim response only", "HTTP/1.1 100 Continue\n\n", error::none, 0, ""},
    {"a head but for its last byte", "HTTP/1.1 101 \nUpgrade: websocket\n\f", error::none, 0, ""},
    {"refused", "HTTP/1.1 403 Forbidden\nContent-Length: 3\n\nno!", error::status_not_101, 403, ""},
    {"refused with a long body",
     "HTTP/1.1 500 \n\n0123456789012345678901234567890123456789012345678901234567890123456789", error::status_not_101,
     500, ""},
    {"redirected", "HTTP/1.1 307 Temporary Redirect\nLocation: wss://other.example/\nContent-Length: 4\n\nthere",
     error::status_not_101, 307, ""},
    {"redirected to nowhere", "HTTP/1.1 301 Moved\n\n", error::status_not_101, 301, ""},
    {"HTTP/1.0", "HTTP/1.0 101 \n\n", error::response_version_unsupported, 101, ""},
    {"no Upgrade", "HTTP/1.1 101 \nConnection: Upgrade\n\n", error::upgrade_not_confirmed, 101, ""},
    {"another Upgrade beside it", "HTTP/1.1 101 \nUpgrade: websocket\nUpgrade: h2c\n\n", error::upgrade_not_confirmed,
     101, ""},
    {"no Connection", "HTTP/1.1 101 \nUpgrade: websocket\n\n", error::connection_not_confirmed, 101, ""},
    {"no Accept", "HTTP/1.1 101 \nUpgrade: websocket\nConnection: Upgrade\n\n", error::accept_missing, 101, ""},
    {"two Accepts",
     "HTTP/1.1 101 \nUpgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Accept: Bz3qJYTGdOe8gUSpLosEdiLKDrk=\n"
     "Sec-WebSocket-Accept: Bz3qJYTGdOe8gUSpLosEdiLKDrk=\n\n",
     error::accept_repeated, 101, ""},
    {"another Accept",
     "HTTP/1.1 101 \nUpgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n\n",
     error::accept_mismatch, 101, ""},
    {"an extension",
     "HTTP/1.1 101 \nUpgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Accept: Bz3qJYTGdOe8gUSpLosEdiLKDrk=\n"
     "Sec-WebSocket-Extensions: permessage-deflate\n\n",
     error::extension_not_offered, 101, ""},
    {"a subprotocol that was not offered",
     "HTTP/1.1 101 \nUpgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Accept: Bz3qJYTGdOe8gUSpLosEdiLKDrk=\n"
     "Sec-WebSocket-Protocol: Chat\n\n",
     error::subprotocol_not_offered, 101, ""},
    {"two subprotocols",
     "HTTP/1.1 101 \nUpgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Accept: Bz3qJYTGdOe8gUSpLosEdiLKDrk=\n"
     "Sec-WebSocket-Protocol: chat\nSec-WebSocket-Protocol: chat\n\n",
     error::subprotocol_repeated, 101, ""},
    {"an empty line in front", "\nHTTP/1.1 101 \n\n", error::status_line_malformed, 0, ""},
    {"not HTTP", "SSH-2.0-x\n", error::status_line_malformed, 0, ""},
    {"status 600", "HTTP/1.1 600 \n\n", error::status_line_malformed, 0, ""},
    {"a status of two digits", "HTTP/1.1 99 \n\n", error::status_line_malformed, 0, ""},
    {"LF alone", "HTTP/1.1 101 \vUpgrade: websocket\v\v", error::status_line_malformed, 0, ""},
    {"a folded line", "HTTP/1.1 101 \nA: b\n c\n\n", error::field_malformed, 0, ""},
    {"too many fields", "HTTP/1.1 101 \nA:\nB:\nC:\nD:\nE:\nF:\nG:\nH:\nI:\n\n", error::too_many_fields, 0, ""},
    {"a head that is too long",
     "HTTP/1.1 101 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
     "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
     "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
     "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\n\n",
     error::head_too_large, 0, ""},
    {"a fault behind 300 bytes",
     "HTTP/1.1 101 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
     "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
     "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\n"
     "Host a\n\n",
     error::field_malformed, 0, ""},
};

}  // namespace sansocket::tests

#endif
