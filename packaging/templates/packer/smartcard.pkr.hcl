# Packer: beside your own source block, which is named in the build block below. Start with
#   packer build -var 'ca_certificates=./ca/' -var 'packages=./packages/' .
variable "packages" {
  type        = string
  description = "Folder with the RPMs, ending in /"
  default     = "packages/"
}

variable "ca_certificates" {
  type        = string
  description = "Folder with the CA chain in any form, ending in /"
  default     = "ca/"
}

variable "domain" {
  type        = string
  description = "UPN suffix, and its NetBIOS name"
  default     = "corp.example.com=CORP"
}

build {
  # Your own: Packer takes no variable here.
  sources = ["source.amazon-ebs.image"]

  provisioner "shell" {
    inline = ["mkdir -p /tmp/piv-login/packages /tmp/piv-login/ca"]
  }

  provisioner "file" {
    source      = var.packages
    destination = "/tmp/piv-login/packages"
  }

  provisioner "file" {
    source      = var.ca_certificates
    destination = "/tmp/piv-login/ca"
  }

  provisioner "shell" {
    execute_command = "sudo env {{ .Vars }} bash -eu {{ .Path }}"
    inline = [
      "if command -v dnf >/dev/null; then dnf -y install /tmp/piv-login/packages/*.rpm; else yum -y install /tmp/piv-login/packages/*.rpm; fi",
      "enable-smartcard --ca-cert /tmp/piv-login/ca/* --domain '${var.domain}'",
      "enable-smartcard --status",
      "rm -rf /tmp/piv-login",
    ]
  }
}
