// The CA files that people have, read before anything else: what each holds, or why not.
#pragma once

#include <string>
#include <vector>

#include "pki/x509/certificate_reader.h"

namespace piv {

struct Problem {
    std::string what;  // one line, names the file or certificate
    std::string hint;  // what to do
    ErrorCode code = ErrorCode::ImageInput;
};

/// What a part of the planning found; with a problem nothing may be written.
struct Findings {
    std::vector<Problem> problems;
    std::vector<Problem> warnings;
};

struct CaCertificate {
    Certificate certificate;
    std::string file;  // the name without its folder
    std::string file_sha256;
    FileForm form = FileForm::Der;
};

struct CaInputs {
    std::vector<CaCertificate> certificates;  // as given, duplicates dropped
    std::vector<Problem> problems;
};

/// Reads every file; one problem per file or certificate that cannot serve.
CaInputs read_ca_files(const std::vector<std::string>& paths);

/// For messages: the subject, or the file when there is none.
std::string display_name(const Certificate& certificate);
std::string file_name_of(const std::string& path);

}  // namespace piv
