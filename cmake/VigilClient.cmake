# libvigil-client, for programs of others: `cmake --install BUILD --component client` what they need to run,
# `--component client-dev` what they are built with. The same objects are vg_client, which this build's own
# programs link.
include(VigilInstallDirs)

vg_library(vg_client
  SOURCES client/curve.c client/notices.c client/open.c client/orders.c client/receive.c client/replay.c
          client/scan.c client/seen.c client/sequence.c client/vigil_client.c client/watch.c client/wire.c
  LINK vg_flags PkgConfig::ZMQ PkgConfig::JANSSON Threads::Threads)
set_target_properties(vg_client PROPERTIES OUTPUT_NAME vigil-client)

set(VG_CLIENT_MAP "${PROJECT_SOURCE_DIR}/client/libvigil-client.map")
add_library(vigil_client_shared SHARED $<TARGET_OBJECTS:vg_client>)
target_link_libraries(vigil_client_shared PRIVATE vg_flags PkgConfig::ZMQ PkgConfig::JANSSON)
target_link_options(vigil_client_shared PRIVATE "-Wl,--version-script=${VG_CLIENT_MAP}")
# The soname rises when a program would have to be compiled anew.
set_target_properties(vigil_client_shared PROPERTIES OUTPUT_NAME vigil-client LINKER_LANGUAGE C
  VERSION "${PROJECT_VERSION}" SOVERSION 0 LINK_DEPENDS "${VG_CLIENT_MAP}")

# The file finds its prefix by its own place, so that an installed tree may be moved.
file(RELATIVE_PATH VG_PC_PREFIX "/usr/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/usr")
string(REGEX REPLACE "/$" "" VG_PC_PREFIX "${VG_PC_PREFIX}")
configure_file("${PROJECT_SOURCE_DIR}/client/vigil-client.pc.in"
  "${CMAKE_BINARY_DIR}/vigil-client.pc" @ONLY)

install(TARGETS vg_client vigil_client_shared
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT client-dev
  LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT client NAMELINK_COMPONENT client-dev)
install(FILES client/vigil_client.h DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT client-dev)
install(FILES client/example.c client/README.md DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/libvigil-client-dev"
  COMPONENT client-dev)
install(FILES "${CMAKE_BINARY_DIR}/vigil-client.pc"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig" COMPONENT client-dev)
