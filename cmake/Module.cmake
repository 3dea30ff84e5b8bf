# SPDX-License-Identifier: Apache-2.0
# One static library per folder; a program is its main.c plus libraries, so
# every line except main() is reachable from a unit test.
function (triage_module name)
    cmake_parse_arguments (M "" "" "SOURCES;HEADERS;DEPS" ${ARGN})
    add_library (${name} STATIC ${M_SOURCES})
    target_sources (${name} PUBLIC
        FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES ${M_HEADERS})
    target_link_libraries (${name} PUBLIC ${M_DEPS} PRIVATE triage_flags)
    set_target_properties (${name} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
endfunction ()

# triage_program (triage-broker SOURCES main.c DEPS broker_lib)
function (triage_program name)
    cmake_parse_arguments (P "" "" "SOURCES;DEPS" ${ARGN})
    add_executable (${name} ${P_SOURCES})
    target_link_libraries (${name} PRIVATE ${P_DEPS} triage_flags)
    install (TARGETS ${name})
endfunction ()

# triage_test (common/base log DEPS triage_base): tests/unit/common/base/test_log.c ->
# test_common_base_log, ctest unit.common.base.log
function (triage_test folder module)
    cmake_parse_arguments (T "" "" "DEPS;SOURCES" ${ARGN})
    string (REPLACE / _ target test_${folder}_${module})
    string (REPLACE / . name unit.${folder}.${module})
    add_executable (${target} test_${module}.c ${T_SOURCES})
    # gcc does not know that cmocka's assert_non_null leaves the test.
    set_source_files_properties (test_${module}.c PROPERTIES COMPILE_OPTIONS -Wno-null-dereference)
    target_link_libraries (${target} PRIVATE ${T_DEPS} triage_flags PkgConfig::CMOCKA)
    # files of one test, so that -j is safe
    set (scratch ${CMAKE_CURRENT_BINARY_DIR}/scratch_${module})
    file (MAKE_DIRECTORY ${scratch})
    add_test (NAME ${name} COMMAND ${target} WORKING_DIRECTORY ${scratch})
    set_tests_properties (${name} PROPERTIES TIMEOUT ${TRIAGE_TEST_SECONDS} LABELS unit)
endfunction ()
