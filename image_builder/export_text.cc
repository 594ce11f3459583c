// The formats that are text. All of them run the same commands.
#include <sstream>

#include "image_builder/export_set.h"
#include "pki/x509/base64.h"

namespace piv {

namespace {

std::string wrapped(const std::string& base64) {
    std::string out;
    for (std::size_t at = 0; at < base64.size(); at += 64) {
        out += base64.substr(at, 64) + "\n";
    }
    return out;
}

// Every line of `text` behind `pad`; empty lines stay empty.
std::string indented(const std::string& text, const std::string& pad) {
    std::string out;
    std::istringstream lines(text);
    std::string line;
    while (std::getline(lines, line)) {
        out += (line.empty() ? "" : pad + line) + "\n";
    }
    return out;
}

std::string option_words(const ExportSet& set, const std::string& folder) {
    std::string out;
    for (const ExportAnswer& answer : set.answers) {
        out += " " + answer.option + " \"" + folder + "/" + answer.file + "\"";
    }
    for (const std::string& word : set.options) {
        out += " " + (word.compare(0, 2, "--") == 0 ? word : "'" + word + "'");
    }
    return out;
}

// The commands, for any POSIX shell, without a "#!" line.
std::string commands(const ExportSet& set) {
    std::string out =
        "set -eu\n"
        "umask 022\n"
        "folder=$(mktemp -d)\n"
        "trap 'rm -rf \"$folder\"' EXIT\n";
    for (const ExportCertificate& c : set.certificates) {
        out += "cat >\"$folder/" + c.file + "\" <<'PEM'\n" + c.pem + "PEM\n";
    }
    for (const ExportAnswer& answer : set.answers) {
        out += "base64 -d >\"$folder/" + answer.file + "\" <<'BASE64'\n" +
               wrapped(base64_encode(answer.content)) + "BASE64\n";
    }
    return out + "enable-smartcard --ca-cert \"$folder\"/*.pem" + option_words(set, "$folder") +
           "\n";
}

std::string heading(const ExportSet& set) {
    return "# Made by piv-image export: smart card login with " +
           std::to_string(set.certificates.size()) + " CA certificates.\n";
}

}  // namespace

std::string export_script(const ExportSet& set) {
    return "#!/bin/sh\n" + heading(set) + commands(set) + "piv-image verify --root /\n";
}

std::string export_component(const ExportSet& set) {
    std::string proof;
    for (const std::string& word : set.options) {
        if (word == "required") {
            proof += " --mode required";
        } else if (word == "--no-break-glass") {
            proof += " --no-break-glass";
        }
    }
    std::string out =
        heading(set) +
        "# The package piv-login must be in the image: install it in an earlier step.\n"
        "name: piv-login\n"
        "description: Smart card login\n"
        "schemaVersion: 1.0\n"
        "phases:\n"
        "  - name: build\n"
        "    steps:\n"
        "      - name: EnableSmartcard\n"
        "        action: ExecuteBash\n"
        "        timeoutSeconds: 300\n"
        "        onFailure: Abort\n"
        "        inputs:\n"
        "          commands:\n"
        "            - |\n";
    out += indented(commands(set), "              ");
    return out +
           "  - name: validate\n"
           "    steps:\n"
           "      - name: AsStaged\n"
           "        action: ExecuteBash\n"
           "        onFailure: Abort\n"
           "        inputs:\n"
           "          commands:\n"
           "            - piv-image verify --root /\n"
           "  - name: test\n"
           "    steps:\n"
           "      - name: StacksProven\n"
           "        action: ExecuteBash\n"
           "        onFailure: Abort\n"
           "        inputs:\n"
           "          commands:\n"
           "            - piv-image prove --root /" +
           proof + "\n";
}

std::string export_packer(const ExportSet& set) {
    return heading(set) +
           "# Paste this into the build block, after the step that installs piv-login.\n"
           "provisioner \"shell\" {\n"
           "  execute_command = \"sudo sh '{{ .Path }}'\"\n"
           "  inline_shebang  = \"/bin/sh -eu\"\n"
           "  inline = [<<EOT\n" +
           commands(set) +
           "piv-image verify --root /\n"
           "EOT\n"
           "  ]\n"
           "}\n";
}

std::string export_ansible(const ExportSet& set) {
    const std::string folder = "/root/piv-login-export";
    std::string out = heading(set) +
                      "- name: Smart card login\n"
                      "  hosts: all\n"
                      "  become: true\n"
                      "  tasks:\n"
                      "    - name: Make a folder for the CA certificates\n"
                      "      ansible.builtin.file:\n"
                      "        path: " +
                      folder +
                      "\n"
                      "        state: directory\n"
                      "        mode: \"0700\"\n";
    for (const ExportCertificate& c : set.certificates) {
        out += "    - name: Copy " + c.file +
               "\n"
               "      ansible.builtin.copy:\n"
               "        dest: " +
               folder + "/" + c.file +
               "\n"
               "        mode: \"0600\"\n"
               "        content: |\n" +
               indented(c.pem, "          ");
    }
    for (const ExportAnswer& answer : set.answers) {
        out += "    - name: Copy " + answer.file +
               "\n"
               "      ansible.builtin.shell:\n"
               "        cmd: base64 -d > " +
               folder + "/" + answer.file +
               "\n"
               "        stdin: |\n" +
               indented(wrapped(base64_encode(answer.content)), "          ") +
               "      changed_when: false\n";
    }
    out +=
        "    - name: Switch smart card login on\n"
        "      ansible.builtin.command:\n"
        "        argv:\n"
        "          - enable-smartcard\n"
        "          - --ca-cert\n";
    for (const ExportCertificate& c : set.certificates) {
        out += "          - " + folder + "/" + c.file + "\n";
    }
    for (const ExportAnswer& answer : set.answers) {
        out +=
            "          - " + answer.option + "\n          - " + folder + "/" + answer.file + "\n";
    }
    for (const std::string& word : set.options) {
        out += "          - '" + word + "'\n";
    }
    return out +
           "      register: piv_login\n"
           "      changed_when: \"'nothing to do' not in piv_login.stdout\"\n"
           "    - name: Verify it\n"
           "      ansible.builtin.command:\n"
           "        argv: [piv-image, verify, --root, /]\n"
           "      changed_when: false\n"
           "    - name: Remove the copies of the CA certificates\n"
           "      ansible.builtin.file:\n"
           "        path: " +
           folder +
           "\n"
           "        state: absent\n";
}

std::string export_ad_connector_script(const ExportSet& set) {
    std::string out = "#!/bin/sh\n" + heading(set) +
                      "# Registers them with an AD Connector, for logins with a smart card.\n"
                      "set -eu\n"
                      "directory=${1:?usage: register.sh DIRECTORY-ID}\n"
                      "here=$(dirname \"$0\")\n";
    for (const ExportCertificate& c : set.certificates) {
        // The responder of what this CA issued: as configured; its own certificate cannot say.
        const std::string url = set.ocsp_urls.empty() ? "" : set.ocsp_urls.front();
        out += "aws ds register-certificate --directory-id \"$directory\" --type ClientCertAuth" +
               (url.empty() ? "" : " --client-cert-auth-settings 'OCSPUrl=" + url + "'") +
               " --certificate-data \"file://$here/" + c.file + "\"\n";
    }
    return out +
           "aws ds enable-client-authentication --directory-id \"$directory\" --type SmartCard\n"
           "aws ds list-certificates --directory-id \"$directory\"\n";
}

}  // namespace piv
