"""Image roots of the six profiles, laid out as the distributions lay them out, by script.

The files are small, but their links, marks and grammar are the real ones: authconfig's links to
NAME-ac, authselect's profiles and generated files, pam-auth-update's blocks and records."""
import os
import re

DATE = 1600000000

# Every one that the contract names, and some where nobody sits with a reader.
RED_HAT_SERVICES = {
    "login": "system-auth", "su": "system-auth", "su-l": None, "sudo": "system-auth",
    "sudo-i": None, "polkit-1": "system-auth", "gdm-password": "password-auth",
    "gdm-smartcard": "smartcard-auth", "lightdm": "system-auth", "lightdm-greeter": None,
    "mate-screensaver": "system-auth", "cinnamon-screensaver": "system-auth",
    "xrdp-sesman": "password-auth", "dcv": "password-auth", "sshd": "password-auth",
    "crond": "password-auth", "passwd": "system-auth",
}

PASSWD = """root:x:0:0:root:/root:/bin/bash
bin:x:1:1:bin:/bin:/sbin/nologin
sssd:x:990:986:User for sssd:/:/sbin/nologin
piv-login:x:989:985:Smart card login:/:/sbin/nologin
alice:x:1000:1000:Alice:/home/alice:/bin/bash
"""

NSSWITCH = """# Name service switch
passwd:     files sss   # people
shadow:     files sss
group:      files [SUCCESS=merge] sss
hosts:      files dns myhostname
netgroup:   files sss
"""

AUTHCONFIG_HEAD = """#%PAM-1.0
# This file is auto-generated.
# User changes will be destroyed the next time authconfig is run.
"""
AUTHCONFIG_AUTH = """auth        required      pam_env.so
auth        required      pam_faildelay.so delay=2000000
auth        sufficient    pam_unix.so nullok try_first_pass
auth        requisite     pam_succeed_if.so uid >= 1000 quiet_success
auth        required      pam_deny.so
"""
AUTHCONFIG_REST = """
account     required      pam_unix.so
account     sufficient    pam_localuser.so
account     sufficient    pam_succeed_if.so uid < 1000 quiet
account     required      pam_permit.so

password    requisite     pam_pwquality.so try_first_pass local_users_only retry=3 authtok_type=
password    sufficient    pam_unix.so sha512 shadow nullok try_first_pass use_authtok
password    required      pam_deny.so

session     optional      pam_keyinit.so revoke
session     required      pam_limits.so
-session     optional      pam_systemd.so
session     [success=1 default=ignore] pam_succeed_if.so service in crond quiet use_uid
session     required      pam_unix.so
"""

# As an authselect profile is written; {} are its operators.
AUTHSELECT_AUTH = """auth        required                                     pam_env.so
auth        required                                     pam_faildelay.so delay=2000000
auth        required                                     pam_faillock.so preauth silent                         {include if "with-faillock"}
auth        [success=1 default=ignore]                   pam_succeed_if.so service notin login:gdm:xdm:kdm:xscreensaver:gnome-screensaver:kscreensaver quiet use_uid {include if "with-smartcard-required"}
auth        [success=done ignore=ignore default=die]     pam_sss.so require_cert_auth ignore_authinfo_unavail   {include if "with-smartcard-required"}
auth        sufficient                                   pam_fprintd.so                                         {include if "with-fingerprint"}
auth        [default=1 ignore=ignore success=ok]         pam_usertype.so isregular
auth        [default=1 ignore=ignore success=ok]         pam_localuser.so                                       {exclude if "with-smartcard"}
auth        [default=2 ignore=ignore success=ok]         pam_localuser.so                                       {include if "with-smartcard"}
auth        [success=done authinfo_unavail=ignore user_unknown=ignore ignore=ignore default=die] pam_sss.so try_cert_auth {include if "with-smartcard"}
auth        sufficient                                   pam_unix.so {if not "without-nullok":nullok}
auth        [default=1 ignore=ignore success=ok]         pam_usertype.so isregular
auth        sufficient                                   pam_sss.so forward_pass
auth        required                                     pam_faillock.so authfail                               {include if "with-faillock"}
auth        required                                     pam_deny.so
"""
AUTHSELECT_REST = """
account     required                                     pam_access.so                                          {include if "with-pamaccess"}
account     required                                     pam_faillock.so                                        {include if "with-faillock"}
account     required                                     pam_unix.so
account     sufficient                                   pam_localuser.so                                       {exclude if "with-files-access-provider"}
account     sufficient                                   pam_usertype.so issystem
account     [default=bad success=ok user_unknown=ignore] pam_sss.so
account     required                                     pam_permit.so

password    requisite                                    pam_pwquality.so local_users_only
password    sufficient                                   pam_unix.so sha512 shadow {if not "without-nullok":nullok} use_authtok
password    required                                     pam_deny.so

session     optional                                     pam_keyinit.so revoke
session     required                                     pam_limits.so
-session    optional                                     pam_systemd.so
session     optional                                     pam_oddjob_mkhomedir.so                                {include if "with-mkhomedir"}
session     [success=1 default=ignore]                   pam_succeed_if.so service in crond quiet use_uid
session     required                                     pam_unix.so
session     optional                                     pam_sss.so
"""
# authselect 1.2 stops there without the feature; 1.5 leaves a line that says "no card".
AUTHSELECT_SMARTCARD = """{continue if "with-smartcard"}
auth        required                                     pam_env.so
auth        sufficient                                   pam_sss.so allow_missing_name {if "with-smartcard-required":require_cert_auth}
auth        required                                     pam_deny.so
"""
AUTHSELECT_SMARTCARD_NEW = """auth        required                                     pam_debug.so auth=authinfo_unavail   {exclude if "with-smartcard"}
""" + AUTHSELECT_SMARTCARD

UNIX_PROFILE = """Name: Unix authentication
Default: yes
Priority: 256
Auth-Type: Primary
Auth:
\t[success=end default=ignore]\tpam_unix.so nullok try_first_pass
Auth-Initial:
\t[success=end default=ignore]\tpam_unix.so nullok
Account-Type: Primary
Account:
\t[success=end new_authtok_reqd=done default=ignore]\tpam_unix.so
Session-Type: Additional
Session:
\trequired\tpam_unix.so
Password-Type: Primary
Password:
\t[success=end default=ignore]\tpam_unix.so obscure use_authtok try_first_pass yescrypt
Password-Initial:
\t[success=end default=ignore]\tpam_unix.so obscure yescrypt
"""
DEBIAN_RECORD = {
    "auth": "Module: unix\n[success=end default=ignore]\tpam_unix.so nullok\n",
    "account": "Module: unix\n[success=end new_authtok_reqd=done default=ignore]\tpam_unix.so\n",
    "password": "Module: unix\n[success=end default=ignore]\tpam_unix.so obscure yescrypt\n",
    "session": "Module: null\n[default=1]\t\t\tpam_permit.so\nModule: unix\nrequired\tpam_unix.so\n",
    "session-noninteractive":
        "Module: null\n[default=1]\t\t\tpam_permit.so\nModule: unix\nrequired\tpam_unix.so\n",
}


def debian_common(kind):
    base = "session" if kind.startswith("session") else kind
    rows = {"auth": "auth\t[success=1 default=ignore]\tpam_unix.so nullok\n",
            "account": "account\t[success=1 new_authtok_reqd=done default=ignore]\tpam_unix.so \n",
            "password": "password\t[success=1 default=ignore]\tpam_unix.so obscure yescrypt\n"}
    primary = rows.get(base, base + "\t[default=1]\t\t\tpam_permit.so\n")
    more = base + "\trequired\tpam_unix.so \n" if base == "session" else ""
    return ("#\n# /etc/pam.d/common-%s - settings common to all services\n#\n\n"
            "# here are the per-package modules (the \"Primary\" block)\n%s"
            "# here's the fallback if no module succeeds\n%s\trequisite\t\t\tpam_deny.so\n"
            "# prime the stack with a positive return value if there isn't one already;\n"
            "%s\trequired\t\t\tpam_permit.so\n"
            "# and here are more per-package modules (the \"Additional\" block)\n%s"
            "# end of pam-auth-update config\n") % (kind, primary, base, base, more)


def condition(text, features):
    """Python's own and/or/not, over the names in quotes: an oracle, not the product's parser."""
    return eval(re.sub(r'"([^"]+)"', lambda m: str(m.group(1) in features), text), {}, {})  # pylint: disable=eval-used


def authselect_render(text, features):
    """What authselect-profiles(5) says a template gives."""
    out = []
    for line in text.split("\n"):
        drop = False
        stop = False
        while not drop:
            m = re.search(r'\{(include if|exclude if|continue if|stop if|imply|if) ([^{}]*)\}', line)
            if not m:
                break
            operator, rest = m.groups()
            instead = ""
            if operator == "include if":
                drop = not condition(rest, features)
            elif operator == "exclude if":
                drop = condition(rest, features)
            elif operator == "continue if":
                drop, stop = True, not condition(rest, features)
            elif operator == "stop if":
                drop, stop = True, condition(rest, features)
            elif operator == "imply":
                drop = True
            else:
                asked, value = rest.split(":", 1)
                yes, no = (value.split("|", 1) + [""])[:2]
                instead = yes if condition(asked, features) else no
            line = line[:m.start()] + instead + line[m.end():]
        if stop:
            break
        if not drop:
            out.append(line.rstrip())
    return "\n".join(out)


class Tree:
    def __init__(self, root):
        self.root = root

    def file(self, path, text, mode=0o644):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), mode=0o755, exist_ok=True)
        with open(full, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(full, mode)

    def folder(self, path, mode=0o755):
        os.makedirs(os.path.join(self.root, path), exist_ok=True)
        os.chmod(os.path.join(self.root, path), mode)

    def link(self, path, target):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        os.symlink(target, full)

    def age(self):
        """Times of long ago, so that a change of one shows."""
        for folder, names, files in os.walk(self.root, topdown=False):
            for name in names + files:
                os.utime(os.path.join(folder, name), (DATE, DATE), follow_symlinks=False)
        os.utime(self.root, (DATE, DATE))


def common_parts(tree, modules, unit_folder):
    tree.folder("")
    tree.file("etc/passwd", PASSWD)
    tree.file("etc/group", "root:x:0:\nwheel:x:10:alice\nsssd:x:986:\npiv-login:x:985:\n")
    for module in ("pam_unix.so", "pam_piv.so", "pam_env.so", "pam_deny.so"):
        tree.file(modules + "/" + module, "not loaded by anything here\n", 0o755)
    tree.file(unit_folder + "/pcscd.socket", "[Socket]\nListenStream=/run/pcscd/pcscd.comm\n")
    tree.folder("usr/share/polkit-1/rules.d")
    tree.folder("etc/systemd/system")
    tree.folder("var/lib")
    tree.folder("tmp", 0o1777)


def red_hat_services(tree):
    for service, stack in RED_HAT_SERVICES.items():
        if stack is None:
            other = {"su-l": "su", "sudo-i": "sudo"}.get(service)
            tree.file("etc/pam.d/" + service,
                      "#%%PAM-1.0\nauth\t\tinclude\t\t%s\naccount\t\tinclude\t\t%s\n" % (other, other)
                      if other else "#%PAM-1.0\nauth required pam_permit.so\n")
            continue
        how = "substack" if service in ("login", "gdm-password", "gdm-smartcard") else "include"
        first = "auth\t\tsufficient\tpam_rootok.so\n" if service == "su" else ""
        tree.file("etc/pam.d/" + service,
                  "#%%PAM-1.0\n%sauth       %s     %s\naccount    required     pam_nologin.so\n"
                  "account    include      %s\npassword   include      %s\nsession    include      %s\n"
                  % (first, how, stack, stack, stack, stack))
    tree.file("etc/pam.d/postlogin", "#%PAM-1.0\nsession optional pam_umask.so silent\n")
    tree.file("etc/pam.d/other", "#%PAM-1.0\nauth required pam_deny.so\n")


GDM_SMARTCARD = """#%%PAM-1.0
auth    [success=ok user_unknown=ignore default=bad] pam_succeed_if.so user != root quiet_success
auth    required        %s
auth    requisite       pam_nologin.so
auth    optional        pam_gnome_keyring.so

@include common-account
session required        pam_limits.so
@include common-session
session optional        pam_gnome_keyring.so auto_start
@include common-password
"""


def debian_gdm(tree):
    """Debian's gdm3: the greeter's settings, and the card's service by way of update-alternatives."""
    tree.file("usr/sbin/gdm3", "", 0o755)
    tree.file("usr/share/gdm/dconf/00-upstream-settings", "[org/gnome/desktop/sound]\nevent-sounds=true\n")
    record = "auto\n/etc/pam.d/gdm-smartcard\n\n"
    for name, module, priority in (("pkcs11-exclusive", "pam_pkcs11.so", 30),
                                   ("sssd-exclusive", "pam_sss.so allow_missing_name require_cert_auth", 50),
                                   ("sssd-or-password", "pam_sss.so allow_missing_name try_cert_auth", 40)):
        path = "etc/pam.d/gdm-smartcard-" + name
        tree.file(path, GDM_SMARTCARD % module)
        record += "/%s\n%d\n" % (path, priority)
    tree.file("var/lib/dpkg/alternatives/gdm-smartcard", record + "\n")
    tree.link("etc/alternatives/gdm-smartcard", "/etc/pam.d/gdm-smartcard-sssd-exclusive")
    tree.link("etc/pam.d/gdm-smartcard", "/etc/alternatives/gdm-smartcard")


def make_al2(root):
    tree = Tree(root)
    common_parts(tree, "usr/lib64/security", "usr/lib/systemd/system")
    tree.file("etc/os-release", 'NAME="Amazon Linux"\nVERSION="2"\nID="amzn"\n'
              'ID_LIKE="centos rhel fedora"\nVERSION_ID="2"\nPRETTY_NAME="Amazon Linux 2"\n')
    red_hat_services(tree)
    for name in ("system-auth", "password-auth"):
        tree.file("etc/pam.d/%s-ac" % name, AUTHCONFIG_HEAD + AUTHCONFIG_AUTH + AUTHCONFIG_REST)
        tree.link("etc/pam.d/" + name, name + "-ac")
    tree.file("etc/pam.d/smartcard-auth-ac", AUTHCONFIG_HEAD + "auth        required      pam_env.so\n"
              "auth        [success=done ignore=ignore default=die] pam_pkcs11.so nodebug wait_for_card\n"
              "auth        required      pam_deny.so\n" + AUTHCONFIG_REST)
    tree.link("etc/pam.d/smartcard-auth", "smartcard-auth-ac")
    tree.file("etc/nsswitch.conf", NSSWITCH)
    tree.age()
    return tree


def make_authselect(root, os_release, date_line, features, smartcard=AUTHSELECT_SMARTCARD):
    tree = Tree(root)
    common_parts(tree, "usr/lib64/security", "usr/lib/systemd/system")
    tree.file("etc/os-release", os_release)
    red_hat_services(tree)
    base = "usr/share/authselect/default/sssd/"
    templates = {"system-auth": AUTHSELECT_AUTH + AUTHSELECT_REST,
                 "password-auth": AUTHSELECT_AUTH + AUTHSELECT_REST,
                 "smartcard-auth": smartcard + AUTHSELECT_REST,
                 "postlogin": "session optional pam_umask.so silent\n",
                 "nsswitch.conf": NSSWITCH,
                 "dconf-db": "[org/gnome/login-screen]\nenable-smartcard-authentication="
                             "{if \"with-smartcard\":true|false}\n"}
    tree.file(base + "README", "SSSD\n\nProfile for SSSD.\n\nwith-smartcard::\n    Cards.\n")
    tree.file(base + "REQUIREMENTS", "Make sure that SSSD is set up.\n")
    for name, text in templates.items():
        tree.file(base + name, text)
        tree.file("etc/authselect/" + name,
                  date_line + "# Do not modify this file manually.\n\n" +
                  authselect_render(text, set(features)))
    tree.file("etc/authselect/authselect.conf", "sssd\n" + "".join(f + "\n" for f in features))
    for name in ("system-auth", "password-auth", "smartcard-auth"):
        tree.link("etc/pam.d/" + name, "/etc/authselect/" + name)
    os.unlink(os.path.join(root, "etc/pam.d/postlogin"))
    tree.link("etc/pam.d/postlogin", "/etc/authselect/postlogin")
    tree.link("etc/nsswitch.conf", "/etc/authselect/nsswitch.conf")
    tree.link("etc/dconf/db/distro.d/20-authselect", "/etc/authselect/dconf-db")
    tree.file("usr/sbin/gdm", "", 0o755)
    tree.age()
    return tree


OLD_DATE_LINE = "# Generated by authselect on Tue Mar  3 10:11:12 2026\n"


def make_al2023(root):
    return make_authselect(root, 'NAME="Amazon Linux"\nID="amzn"\nID_LIKE="fedora"\n'
                           'VERSION_ID="2023"\n', OLD_DATE_LINE, [])


def make_el8(root):
    return make_authselect(root, 'NAME="Rocky Linux"\nID="rocky"\nID_LIKE="rhel centos fedora"\n'
                           'VERSION_ID="8.10"\n', OLD_DATE_LINE, ["with-faillock"])


def make_el9(root):
    return make_authselect(root, 'NAME="Red Hat Enterprise Linux"\nID="rhel"\nVERSION_ID="9.6"\n',
                           "# Generated by authselect\n", ["with-faillock", "without-nullok"],
                           AUTHSELECT_SMARTCARD_NEW)


def make_debian_like(root, os_release):
    tree = Tree(root)
    common_parts(tree, "usr/lib/x86_64-linux-gnu/security", "usr/lib/systemd/system")
    tree.link("lib", "usr/lib")
    tree.file("etc/os-release", os_release)
    tree.file("usr/share/pam-configs/unix", UNIX_PROFILE)
    for kind, text in DEBIAN_RECORD.items():
        tree.file("etc/pam.d/common-" + kind, debian_common(kind))
        tree.file("var/lib/pam/" + kind, text)
    tree.file("var/lib/pam/seen", "unix\n")
    for service in ("login", "sudo", "su", "gdm-password", "lightdm", "mate-screensaver",
                    "cinnamon-screensaver", "xrdp-sesman", "polkit-1", "sshd", "cron", "passwd"):
        first = "auth sufficient pam_rootok.so\n" if service == "su" else ""
        tree.file("etc/pam.d/" + service, first + "auth optional pam_faildelay.so delay=3000000\n"
                  "@include common-auth\n@include common-account\n@include common-session\n")
    tree.file("etc/pam.d/other", "@include common-auth\n@include common-account\n")
    tree.file("etc/nsswitch.conf", "passwd:         files systemd\ngroup:          files systemd\n"
              "shadow:         files\nhosts:          files dns\n")
    debian_gdm(tree)
    tree.age()
    return tree


def with_pam_systemd(tree):
    """libpam-systemd's profile, enabled, as pam-auth-update leaves it."""
    tree.file("usr/share/pam-configs/systemd",
              "Name: Register user sessions in the systemd control group hierarchy\nDefault: yes\n"
              "Priority: 0\nSession-Interactive-Only: yes\nSession-Type: Additional\nSession:\n"
              "\toptional\tpam_systemd.so\n")
    tree.file("etc/pam.d/common-session", debian_common("session").replace(
        "session\trequired\tpam_unix.so \n", "session\trequired\tpam_unix.so \nsession\toptional\tpam_systemd.so \n"))
    tree.file("var/lib/pam/session", DEBIAN_RECORD["session"] + "Module: systemd\noptional\tpam_systemd.so\n")
    tree.file("var/lib/pam/seen", "unix\nsystemd\n")
    tree.age()


def make_debian(root):
    return make_debian_like(root, 'NAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\n')


def make_ubuntu(root):
    return make_debian_like(root, 'NAME="Ubuntu"\nVERSION_ID="22.04"\nID=ubuntu\nID_LIKE=debian\n')


MAKERS = {"al2": make_al2, "al2023": make_al2023, "el8": make_el8, "el9": make_el9,
          "ubuntu": make_ubuntu, "debian": make_debian}
