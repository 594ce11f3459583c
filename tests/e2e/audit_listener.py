"""audit_listener.py COMMAND...: runs COMMAND and prints the kernel's audit records of type USER_AUTH that
came meanwhile (multicast group AUDIT_NLGRP_READLOG, linux/audit.h). Exit status: 0; 77 with a reason where
the kernel does not keep such records."""
import os
import select
import socket
import struct
import subprocess
import sys
import time

NETLINK_AUDIT, READLOG = 9, 1
AUDIT_GET, AUDIT_USER_AUTH = 1000, 1100
REQUEST, ERROR = 1, 2
INIT_PID_NAMESPACE = "pid:[4026531836]"  # PROC_PID_INIT_INO of linux/proc_ns.h


def skip(why):
    print("skipped: " + why)
    sys.exit(77)


def enabled():
    """Whether the kernel keeps audit records: struct audit_status, field `enabled`."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_AUDIT) as control:
        control.settimeout(5)
        control.send(struct.pack("=IHHII", 16, AUDIT_GET, REQUEST, 1, 0))
        while True:
            data = control.recv(65536)
            kind = struct.unpack_from("=H", data, 4)[0]
            if kind == AUDIT_GET:
                return struct.unpack_from("=I", data, 20)[0] != 0
            if kind == ERROR and struct.unpack_from("=i", data, 16)[0] != 0:
                return False


if os.readlink("/proc/self/ns/pid") != INIT_PID_NAMESPACE:
    skip("the kernel takes audit records from the first process namespace only")
try:
    listener = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_AUDIT)
    listener.bind((0, 1 << (READLOG - 1)))
    if not enabled():
        skip("the kernel's audit is off (auditctl -e 1 switches it on)")
except OSError as e:
    skip("no audit records can be read here: %s" % e)
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=False)
end = time.monotonic() + 5
while time.monotonic() < end and select.select([listener], [], [], 1)[0]:
    record = listener.recv(65536)
    if struct.unpack_from("=H", record, 4)[0] == AUDIT_USER_AUTH:
        print(record[16:].rstrip(b"\0").decode("utf-8", "backslashreplace"))
