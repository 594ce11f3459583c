piv_unit_test(NAME unit_x509 SOURCES ${CMAKE_CURRENT_LIST_DIR}/x509_certificate.cc ${CMAKE_CURRENT_LIST_DIR}/x509_path.cc
  ${CMAKE_CURRENT_LIST_DIR}/x509_plain_certificate.cc ${CMAKE_CURRENT_LIST_DIR}/x509_public_key.cc ${CMAKE_CURRENT_LIST_DIR}/x509_purpose.cc
  ${CMAKE_CURRENT_LIST_DIR}/x509_ranking.cc ${CMAKE_CURRENT_LIST_DIR}/x509_store.cc
  LIBRARIES piv_x509)
