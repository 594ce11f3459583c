// ImageProfile: which distribution a tree is of, and what follows from that.
#pragma once

#include <optional>
#include <string>

#include "image_builder/tree.h"

namespace piv {

enum class ImageProfile { Al2, Al2023, El8, El9, Ubuntu, Debian };

std::string_view to_text(ImageProfile profile) noexcept;
std::optional<ImageProfile> profile_from(std::string_view name) noexcept;
/// From os-release(5): /etc/os-release, else /usr/lib/os-release. Error: ImageTree, naming what the
/// tree says it is.
Result<ImageProfile> detect_profile(const Tree& tree);
/// Debian's way of PAM (pam-auth-update), as against Red Hat's.
bool is_debian_like(ImageProfile profile) noexcept;
/// Where the tree keeps its PAM modules, by where its own pam_unix.so is; empty when it has none.
std::string pam_module_folder(const Tree& tree);

}  // namespace piv
