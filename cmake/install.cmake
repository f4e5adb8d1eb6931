# Install rules and the package that find_package(sansocket) reads.

include(CMakePackageConfigHelpers)
set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/sansocket")

install(TARGETS sansocket EXPORT sansocketTargets FILE_SET HEADERS DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(EXPORT sansocketTargets NAMESPACE sansocket:: DESTINATION "${package_dir}")
if(TARGET sansocket_openssl)
  install(TARGETS sansocket_openssl EXPORT sansocketOpensslTargets
    FILE_SET HEADERS DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
  install(EXPORT sansocketOpensslTargets NAMESPACE sansocket:: DESTINATION "${package_dir}")
endif()
if(TARGET sansocket_deflate)
  install(TARGETS sansocket_deflate EXPORT sansocketDeflateTargets
    FILE_SET HEADERS DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
  install(EXPORT sansocketDeflateTargets NAMESPACE sansocket:: DESTINATION "${package_dir}")
endif()

configure_package_config_file(cmake/sansocketConfig.cmake.in
  "${CMAKE_CURRENT_BINARY_DIR}/sansocketConfig.cmake" INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/sansocketConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES
  "${CMAKE_CURRENT_BINARY_DIR}/sansocketConfig.cmake"
  "${CMAKE_CURRENT_BINARY_DIR}/sansocketConfigVersion.cmake"
  DESTINATION "${package_dir}")
install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DATADIR}/licenses/sansocket")
