piv_unit_test(NAME unit_reasons SOURCES ${CMAKE_CURRENT_LIST_DIR}/reasons_page.cc LIBRARIES piv_base)
target_include_directories(unit_reasons PRIVATE ${PIV_PAM_INCLUDE})
