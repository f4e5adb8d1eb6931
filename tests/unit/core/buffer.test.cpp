#include "sansocket/core/buffer.hpp"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <random>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "exact_buffer.hpp"

using namespace sansocket;
using sansocket::tests::exact_buffer;

namespace {

/// A heap that can be made to have nothing left, and that counts what was asked for.
struct test_heap {
  static inline bool is_exhausted = false;
  static inline std::size_t allocations = 0;

  static void* resize(void* block, std::size_t size) noexcept {
    ++allocations;
    return is_exhausted ? nullptr : c_heap::resize(block, size);
  }
  static void release(void* block) noexcept { c_heap::release(block); }
};
using counted_buffer = basic_heap_buffer<test_heap>;

struct exhausted_heap {
  exhausted_heap() { test_heap::is_exhausted = true; }
  exhausted_heap(const exhausted_heap&) = delete;
  exhausted_heap& operator=(const exhausted_heap&) = delete;
  ~exhausted_heap() { test_heap::is_exhausted = false; }
};

using large_inplace = inplace_buffer<4096>;

template <class Buffer>
std::string text(const Buffer& buffer) {
  return std::string(text_of(buffer.view()));
}

template <class Buffer>
Buffer holding(std::string_view words) {
  Buffer buffer;
  REQUIRE(append(buffer, bytes_of(std::string_view(words))));
  return buffer;
}

}  // namespace

TEST_CASE("buffer: the concept takes both buffers and no mere container", "[buffer]") {
  STATIC_REQUIRE(byte_buffer<heap_buffer>);
  STATIC_REQUIRE(byte_buffer<inplace_buffer<1>>);
  STATIC_REQUIRE(byte_buffer<inplace_buffer<0>>);
  STATIC_REQUIRE_FALSE(byte_buffer<std::string>);
  STATIC_REQUIRE_FALSE(byte_buffer<std::vector<std::byte>>);
  STATIC_REQUIRE_FALSE(byte_buffer<const heap_buffer>);
}

TEMPLATE_TEST_CASE("buffer: begins empty", "[buffer]", heap_buffer, large_inplace) {
  TestType buffer;
  CHECK(buffer.size() == 0);
  CHECK(buffer.view().empty());
  CHECK(std::as_const(buffer).view().empty());
}

TEMPLATE_TEST_CASE("buffer: extends behind what is held", "[buffer]", heap_buffer, large_inplace) {
  TestType buffer;
  const bytes first = buffer.extend(3, 100);
  REQUIRE(first.size() == 3);
  std::memcpy(first.data(), "abc", 3);
  const bytes second = buffer.extend(2, 100);
  REQUIRE(second.size() == 2);
  std::memcpy(second.data(), "de", 2);

  CHECK(text(buffer) == "abcde");
  CHECK(buffer.size() == 5);
  CHECK(buffer.capacity() >= 5);
  CHECK(buffer.view().data() == std::as_const(buffer).view().data());
  CHECK(second.data() == buffer.view().data() + 3);
}

TEMPLATE_TEST_CASE("buffer: extending by nothing changes nothing", "[buffer]", heap_buffer, large_inplace) {
  TestType buffer;
  CHECK(buffer.extend(0, 100).empty());
  CHECK(buffer.size() == 0);

  buffer = holding<TestType>("abc");
  CHECK(buffer.extend(0, 100).empty());
  CHECK(text(buffer) == "abc");
}

TEMPLATE_TEST_CASE("buffer: refuses more than it can ever hold and keeps what it has", "[buffer]", heap_buffer,
                   large_inplace) {
  constexpr std::size_t everything = std::numeric_limits<std::size_t>::max();
  const std::size_t most = TestType::max_size();

  TestType buffer;
  CHECK(buffer.extend(most + 1, everything).empty());
  CHECK(buffer.size() == 0);

  buffer = holding<TestType>("abc");
  const std::size_t capacity = buffer.capacity();
  // The sums with what is held run over the end of the type, or just over the limit.
  for (const std::size_t count : {everything, everything - 1, everything - 2, everything - 3, most, most - 2}) {
    CAPTURE(count);
    CHECK(buffer.extend(count, everything).empty());
    CHECK(text(buffer) == "abc");
    CHECK(buffer.capacity() == capacity);
  }
}

TEMPLATE_TEST_CASE("buffer: truncates, and never to more than is held", "[buffer]", heap_buffer, large_inplace) {
  TestType buffer = holding<TestType>("abcdef");
  buffer.truncate(7);
  CHECK(text(buffer) == "abcdef");
  buffer.truncate(6);
  CHECK(text(buffer) == "abcdef");
  buffer.truncate(2);
  CHECK(text(buffer) == "ab");
  buffer.truncate(0);
  CHECK(buffer.size() == 0);

  TestType empty;
  empty.truncate(0);
  empty.truncate(5);
  CHECK(empty.size() == 0);
}

TEMPLATE_TEST_CASE("buffer: erases at the front, in the middle and at the end", "[buffer]", heap_buffer,
                   large_inplace) {
  TestType buffer = holding<TestType>("abcdefgh");
  buffer.erase(0, 2);
  CHECK(text(buffer) == "cdefgh");
  buffer.erase(1, 2);
  CHECK(text(buffer) == "cfgh");
  buffer.erase(2, 2);
  CHECK(text(buffer) == "cf");
  buffer.erase(1, 0);
  CHECK(text(buffer) == "cf");
  buffer.erase(2, 0);
  CHECK(text(buffer) == "cf");
  buffer.erase(0, 2);
  CHECK(buffer.size() == 0);

  TestType empty;
  empty.erase(0, 0);
  CHECK(empty.size() == 0);
}

TEMPLATE_TEST_CASE("buffer: is reusable after clear and release", "[buffer]", heap_buffer, large_inplace) {
  TestType buffer = holding<TestType>("abc");
  buffer.clear();
  CHECK(buffer.size() == 0);
  CHECK(append(buffer, bytes_of("de")));
  CHECK(text(buffer) == "de");

  buffer.release();
  CHECK(buffer.size() == 0);
  buffer.release();
  CHECK(append(buffer, bytes_of("fgh")));
  CHECK(text(buffer) == "fgh");
}

TEMPLATE_TEST_CASE("buffer: moves its bytes, and both ends stay usable", "[buffer]", heap_buffer, large_inplace) {
  STATIC_REQUIRE(std::is_nothrow_move_constructible_v<TestType>);
  STATIC_REQUIRE(std::is_nothrow_move_assignable_v<TestType>);

  TestType source = holding<TestType>("abc");
  TestType target(std::move(source));
  CHECK(text(target) == "abc");

  TestType other = holding<TestType>("a longer text than before");
  target = std::move(other);
  CHECK(text(target) == "a longer text than before");

  for (TestType* moved_from : {&source, &other}) {
    moved_from->clear();
    CHECK(append(*moved_from, bytes_of("xy")));
    CHECK(text(*moved_from) == "xy");
  }
  CHECK(text(target) == "a longer text than before");

  TestType& itself = target;
  target = std::move(itself);
  CHECK(text(target) == "a longer text than before");
}

TEMPLATE_TEST_CASE("buffer: appends copies of bytes", "[buffer]", heap_buffer, large_inplace) {
  TestType buffer;
  CHECK(append(buffer, {}));
  CHECK(buffer.size() == 0);
  const exact_buffer first("Hel");
  const exact_buffer second("lo");
  CHECK(append(buffer, first.view()));
  CHECK(append(buffer, {}));
  CHECK(append(buffer, second.view()));
  CHECK(text(buffer) == "Hello");
}

// Invariant: after any sequence of calls a buffer holds what a vector would hold, and never more than it can.
TEMPLATE_TEST_CASE("buffer: does what a vector does, in any order of calls", "[buffer]", heap_buffer, large_inplace) {
  std::mt19937 random(6455);
  const auto below = [&](std::size_t end) { return static_cast<std::size_t>(random() % end); };
  TestType buffer;
  std::vector<std::byte> model;
  const std::size_t limit = std::min<std::size_t>(TestType::max_size(), 8192);

  for (int step = 0; step < 5000; ++step) {
    switch (random() % 8) {
      case 0: {
        const std::size_t position = below(model.size() + 1);
        const std::size_t count = below(model.size() - position + 1);
        buffer.erase(position, count);
        const auto from = model.begin() + static_cast<std::ptrdiff_t>(position);
        model.erase(from, from + static_cast<std::ptrdiff_t>(count));
        break;
      }
      case 1: {
        const std::size_t size = below(model.size() + 10);
        buffer.truncate(size);
        model.resize(std::min(size, model.size()));
        break;
      }
      case 2:
        if (random() % 8 != 0) break;
        if (random() % 2 == 0) buffer.clear();
        else buffer.release();
        model.clear();
        break;
      default: {
        const std::size_t count = below(300);
        if (model.size() + count > limit) break;
        const bytes room = buffer.extend(count, limit);
        REQUIRE(room.size() == count);
        for (std::byte& byte : room) model.push_back(byte = static_cast<std::byte>(random() & 0xFFU));
      }
    }
    REQUIRE(buffer.size() == model.size());
    REQUIRE(buffer.capacity() >= buffer.size());
    REQUIRE(std::ranges::equal(buffer.view(), model));
  }
}

TEST_CASE("buffer: on the heap it is one pointer and allocates nothing until something is kept", "[buffer]") {
  STATIC_REQUIRE(sizeof(heap_buffer) == sizeof(void*));
  const std::size_t before = test_heap::allocations;
  counted_buffer buffer;
  counted_buffer other(std::move(buffer));
  buffer = std::move(other);
  buffer.clear();
  buffer.release();
  CHECK(append(buffer, {}));
  CHECK(buffer.capacity() == 0);
  CHECK(test_heap::allocations == before);

  CHECK(append(buffer, bytes_of("a")));
  CHECK(test_heap::allocations == before + 1);
}

TEST_CASE("buffer: on the heap it never grows beyond `most` unless that is needed", "[buffer][10.4]") {
  const auto most = GENERATE(std::size_t{256}, std::size_t{257}, std::size_t{1000}, std::size_t{4096},
                             std::size_t{65'535}, std::size_t{65'536});
  CAPTURE(most);
  heap_buffer buffer;
  for (std::size_t size = 1; size <= most; ++size) {
    if (buffer.extend(1, most).size() != 1) FAIL("no room at " << size);
    if (buffer.capacity() > most) FAIL(buffer.capacity() << " bytes at " << size);
  }
  CHECK(buffer.capacity() == most);

  // What is needed is given all the same, and not a byte more.
  CHECK(buffer.extend(1, most).size() == 1);
  CHECK(buffer.capacity() == most + 1);
  CHECK(buffer.extend(10, 0).size() == 10);
  CHECK(buffer.capacity() == most + 11);
}

TEST_CASE("buffer: on the heap it takes what is needed at once, however small `most` is", "[buffer]") {
  heap_buffer buffer;
  CHECK(buffer.extend(5000, 300).size() == 5000);
  CHECK(buffer.capacity() == 5000);
}

TEST_CASE("buffer: on the heap even the smallest `most` costs no more than one small block", "[buffer]") {
  for (std::size_t most = 0; most < 256; ++most) {
    heap_buffer buffer;
    REQUIRE(buffer.extend(1, most).size() == 1);
    if (buffer.capacity() > 256) FAIL(buffer.capacity() << " bytes");
  }
}

TEST_CASE("buffer: on the heap it grows by doubling, so appending is linear", "[buffer]") {
  const std::size_t before = test_heap::allocations;
  counted_buffer buffer;
  for (std::size_t size = 0; size < 1024 * 1024; ++size) {
    if (buffer.extend(1).empty()) FAIL("no room at " << size);
  }
  // 256 bytes doubled twelve times make a mebibyte.
  CHECK(test_heap::allocations - before <= 14);
  CHECK(buffer.capacity() < 2 * buffer.size());
}

TEST_CASE("buffer: on the heap growing keeps what is held", "[buffer]") {
  heap_buffer buffer = holding<heap_buffer>("Hello");
  REQUIRE(buffer.extend(100'000).size() == 100'000);
  buffer.truncate(5);
  CHECK(text(buffer) == "Hello");
}

TEST_CASE("buffer: on the heap the block travels with a move", "[buffer]") {
  heap_buffer source = holding<heap_buffer>("abc");
  const std::byte* where = source.view().data();
  heap_buffer target(std::move(source));
  CHECK(target.view().data() == where);
  CHECK(source.size() == 0);
  CHECK(source.capacity() == 0);

  heap_buffer last = holding<heap_buffer>("old");
  last = std::move(target);
  CHECK(last.view().data() == where);
  CHECK(target.size() == 0);  // what `last` held is gone, not swapped
}

TEST_CASE("buffer: on the heap clear keeps memory and release does not", "[buffer]") {
  heap_buffer buffer = holding<heap_buffer>("abc");
  const std::size_t capacity = buffer.capacity();
  buffer.clear();
  CHECK(buffer.capacity() == capacity);
  buffer.truncate(0);
  CHECK(buffer.capacity() == capacity);
  buffer.release();
  CHECK(buffer.capacity() == 0);
  CHECK(buffer.view().data() == nullptr);
}

TEST_CASE("buffer: on the heap an allocation that fails is reported and changes nothing", "[buffer]") {
  counted_buffer empty;
  counted_buffer full = holding<counted_buffer>("abc");
  const std::size_t capacity = full.capacity();
  {
    const exhausted_heap nothing_left;
    CHECK(empty.extend(1).empty());
    CHECK_FALSE(append(empty, bytes_of("a")));
    CHECK(empty.size() == 0);
    CHECK(empty.capacity() == 0);

    CHECK(full.extend(100'000).empty());
    CHECK_FALSE(append(full, std::vector<std::byte>(100'000)));
    CHECK(text(full) == "abc");
    CHECK(full.capacity() == capacity);

    // What is there already can still be used.
    CHECK(append(full, bytes_of("def")));
    CHECK(append(full, {}));
    CHECK(text(full) == "abcdef");
  }
  CHECK(append(empty, bytes_of("a")));
  CHECK(full.extend(100'000).size() == 100'000);
}

TEST_CASE("buffer: in place it holds exactly its capacity", "[buffer]") {
  inplace_buffer<8> buffer;
  STATIC_REQUIRE(inplace_buffer<8>::capacity() == 8);
  STATIC_REQUIRE(inplace_buffer<8>::max_size() == 8);
  CHECK(buffer.extend(9).empty());
  CHECK(append(buffer, bytes_of("abcde")));
  CHECK_FALSE(append(buffer, bytes_of("fghi")));
  CHECK(text(buffer) == "abcde");
  CHECK(append(buffer, bytes_of("fgh")));
  CHECK(text(buffer) == "abcdefgh");
  CHECK(buffer.extend(1).empty());
  CHECK(append(buffer, {}));
  CHECK(text(buffer) == "abcdefgh");
  buffer.erase(0, buffer.size());
  CHECK(buffer.extend(8).size() == 8);
}

TEST_CASE("buffer: in place it lies in the object and nowhere else", "[buffer]") {
  STATIC_REQUIRE(std::is_trivially_copyable_v<inplace_buffer<64>>);
  STATIC_REQUIRE(std::is_trivially_destructible_v<inplace_buffer<64>>);
  STATIC_REQUIRE(sizeof(inplace_buffer<64>) == 64 + sizeof(std::size_t));
  inplace_buffer<64> buffer;
  const auto begin = reinterpret_cast<std::uintptr_t>(&buffer);
  const auto content = reinterpret_cast<std::uintptr_t>(buffer.extend(64).data());
  CHECK(content >= begin);
  CHECK(content + 64 <= begin + sizeof(buffer));
}

TEST_CASE("buffer: in place it may have no room at all", "[buffer]") {
  inplace_buffer<0> buffer;
  CHECK(buffer.extend(1).empty());
  CHECK_FALSE(append(buffer, bytes_of("a")));
  CHECK(append(buffer, {}));
  buffer.erase(0, 0);
  buffer.clear();
  CHECK(buffer.view().empty());
}
