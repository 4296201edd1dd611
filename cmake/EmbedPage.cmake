# cmake -DHTML=FILE -DSTYLE=FILE -DSCRIPTS=FILE,FILE,... -DOUTPUT=FILE.cpp -P EmbedPage.cmake
# Writes the definition of freshet::admin::page_sources(): the bytes of the files.
include(${CMAKE_CURRENT_LIST_DIR}/FileBytes.cmake)

string(REPLACE "," ";" scripts "${SCRIPTS}")
as_string_view(html ${HTML})
as_string_view(style ${STYLE})
string(CONCAT text "#include \"admin/page_sources.h\"\n\nnamespace freshet::admin {\n\n"
  "const PageSources& page_sources() {\n  static const PageSources kSources = {\n"
  "    ${html},\n    ${style},\n    {\n")
foreach(script ${scripts})
  as_string_view(view ${script})
  string(APPEND text "    ${view},\n")
endforeach()
string(APPEND text "    }};\n  return kSources;\n}\n\n}  // namespace freshet::admin\n")
file(WRITE ${OUTPUT} "${text}")
