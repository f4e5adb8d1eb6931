# Checks that connection/connection.hpp pulls in no networking, no streams, no regular expressions and no
# OpenSSL or zlib: preprocesses include_weight.cpp and looks at the files that the compiler names.
# Run as: cmake -D COMPILER=c++ -D INCLUDE_DIR=include [-D FLAGS=-DTOO_HEAVY] -P include_weight.cmake

cmake_minimum_required(VERSION 3.25)
execute_process(
  COMMAND "${COMPILER}" -std=c++20 -E "-I${INCLUDE_DIR}" ${FLAGS} "${CMAKE_CURRENT_LIST_DIR}/include_weight.cpp"
  OUTPUT_VARIABLE text ERROR_VARIABLE errors RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "preprocessing failed: ${errors}")
endif()

# Lines such as: # 1 "/usr/include/c++/12/span" 1 3
string(REGEX MATCHALL "\n# [0-9]+ \"[^\"\n]+\"" marks "${text}")
list(TRANSFORM marks REPLACE "^\n# [0-9]+ \"([^\"]+)\"$" "\\1")
list(REMOVE_DUPLICATES marks)
if(NOT marks MATCHES "sansocket/connection/connection.hpp")
  message(FATAL_ERROR "the compiler names no files")
endif()

set(too_heavy "/(sys/socket|netinet/[a-z]+|arpa/inet|netdb|winsock2?|iostream|ostream|istream|sstream|fstream|regex|zlib)(\\.h)?$|/openssl/")
list(FILTER marks INCLUDE REGEX "${too_heavy}")
if(marks)
  message(FATAL_ERROR "connection/connection.hpp pulls in ${marks}")
endif()
string(LENGTH "${text}" length)
message("connection/connection.hpp preprocesses to ${length} bytes")
