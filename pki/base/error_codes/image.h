// Image building. X(Name, "stable-name", ExitStatus, AuthOutcome, user, administrator)
#pragma once
#define PIV_ERROR_CODES_IMAGE(X)                                                                  \
    X(ImageInput, "image-input", BadData, ServiceError,                                           \
      "Smart card login is not set up correctly.", "correct the named file; nothing was written") \
    X(ImageTree, "image-tree", CannotTell, ServiceError,                                          \
      "Smart card login is not set up correctly.", "check the tree given by --root")              \
    X(ImageDrift, "image-drift", No, ServiceError, "Smart card login is not set up correctly.",   \
      "run enable-smartcard again, or --undo; with --force where a file was edited by hand")
