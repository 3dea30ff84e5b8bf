# SPDX-License-Identifier: Apache-2.0
find_package (PkgConfig REQUIRED)
find_package (Threads REQUIRED)

# Ask pkg-config each time: what CMake 3.25 reads back from its cache are other flags (an -isystem
# moves), and the second configuration would build everything again.
macro (triage_library name module)
    unset (__pkg_config_checked_${name} CACHE)
    pkg_check_modules (${name} REQUIRED IMPORTED_TARGET ${module})
endmacro ()

triage_library (ZMQ libzmq)
triage_library (CZMQ libczmq)
triage_library (CURL libcurl)
triage_library (MSGPACK msgpack)
triage_library (CRYPTO libcrypto)
triage_library (YAML yaml-0.1)
triage_library (JANSSON jansson)
triage_library (SQLITE sqlite3)
triage_library (MD4C md4c)
triage_library (XML libxml-2.0)
triage_library (SMARTCOLS smartcols)
triage_library (MICROHTTPD libmicrohttpd)
triage_library (SECCOMP libseccomp)
# Debian's http-parser has no .pc file.
find_library (HTTP_PARSER http_parser REQUIRED)
if (BUILD_TESTING)
    triage_library (CMOCKA cmocka)
endif ()
