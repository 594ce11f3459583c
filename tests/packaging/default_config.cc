// The configuration file that is installed: it loads as it is, it shows every key there is, and every
// line that it shows is one that loads.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "pki/config/setting_table.h"
#include "pki/config/settings.h"
#include "tests/places.h"

namespace {

using namespace piv;

std::string installed_config() {
    std::ifstream file(test::source_dir() + "/packaging/conf/piv-login.conf");
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

// "#key = value" becomes "key = value"; prose comments, which have a space after #, stay.
std::string with_every_line_on(const std::string& text) {
    std::istringstream lines(text);
    std::string out;
    for (std::string line; std::getline(lines, line);) {
        const bool shown = line.size() > 1 && line[0] == '#' && line[1] != ' ';
        out += (shown ? line.substr(1) : line) + "\n";
    }
    return out;
}

std::string temporary_file(const std::string& text) {
    char name[] = "/tmp/piv-config-XXXXXX";
    const int fd = ::mkstemp(name);
    REQUIRE(fd >= 0);
    REQUIRE(::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    ::close(fd);
    return name;
}

void require_loads(const std::string& text) {
    const std::string name = temporary_file(text);
    const auto settings = load_settings(name, "sudo", ConfigTrust::Anyone);
    ::unlink(name.c_str());
    INFO((settings ? std::string() : settings.error().detail));
    REQUIRE(settings);
}

TEST_CASE("the installed configuration loads as it is") {
    require_loads(installed_config());
}

TEST_CASE("every line that the installed configuration shows is one that loads") {
    const std::string text = with_every_line_on(installed_config());
    REQUIRE(text.find("\nrevocation.ocsp = soft") != std::string::npos);
    require_loads(text);
}

TEST_CASE("the installed configuration shows every key, in its section") {
    std::istringstream lines(with_every_line_on(installed_config()));
    std::set<std::string> shown;
    std::string section;
    for (std::string line; std::getline(lines, line);) {
        if (!line.empty() && line[0] == '[') {
            section = line.substr(1, line.find(']') - 1);
        } else if (line.find(" =") != std::string::npos && line[0] != '#') {
            shown.insert(section + "." + line.substr(0, line.find(" =")));
        }
    }
    for (const SettingRow& row : setting_table()) {
        INFO(row.section << "." << row.key);
        CHECK(shown.count(std::string(row.section) + "." + row.key) == 1);
    }
}

}  // namespace
