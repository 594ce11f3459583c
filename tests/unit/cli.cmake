piv_unit_test(NAME unit_cli SOURCES command_line.cc LIBRARIES piv_cli)
