piv_unit_test(NAME unit_x509 SOURCES ${CMAKE_CURRENT_LIST_DIR}/x509_certificate.cc ${CMAKE_CURRENT_LIST_DIR}/x509_libcrypto_start.cc
  ${CMAKE_CURRENT_LIST_DIR}/x509_path.cc ${CMAKE_SOURCE_DIR}/tests/small_libcrypto.cc
  ${CMAKE_CURRENT_LIST_DIR}/x509_plain_certificate.cc ${CMAKE_CURRENT_LIST_DIR}/x509_public_key.cc ${CMAKE_CURRENT_LIST_DIR}/x509_purpose.cc
  ${CMAKE_CURRENT_LIST_DIR}/x509_ranking.cc ${CMAKE_CURRENT_LIST_DIR}/x509_store.cc
  LIBRARIES piv_x509)
# Certificates of every kind so: vectors_*_small_libcrypto.
add_test(NAME unit_x509_small_libcrypto COMMAND unit_x509 "libcrypto as*")
set_tests_properties(unit_x509_small_libcrypto PROPERTIES LABELS unit TIMEOUT 300 ENVIRONMENT PIV_TEST_SMALL_LIBCRYPTO=1)
