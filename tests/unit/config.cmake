piv_unit_test(NAME unit_config SOURCES ${CMAKE_CURRENT_LIST_DIR}/settings.cc LIBRARIES piv_config)
