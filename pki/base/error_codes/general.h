// Codes any part can end with. X(Name, "stable-name", ExitStatus, AuthOutcome, user, administrator)
#pragma once
#define PIV_ERROR_CODES_GENERAL(X)                                                                 \
    X(Internal, "internal-error", CannotTell, SystemError,                                         \
      "Smart card login failed: internal error.",                                                  \
      "this is a fault in piv-login: please report it with the journal entry of this attempt")     \
    X(OutOfMemory, "out-of-memory", CannotTell, BufferError,                                       \
      "Smart card login failed: out of memory.", "free memory or raise the limits of the service") \
    X(BadUsage, "bad-usage", Usage, ServiceError, "Smart card login is not set up correctly.",     \
      "see --help")                                                                                \
    X(BadConfig, "bad-config", BadConfig, ServiceError,                                            \
      "Smart card login is not set up correctly.",                                                 \
      "correct the named line of the configuration; piv-check --doctor checks all of it")          \
    X(InsecureConfig, "insecure-config", BadConfig, ServiceError,                                  \
      "Smart card login is not set up correctly.",                                                 \
      "the file must belong to root and not be writable by others: chown root, chmod go-w")        \
    X(FileNotFound, "file-not-found", CannotTell, ServiceError,                                    \
      "Smart card login is not set up correctly.", "check the path")                               \
    X(FileUnreadable, "file-unreadable", CannotTell, ServiceError,                                 \
      "Smart card login is not set up correctly.", "check that it is a regular file and readable") \
    X(FileTooLarge, "file-too-large", BadData, ServiceError,                                       \
      "Smart card login is not set up correctly.", "give a file of a sensible size")               \
    X(WriteFailed, "write-failed", CannotTell, SystemError,                                        \
      "Smart card login failed: internal error.", "check free space, permissions and mounts")      \
    X(DeadlineOver, "deadline-over", CannotTell, InfoUnavailable,                                  \
      "Smart card login took too long.",                                                           \
      "find the slow part in the journal entry's stage times; policy.deadline_ms is the limit")
