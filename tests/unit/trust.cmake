if(TARGET piv_trust)
  piv_unit_test(NAME unit_trust SOURCES ${CMAKE_CURRENT_LIST_DIR}/trust_inventory.cc
    ${CMAKE_CURRENT_LIST_DIR}/trust_changes.cc ${CMAKE_CURRENT_LIST_DIR}/trust_report.cc
    ${CMAKE_CURRENT_LIST_DIR}/trust_bundle.cc LIBRARIES piv_trust)
endif()
