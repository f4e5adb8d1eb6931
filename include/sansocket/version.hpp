// The library's version: the one place that states it; the build reads it from here.
#ifndef SANSOCKET_VERSION_HPP
#define SANSOCKET_VERSION_HPP

/// Major * 10'000 + minor * 100 + patch, for use in #if.
#define SANSOCKET_VERSION 100

namespace sansocket {

inline constexpr int version_major = SANSOCKET_VERSION / 10'000;
inline constexpr int version_minor = SANSOCKET_VERSION / 100 % 100;
inline constexpr int version_patch = SANSOCKET_VERSION % 100;

}  // namespace sansocket

#endif
