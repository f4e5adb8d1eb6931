#include "sansocket/connection/message_room.hpp"

#include <cstddef>
#include <cstdint>

#include "catch.hpp"
#include "sansocket/core/limits.hpp"

using namespace sansocket;

TEST_CASE("message_room: reserving keeps what is held and shows no more of it", "[message_room]") {
  heap_buffer buffer;
  REQUIRE(append(buffer, bytes_of("abc")));
  detail::reserve(buffer, 1000);
  CHECK(buffer.capacity() >= 1000);
  CHECK(text_of(const_bytes(buffer.view())) == "abc");
  const std::size_t capacity = buffer.capacity();
  detail::reserve(buffer, 2);
  CHECK(buffer.capacity() == capacity);
}

TEST_CASE("message_room: for a payload memory grows with what has come, and to no more than the message",
          "[message_room]") {
  for (const std::size_t came : {1U, 100U, 1000U, 60'000U}) {
    heap_buffer buffer;
    CHECK(detail::room_for_payload(buffer, came, unlimited).size() == came);
    CHECK(buffer.capacity() <= std::max<std::size_t>(2 * came, 256));
    heap_buffer exact;
    CHECK(detail::room_for_payload(exact, came, came + 10).size() == came);
    CHECK(exact.capacity() <= std::max<std::size_t>(came + 10, 256));
  }
}

TEST_CASE("message_room: beside what was inflated the buffer is small, and then all that may come", "[message_room]") {
  heap_buffer buffer;
  const std::uint64_t limit = 1024 * 1024;
  std::size_t sizes = 0;
  std::size_t capacity = 0;
  while (buffer.size() < limit) {
    const std::size_t count = std::min<std::size_t>(1000, limit - buffer.size());
    REQUIRE(detail::room_beside_inflated(buffer, count, limit - buffer.size()).size() == count);
    if (buffer.size() <= detail::inflated_at_once) CHECK(buffer.capacity() <= detail::inflated_at_once);
    else if (buffer.capacity() != capacity) ++sizes;
    capacity = buffer.capacity();
  }
  CHECK(sizes == 1);
  CHECK(buffer.capacity() == limit + max_control_payload);
  // A control payload beside it finds its room.
  CHECK(detail::room_beside_inflated(buffer, max_control_payload, 0).size() == max_control_payload);
  CHECK(buffer.capacity() == limit + max_control_payload);
}

TEST_CASE("message_room: a fixed buffer gives what it has", "[message_room]") {
  inplace_buffer<1000> buffer;
  CHECK(detail::room_for_payload(buffer, 600, 2000).size() == 600);
  CHECK(detail::room_for_payload(buffer, 401, 2000).empty());
  CHECK(detail::room_beside_inflated(buffer, 400, unlimited).size() == 400);
}
