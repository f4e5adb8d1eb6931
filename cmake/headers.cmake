# The one list of all headers, in layers: a header may include only headers that stand above it.
# Four things read it: the install set, the self-containment check, the layer check and the
# generator of the single header. The unit tests mirror it too.

set(SANSOCKET_HEADERS
  sansocket/version.hpp

  sansocket/core/role.hpp
  sansocket/core/opcode.hpp
  sansocket/core/close_code.hpp
  sansocket/core/error.hpp
  sansocket/core/error_info.hpp
  sansocket/core/error_category.hpp
  sansocket/core/result.hpp
  sansocket/core/bytes.hpp
  sansocket/core/limits.hpp
  sansocket/core/buffer.hpp
  sansocket/core/agreement.hpp

  sansocket/codec/mask_kernel.hpp
  sansocket/codec/mask.hpp
  sansocket/codec/utf8_kernel.hpp
  sansocket/codec/utf8.hpp
  sansocket/codec/base64.hpp
  sansocket/codec/frame_header.hpp
  sansocket/codec/close_payload.hpp
  sansocket/codec/describe.hpp

  sansocket/http/field_source.hpp
  sansocket/http/token.hpp
  sansocket/http/head_scanner.hpp
  sansocket/http/head.hpp
  sansocket/http/head_reader.hpp
  sansocket/http/head_writer.hpp
  sansocket/http/uri.hpp

  sansocket/crypto/sha1.hpp
  sansocket/crypto/random.hpp

  sansocket/handshake/accept_key.hpp
  sansocket/handshake/subprotocol.hpp
  sansocket/handshake/extension_list.hpp
  sansocket/handshake/deflate_offer.hpp
  sansocket/handshake/origin.hpp
  sansocket/handshake/upgrade.hpp
  sansocket/handshake/server.hpp
  sansocket/handshake/request.hpp
  sansocket/handshake/response.hpp
  sansocket/handshake/client.hpp

  sansocket/connection/extension.hpp
  sansocket/connection/options.hpp
  sansocket/connection/event.hpp
  sansocket/connection/closing.hpp
  sansocket/connection/input.hpp
  sansocket/connection/frame_reader.hpp
  sansocket/connection/message_room.hpp
  sansocket/connection/message_reader.hpp
  sansocket/connection/frame_writer.hpp
  sansocket/connection/prepared_message.hpp
  sansocket/connection/message_writer.hpp
  sansocket/connection/connection.hpp

  sansocket/session/watchdog.hpp
  sansocket/session/backoff.hpp
  sansocket/session/rate_limiter.hpp
  sansocket/session/connection_limiter.hpp
)

# These need OpenSSL, and so the component sansocket::openssl.
set(SANSOCKET_OPENSSL_HEADERS
  sansocket/crypto/openssl.hpp
  sansocket/sansocket.hpp
)

# These need zlib, and so the component sansocket::deflate.
set(SANSOCKET_DEFLATE_HEADERS
  sansocket/deflate/backend.hpp
  sansocket/deflate/deflate_pool.hpp
  sansocket/deflate/basic_permessage_deflate.hpp
  sansocket/deflate/zlib.hpp
  sansocket/deflate/permessage_deflate.hpp
)

# Which folders a folder's headers may include, besides their own.
set(SANSOCKET_LAYERS_core)
set(SANSOCKET_LAYERS_codec core)
set(SANSOCKET_LAYERS_http core)
set(SANSOCKET_LAYERS_crypto core)
set(SANSOCKET_LAYERS_handshake core codec http crypto)
set(SANSOCKET_LAYERS_connection core codec crypto)
set(SANSOCKET_LAYERS_session core)
set(SANSOCKET_LAYERS_deflate core connection)
