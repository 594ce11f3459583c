// piv-image convert: certificates in any form to one PEM file each, many files at a time.
#pragma once

#include <string>
#include <vector>

#include "image_builder/ca_input.h"

namespace piv {

struct ConvertSettings {
    std::string folder;    // for the output; empty: beside each input
    bool force = false;    // replace files that hold something else
    bool digests = false;  // fill Converted::sha256
    unsigned threads = 0;  // 0: as many as there are processors
};

struct Converted {
    std::string input;
    std::string form;
    std::vector<std::string> outputs;  // in the order of the certificates
    std::vector<std::string> sha256;   // of each certificate, when asked for
    bool unchanged = false;            // every output was there already, byte for byte
    bool failed = true;
    Problem problem;  // when failed; then none of its outputs was written
};

/// One entry per input, in order. Every output appears whole or not at all.
std::vector<Converted> convert_files(const std::vector<std::string>& inputs,
                                     const ConvertSettings& settings);

}  // namespace piv
