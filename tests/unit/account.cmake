piv_unit_test(NAME unit_account SOURCES ${CMAKE_CURRENT_LIST_DIR}/account_binding.cc
  ${CMAKE_CURRENT_LIST_DIR}/account_editor.cc LIBRARIES piv_account)
