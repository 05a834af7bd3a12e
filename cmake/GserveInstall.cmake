# SPDX-License-Identifier: MIT
# Where everything stands when it is installed. The programs find the rest by where they stand themselves:
# bin/.. /lib/gserve. In a Python wheel they stand inside the package, and a small script of pip's starts them.

if(SKBUILD)
  set(GSERVE_PREFIX gserve)
  set(GSERVE_PACKAGE_DIR gserve)
else()
  include(GNUInstallDirs)
  set(GSERVE_PREFIX .)
  set(GSERVE_PACKAGE_DIR lib/gserve/python/gserve)
endif()

install(TARGETS gserve gservectl RUNTIME DESTINATION ${GSERVE_PREFIX}/bin)
install(TARGETS gserve_tls_check LIBRARY DESTINATION ${GSERVE_PREFIX}/lib/gserve)
install(TARGETS gserve_extension LIBRARY DESTINATION ${GSERVE_PACKAGE_DIR})
install(DIRECTORY ${GSERVE_PYTHON_DIR}/gserve/ DESTINATION ${GSERVE_PACKAGE_DIR} FILES_MATCHING PATTERN "*.py"
        PATTERN __pycache__ EXCLUDE)

if(NOT SKBUILD)
  install(DIRECTORY packaging/systemd/ DESTINATION lib/systemd/system FILES_MATCHING PATTERN "*.service" PATTERN "*.socket")
  foreach(section IN ITEMS 1 5 7 8)
    file(GLOB pages CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/packaging/man/*.${section})
    install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
  endforeach()
  install(FILES packaging/completions/gservectl.bash DESTINATION share/bash-completion/completions RENAME gservectl)
  install(FILES packaging/completions/gservectl.zsh DESTINATION share/zsh/vendor-completions RENAME _gservectl)
  install(FILES packaging/completions/gservectl.fish DESTINATION share/fish/vendor_completions.d)
  install(FILES CHANGELOG.md README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
  install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md" PATTERN adr EXCLUDE)
endif()
