piv_unit_test(NAME unit_helper_log SOURCES ${CMAKE_CURRENT_LIST_DIR}/helper/log_limit.cc
  ${CMAKE_CURRENT_LIST_DIR}/helper/messages.cc LIBRARIES piv_helper)
