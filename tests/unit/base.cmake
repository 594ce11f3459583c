piv_unit_test(NAME unit_base SOURCES ${CMAKE_CURRENT_LIST_DIR}/bytes.cc ${CMAKE_CURRENT_LIST_DIR}/fd.cc ${CMAKE_CURRENT_LIST_DIR}/secret_buffer.cc ${CMAKE_CURRENT_LIST_DIR}/text.cc ${CMAKE_CURRENT_LIST_DIR}/time.cc
  ${CMAKE_CURRENT_LIST_DIR}/file.cc ${CMAKE_CURRENT_LIST_DIR}/error_code.cc LIBRARIES piv_base Threads::Threads)
