# finish.cmake - what Debian expects of every package and CMake does not install, put into the folders that
# CPack is about to pack: copyright, changelog, overrides of lintian. Manual pages are compressed. Programs
# and libraries are stripped as debhelper does it; CMake's way leaves static libraries and notes.
cmake_minimum_required(VERSION 3.25)

set(VG_DEB_VERSION "${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}")

function(run)
  execute_process(COMMAND ${ARGV} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# -n: no time of today in the file.
function(compress)
  foreach(file IN LISTS ARGV)
    run(gzip -9nf "${file}")
  endforeach()
endfunction()

# The last argument says which files, those before it how.
function(strip_all)
  list(POP_BACK ARGV pattern)
  file(GLOB_RECURSE files "${pattern}")
  foreach(file IN LISTS files)
    run(strip --remove-section=.comment --remove-section=.note ${ARGV} "${file}")
  endforeach()
endfunction()

# Whatever the checkout's are.
set(FOR_ALL OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)

function(finish folder package)
  set(doc "${folder}/usr/share/doc/${package}")
  set(overrides "${CPACK_VG_DEBIAN}/${package}.lintian-overrides")
  file(MAKE_DIRECTORY "${doc}")
  file(COPY "${CPACK_VG_DEBIAN}/copyright" DESTINATION "${doc}" FILE_PERMISSIONS ${FOR_ALL})
  configure_file("${CPACK_VG_DEBIAN}/changelog.in" "${doc}/changelog.Debian" @ONLY
    FILE_PERMISSIONS ${FOR_ALL})
  file(GLOB changelogs "${doc}/changelog*")
  compress(${changelogs})
  if(EXISTS "${overrides}")
    file(COPY "${overrides}" DESTINATION "${folder}/usr/share/lintian/overrides"
      FILE_PERMISSIONS ${FOR_ALL})
    file(RENAME "${folder}/usr/share/lintian/overrides/${package}.lintian-overrides"
      "${folder}/usr/share/lintian/overrides/${package}")
  endif()
  file(GLOB_RECURSE pages "${folder}/usr/share/man/*.1")
  compress(${pages})
  strip_all(--strip-debug --enable-deterministic-archives "${folder}/usr/lib/*.a")
  strip_all(--strip-unneeded "${folder}/usr/lib/*.so.*.*")
  strip_all(--strip-all "${folder}/usr/bin/*")
endfunction()

finish("${CPACK_TEMPORARY_DIRECTORY}/vigil" vigil)
finish("${CPACK_TEMPORARY_DIRECTORY}/client" libvigil-client0)
finish("${CPACK_TEMPORARY_DIRECTORY}/client-dev" libvigil-client-dev)
finish("${CPACK_TEMPORARY_DIRECTORY}/doc" vigil-doc)
