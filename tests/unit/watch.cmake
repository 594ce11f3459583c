piv_unit_test(NAME unit_watch SOURCES ${CMAKE_CURRENT_LIST_DIR}/watch/removal_rule.cc
  ${CMAKE_CURRENT_LIST_DIR}/watch/watch_request.cc LIBRARIES piv_removal_rule piv_helper)
