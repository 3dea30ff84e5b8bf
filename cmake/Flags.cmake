# SPDX-License-Identifier: Apache-2.0
set (CMAKE_C_STANDARD 17)
set (CMAKE_C_STANDARD_REQUIRED ON)
set (CMAKE_C_EXTENSIONS OFF)
set (CMAKE_C_VISIBILITY_PRESET hidden)
set (CMAKE_EXPORT_COMPILE_COMMANDS ON)
set (CMAKE_POSITION_INDEPENDENT_CODE ON)
include (CheckPIESupported)
check_pie_supported ()
set (CMAKE_C_FLAGS_RELEASE "-O2 -g")     # no -DNDEBUG: asserts stay on in production
set (CMAKE_C_FLAGS_RELWITHDEBINFO "-O1 -g")

set (TRIAGE_SANITIZE "" CACHE STRING "address,undefined | thread | memory | (empty)")
option (TRIAGE_COVERAGE "gcov instrumentation" OFF)
option (TRIAGE_FUZZ "build libFuzzer targets (clang)" OFF)
option (TRIAGE_BENCH "build the benchmark's peers" OFF)
option (TRIAGE_ANALYZE "gcc -fanalyzer" OFF)
option (TRIAGE_FAILPOINTS "compile failpoints in (test builds)" OFF)

add_library (triage_flags INTERFACE)
target_compile_definitions (triage_flags INTERFACE _GNU_SOURCE TRIAGE_VERSION="${PROJECT_VERSION}"
    HASH_FUNCTION=HASH_FNV)              # uthash: its default is not clean in clang
target_compile_options (triage_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wformat=2 -Wundef -Wvla
    -Wcast-qual -Wcast-align -Wwrite-strings -Wpointer-arith
    -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
    -Wimplicit-fallthrough -Wswitch-enum -Wnull-dereference
    -Wno-unused-parameter
    $<$<C_COMPILER_ID:GNU>:-Wlogical-op;-Wjump-misses-init;-Wduplicated-cond>
    $<$<C_COMPILER_ID:GNU>:-Wduplicated-branches;-Wformat-signedness>
    -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/= -fno-common -fno-omit-frame-pointer
    -fno-strict-aliasing)
set (TRIAGE_TEST_SECONDS 300)       # only a test that hangs takes so long, on a slow machine too
if (TRIAGE_SANITIZE)
    target_compile_options (triage_flags INTERFACE
        -fsanitize=${TRIAGE_SANITIZE} -fno-sanitize-recover=all)
    target_link_options (triage_flags INTERFACE -fsanitize=${TRIAGE_SANITIZE})
else ()
    target_compile_options (triage_flags INTERFACE
        -fstack-protector-strong -fstack-clash-protection
        $<$<CONFIG:Release,RelWithDebInfo>:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=3>
        $<$<CONFIG:Release,RelWithDebInfo>:-ftrivial-auto-var-init=zero>)
    target_link_options (triage_flags INTERFACE
        -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed)
endif ()
if (TRIAGE_COVERAGE)
    target_compile_options (triage_flags INTERFACE --coverage -O0)
    target_link_options (triage_flags INTERFACE --coverage)
endif ()
if (TRIAGE_FUZZ)
    target_compile_options (triage_flags INTERFACE -fsanitize=fuzzer-no-link)
endif ()
if (TRIAGE_FAILPOINTS)
    target_compile_definitions (triage_flags INTERFACE TRIAGE_FAILPOINTS)
endif ()
if (TRIAGE_ANALYZE)
    target_compile_options (triage_flags INTERFACE -fanalyzer)
endif ()
