// Cards, readers and PINs. X(Name, "stable-name", ExitStatus, AuthOutcome, user, administrator)
#pragma once
#define PIV_ERROR_CODES_CARD(X)                                                                    \
    X(PcscDown, "pcscd-down", CannotTell, InfoUnavailable,                                         \
      "The smart card service is not running.", "systemctl enable --now pcscd.socket")             \
    X(NoReader, "no-reader", CannotTell, InfoUnavailable, "No smart card reader was found.",       \
      "connect a reader, or check redirection of the card into this session")                      \
    X(NoCard, "no-card", CannotTell, InfoUnavailable, "No smart card was found.",                  \
      "insert the card")                                                                           \
    X(CardRemoved, "card-removed", CannotTell, InfoUnavailable, "The smart card was removed.",     \
      "keep the card in the reader until the login is over")                                       \
    X(CardFailure, "card-failure", CannotTell, InfoUnavailable, "The smart card does not answer.", \
      "take the card out and insert it again; see the journal for the reader's error")             \
    X(CardNotUsable, "card-not-usable", No, CredInsufficient,                                      \
      "The smart card has no certificate for login.",                                              \
      "PIV cards need a certificate in slot 9A; see piv-check --card")                             \
    X(CardMalformed, "card-malformed", No, CredInsufficient, "The smart card cannot be read.",     \
      "an object on the card breaks SP 800-73: personalise the card again")                        \
    X(PinWrong, "pin-wrong", No, Denied, "Wrong PIN.", "one try of the card's counter is spent")   \
    X(PinBlocked, "pin-blocked", No, MaxTries, "The PIN of the smart card is blocked.",            \
      "unblock it with the PUK, or issue a new card")                                              \
    X(PinTriesFloor, "pin-tries-floor", No, MaxTries,                                              \
      "Too few PIN tries are left on the smart card.",                                             \
      "card.tries_floor keeps the last tries: enter the right PIN with another tool to reset it")  \
    X(PinFormat, "pin-format", No, Denied, "A PIN has 6 to 8 characters.",                         \
      "nothing was sent to the card: no try is spent")                                             \
    X(KeyMismatch, "key-mismatch", No, Denied, "The smart card does not hold the right key.",      \
      "the signature does not verify with the certificate's key: a copied certificate, or a card " \
      "that is personalised wrongly")                                                              \
    X(ModuleRefused, "pkcs11-module-refused", BadConfig, ServiceError,                             \
      "Smart card login is not set up correctly.",                                                 \
      "card.module must be an absolute path to a module that only root can write")                 \
    X(PcscDenied, "pcscd-denied", CannotTell, InfoUnavailable,                                     \
      "The smart card service does not let this program in.",                                      \
      "polkit refuses access to pcscd: install the rule for the user piv-login, see piv-check "    \
      "--doctor")                                                                                  \
    X(CardBusy, "card-busy", CannotTell, InfoUnavailable,                                          \
      "The smart card is in use by another program.",                                              \
      "another program has the card for itself (gpg's scdaemon does): end it and try again")       \
    X(CardNotPiv, "card-not-piv", No, CredInsufficient, "The smart card is not a PIV card.",       \
      "set card.module to the PKCS#11 module for cards of this kind")                              \
    X(PinChangeDue, "pin-change-due", No, Denied, "The PIN of the smart card must be changed.",    \
      "change the PIN with passwd or the card's own tool, then log in")                            \
    X(PinNewRefused, "pin-new-refused", No, Denied, "The smart card does not take the new PIN.",   \
      "PIV cards take 6 to 8 characters; the issuer may ask for more than that")                   \
    X(PukWrong, "puk-wrong", No, Denied, "Wrong PUK.", "one try of the PUK's counter is spent")    \
    X(PukBlocked, "puk-blocked", No, MaxTries, "The PUK of the smart card is blocked.",            \
      "the card cannot be unblocked here: issue a new one")
