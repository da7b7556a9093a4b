# beleg_page(NAME): an object library with the page of web/, which src/query/page.cc answers from.
#
# `npm ci` fills web/node_modules whenever package-lock.json changes (this step alone needs the network); web/build.mjs
# runs Vite, packs each file with brotli and gzip and writes one assembler file that takes them in with .incbin.
# Both run only when something they read has changed. Node 20.19 or newer: `make setup` sees to it.
find_program(BELEG_NODE node PATHS ${BELEG_DEPS}/bin NO_DEFAULT_PATH)
find_program(BELEG_NODE node REQUIRED)
find_program(BELEG_NPM npm PATHS ${BELEG_DEPS}/bin NO_DEFAULT_PATH)
find_program(BELEG_NPM npm REQUIRED)
cmake_path(GET BELEG_NODE PARENT_PATH BELEG_NODE_FOLDER)

set(BELEG_WEB ${PROJECT_SOURCE_DIR}/web)
set(BELEG_WEB_PACKAGES ${BELEG_WEB}/node_modules/.package-lock.json)

function(beleg_page name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${BELEG_WEB}/src/* ${BELEG_WEB}/public/*)
  set(page ${CMAKE_CURRENT_BINARY_DIR}/page)
  add_custom_command(
    OUTPUT ${BELEG_WEB_PACKAGES}
    COMMAND ${CMAKE_COMMAND} -E env PATH=${BELEG_NODE_FOLDER}:$ENV{PATH}
            ${BELEG_NPM} ci --ignore-scripts --no-audit --no-fund --loglevel=error
    COMMAND ${CMAKE_COMMAND} -E touch ${BELEG_WEB_PACKAGES}
    DEPENDS ${BELEG_WEB}/package.json ${BELEG_WEB}/package-lock.json
    WORKING_DIRECTORY ${BELEG_WEB}
    COMMENT "The page's packages" VERBATIM)
  add_custom_command(
    OUTPUT ${page}/page.S
    COMMAND ${BELEG_NODE} build.mjs ${page}
    DEPENDS ${BELEG_WEB_PACKAGES} ${sources} ${BELEG_WEB}/build.mjs ${BELEG_WEB}/index.html
            ${BELEG_WEB}/vite.config.js ${BELEG_WEB}/tsconfig.json
    WORKING_DIRECTORY ${BELEG_WEB}
    COMMENT "The page" VERBATIM)
  add_library(${name} OBJECT ${page}/page.S)
  if(BELEG_TESTS)
    add_test(NAME web.lib COMMAND ${BELEG_NODE} test.mjs ${page}/tests WORKING_DIRECTORY ${BELEG_WEB})
    add_test(NAME web.types COMMAND ${BELEG_NODE} node_modules/svelte-check/bin/svelte-check --fail-on-warnings
             WORKING_DIRECTORY ${BELEG_WEB})
    set_tests_properties(web.lib web.types PROPERTIES LABELS unit TIMEOUT 120)
  endif()
endfunction()
