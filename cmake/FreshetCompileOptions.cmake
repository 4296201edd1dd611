# One interface target carries the warnings and sanitizers of every target of the project.
add_library(freshet_options INTERFACE)
target_compile_options(freshet_options INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor
  -Wold-style-cast -Woverloaded-virtual -Wnull-dereference -Wformat=2 -Wimplicit-fallthrough
  -fstack-protector-strong)
if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  target_compile_definitions(freshet_options INTERFACE _FORTIFY_SOURCE=2)
endif()
target_link_options(freshet_options INTERFACE -Wl,-z,relro -Wl,-z,now -Wl,--as-needed)
target_include_directories(freshet_options INTERFACE ${CMAKE_SOURCE_DIR}/src)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 sees null dereferences and lost bounds inside inlined library code that are not there.
  target_compile_options(freshet_options INTERFACE -Wno-null-dereference)
endif()
if(FRESHET_SANITIZE)
  target_compile_options(freshet_options INTERFACE -fsanitize=${FRESHET_SANITIZE} -fno-omit-frame-pointer)
  if(FRESHET_SANITIZE MATCHES "undefined")
    target_compile_options(freshet_options INTERFACE -fno-sanitize-recover=undefined)
  endif()
  target_link_options(freshet_options INTERFACE -fsanitize=${FRESHET_SANITIZE})
endif()
