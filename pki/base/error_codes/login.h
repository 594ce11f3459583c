// Accounts, policy and the login itself. X(Name, "stable-name", ExitStatus, AuthOutcome, user, administrator)
#pragma once
#define PIV_ERROR_CODES_LOGIN(X)                                                                   \
    X(UserUnknown, "user-unknown", No, UserUnknown, "Login failed.",                               \
      "the name service does not know this account: see nsswitch.conf and piv-accounts lookup")    \
    X(NotMapped, "not-mapped", No, Denied, "The smart card does not belong to an account here.",   \
      "no mapping rule gives an account for this certificate: see mapping.map, mapping.domain "    \
      "and "                                                                                       \
      "piv-accounts add")                                                                          \
    X(WrongUser, "wrong-user", No, Denied, "The smart card belongs to another account.",           \
      "the certificate maps to another account than the one that was asked for")                   \
    X(AccountBarred, "account-barred", No, Denied, "This account cannot log in with a card.",      \
      "system accounts are barred: name the account in the account map to allow it")               \
    X(UpnMalformed, "upn-malformed", No, Denied, "The certificate on the card is not for login.",  \
      "exactly one UPN of the form user@domain is needed in the subject alternative name")         \
    X(NoUserName, "no-user-name", No, ServiceError, "Login failed.",                               \
      "no user name was given and policy.user_from_card is off")                                   \
    X(ConversationFailed, "conversation-failed", CannotTell, ConversationError,                    \
      "Login cancelled.", "the program that asked for the login did not answer the prompt")        \
    X(NoFirstPass, "no-first-pass", No, Denied, "Login failed.",                                   \
      "use_first_pass, and no module before this one left a PIN: use try_first_pass, or nothing")  \
    X(PinsDiffer, "pins-differ", No, Denied, "The two new PINs are not the same.",                 \
      "nothing was sent to the card: try again")                                                   \
    X(HelperFailed, "helper-failed", CannotTell, SystemError,                                      \
      "Smart card login failed: internal error.",                                                  \
      "the helper is missing, crashed or broke the protocol: reinstall, see the journal")          \
    X(OutOfScope, "out-of-scope", CannotTell, OutOfScope, "Smart card login does not apply here.", \
      "policy.services or mapping.exempt_group leaves this service or account out")                \
    X(AccountCollision, "account-collision", BadConfig, ServiceError,                              \
      "Smart card login is not set up correctly.",                                                 \
      "this machine has the name or id already: give the card-only account another one")
