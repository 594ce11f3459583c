piv_unit_test(NAME unit_ocsp_vectors SOURCES ${CMAKE_CURRENT_LIST_DIR}/ocsp/vectors.cc LIBRARIES piv_ocsp)
piv_unit_test(NAME unit_ocsp SOURCES ${CMAKE_CURRENT_LIST_DIR}/ocsp/parts.cc
  ${CMAKE_CURRENT_LIST_DIR}/ocsp/revocation.cc ${CMAKE_CURRENT_LIST_DIR}/ocsp/inquiry.cc ${CMAKE_CURRENT_LIST_DIR}/ocsp/fixture.cc
  LIBRARIES piv_ocsp)
piv_unit_test(NAME unit_ocsp_confinement SOURCES ${CMAKE_CURRENT_LIST_DIR}/ocsp/confinement.cc LIBRARIES piv_ocsp_curl)
if(SECCOMP_FOUND)
  target_compile_definitions(unit_ocsp_confinement PRIVATE PIV_HAVE_SECCOMP)
endif()
