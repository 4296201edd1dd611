# cmake -DHTML=FILE -DSTYLE=FILE -DSCRIPTS=FILE,FILE,... -DOUTPUT=FILE.cpp -P EmbedPage.cmake
# Writes the definition of freshet::admin::page_sources(): the bytes of the files.
function(as_view variable file)
  file(READ ${file} bytes HEX)
  string(LENGTH "${bytes}" digits)
  math(EXPR count "${digits} / 2")
  string(REPEAT "[0-9a-f]" 50 row)
  string(REGEX REPLACE "(${row})" "\\1\"\n    \"" bytes "${bytes}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" bytes "${bytes}")
  set(${variable} "std::string_view(\n    \"${bytes}\", ${count})" PARENT_SCOPE)
endfunction()

string(REPLACE "," ";" scripts "${SCRIPTS}")
as_view(html ${HTML})
as_view(style ${STYLE})
string(CONCAT text "#include \"admin/page_sources.h\"\n\nnamespace freshet::admin {\n\n"
  "const PageSources& page_sources() {\n  static const PageSources kSources = {\n"
  "    ${html},\n    ${style},\n    {\n")
foreach(script ${scripts})
  as_view(view ${script})
  string(APPEND text "    ${view},\n")
endforeach()
string(APPEND text "    }};\n  return kSources;\n}\n\n}  // namespace freshet::admin\n")
file(WRITE ${OUTPUT} "${text}")
