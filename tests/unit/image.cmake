piv_unit_test(NAME unit_image
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/image_pam_file.cc ${CMAKE_CURRENT_LIST_DIR}/image_root_dir.cc
    ${CMAKE_CURRENT_LIST_DIR}/image_authselect.cc ${CMAKE_CURRENT_LIST_DIR}/image_hooks.cc
    ${CMAKE_CURRENT_LIST_DIR}/image_nss.cc
  LIBRARIES piv_image)
# The prover of PAM stacks, against the libpam of this system.
include(CheckSymbolExists)
set(CMAKE_REQUIRED_INCLUDES ${PIV_PAM_INCLUDE})
set(CMAKE_REQUIRED_LIBRARIES ${PIV_PAM_LIBRARY})
check_symbol_exists(pam_start_confdir "security/pam_appl.h" PIV_HAVE_PAM_START_CONFDIR)
unset(CMAKE_REQUIRED_INCLUDES)
unset(CMAKE_REQUIRED_LIBRARIES)
if(PIV_HAVE_PAM_START_CONFDIR)
  piv_unit_test(NAME unit_image_pam_stack SOURCES ${CMAKE_CURRENT_LIST_DIR}/image_pam_stack.cc
    LIBRARIES piv_image ${PIV_PAM_LIBRARY})
endif()
