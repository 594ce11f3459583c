piv_unit_test(NAME unit_protocol SOURCES ${CMAKE_CURRENT_LIST_DIR}/protocol.cc LIBRARIES piv_protocol)
