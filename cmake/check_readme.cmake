# Checks that the README's code is the text between the markers of the examples.
# Run as: cmake -P cmake/check_readme.cmake
cmake_minimum_required(VERSION 3.25)

set(root "${CMAKE_CURRENT_LIST_DIR}/..")
file(READ "${root}/README.md" readme)

function(check_snippet file marker most_lines)
  file(READ "${root}/${file}" example)
  if(NOT example MATCHES "// \\[${marker}\\]\n(.*)// \\[${marker}\\]\n")
    message(FATAL_ERROR "${file} has no markers [${marker}]")
  endif()
  set(code "${CMAKE_MATCH_1}")
  string(FIND "${readme}" "```cpp\n${code}```" position)
  if(position EQUAL -1)
    message(FATAL_ERROR "README.md does not show ${file} as it is")
  endif()
  string(REGEX REPLACE "[^\n]" "" line_ends "${code}")
  string(LENGTH "${line_ends}" lines)
  if(lines GREATER most_lines)
    message(FATAL_ERROR "${file}: ${lines} lines, more than ${most_lines}")
  endif()
  message("${file}: ${lines} lines, as in README.md")
endfunction()

check_snippet(examples/echo_in_memory.cpp readme 30)
check_snippet(examples/embed_in_server.cpp embed 30)
