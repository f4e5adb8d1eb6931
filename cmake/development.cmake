# What tests and examples are built with; nothing of it reaches a user's target.

option(SANSOCKET_WARNINGS_AS_ERRORS "Treat warnings in tests and examples as errors" OFF)
option(SANSOCKET_SANITIZE "Build tests and examples with ASan and UBSan" OFF)

add_library(sansocket_development INTERFACE)
target_compile_options(sansocket_development INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow
  $<$<BOOL:${SANSOCKET_WARNINGS_AS_ERRORS}>:-Werror>
  $<$<BOOL:${SANSOCKET_SANITIZE}>:-fsanitize=address,undefined;-fno-sanitize-recover=all;-fno-omit-frame-pointer>)
target_link_options(sansocket_development INTERFACE
  $<$<BOOL:${SANSOCKET_SANITIZE}>:-fsanitize=address,undefined>)
