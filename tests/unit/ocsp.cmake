piv_unit_test(NAME unit_ocsp_vectors SOURCES ${CMAKE_CURRENT_LIST_DIR}/ocsp/vectors.cc
  ${CMAKE_SOURCE_DIR}/tests/small_libcrypto.cc LIBRARIES piv_ocsp)
piv_unit_test(NAME unit_ocsp SOURCES ${CMAKE_CURRENT_LIST_DIR}/ocsp/parts.cc
  ${CMAKE_CURRENT_LIST_DIR}/ocsp/revocation.cc ${CMAKE_CURRENT_LIST_DIR}/ocsp/inquiry.cc ${CMAKE_CURRENT_LIST_DIR}/ocsp/fixture.cc
  ${CMAKE_SOURCE_DIR}/tests/small_libcrypto.cc
  LIBRARIES piv_ocsp)
piv_unit_test(NAME unit_ocsp_confinement SOURCES ${CMAKE_CURRENT_LIST_DIR}/ocsp/confinement.cc LIBRARIES piv_ocsp_curl)
if(SECCOMP_FOUND)
  target_compile_definitions(unit_ocsp_confinement PRIVATE PIV_HAVE_SECCOMP)
endif()
foreach(test unit_ocsp unit_ocsp_vectors)
  add_test(NAME ${test}_small_libcrypto COMMAND ${test})
  set_tests_properties(${test}_small_libcrypto PROPERTIES LABELS unit TIMEOUT 300 SKIP_RETURN_CODE 77
    ENVIRONMENT PIV_TEST_SMALL_LIBCRYPTO=1)
endforeach()
