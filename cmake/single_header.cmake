# Writes all headers as one file.
# Run as: cmake -D OUTPUT=path/sansocket.hpp [-D WITHOUT_OPENSSL=ON] [-D WITH_DEFLATE=ON] -P cmake/single_header.cmake

cmake_minimum_required(VERSION 3.25)
include("${CMAKE_CURRENT_LIST_DIR}/headers.cmake")
set(include_dir "${CMAKE_CURRENT_LIST_DIR}/../include")
if(NOT WITHOUT_OPENSSL)
  list(APPEND SANSOCKET_HEADERS ${SANSOCKET_OPENSSL_HEADERS})
endif()
if(WITH_DEFLATE)
  list(APPEND SANSOCKET_HEADERS ${SANSOCKET_DEFLATE_HEADERS})
endif()

file(READ "${CMAKE_CURRENT_LIST_DIR}/../LICENSE" licence)
string(REGEX REPLACE "\n+$" "" licence "${licence}")
string(REPLACE "\n" "\n// " licence "// ${licence}")
string(REPLACE "// \n" "//\n" licence "${licence}")
set(text "// sansocket in one file, made by cmake/single_header.cmake.\n//\n${licence}\n\n")

foreach(header IN LISTS SANSOCKET_HEADERS)
  file(READ "${include_dir}/${header}" content)
  string(REGEX REPLACE "#include \"sansocket/[^\n]*\n" "" content "${content}")
  string(REGEX REPLACE "\n\n\n+" "\n\n" content "${content}")
  string(APPEND text "// ---- ${header} ----\n${content}\n")
endforeach()
file(WRITE "${OUTPUT}" "${text}")
