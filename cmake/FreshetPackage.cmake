# `cpack -G DEB` in a release build: the Debian package (scripts/build-package does both). Version
# PROJECT_VERSION-REVISION.
set(FRESHET_DEBIAN_REVISION 1)
set(FRESHET_MAINTAINER "The freshet authors <freshet@example.org>" CACHE STRING "Who answers for the package")
set(debian ${CMAKE_SOURCE_DIR}/packaging/debian)

# Files that only the package has, at absolute places.
configure_file(${debian}/changelog.in ${CMAKE_BINARY_DIR}/changelog.Debian @ONLY)
freshet_install_compressed(${CMAKE_BINARY_DIR}/changelog.Debian changelog.Debian
  ${CMAKE_INSTALL_DOCDIR} COMPONENT debian EXCLUDE_FROM_ALL)
install(FILES ${debian}/copyright DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT debian EXCLUDE_FROM_ALL)
install(FILES ${debian}/freshet.toml DESTINATION /etc/freshet COMPONENT debian EXCLUDE_FROM_ALL)
install(FILES systemd/freshet.service DESTINATION /lib/systemd/system COMPONENT debian EXCLUDE_FROM_ALL)
install(FILES ${debian}/lintian-overrides DESTINATION share/lintian/overrides RENAME freshet
  COMPONENT debian EXCLUDE_FROM_ALL)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME freshet)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT ${FRESHET_MAINTAINER})
set(CPACK_INSTALL_CMAKE_PROJECTS
  "${CMAKE_BINARY_DIR};freshet;Unspecified;/;${CMAKE_BINARY_DIR};freshet;debian;/")
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE ${FRESHET_DEBIAN_REVISION})
set(CPACK_DEBIAN_PACKAGE_SECTION vcs)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "git, init-system-helpers (>= 1.52), systemd | systemd-standalone-sysusers, systemd | systemd-standalone-tmpfiles")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "ca-certificates, openssh-client")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "polkitd, nginx | httpd")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY ${PROJECT_DESCRIPTION})
set(CPACK_PACKAGE_DESCRIPTION "A daemon that polls each upstream and takes signed webhooks of GitHub, Gitea,
Forgejo, GitLab and Bitbucket: moments after a push the new tree stands at the
configured path, switched in one step, so that nobody who reads it ever sees
half of it.

For whatever runs on top of a repository: documentation and web servers, code
search, build farms, deployment by pull, backup mirrors.")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  ${debian}/conffiles ${debian}/postinst ${debian}/prerm ${debian}/postrm)
include(CPack)
