// The one header of Catch2 v2, where the distribution has v3.
#pragma once
#include <catch2/catch_all.hpp>
