piv_unit_test(NAME unit_card SOURCES
  ${CMAKE_CURRENT_LIST_DIR}/card/apdu.cc ${CMAKE_CURRENT_LIST_DIR}/card/atr.cc
  ${CMAKE_CURRENT_LIST_DIR}/card/certificate_cache.cc
  ${CMAKE_CURRENT_LIST_DIR}/card/piv_card.cc ${CMAKE_CURRENT_LIST_DIR}/card/piv_objects.cc
  ${CMAKE_CURRENT_LIST_DIR}/card/signature_format.cc ${CMAKE_CURRENT_LIST_DIR}/card/tlv.cc
  LIBRARIES piv_card ZLIB::ZLIB)
