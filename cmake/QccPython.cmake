# Test scripts need numpy; the first python3 on the path is not always the one that has it.
function(qcc_has_numpy result candidate)
  execute_process(COMMAND ${candidate} -c "import numpy" RESULT_VARIABLE status OUTPUT_QUIET ERROR_QUIET)
  if(NOT status EQUAL 0)
    set(${result} FALSE PARENT_SCOPE)
  endif()
endfunction()
find_program(QCC_PYTHON NAMES python3 PATHS /usr/bin VALIDATOR qcc_has_numpy REQUIRED
             DOC "A Python 3.11 or later with numpy, for test scripts")

# A test that is one Python file with a unittest main, named after the file.
function(qcc_add_python_test file)
  get_filename_component(name ${file} NAME_WE)
  add_test(NAME python.${name} COMMAND ${QCC_PYTHON} -B ${CMAKE_CURRENT_SOURCE_DIR}/${file} ${ARGN})
endfunction()
