# Debian packages by CPack: `make package`, or `cpack` in a build folder where `manual` and
# `vigil_client_shared` were built. docs/deploy.md says what is in them.
#
# Files that belong to a system and to no prefix are of the component `system`, which a plain
# `cmake --install` leaves out.
include(VigilInstallDirs)
set(VG_PACKAGING "${PROJECT_SOURCE_DIR}/packaging")
set(VG_DEBIAN_REVISION 1 CACHE STRING "Revision of the Debian packages")
set(VG_MAINTAINER "Vigil <vigil@vigil.example>" CACHE STRING "Who answers for the packages")

# ---- what is in them besides the program and the library ----

function(vg_system_file file folder name)
  install(FILES "${file}" DESTINATION "${folder}" RENAME "${name}" COMPONENT system EXCLUDE_FROM_ALL)
endfunction()
vg_system_file("${VG_PACKAGING}/vigil.yaml" /etc/vigil vigil.yaml)
vg_system_file("${VG_PACKAGING}/debian/vigil.default" /etc/default vigil)
vg_system_file("${VG_PACKAGING}/systemd/vigil.service" /lib/systemd/system vigil.service)
vg_system_file("${VG_PACKAGING}/systemd/vigil.sysusers" /usr/lib/sysusers.d vigil.conf)
install(DIRECTORY configs DESTINATION /usr/share/vigil COMPONENT system EXCLUDE_FROM_ALL
  PATTERN training.ndjson EXCLUDE)
install(DIRECTORY packaging/prometheus packaging/grafana packaging/kubernetes
  DESTINATION /usr/share/vigil COMPONENT system EXCLUDE_FROM_ALL PATTERN "*.test.yml" EXCLUDE)
install(DIRECTORY docs/ DESTINATION /usr/share/doc/vigil-doc/docs COMPONENT doc EXCLUDE_FROM_ALL)
install(FILES README.md ARCHITECTURE.md CONTRIBUTING.md
  DESTINATION /usr/share/doc/vigil-doc COMPONENT doc EXCLUDE_FROM_ALL)
install(FILES CHANGELOG.md
  DESTINATION /usr/share/doc/vigil-doc RENAME changelog COMPONENT doc EXCLUDE_FROM_ALL)

# ---- what every package has ----

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME vigil)
set(CPACK_PACKAGE_CONTACT "${VG_MAINTAINER}")
set(CPACK_PACKAGE_VERSION "${PROJECT_VERSION}")
set(CPACK_DEBIAN_PACKAGE_RELEASE "${VG_DEBIAN_REVISION}")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL daemon system client client-dev doc)
set(CPACK_SET_DESTDIR ON) # /etc is below no prefix
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE
  GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_OUTPUT_FILE_PREFIX "${CMAKE_BINARY_DIR}/packages")
set(CPACK_PRE_BUILD_SCRIPTS "${VG_PACKAGING}/debian/finish.cmake")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# Programs are statically linked with libvigil-client, so nothing here depends on another package's
# library that does not exist yet.
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

# ---- each of them ----

# vg_package(COMPONENT NAME SECTION SUMMARY DESCRIPTION): of a component, or of the group of that name.
macro(vg_package component name section summary description)
  string(TOUPPER "${component}" up)
  set(CPACK_DEBIAN_${up}_PACKAGE_NAME "${name}")
  set(CPACK_DEBIAN_${up}_PACKAGE_SECTION "${section}")
  set(CPACK_COMPONENT_${up}_DESCRIPTION "${summary}\n${description}")
  set(CPACK_DEBIAN_${up}_DESCRIPTION "${summary}\n${description}")
endmacro()

set(CPACK_COMPONENT_DAEMON_GROUP vigil)
set(CPACK_COMPONENT_SYSTEM_GROUP vigil)
vg_package(vigil vigil science "alerts from vital signs in Kafka"
"Vigil reads vital signs of intensive care from a Kafka topic, marks artefacts,
forecasts, detects what is unusual, applies rules, and delivers alerts that no
crash and no slow receiver can lose: over ZeroMQ, HTTP, HL7, FHIR, Kafka, MQTT,
SQL and files. One program, one configuration file.
.
Vigil is not a medical device: it supplements, never replaces, the alarms at
the bedside.")
set(CPACK_DEBIAN_VIGIL_PACKAGE_DEPENDS
  "systemd | systemd-standalone-sysusers | systemd-sysusers, init-system-helpers (>= 1.54)")
set(CPACK_DEBIAN_VIGIL_PACKAGE_RECOMMENDS "ca-certificates")
set(CPACK_DEBIAN_VIGIL_PACKAGE_SUGGESTS "libopenblas0, prometheus, vigil-doc")
set(CPACK_DEBIAN_VIGIL_PACKAGE_CONTROL_EXTRA "${VG_PACKAGING}/debian/postinst"
  "${VG_PACKAGING}/debian/prerm" "${VG_PACKAGING}/debian/postrm" "${VG_PACKAGING}/debian/conffiles")

vg_package(client "libvigil-client0" libs "library that receives every alert of a Vigil pipeline"
"A subscriber of ALERT/1 over ZeroMQ: live events, snapshots, replay of what was
missed, and a notice when the link is down or the pipeline hangs.
.
This package has the shared library.")
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
set(CPACK_DEBIAN_CLIENT_PACKAGE_CONTROL_EXTRA "${VG_PACKAGING}/debian/triggers")

vg_package(client-dev "libvigil-client-dev" libdevel
  "library that receives every alert of a Vigil pipeline - development files"
"A subscriber of ALERT/1 over ZeroMQ: live events, snapshots, replay of what was
missed, and a notice when the link is down or the pipeline hangs.
.
This package has the header, the static library, the file for pkg-config and an
example.")
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS ON) # of exactly the same version
set(CPACK_COMPONENT_CLIENT-DEV_DEPENDS client)
set(CPACK_DEBIAN_CLIENT-DEV_PACKAGE_DEPENDS "libzmq3-dev, libjansson-dev")

vg_package(doc vigil-doc doc "alerts from vital signs in Kafka - documentation"
"How to deploy, configure and extend Vigil, which makes alerts of the vital
signs of intensive care: references, explanations, and the wire format of
alerts, as Markdown.
.
Vigil is not a medical device.")
set(CPACK_DEBIAN_DOC_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_DOC_PACKAGE_SHLIBDEPS OFF)

# ---- copyright, changelog and overrides of each, by finish.cmake ----

string(TIMESTAMP CPACK_VG_DATE "%a, %d %b %Y %H:%M:%S +0000" UTC)
set(CPACK_VG_DEBIAN "${VG_PACKAGING}/debian")
include(CPack)
cpack_add_component_group(vigil)
