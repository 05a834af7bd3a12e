# SPDX-License-Identifier: MIT
# Compiler settings and the three helpers every folder uses: gserve_library, gserve_program, gserve_test.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
# The Python package stands beside the binaries in the same relation as when installed: bin/.. /lib/gserve/python.
set(GSERVE_PYTHON_DIR ${CMAKE_BINARY_DIR}/lib/gserve/python)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

option(GSERVE_WERROR "Treat compiler warnings as errors" OFF)
set(GSERVE_SANITIZE "" CACHE STRING "Value for -fsanitize=, empty for none")

add_compile_options(-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 sees an overlap in every inlined assignment of a short literal to a std::string (its bug 105651).
  add_compile_options(-Wno-restrict)
  if(GSERVE_SANITIZE)
    # With sanitizers GCC takes the standard library's own moves for uninitialized reads (its bug 105562).
    add_compile_options(-Wno-maybe-uninitialized)
  endif()
endif()
if(GSERVE_WERROR)
  add_compile_options(-Werror)
endif()
if(GSERVE_SANITIZE)
  add_compile_options(-fsanitize=${GSERVE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${GSERVE_SANITIZE})
  # The check of virtual calls opens a pipe: where tests have used up the descriptors, it would see errors everywhere.
  add_compile_options(-fno-sanitize=vptr)
endif()

if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  # What Debian hardens its packages with: these programs speak with strangers.
  add_compile_options(-fstack-protector-strong -Wformat -Werror=format-security -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  add_link_options(LINKER:-z,relro LINKER:-z,now)
endif()

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

# gserve_library(NAME SOURCES... [LINK libs...]): a static library whose includes are relative to the project root.
function(gserve_library name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/generated)
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
endfunction()

# gserve_program(NAME SOURCES... [LINK libs...]): an executable in bin/.
function(gserve_program name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${ARG_LINK})
endfunction()

# gserve_test(NAME SOURCES... [LINK libs...]): a GoogleTest program, each of its tests known to ctest.
# TIMEOUT bounds one test in seconds.
function(gserve_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "LINK" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 60)
  endif()
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest GTest::gmock GTest::gtest_main)
  # Parameters are shown by their test names; printed as bytes they would hold addresses.
  gtest_discover_tests(${name} TEST_PREFIX "${name}." NO_PRETTY_VALUES PROPERTIES TIMEOUT ${ARG_TIMEOUT} DISCOVERY_TIMEOUT 60)
endfunction()
