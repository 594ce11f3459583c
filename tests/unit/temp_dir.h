// A folder for one test, gone afterwards.
#pragma once

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>

#include "pki/base/file.h"

namespace piv::test {

class TempDir {
  public:
    TempDir() { REQUIRE(mkdtemp(path_) != nullptr); }
    ~TempDir() {
        const std::string command = std::string("rm -rf ") + path_;
        CHECK(std::system(command.c_str()) == 0);  // NOLINT(cert-env33-c)
    }
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    [[nodiscard]] std::string path() const { return path_; }
    [[nodiscard]] std::string file(const std::string& name) const { return path() + "/" + name; }
    [[nodiscard]] std::string folder(const std::string& name) const {
        std::string made = path_;
        for (std::size_t i = 0; i < name.size();) {
            const std::size_t end = std::min(name.find('/', i), name.size());
            made += "/" + name.substr(i, end - i);
            (void)mkdir(made.c_str(), 0755);
            i = end + 1;
        }
        return made;
    }
    [[nodiscard]] std::string write(const std::string& name, std::string_view text,
                                    unsigned mode = 0644) const {
        REQUIRE(piv::write_file_atomically(file(name), piv::ByteView(text), mode).ok());
        return file(name);
    }

  private:
    char path_[32] = "/tmp/piv-unit-XXXXXX";
};

}  // namespace piv::test
