"""Running the image builder, looking at trees, and saying what was not as it should be."""
import difflib
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import traceback

EPOCH = "1700000000"


def snapshot(root):
    """Everything of a tree that counts: {path: (kind, mode, uid, gid, mtime, content)}.

    Times of links are left out: they cannot matter to anybody."""
    out = {}
    for folder, names, files in os.walk(root):
        for name in sorted(names + files) + (["."] if folder == root else []):
            path = os.path.join(folder, name)
            st = os.lstat(path)
            kind = stat.S_IFMT(st.st_mode)
            content = ""
            if stat.S_ISREG(st.st_mode):
                with open(path, "rb") as f:
                    content = hashlib.sha256(f.read()).hexdigest()
            elif stat.S_ISLNK(st.st_mode):
                content = os.readlink(path)
            mtime = 0 if stat.S_ISLNK(st.st_mode) else st.st_mtime_ns
            out[os.path.relpath(path, root)] = (kind, stat.S_IMODE(st.st_mode), st.st_uid,
                                                st.st_gid, mtime, content)
    return out


def difference(before, after):
    """At most eight sentences on how two snapshots differ."""
    out = []
    for path in sorted(set(before) | set(after)):
        if before.get(path) != after.get(path):
            out.append("%s: %s -> %s" % (path, before.get(path), after.get(path)))
    return out[:8]


def text_of(root, path):
    with open(os.path.join(root, path.lstrip("/")), encoding="utf-8") as f:
        return f.read()


def memory_folder():
    """A folder in memory if there is room, as every run writes through to the disk; else None."""
    try:
        st = os.statvfs("/dev/shm")
    except OSError:
        return None
    roomy = st.f_bavail * st.f_frsize > 256 << 20 and os.access("/dev/shm", os.W_OK)
    return "/dev/shm" if roomy else None


class Run:
    def __init__(self, done):
        self.status = done.returncode
        self.out = done.stdout.decode(errors="replace")
        self.err = done.stderr.decode(errors="replace")

    def json(self):
        return json.loads(self.out)


class Suite:
    """Functions named check_*, run in the order written; a summary and an exit status."""

    def __init__(self, build):
        self.bin = os.path.join(build, "image_builder")
        self.temp = tempfile.mkdtemp(prefix="piv-image-test.", dir=memory_folder())
        os.chmod(self.temp, 0o755)
        self.failures = []
        self.checks = 0
        self.now = ""

    def path(self, name):
        return os.path.join(self.temp, name)

    def run(self, program, *words, env=None, prefix=()):
        # A umask of the user's must not show in the tree; nor may the language.
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "TMPDIR": self.temp}
        environment.update({"SOURCE_DATE_EPOCH": EPOCH} if env is None else env)
        command = list(prefix) + [os.path.join(self.bin, program)] + [str(w) for w in words]
        return Run(subprocess.run(command, capture_output=True, env=environment, timeout=120,
                                  stdin=subprocess.DEVNULL, check=False))

    def enable(self, *words, **more):
        return self.run("enable-smartcard", *words, **more)

    def piv_image(self, *words, **more):
        return self.run("piv-image", *words, **more)

    def ok(self, what, condition, detail=""):
        self.checks += 1
        if not condition:
            self.failures.append("%s: %s%s" % (self.now, what, ": " + str(detail) if detail else ""))

    def equal(self, what, wanted, got):
        detail = "wanted %r, got %r" % (wanted, got)
        if isinstance(wanted, str) and isinstance(got, str) and "\n" in wanted + got:
            detail = "\n" + "\n".join(list(difflib.unified_diff(
                wanted.split("\n"), got.split("\n"), "wanted", "got", lineterm="", n=1))[:30])
        self.ok(what, wanted == got, detail)

    def same(self, what, before, root):
        found = difference(before, snapshot(root))
        self.ok(what, not found, "\n    ".join(found))

    def succeeded(self, what, run):
        self.ok(what, run.status == 0, "exit status %d: %s" % (run.status, run.err + run.out))

    def refused(self, what, run, status, *words):
        """One line for the problem, one for what to do; nothing on stdout."""
        self.equal(what + ": exit status", status, run.status)
        for word in words:
            self.ok(what + ": says " + repr(word), word in run.err, run.err)
        self.ok(what + ": advice", "\n  try: " in run.err, run.err)
        self.ok(what + ": no half report", run.out == "", run.out)

    def main(self, checks):
        try:
            for check in checks:
                self.now = check.__name__
                try:
                    check(self)
                except Exception:  # the other checks are still of interest
                    self.failures.append("%s: %s" % (self.now, traceback.format_exc()))
        finally:
            shutil.rmtree(self.temp, ignore_errors=True)
        for failure in self.failures:
            print("FAILED " + failure)
        print("%d checks, %d failed" % (self.checks, len(self.failures)))
        return 1 if self.failures or not self.checks else 0


def build_folder():
    if len(sys.argv) < 2:
        sys.exit("usage: %s BUILD_DIR" % sys.argv[0])
    if os.geteuid() != 0:
        print("skipped: image roots belong to root; run the tests as root")
        sys.exit(77)
    return os.path.abspath(sys.argv[1])
