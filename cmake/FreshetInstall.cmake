# What `cmake --install` puts where. The program, its manual and examples are the default; the component
# "service" is the unit with the prefix's own program; packages take another form of it (FreshetPackage).
include(GNUInstallDirs)

set(FRESHET_EXAMPLES_DIR ${CMAKE_INSTALL_DOCDIR}/examples)

# Manual pages are compressed the same way each time, whatever the time and the machine.
function(freshet_install_compressed source name destination)
  set(packed ${CMAKE_BINARY_DIR}/compressed/${name}.gz)
  add_custom_command(OUTPUT ${packed}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/compressed
    COMMAND sh -c "gzip -9nc '${source}' > '${packed}'"
    DEPENDS ${source} VERBATIM)
  set_property(GLOBAL APPEND PROPERTY FRESHET_COMPRESSED ${packed})
  install(FILES ${packed} DESTINATION ${destination} ${ARGN})
endfunction()

file(GLOB manual_pages CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/docs/man/*.[158])
foreach(page ${manual_pages})
  get_filename_component(name ${page} NAME)
  string(REGEX REPLACE ".*\\.([158])$" "\\1" chapter ${name})
  freshet_install_compressed(${page} ${name} ${CMAKE_INSTALL_MANDIR}/man${chapter})
endforeach()

# freshet_install_existing(FILE DESTINATION [RENAME name]): a completion that this tree has.
function(freshet_install_existing file destination)
  if(EXISTS ${CMAKE_SOURCE_DIR}/${file})
    install(FILES ${file} DESTINATION ${destination} ${ARGN})
  endif()
endfunction()

freshet_install_existing(completions/freshet.bash ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME freshet)
freshet_install_existing(completions/_freshet ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
freshet_install_existing(completions/freshet.fish ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)

install(FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs PATTERN man EXCLUDE)
install(DIRECTORY etc/ DESTINATION ${FRESHET_EXAMPLES_DIR})
install(DIRECTORY systemd/examples/ DESTINATION ${FRESHET_EXAMPLES_DIR}/systemd)

install(FILES systemd/freshet.sysusers DESTINATION lib/sysusers.d RENAME freshet.conf)
install(FILES systemd/freshet.tmpfiles DESTINATION lib/tmpfiles.d RENAME freshet.conf)
install(CODE "
  file(READ \"${CMAKE_SOURCE_DIR}/systemd/freshet.service\" unit)
  string(REPLACE /usr/bin/freshet \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}/freshet\" unit \"\${unit}\")
  file(WRITE \"${CMAKE_BINARY_DIR}/freshet.service\" \"\${unit}\")
  file(INSTALL \"${CMAKE_BINARY_DIR}/freshet.service\" TYPE FILE
    DESTINATION \"\${CMAKE_INSTALL_PREFIX}/lib/systemd/system\")"
  COMPONENT service)
