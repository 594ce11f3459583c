"""hold_card.py READER: has the card in READER for itself until it is killed; says `held` when it has."""
import ctypes
import sys
import time

pcsc = ctypes.CDLL("libpcsclite.so.1")
SCOPE_SYSTEM, SHARE_EXCLUSIVE, ANY_PROTOCOL = 2, 1, 3
context, card, protocol = ctypes.c_long(), ctypes.c_long(), ctypes.c_ulong()
status = pcsc.SCardEstablishContext(ctypes.c_ulong(SCOPE_SYSTEM), None, None, ctypes.byref(context))
if status == 0:
    status = pcsc.SCardConnect(context, sys.argv[1].encode(), ctypes.c_ulong(SHARE_EXCLUSIVE),
                               ctypes.c_ulong(ANY_PROTOCOL), ctypes.byref(card),
                               ctypes.byref(protocol))
if status != 0:
    sys.exit("PC/SC says %#x" % (status & 0xFFFFFFFF))
print("held", flush=True)
time.sleep(600)
