"""What the misbehaving responder can do, and what a client may make of it.

A behaviour is a function of (lab, request, connection) that sends a reply. Each is registered with
the verdict that it must lead to: a status, and the code or codes that may go with it."""
import gzip
import time

import answers
import der
from answers import GOOD, UNKNOWN, Answer, cert_id, extension, revoked, single, stamp

ALL = {}


def behaviour(status, *codes, options=(), **more):
    """`options`: more arguments for piv-ocsp. more: requests = how many the client must send."""
    def add(function):
        ALL[function.__name__] = dict(run=function, status=status, codes=codes,
                                      options=list(options), **more)
        return function
    return add


def http(body, head="HTTP/1.1 200 OK", kind="application/ocsp-response", length="", extra=()):
    """A reply; `length` None leaves Content-Length out, "" tells the truth."""
    lines = [head]
    if kind is not None:
        lines.append("Content-Type: " + kind)
    if length is not None:
        lines.append("Content-Length: %s" % (len(body) if length == "" else length))
    lines += list(extra) + ["Connection: close", "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def good(lab, request):
    return Answer(lab, request).encode()


def answering(name, status, *codes, options=(), **changes_of):
    """Registers a behaviour that only differs in the answer: fields as functions of the lab."""
    def run(lab, request, connection):
        changes = {k: v(lab) if callable(v) else v for k, v in changes_of.items()}
        connection.sendall(http(Answer(lab, request, **changes).encode()))
    run.__name__ = name
    behaviour(status, *codes, options=options)(run)


def replying(name, status, *codes, options=(), **how):
    """A good answer in a wrong HTTP reply."""
    def run(lab, request, connection):
        connection.sendall(http(good(lab, request), **how))
    run.__name__ = name
    behaviour(status, *codes, options=options)(run)


def sending(name, status, *codes, body):
    """Any body in a right HTTP reply."""
    def run(lab, request, connection):
        connection.sendall(http(body(lab, request)))
    run.__name__ = name
    behaviour(status, *codes)(run)


# --- good -----------------------------------------------------------------------------------------
answering("good_delegated", "good")
answering("good_delegated_by_key", "good", by_key=True)
answering("good_ec_delegate", "good", signer=lambda l: l.ec_delegate, algorithm="ecdsa-sha256")
answering("good_issuer_by_name", "good", signer=lambda l: l.ca)
answering("good_issuer_by_key", "good", signer=lambda l: l.ca, by_key=True)
answering("good_issuer_attached", "good", signer=lambda l: l.ca, attach=lambda l: [l.ca])
answering("good_sha1_signature", "good", algorithm="rsa-sha1")
answering("good_sha256_certid", "good",
          singles=lambda l: [single(cert_id(l, algorithm=answers.SHA256))])
answering("good_critical_nocheck", "good", signer=lambda l: l.critical_nocheck)
answering("good_without_nonce", "good", nonce=None)
answering("good_version_written", "good", version=0)
answering("good_no_next_update_fresh", "good", singles=lambda l: [single(cert_id(l), following=None)])
answering("good_within_skew_future", "good",
          singles=lambda l: [single(cert_id(l), this=stamp(200))], produced=lambda l: stamp(200))
answering("good_within_skew_past", "good", singles=lambda l: [
    single(cert_id(l), this=stamp(-7200), following=stamp(-200))])
answering("good_unknown_extension", "good", extensions=[extension("1.2.3.4", b"\x05\x00")])
answering("good_among_500", "good", singles=lambda l: [
    single(cert_id(l, serial=n.to_bytes(2, "big"))) for n in range(0x1000, 0x11F4)] +
    [single(cert_id(l))])
answering("good_same_twice", "good", singles=lambda l: [single(cert_id(l))] * 2)
replying("good_http_1_0", "good", head="HTTP/1.0 200 OK")
replying("good_until_close", "good", length=None)
replying("good_type_with_parameter", "good", kind="Application/OCSP-Response; x=y")
replying("good_no_reason_phrase", "good", head="HTTP/1.1 200")


@behaviour("good")
def good_chunked(lab, request, connection):
    body = good(lab, request)
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + 100]), body[i:i + 100])
                      for i in range(0, len(body), 100))
    connection.sendall(http(chunks + b"0\r\n\r\n", length=None, extra=["Transfer-Encoding: chunked"]))


@behaviour("good")
def good_after_100_continue(lab, request, connection):
    connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" + http(good(lab, request)))


@behaviour("good")
def good_in_pieces(lab, request, connection):
    reply = http(good(lab, request))
    for i in range(0, len(reply), 200):
        connection.sendall(reply[i:i + 200])
        time.sleep(0.005)


# --- transport ------------------------------------------------------------------------------------
@behaviour("unavailable", "ocsp-connect-failed", listen=False)
def refuse(lab, request, connection):
    raise AssertionError("nobody listens")


@behaviour("unavailable", "ocsp-timeout", accept=False)
def black_hole(lab, request, connection):
    raise AssertionError("nobody accepts")


@behaviour("unavailable", "ocsp-timeout")
def silence(lab, request, connection):
    connection.recv(1)


@behaviour("unavailable", "ocsp-timeout")
def one_byte_a_second(lab, request, connection):
    for octet in http(good(lab, request)):
        connection.sendall(bytes([octet]))
        time.sleep(1)


@behaviour("unavailable", "ocsp-timeout")
def body_one_byte_a_second(lab, request, connection):
    reply = http(good(lab, request))
    split = reply.index(b"\r\n\r\n") + 4
    connection.sendall(reply[:split])
    for octet in reply[split:]:
        connection.sendall(bytes([octet]))
        time.sleep(1)


@behaviour("unavailable", "ocsp-connection-broken")
def reset_at_once(lab, request, connection):
    connection.reset()


@behaviour("unavailable", "ocsp-connection-broken")
def close_at_once(lab, request, connection):
    connection.close()


@behaviour("unavailable", "ocsp-connection-broken")
def reset_after_headers(lab, request, connection):
    reply = http(good(lab, request))
    connection.sendall(reply[:reply.index(b"\r\n\r\n") + 4])
    connection.reset()


@behaviour("unavailable", "ocsp-connection-broken")
def reset_mid_body(lab, request, connection):
    connection.sendall(http(good(lab, request))[:-300])
    time.sleep(0.05)
    connection.reset()


@behaviour("unavailable", "ocsp-connection-broken", "ocsp-http-framing")
def close_mid_headers(lab, request, connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Ty")


@behaviour("unavailable", "ocsp-malformed")
def length_too_short(lab, request, connection):
    body = good(lab, request)
    connection.sendall(http(body, length=len(body) - 7))


@behaviour("unavailable", "ocsp-connection-broken")
def length_too_long(lab, request, connection):
    body = good(lab, request)
    connection.sendall(http(body, length=len(body) + 7))


@behaviour("unavailable", "ocsp-too-large")
def endless_chunks(lab, request, connection):
    connection.sendall(http(b"", length=None, extra=["Transfer-Encoding: chunked"]))
    while True:
        connection.sendall(b"1000\r\n" + b"0" * 4096 + b"\r\n")


@behaviour("unavailable", "ocsp-too-large")
def endless_body(lab, request, connection):
    connection.sendall(http(b"", length=None))
    while True:
        connection.sendall(b"0" * 4096)


@behaviour("unavailable", "ocsp-http-framing")
def endless_headers(lab, request, connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-More: 1\r\n" * 100)


@behaviour("unavailable", "ocsp-http-framing")
def endless_header_line(lab, request, connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-More: ")
    while True:
        connection.sendall(b"1" * 4096)


@behaviour("unavailable", "ocsp-http-framing")
def endless_100_continue(lab, request, connection):
    while True:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


@behaviour("unavailable", "ocsp-http-framing")
def endless_trailers(lab, request, connection):
    body = good(lab, request)
    connection.sendall(http(b"%x\r\n%s\r\n0\r\n" % (len(body), body), length=None,
                            extra=["Transfer-Encoding: chunked"]))
    while True:
        connection.sendall(b"X-More: 1\r\n" * 100)


@behaviour("unavailable", "ocsp-http-framing", "ocsp-connection-broken")
def chunk_size_lies(lab, request, connection):
    body = good(lab, request)
    connection.sendall(http(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body) - 9, body), length=None,
                            extra=["Transfer-Encoding: chunked"]))


@behaviour("unavailable", "ocsp-too-large")
def body_of_10_mib(lab, request, connection):
    connection.sendall(http(good(lab, request) + b"0" * (10 << 20)))


@behaviour("unavailable", "ocsp-http-framing")
def http_0_9(lab, request, connection):
    connection.sendall(good(lab, request))


@behaviour("unavailable", "ocsp-http-framing", "ocsp-http-status")
def status_line_junk(lab, request, connection):
    connection.sendall(b"ICY 200 OK\r\nContent-Type: application/ocsp-response\r\n\r\n" +
                       good(lab, request))


@behaviour("unavailable", "ocsp-http-framing")
def gzip_body(lab, request, connection):
    connection.sendall(http(gzip.compress(good(lab, request)), extra=["Content-Encoding: gzip"]))


@behaviour("unavailable", "ocsp-http-framing")
def gzip_chain(lab, request, connection):
    body = good(lab, request)
    for _ in range(5):
        body = gzip.compress(body)
    connection.sendall(http(body, extra=["Content-Encoding: " + ", ".join(["gzip"] * 5)]))


replying("content_coding_only_claimed", "unavailable", "ocsp-http-framing",
         extra=["Content-Encoding: br"])
replying("transfer_coding_gzip", "unavailable", "ocsp-http-framing", length=None,
         extra=["Transfer-Encoding: gzip"])
replying("two_lengths", "unavailable", "ocsp-http-framing", extra=["Content-Length: 5"])
replying("length_and_chunked", "unavailable", "ocsp-http-framing",
         extra=["Transfer-Encoding: chunked"])
replying("length_negative", "unavailable", "ocsp-http-framing", length=-1)
replying("length_not_a_number", "unavailable", "ocsp-http-framing", length="0x100")
replying("length_absurd", "unavailable", "ocsp-http-framing", "ocsp-too-large",
         length=99999999999999999999)
replying("folded_header", "unavailable", "ocsp-http-framing", extra=["X-A: 1\r\n folded: 2"])
replying("nul_in_header", "unavailable", "ocsp-http-framing", extra=["X-A: 1\x002"])
replying("space_before_colon", "unavailable", "ocsp-http-framing", extra=["X-A : 1"])
replying("two_types", "unavailable", "ocsp-http-framing", extra=["Content-Type: text/html"])
replying("type_html", "unavailable", "ocsp-content-type", kind="text/html")
replying("type_octet_stream", "unavailable", "ocsp-content-type", kind="application/octet-stream")
replying("type_of_a_request", "unavailable", "ocsp-content-type", kind="application/ocsp-request")
replying("type_longer", "unavailable", "ocsp-content-type", kind="application/ocsp-responses")
replying("type_missing", "unavailable", "ocsp-content-type", kind=None)
for code in (201, 202, 203, 204, 206, 304, 400, 401, 403, 404, 407, 410, 429, 500, 502, 503, 504, 999):
    replying("http_%d" % code, "unavailable", "ocsp-http-status", head="HTTP/1.1 %d Status" % code)
for code in (301, 302, 303, 307, 308):
    replying("redirect_%d_elsewhere" % code, "unavailable", "ocsp-http-status",
             head="HTTP/1.1 %d Moved" % code, extra=["Location: http://127.0.0.1:{canary}/good"])
replying("redirect_to_file", "unavailable", "ocsp-http-status", head="HTTP/1.1 302 Found",
         extra=["Location: file:///etc/passwd"])
replying("redirect_loop", "unavailable", "ocsp-http-status", head="HTTP/1.1 302 Found",
         extra=["Location: /"])
replying("refresh_header", "good", extra=["Refresh: 0; url=http://127.0.0.1:{canary}/"])

# --- response status ------------------------------------------------------------------------------
for code, name in ((1, "ocsp-malformed-request"), (2, "ocsp-internal-error"), (3, "ocsp-try-later"),
                   (5, "ocsp-sig-required"), (6, "ocsp-unauthorized")):
    sending("status_%d" % code, "unavailable", name,
            body=lambda l, r, code=code: answers.status_only(code))
for code in (0, 4, 7, 127):
    sending("status_%d_alone" % code, "unavailable", "ocsp-malformed",
            body=lambda l, r, code=code: answers.status_only(code))
sending("status_error_with_bytes", "unavailable", "ocsp-malformed", body=lambda l, r: der.seq(
    der.enum(6), der.children(der.read(good(l, r))[1])[1][2]))
sending("response_type_unknown", "unavailable", "ocsp-response-type",
        body=lambda l, r: answers.wrap(Answer(l, r).basic(), "1.3.6.1.5.5.7.48.1.10"))

# --- content --------------------------------------------------------------------------------------
for reason in (0, 1, 2, 3, 4, 5, 6, 8, 9, 10):
    answering("revoked_reason_%d" % reason, "revoked", "revoked", nonce=None,
              singles=lambda l, reason=reason: [single(cert_id(l), revoked(reason))])
answering("revoked_no_reason", "revoked", "revoked",
          singles=lambda l: [single(cert_id(l), revoked())])
answering("revoked_in_the_future", "revoked", "revoked",
          singles=lambda l: [single(cert_id(l), revoked(1, when=86400))])
for reason in (7, 11, 200):
    answering("revoked_reason_%d_undefined" % reason, "unavailable", "ocsp-malformed",
              singles=lambda l, reason=reason: [single(cert_id(l), revoked(reason))])
answering("unknown", "unknown", "revocation-unknown",
          singles=lambda l: [single(cert_id(l), UNKNOWN)])
answering("status_tag_3", "unavailable", "ocsp-malformed",
          singles=lambda l: [single(cert_id(l), der.tlv(0x83))])
answering("good_with_content", "unavailable", "ocsp-malformed",
          singles=lambda l: [single(cert_id(l), der.tlv(0x80, b"\x00"))])
for name, change in {
        "other_serial": lambda l: dict(serial=l.sibling.serial),
        "serial_prefix": lambda l: dict(serial=l.user.serial[:-1]),
        "serial_longer": lambda l: dict(serial=l.user.serial + b"\x00"),
        "issuer_name_hash_wrong": lambda l: dict(name_hash=b"\x01" * 20),
        "issuer_key_hash_wrong": lambda l: dict(key_hash=b"\x01" * 20),
        "issuer_key_of_namesake": lambda l: dict(issuer=l.twin_ca),
        "issuer_other": lambda l: dict(issuer=l.other_ca),
        "hash_unsupported": lambda l: dict(algorithm="1.2.840.113549.2.5"),
        "hash_lengths_swapped": lambda l: dict(algorithm=answers.SHA256, name_hash=b"",
                                               key_hash=b"")}.items():
    answering("certid_" + name, "unavailable", "ocsp-no-matching-answer",
              singles=lambda l, change=change: [single(cert_id(l, **change(l)))])
answering("certid_serial_padded", "unavailable", "ocsp-malformed",
          singles=lambda l: [single(cert_id(l, serial=b"\x00" + l.user.serial))])
answering("no_answers", "unavailable", "ocsp-no-matching-answer", singles=[])
answering("too_large_a_list", "unavailable", "ocsp-too-large", singles=lambda l: [
    single(cert_id(l, serial=n.to_bytes(2, "big"))) for n in range(0x1000, 0x13E8)])
answering("good_then_revoked", "revoked", "revoked",
          singles=lambda l: [single(cert_id(l)), single(cert_id(l), revoked(1))])
answering("revoked_then_good", "revoked", "revoked",
          singles=lambda l: [single(cert_id(l), revoked(1)), single(cert_id(l))])
answering("good_sha1_revoked_sha256", "revoked", "revoked", singles=lambda l: [
    single(cert_id(l)), single(cert_id(l, algorithm=answers.SHA256), revoked(1))])
answering("good_then_unknown", "unknown", "revocation-unknown",
          singles=lambda l: [single(cert_id(l)), single(cert_id(l), UNKNOWN)])
answering("good_and_stale_revoked", "unavailable", "ocsp-contradictory", singles=lambda l: [
    single(cert_id(l)), single(cert_id(l), revoked(1), stamp(-90000), stamp(-86400))])
answering("others_good_ours_revoked_last", "revoked", "revoked", singles=lambda l: [
    single(cert_id(l, serial=l.sibling.serial)), single(cert_id(l), revoked(4))])

# --- times ----------------------------------------------------------------------------------------
answering("this_update_future", "unavailable", "ocsp-not-yet-valid", singles=lambda l: [
    single(cert_id(l), this=stamp(4000), following=stamp(9000))], produced=lambda l: stamp(4000))
answering("next_update_past", "unavailable", "ocsp-stale", singles=lambda l: [
    single(cert_id(l), this=stamp(-9000), following=stamp(-4000))])
answering("next_update_long_past", "unavailable", "ocsp-stale", singles=lambda l: [
    single(cert_id(l), this="20100101000000Z", following="20100108000000Z")])
answering("no_next_update_old", "unavailable", "ocsp-stale",
          singles=lambda l: [single(cert_id(l), this=stamp(-2 * 86400), following=None)])
answering("next_before_this", "unavailable", "ocsp-times", singles=lambda l: [
    single(cert_id(l), this=stamp(-60), following=stamp(-200))])
answering("max_age_exceeded", "unavailable", "ocsp-stale", options=["--max-age", "600"],
          singles=lambda l: [single(cert_id(l), this=stamp(-4000))])
answering("produced_in_the_future", "unavailable", "ocsp-not-yet-valid", produced=lambda l: stamp(4000))
answering("produced_in_9999", "unavailable", "ocsp-not-yet-valid", produced="99991231235959Z")
answering("produced_in_1970", "unavailable", "ocsp-times", produced="19700101000000Z")
for name, text in (("fraction", lambda: stamp()[:-1] + ".5Z"), ("no_seconds", lambda: stamp()[:12] + "Z"),
                   ("offset", lambda: stamp()[:-1] + "+0100"), ("local", lambda: stamp()[:-1]),
                   ("impossible", lambda: "20260231000000Z"), ("hour_24", lambda: "20260101240000Z"),
                   ("second_60", lambda: "20260101000060Z"), ("empty", lambda: "Z"),
                   ("letters", lambda: "2026010100000xZ"), ("utc_time", lambda: stamp()[2:])):
    answering("time_" + name, "unavailable", "ocsp-malformed",
              singles=lambda l, text=text: [single(cert_id(l), this=text())])
    answering("produced_" + name, "unavailable", "ocsp-malformed", produced=lambda l, text=text: text())

# --- signature and signer -------------------------------------------------------------------------
answering("signature_spoilt", "unavailable", "ocsp-signature-bad", spoil_signature=True)
answering("issuer_signature_spoilt", "unavailable", "ocsp-signature-bad", signer=lambda l: l.ca,
          spoil_signature=True)
answering("signature_md5", "unavailable", "ocsp-signature-weak", algorithm="rsa-md5")
answering("signature_unused_bits", "unavailable", "ocsp-malformed", unused_bits=1)
answering("signed_by_another_claims_issuer", "unavailable", "ocsp-signature-bad",
          signer=lambda l: l.sibling, claims=lambda l: l.ca, attach=[])
answering("signed_by_another_claims_delegate", "unavailable", "ocsp-signature-bad",
          signer=lambda l: l.sibling, claims=lambda l: l.delegate, attach=lambda l: [l.delegate])
answering("responder_id_of_nobody", "unavailable", "ocsp-signer-unknown",
          claims=lambda l: l.other_ca)
answering("responder_key_of_nobody", "unavailable", "ocsp-signer-unknown",
          claims=lambda l: l.other_ca, by_key=True)
answering("delegate_not_attached", "unavailable", "ocsp-signer-unknown", attach=[])
for kind, code in (("no_eku", "unauthorized"), ("any_eku", "unauthorized"),
                   ("longer_eku", "unauthorized"), ("shorter_eku", "unauthorized"),
                   ("wrong_ku", "unauthorized"), ("critical_ext", "unauthorized"),
                   ("weak_key", "unauthorized"), ("foreign", "unauthorized"),
                   ("twin_delegate", "unauthorized"), ("second_hand", "unauthorized"),
                   ("self_signed", "unauthorized"), ("user", "unauthorized"),
                   ("twin_ca", "unauthorized"), ("other_ca", "unauthorized"),
                   ("expired", "expired"), ("early", "expired")):
    answering("signer_" + kind, "unavailable", "ocsp-signer-" + code,
              signer=lambda l, kind=kind: getattr(l, kind))
answering("signer_second_hand_with_chain", "unavailable", "ocsp-signer-unauthorized",
          signer=lambda l: l.second_hand, attach=lambda l: [l.second_hand, l.delegate, l.ca])


def status_of_delegate(name, answer, status, *codes, signer):
    """Signs with a delegate without nocheck; asked about that delegate, gives `answer`."""
    def run(lab, request, connection):
        delegate = getattr(lab, signer)
        about = request.cert_id_fields()[3][1] == delegate.serial
        what = Answer(lab, request, signer=delegate) if not about else \
            Answer(lab, request, signer=lab.ca, singles=[single(cert_id(lab, serial=delegate.serial),
                                                                answer)])
        connection.sendall(http(what.encode()))
    run.__name__ = name
    behaviour(status, *codes)(run)


status_of_delegate("signer_without_nocheck_good", GOOD, "good", signer="no_nocheck")
status_of_delegate("signer_without_nocheck_revoked", revoked(1), "unavailable",
                   "ocsp-signer-revoked", signer="no_nocheck")
status_of_delegate("signer_with_aia_unknown", UNKNOWN, "unavailable", "ocsp-signer-unchecked",
                   signer="no_nocheck_aia")


@behaviour("good")
def signer_without_nocheck_cannot_be_asked(lab, request, connection):
    """Its certificate names no source: accepted by policy."""
    if request.cert_id_fields()[3][1] == lab.no_nocheck.serial:
        connection.sendall(http(answers.status_only(6)))
    else:
        connection.sendall(http(Answer(lab, request, signer=lab.no_nocheck).encode()))


# --- nonce ----------------------------------------------------------------------------------------
answering("nonce_wrong", "unavailable", "ocsp-nonce-mismatch", nonce=der.octets(b"n" * 32))
answering("nonce_cut", "unavailable", "ocsp-nonce-mismatch", nonce=der.octets(b""))
answering("nonce_not_an_octet_string", "unavailable", "ocsp-nonce-mismatch", nonce=b"n" * 32)
answering("nonce_missing_but_required", "unavailable", "ocsp-nonce-missing", nonce=None,
          options=["--nonce", "require"])
answering("nonce_unasked", "good", nonce=der.octets(b"n" * 32), options=["--nonce", "off"])


@behaviour("good")
def nonce_refused_as_by_ad_cs(lab, request, connection):
    body = answers.status_only(6) if request.nonce else good(lab, request)
    connection.sendall(http(body))


@behaviour("unavailable", "ocsp-unauthorized", options=["--nonce", "require"])
def nonce_refused_but_required(lab, request, connection):
    body = answers.status_only(6) if request.nonce else good(lab, request)
    connection.sendall(http(body))


@behaviour("good")
def sha1_refused(lab, request, connection):
    body = good(lab, request) if request.sha256 else answers.status_only(6)
    connection.sendall(http(body))


@behaviour("good")
def get_refused(lab, request, connection):
    if request.method == "GET":
        connection.sendall(http(b"no", "HTTP/1.1 405 Method Not Allowed", "text/plain"))
    else:
        connection.sendall(http(good(lab, request)))


# --- encoding -------------------------------------------------------------------------------------
for place in ("tbs", "basic", "response"):
    answering("trailing_octets_in_" + place, "unavailable", "ocsp-malformed",
              tail={place: b"\x05\x00"})
sending("body_empty", "unavailable", "ocsp-malformed", body=lambda l, r: b"")
sending("body_html", "unavailable", "ocsp-malformed", body=lambda l, r: b"<html>log in here</html>")
sending("body_cut", "unavailable", "ocsp-malformed", body=lambda l, r: good(l, r)[:-1])
sending("body_twice", "unavailable", "ocsp-malformed", body=lambda l, r: good(l, r) * 2)
sending("ber_indefinite", "unavailable", "ocsp-malformed",
        body=lambda l, r: b"\x30\x80" + der.read(good(l, r))[1] + b"\x00\x00")
sending("ber_long_length", "unavailable", "ocsp-malformed", body=lambda l, r: b"\x30\x84" +
        len(der.read(good(l, r))[1]).to_bytes(4, "big") + der.read(good(l, r))[1])
sending("length_of_4_gib", "unavailable", "ocsp-malformed",
        body=lambda l, r: b"\x30\x84\xff\xff\xff\xff" + good(l, r))
sending("nested_1000_deep", "unavailable", "ocsp-malformed",
        body=lambda l, r: nested(1000))
answering("version_2", "unavailable", "ocsp-malformed", version=1)
answering("critical_response_extension", "unavailable", "ocsp-critical-extension",
          extensions=[extension("1.2.3.4", b"\x05\x00", True)])
answering("critical_single_extension", "unavailable", "ocsp-critical-extension",
          singles=lambda l: [single(cert_id(l), extensions=[extension("1.2.3.4", b"\x05\x00", True)])])
answering("same_extension_twice", "unavailable", "ocsp-malformed",
          extensions=[extension("1.2.3.4", b"\x05\x00")] * 2)
answering("certificates_17", "unavailable", "ocsp-malformed", attach=lambda l: [l.delegate] * 17)


@behaviour("unavailable", "ocsp-malformed")
def attached_certificate_is_junk(lab, request, connection):
    class Junk:
        der = der.seq(der.octets(b"junk"))
    connection.sendall(http(Answer(lab, request, attach=[lab.delegate, Junk]).encode()))


def nested(depth):
    out = b""
    for _ in range(depth):
        out = der.seq(out)
    return out
