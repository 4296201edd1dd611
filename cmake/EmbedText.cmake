# cmake -DINPUT=FILE -DHEADER=HEADER -DNAME=FUNCTION -DOUTPUT=FILE.cpp -P EmbedText.cmake
# Writes the definition of std::string_view freshet::admin::FUNCTION(): the bytes of the file.
include(${CMAKE_CURRENT_LIST_DIR}/FileBytes.cmake)

as_string_view(view ${INPUT})
file(WRITE ${OUTPUT} "#include \"${HEADER}\"\n\nnamespace freshet::admin {\n\n"
  "std::string_view ${NAME}() {\n  return ${view};\n}\n\n}  // namespace freshet::admin\n")
