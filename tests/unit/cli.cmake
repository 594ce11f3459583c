piv_unit_test(NAME unit_cli SOURCES cli_usage.cc LIBRARIES piv_cli)
