# cmake -DINPUT=FILE -DHEADER=HEADER -DNAME=FUNCTION -DOUTPUT=FILE.cpp -P EmbedText.cmake
# Writes the definition of std::string_view freshet::admin::FUNCTION(): the bytes of the file.
file(READ ${INPUT} bytes HEX)
string(LENGTH "${bytes}" digits)
math(EXPR count "${digits} / 2")
string(REPEAT "[0-9a-f]" 50 row)
string(REGEX REPLACE "(${row})" "\\1\"\n    \"" bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" bytes "${bytes}")
file(WRITE ${OUTPUT} "#include \"${HEADER}\"\n\nnamespace freshet::admin {\n\n"
  "std::string_view ${NAME}() {\n  return std::string_view(\n    \"${bytes}\", ${count});\n}\n\n"
  "}  // namespace freshet::admin\n")
