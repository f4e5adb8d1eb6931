# Makes the library available in one way, then configures, builds and runs the project that uses it.
cmake_minimum_required(VERSION 3.25)

function(run)
  execute_process(COMMAND ${ARGV} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE "${SCRATCH_DIR}")
set(options "")
if(WAY STREQUAL "find_package")
  run("${CMAKE_COMMAND}" --install "${BUILD_DIR}" --prefix "${SCRATCH_DIR}/prefix")
  list(APPEND options "-DCMAKE_PREFIX_PATH=${SCRATCH_DIR}/prefix")
elseif(WAY STREQUAL "subdirectory")
  list(APPEND options "-DSANSOCKET_SOURCE_DIR=${SOURCE_DIR}")
else()
  run("${CMAKE_COMMAND}" "-DOUTPUT=${SCRATCH_DIR}/single/sansocket.hpp" -P "${SOURCE_DIR}/cmake/single_header.cmake")
  run("${CMAKE_COMMAND}" "-DOUTPUT=${SCRATCH_DIR}/single/sansocket_deflate.hpp" -DWITH_DEFLATE=ON
    -P "${SOURCE_DIR}/cmake/single_header.cmake")
  list(APPEND options "-DSINGLE_HEADER_DIR=${SCRATCH_DIR}/single")
endif()
run("${CMAKE_COMMAND}" -S "${SOURCE_DIR}/tests/consumers/${WAY}" -B "${SCRATCH_DIR}/build" -G "${GENERATOR}"
  "-DCMAKE_CXX_COMPILER=${COMPILER}" ${options})
run("${CMAKE_COMMAND}" --build "${SCRATCH_DIR}/build")
run("${SCRATCH_DIR}/build/consumer")
run("${SCRATCH_DIR}/build/deflate")
