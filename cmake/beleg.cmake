# beleg_library(NAME DEPS folder... LIBS target...)
#
# One static library per folder of src/, namespace of the same name. Sources are every *.cc of the folder and
# its sub-folders; *_test.cc become the test binary NAME_test (so no test can be left out of the build),
# *_bench.cc the benchmark NAME_bench. DEPS are other folders, LIBS third-party targets (never re-exported
# to other folders' include paths: layers.txt fences them).
function(beleg_library name)
  cmake_parse_arguments(ARG "" "" "DEPS;LIBS;TEST_LIBS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS *.cc)
  file(GLOB_RECURSE tests CONFIGURE_DEPENDS *_test.cc)
  file(GLOB_RECURSE benches CONFIGURE_DEPENDS *_bench.cc)
  list(REMOVE_ITEM sources ${tests} ${benches} ${CMAKE_CURRENT_SOURCE_DIR}/main.cc)
  add_library(beleg_${name} STATIC ${sources})
  target_link_libraries(beleg_${name} PUBLIC beleg_flags)
  foreach(dep IN LISTS ARG_DEPS)
    target_link_libraries(beleg_${name} PUBLIC beleg_${dep})
  endforeach()
  target_link_libraries(beleg_${name} PUBLIC ${ARG_LIBS})
  if(tests AND BELEG_TESTS)
    add_executable(${name}_test ${tests})
    # A few test files a compilation: gtest and the standard library are read once for them, the build takes half the time.
    set_target_properties(${name}_test PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 5)
    target_link_libraries(${name}_test PRIVATE beleg_${name} ${ARG_TEST_LIBS} GTest::gmock GTest::gtest_main)
    # The long timeout is a stop for hangs; a unit test that needs seconds is a bug.
    gtest_discover_tests(${name}_test TEST_PREFIX "${name}." DISCOVERY_TIMEOUT 60
                         PROPERTIES LABELS unit TIMEOUT 120)
  endif()
  if(benches AND BELEG_TESTS)
    add_executable(${name}_bench ${benches})
    target_link_libraries(${name}_bench PRIVATE beleg_${name} benchmark::benchmark_main)
  endif()
endfunction()
