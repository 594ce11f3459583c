#!/usr/bin/env python3
"""Dependencies point one way: every #include "..." is checked against layers.txt."""
import os
import re
import sys

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"', re.M)
# What a folder must not include from the system: the glue lives in other people's processes.
LIBRARIES = r"(?:openssl|curl|p11-kit(?:-1)?|security)/[^>]*|winscard\.h"
CXX_RUNTIME = r"thread|mutex|iostream|string|vector|memory|map|functional"
FORBIDDEN_SYSTEM = {
    "pam_module/glue": r"(?:openssl|curl|p11-kit)[^>]*|winscard\.h|" + CXX_RUNTIME,
    "pam_module/nss": LIBRARIES + "|" + CXX_RUNTIME,
    "pki/base": LIBRARIES,
    "pam_module/protocol": LIBRARIES,
    "pam_module/card": r"curl/[^>]*",
    "image_builder": r"(?:curl|p11-kit|security)/[^>]*|winscard\.h",
}


def read_layers(path):
    layers = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            line = line.split("#")[0].strip()
            if line:
                folder, allowed = line.split(":")
                layers[folder.strip()] = allowed.split()
    return layers


def folder_of(name, layers):
    """The longest layer that the path is in, or None."""
    inside = [folder for folder in layers if name.startswith(folder + "/")]
    return max(inside, key=len) if inside else None


def problems_of(root, name, layers):
    folder = folder_of(name, layers)
    if folder is None:
        yield "%s: in no folder of layers.txt" % name
        return
    with open(os.path.join(root, name), encoding="utf-8") as file:
        text = file.read()
    for target in INCLUDE.findall(text):
        if "/" not in target:
            yield '%s: "%s": write the path from the top of the tree' % (name, target)
            continue
        to = folder_of(target, layers)
        if to is None or to == folder:
            made_by_the_build = target.endswith(".inc")
            if not made_by_the_build and not os.path.exists(os.path.join(root, target)):
                yield '%s: "%s": no such file' % (name, target)
            continue
        if not any((to + "/").startswith(allowed + "/") for allowed in layers[folder]):
            yield '%s: "%s": %s may not depend on %s' % (name, target, folder, to)
    forbidden = FORBIDDEN_SYSTEM.get(folder)
    # The programs and tests beside a library may use more than the library itself.
    if forbidden and not re.search(r"(?:^|/)(?:main|[a-z_]*_main)\.cc$", name):
        for header in re.findall(r"^[ \t]*#[ \t]*include[ \t]+<(%s)>" % forbidden, text, re.M):
            yield "%s: <%s>: not in %s" % (name, header, folder)


def main():
    root, layers = sys.argv[1], read_layers(sys.argv[2])
    found = []
    count = 0
    for top in ("pki", "ocsp_client", "pam_module", "image_builder"):
        for folder, _, names in os.walk(os.path.join(root, top)):
            for name in sorted(names):
                if name.endswith((".cc", ".h", ".c")):
                    count += 1
                    path = os.path.relpath(os.path.join(folder, name), root)
                    found.extend(problems_of(root, path, layers))
    print("\n".join(found) if found else "%d files, every include points down" % count)
    return 1 if found or not count else 0


if __name__ == "__main__":
    sys.exit(main())
