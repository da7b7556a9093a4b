# Every third-party library, by the target that the folders link. Each is fenced to the folders that
# layers.txt names. Versions and reasons: third_party/README.md.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(simdjson REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(yaml-cpp 0.7 REQUIRED)
find_package(Snappy 1.1.9 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(deflate REQUIRED IMPORTED_TARGET libdeflate>=1.14)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium>=1.0.18)
pkg_check_modules(nghttp2 REQUIRED IMPORTED_TARGET libnghttp2>=1.52)
find_path(PROTOZERO_INCLUDE protozero/pbf_reader.hpp REQUIRED)
if(BELEG_TESTS)
  find_package(GTest REQUIRED)
  find_package(benchmark REQUIRED)
endif()

# llama.cpp and DuckDB are prebuilt shared libraries that `make setup` unpacks under BELEG_DEPS.
add_library(llama_cpp INTERFACE)
target_include_directories(llama_cpp SYSTEM INTERFACE ${BELEG_DEPS}/llama/include)
target_link_libraries(llama_cpp INTERFACE
  ${BELEG_DEPS}/llama/lib/libllama.so ${BELEG_DEPS}/llama/lib/libggml.so ${BELEG_DEPS}/llama/lib/libggml-base.so)

add_library(duckdb_c INTERFACE)
target_link_libraries(duckdb_c INTERFACE ${BELEG_DEPS}/duckdb/lib/libduckdb.so)
