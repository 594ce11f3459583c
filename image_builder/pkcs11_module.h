// The PKCS#11 module of an image, for programs that speak to the card themselves.
#pragma once

#include <string>

#include "image_builder/tree.h"

namespace piv {

/// Path of OpenSC's module in the tree; empty when it is not installed.
std::string opensc_module(const Tree& tree);
/// What is to be named in a setting: the module, or where its package puts it.
std::string opensc_module_or_default(const Tree& tree, bool debian);

}  // namespace piv
