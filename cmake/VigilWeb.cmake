# The files of app/web become an array in the program, as they lie there: nothing is built, so nothing but
# CMake is needed. Names that begin with "." or "_" stay out, and so does what is for tools: .json, .d.ts.
# Run as a script (cmake -DROOT=... -DOUT=... -DFILES=... -P), it writes that array.
if(CMAKE_SCRIPT_MODE_FILE)
  set(arrays "")
  set(rows "")
  set(n 0)
  foreach(file ${FILES})
    file(READ "${ROOT}/${file}" bytes HEX)
    file(SIZE "${ROOT}/${file}" size)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
    string(APPEND arrays "static const unsigned char file_${n}[] = { ${bytes}0 };\n")
    string(APPEND rows "    { \"/${file}\", file_${n}, ${size} },\n")
    math(EXPR n "${n} + 1")
  endforeach()
  file(WRITE "${OUT}" "/* Made by cmake/VigilWeb.cmake of app/web. */\n"
    "#include \"runtime/web.h\"\n\n${arrays}\n"
    "const struct vg_http_file vg_web_files[] = {\n${rows}    { 0, 0, 0 },\n};\n")
  return()
endif()

# vg_web_files(TARGET) adds them to a library.
function(vg_web_files target)
  set(root "${PROJECT_SOURCE_DIR}/app/web")
  set(patterns "")
  foreach(kind html js css svg png webmanifest woff2 txt)
    list(APPEND patterns "${root}/*.${kind}")
  endforeach()
  file(GLOB_RECURSE files RELATIVE "${root}" CONFIGURE_DEPENDS ${patterns})
  list(FILTER files EXCLUDE REGEX "(^|/)[._]")
  list(SORT files)
  list(TRANSFORM files PREPEND "${root}/" OUTPUT_VARIABLE paths)
  set(out "${CMAKE_BINARY_DIR}/web/files.c")
  set(script "${PROJECT_SOURCE_DIR}/cmake/VigilWeb.cmake")
  add_custom_command(OUTPUT "${out}"
    COMMAND ${CMAKE_COMMAND} "-DROOT=${root}" "-DOUT=${out}" "-DFILES=${files}" -P "${script}"
    DEPENDS ${paths} "${script}" COMMENT "app/web" VERBATIM)
  target_sources(${target} PRIVATE "${out}")
endfunction()
