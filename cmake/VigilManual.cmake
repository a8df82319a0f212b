# Manual pages and completion, which the program writes about itself, and its installation.
include(VigilInstallDirs)

# SOURCE_DATE_EPOCH makes the date that of the sources.
string(TIMESTAMP VG_TODAY "%Y-%m-%d" UTC)
set(VG_MANUAL "${CMAKE_BINARY_DIR}/share")
add_custom_command(OUTPUT "${VG_MANUAL}/man/man1/vigil.1" "${VG_MANUAL}/completion/vigil"
    "${VG_MANUAL}/completion/_vigil" "${VG_MANUAL}/completion/vigil.fish"
  COMMAND ${CMAKE_COMMAND} -E rm -rf "${VG_MANUAL}/man" "${VG_MANUAL}/completion"
  COMMAND ${CMAKE_COMMAND} -E make_directory "${VG_MANUAL}/man" "${VG_MANUAL}/completion"
  COMMAND vigil man --out "${VG_MANUAL}/man/man1" --date ${VG_TODAY}
  COMMAND vigil completion bash > "${VG_MANUAL}/completion/vigil"
  COMMAND vigil completion zsh > "${VG_MANUAL}/completion/_vigil"
  COMMAND vigil completion fish > "${VG_MANUAL}/completion/vigil.fish"
  DEPENDS vigil
  COMMENT "manual pages and completion")
# A sanitized build is for tests: nobody installs it.
if(NOT VG_SANITIZE)
  add_custom_target(manual ALL DEPENDS "${VG_MANUAL}/man/man1/vigil.1")
endif()

install(TARGETS vigil RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT daemon)
install(DIRECTORY "${VG_MANUAL}/man/" DESTINATION "${CMAKE_INSTALL_MANDIR}" COMPONENT daemon OPTIONAL)
install(FILES "${VG_MANUAL}/completion/vigil"
  DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions" COMPONENT daemon OPTIONAL)
install(FILES "${VG_MANUAL}/completion/_vigil"
  DESTINATION "${CMAKE_INSTALL_DATADIR}/zsh/site-functions" COMPONENT daemon OPTIONAL)
install(FILES "${VG_MANUAL}/completion/vigil.fish"
  DESTINATION "${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d" COMPONENT daemon OPTIONAL)
