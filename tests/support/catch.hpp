// Catch2, v2 or v3.
#ifndef SANSOCKET_TESTS_CATCH_HPP
#define SANSOCKET_TESTS_CATCH_HPP

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

#endif
