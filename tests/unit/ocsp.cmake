piv_unit_test(NAME unit_ocsp SOURCES ${CMAKE_CURRENT_LIST_DIR}/ocsp/vectors.cc LIBRARIES piv_ocsp)
