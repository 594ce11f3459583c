piv_unit_test(NAME unit_nss SOURCES ${CMAKE_CURRENT_LIST_DIR}/nss_lookup.cc
  ${CMAKE_CURRENT_LIST_DIR}/nss_files.cc ${CMAKE_CURRENT_LIST_DIR}/account_index.cc
  ${CMAKE_CURRENT_LIST_DIR}/account_map.cc LIBRARIES piv_account_map piv_nss_core ${CMAKE_DL_LIBS})
