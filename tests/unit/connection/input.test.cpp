#include "sansocket/connection/input.hpp"

#include <string>
#include <utility>

#include "catch.hpp"
#include "exact_buffer.hpp"

using namespace sansocket;
using sansocket::tests::exact_buffer;

TEMPLATE_TEST_CASE("input: gives what is left of the chunk, in the caller's memory", "[input]", heap_buffer,
                   inplace_buffer<64>) {
  exact_buffer chunk("abcdef");
  input<TestType> in(chunk.view());
  CHECK(in.left().data() == chunk.view().data());
  in.left() = in.left().subspan(4);
  CHECK(text_of(in.left()) == "ef");
  CHECK_FALSE(in.empty());
  in.left() = {};
  CHECK(in.empty());
}

TEMPLATE_TEST_CASE("input: what is retained outlives the chunk", "[input]", heap_buffer, inplace_buffer<64>) {
  exact_buffer chunk("abcdef");
  input<TestType> in(chunk.view());
  in.left() = in.left().subspan(2);
  REQUIRE(in.retain());
  std::ranges::fill(chunk.view(), std::byte{'x'});
  CHECK(text_of(in.left()) == "cdef");
  in.left() = in.left().subspan(1);
  REQUIRE(in.retain());  // a second time changes nothing
  CHECK(text_of(in.left()) == "def");
}

TEMPLATE_TEST_CASE("input: the next chunk is retained too when the last one was", "[input]", heap_buffer,
                   inplace_buffer<64>) {
  exact_buffer first("abc");
  exact_buffer second("defg");
  input<TestType> in(first.view());
  REQUIRE(in.retain());
  in.left() = {};
  in.replace(second.view());
  REQUIRE(in.retain());
  std::ranges::fill(second.view(), std::byte{'x'});
  CHECK(text_of(in.left()) == "defg");
}

TEMPLATE_TEST_CASE("input: moving keeps what is left, retained or not", "[input]", heap_buffer, inplace_buffer<64>) {
  const bool retained = GENERATE(false, true);
  exact_buffer chunk("abcdef");
  input<TestType> in(chunk.view());
  in.left() = in.left().subspan(1);
  if (retained) {
    REQUIRE(in.retain());
    in.left() = in.left().subspan(1);
    std::ranges::fill(chunk.view(), std::byte{'x'});
  }
  input<TestType> moved(std::move(in));
  CHECK(text_of(moved.left()) == (retained ? "cdef" : "bcdef"));
  CHECK((moved.left().data() == chunk.view().data() + 1) == !retained);
}

TEST_CASE("input: what does not fit is not retained, and stays where it is", "[input]") {
  exact_buffer chunk("abcdef");
  input<inplace_buffer<5>> in(chunk.view());
  CHECK_FALSE(in.retain());
  CHECK(in.left().data() == chunk.view().data());
  CHECK(in.left().size() == 6);
}
