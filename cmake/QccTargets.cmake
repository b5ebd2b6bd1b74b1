# Functions that the folders of lib/, tools/ and test/unit share.

if(QCC_ENABLE_COMPILER)
  find_package(MLIR 22.1 REQUIRED CONFIG HINTS /usr/lib/llvm-22/lib/cmake/mlir)
  list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
  include(TableGen)
  include(AddLLVM)
  include(AddMLIR)
  # Interface target: LLVM headers as system headers, and the two dylibs (never a static MLIR archive beside them).
  add_library(qcc_mlir INTERFACE)
  target_include_directories(qcc_mlir SYSTEM INTERFACE ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
  target_compile_definitions(qcc_mlir INTERFACE ${LLVM_DEFINITIONS_LIST})
  target_compile_options(qcc_mlir INTERFACE -Wno-comment -fno-strict-aliasing)
  target_link_libraries(qcc_mlir INTERFACE MLIR LLVM)
endif()

# qcc_library(Name [MLIR] SOURCES a.cpp … [DEPENDS other libs] [TABLEGEN targets])
function(qcc_library name)
  cmake_parse_arguments(arg "MLIR" "" "SOURCES;DEPENDS;TABLEGEN" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  # -Wrestrict: false positives of gcc 12 on std::string (gcc bug 105329).
  target_compile_options(${name} PRIVATE -Wall -Wextra -Wno-unused-parameter -Wno-restrict)
  target_link_libraries(${name} PUBLIC ${arg_DEPENDS})
  if(arg_MLIR)
    target_link_libraries(${name} PUBLIC qcc_mlir)
  endif()
  if(arg_TABLEGEN)
    add_dependencies(${name} ${arg_TABLEGEN})
  endif()
endfunction()

# qcc_unit_test(Name SOURCES a.cpp … DEPENDS libs): a GoogleTest executable registered with CTest.
function(qcc_unit_test name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS" ${ARGN})
  if(NOT QCC_BUILD_TESTS)
    return()
  endif()
  find_package(GTest REQUIRED)
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_DEPENDS} GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name})
endfunction()

# qcc_tablegen(Target ops.td Name:kind … DIALECT name OUTPUT dir): <build>/include/dir/Name.{h,cpp}.inc from one .td file.
# kind is dialect, enum, attrdef, typedef or op.
function(qcc_tablegen target td)
  cmake_parse_arguments(arg "" "DIALECT;OUTPUT" "" ${ARGN})
  set(out ${PROJECT_BINARY_DIR}/include/${arg_OUTPUT})
  file(MAKE_DIRECTORY ${out})
  set(dialect -dialect=${arg_DIALECT})
  set(files)
  foreach(item ${arg_UNPARSED_ARGUMENTS})
    string(REPLACE ":" ";" pair ${item})
    list(GET pair 0 name)
    list(GET pair 1 kind)
    foreach(part decls defs)
      string(REPLACE decls h ext ${part})
      string(REPLACE defs cpp ext ${ext})
      set(select)
      if(kind STREQUAL "dialect")
        set(select -dialect=${arg_DIALECT})
      elseif(kind STREQUAL "attrdef")
        set(select -attrdefs-dialect=${arg_DIALECT})
      elseif(kind STREQUAL "typedef")
        set(select -typedefs-dialect=${arg_DIALECT})
      endif()
      add_custom_command(OUTPUT ${out}/${name}.${ext}.inc
        COMMAND ${MLIR_TABLEGEN_EXE} -gen-${kind}-${part} ${select} -I ${PROJECT_SOURCE_DIR}/include
                -I ${MLIR_INCLUDE_DIRS} ${td} --write-if-changed -o ${out}/${name}.${ext}.inc -d ${out}/${name}.${ext}.inc.d
        DEPENDS ${td} DEPFILE ${out}/${name}.${ext}.inc.d VERBATIM)
      list(APPEND files ${out}/${name}.${ext}.inc)
    endforeach()
  endforeach()
  add_custom_target(${target} DEPENDS ${files})
endfunction()

# qcc_pass_tablegen(Target Passes.td dir Group): <build>/include/dir/Passes.h.inc with the passes' declarations and registration.
function(qcc_pass_tablegen target td dir group)
  set(out ${PROJECT_BINARY_DIR}/include/${dir}/Passes.h.inc)
  file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/include/${dir})
  add_custom_command(OUTPUT ${out}
    COMMAND ${MLIR_TABLEGEN_EXE} -gen-pass-decls -name=${group} -I ${PROJECT_SOURCE_DIR}/include -I ${MLIR_INCLUDE_DIRS} ${td} --write-if-changed -o ${out} -d ${out}.d
    DEPENDS ${td} DEPFILE ${out}.d VERBATIM)
  add_custom_target(${target} DEPENDS ${out})
endfunction()
