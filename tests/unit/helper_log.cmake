piv_unit_test(NAME unit_helper_log SOURCES ${CMAKE_CURRENT_LIST_DIR}/helper/log_limit.cc
  ${CMAKE_CURRENT_LIST_DIR}/helper/messages.cc ${CMAKE_CURRENT_LIST_DIR}/helper/typed_name.cc LIBRARIES piv_helper)
piv_unit_test(NAME unit_helper_sandbox SOURCES ${CMAKE_CURRENT_LIST_DIR}/helper/sandbox.cc
  LIBRARIES piv_helper Threads::Threads)
if(SECCOMP_FOUND)
  target_compile_definitions(unit_helper_sandbox PRIVATE PIV_HAVE_SECCOMP)
endif()
