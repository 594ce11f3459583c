piv_unit_test(NAME unit_virtual_card SOURCES ${CMAKE_CURRENT_LIST_DIR}/virtual_card.cc
  LIBRARIES piv_vcard OpenSSL::Crypto ZLIB::ZLIB)
