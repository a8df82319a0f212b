# Flags travel as usage requirements: vg_flags to everything, vg_strict only to product code. They
# are two targets because a target's options come before those it inherits, so a test could not
# switch one warning off again.
add_library(vg_flags INTERFACE)
target_include_directories(vg_flags INTERFACE "${PROJECT_SOURCE_DIR}")
target_compile_definitions(vg_flags INTERFACE _GNU_SOURCE)
# -ffp-contract=off: the bits of a result must not depend on whether the compiler fused a multiply
# with an add; where fusing is meant, the code says fmaf.
target_compile_options(vg_flags INTERFACE -Wall -Wextra -Wshadow -Wstrict-prototypes
  -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wundef -Wvla -Wformat=2
  -Werror=format-security -ffp-contract=off -fno-strict-overflow -fstack-protector-strong
  -fstack-clash-protection -fcf-protection=full)
target_link_options(vg_flags INTERFACE -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
if(VG_SANITIZE)
  target_compile_options(vg_flags INTERFACE -fsanitize=${VG_SANITIZE} -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  target_link_options(vg_flags INTERFACE -fsanitize=${VG_SANITIZE})
else()
  target_compile_options(vg_flags INTERFACE
    $<$<CONFIG:RelWithDebInfo,Release>:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2>)
endif()
if(VG_FUZZ)
  # What the fuzzer is to find its way through must be instrumented, not only its target.
  target_compile_options(vg_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(VG_COVERAGE)
  target_compile_options(vg_flags INTERFACE --coverage -fprofile-update=atomic)
  target_link_options(vg_flags INTERFACE --coverage)
endif()

add_library(vg_strict INTERFACE)
target_link_libraries(vg_strict INTERFACE vg_flags)
target_compile_options(vg_strict INTERFACE -Wconversion -Wdouble-promotion -Wcast-qual
  -Wimplicit-fallthrough)
