# What tests and examples are built with; nothing of it reaches a user's target.

option(SANSOCKET_WARNINGS_AS_ERRORS "Treat warnings in tests and examples as errors" OFF)
option(SANSOCKET_SANITIZE "Build tests and examples with ASan and UBSan" OFF)

add_library(sansocket_development INTERFACE)
target_compile_options(sansocket_development INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow
  $<$<BOOL:${SANSOCKET_WARNINGS_AS_ERRORS}>:-Werror>
  $<$<BOOL:${SANSOCKET_SANITIZE}>:-fsanitize=address,undefined;-fno-sanitize-recover=all;-fno-omit-frame-pointer>)
# With sanitizers, g++ 12 takes what std::function and std::regex do for use of uninitialized memory.
target_compile_options(sansocket_development INTERFACE
  $<$<AND:$<BOOL:${SANSOCKET_SANITIZE}>,$<CXX_COMPILER_ID:GNU>>:-Wno-maybe-uninitialized>)
target_link_options(sansocket_development INTERFACE
  $<$<BOOL:${SANSOCKET_SANITIZE}>:-fsanitize=address,undefined>)
