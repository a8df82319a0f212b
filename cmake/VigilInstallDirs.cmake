# Where things are installed. On Debian libraries are below the name of the architecture, also in
# /usr/local, where its compiler, loader and pkg-config look as well: so packages and a prefix are alike.
if(EXISTS /etc/debian_version AND CMAKE_LIBRARY_ARCHITECTURE
    AND "$CACHE{CMAKE_INSTALL_LIBDIR}" MATCHES "^(lib)?$")
  set(CMAKE_INSTALL_LIBDIR "lib/${CMAKE_LIBRARY_ARCHITECTURE}")
endif()
include(GNUInstallDirs)
