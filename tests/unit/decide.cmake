piv_unit_test(NAME unit_decide SOURCES ${CMAKE_CURRENT_LIST_DIR}/decide/login_attempt.cc
  ${CMAKE_CURRENT_LIST_DIR}/decide/card_client.cc ${CMAKE_CURRENT_LIST_DIR}/decide/policy_and_record.cc
  ${CMAKE_CURRENT_LIST_DIR}/decide/user_text.cc
  LIBRARIES piv_decide Threads::Threads)
piv_unit_test(NAME unit_helper SOURCES ${CMAKE_CURRENT_LIST_DIR}/helper/recent_attempt.cc LIBRARIES piv_helper)
