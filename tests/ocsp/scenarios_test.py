#!/usr/bin/env python3
"""piv-ocsp over several requests, responders and runs: failover, cache, prefetch, proxy, chains.

usage: scenarios_test.py PIV_OCSP [NAME...]"""
import glob
import json
import os
import socket
import subprocess
import sys
import threading
import time

import answers
import behaviours
from answers import Answer, cert_id, revoked, single, stamp
from behaviours import ALL
from responder import Responder
from scenario import PROGRAM, equal, main, scenario, timed


@scenario
def next_responder_when_the_first_is_down(b):
    down, up = b.responder("refuse"), b.responder("good_delegated")
    result = b.ask("--url", down.url, "--url", up.url)
    equal(result["status"], "good", "status")
    equal(result["responder_url"], up.url, "responder")


@scenario
def next_responder_when_the_first_is_silent(b):
    """The second is asked before the time is over."""
    slow, up = b.responder("silence"), b.responder("good_delegated")
    result, took = timed(lambda: b.ask("--timeout", "3000", "--url", slow.url, "--url", up.url))
    equal(result["status"], "good", "status")
    assert took < 2.0, took


@scenario
def next_responder_when_the_first_does_not_know(b):
    unknown, up = b.responder("unknown"), b.responder("revoked_reason_1")
    equal(b.ask("--url", unknown.url, "--url", up.url)["status"], "revoked", "status")
    equal(b.exit, 1, "exit")


@scenario
def next_responder_when_the_first_lies(b):
    liar, up = b.responder("signature_spoilt"), b.responder("good_delegated")
    equal(b.ask("--url", liar.url, "--url", up.url)["responder_url"], up.url, "responder")


@scenario
def try_later_is_asked_again(b):
    """While there is time: it is the responder's word that it will know."""
    busy = [answers.status_only(3), answers.status_only(3)]
    responder = b.responder(lambda l, r: busy.pop() if busy else behaviours.good(l, r))
    equal(b.ask("--url", responder.url)["status"], "good", "status")
    equal(responder.requests, 3, "requests")
    always = b.responder("status_3")
    result, took = timed(lambda: b.ask("--timeout", "1000", "--url", always.url))
    equal(result["code"], "ocsp-try-later", "code")
    assert took < 1.5, took
    other = b.responder("good_delegated")
    result, took = timed(lambda: b.ask("--url", always.url, "--url", other.url))
    equal(result["responder_url"], other.url, "responder")
    assert took < 0.25, took


@scenario
def all_responders_fail_worst_cause_first(b):
    down, liar = b.responder("refuse"), b.responder("signature_spoilt")
    result = b.ask("--url", down.url, "--url", liar.url)
    equal(result["status"], "unavailable", "status")
    equal(result["code"], "ocsp-signature-bad", "code")
    assert down.url in result["detail"] and liar.url in result["detail"], result["detail"]


@scenario
def eight_silent_responders_end_in_time(b):
    silent = [b.responder("silence") for _ in range(8)]
    urls = [word for r in silent for word in ("--url", r.url)]
    result, took = timed(lambda: b.ask("--timeout", "1500", *urls))
    equal(result["code"], "ocsp-timeout", "code")
    assert took < 2.5, took


@scenario
def second_time_no_request(b):
    responder = b.responder("good_delegated")
    first = b.ask("--url", responder.url, cached=True)
    second = b.ask("--url", responder.url, cached=True)
    equal([first["source"], second["source"]], ["network", "cache"], "sources")
    equal(second["status"], "good", "status")
    equal(responder.requests, 1, "requests")


@scenario
def cached_answer_outlives_the_responder(b):
    responder = b.responder("good_delegated")
    b.ask("--url", responder.url, cached=True)
    responder.close()
    equal(b.ask("--url", responder.url, cached=True)["status"], "good", "status")


@scenario
def cached_answer_ends_with_next_update(b):
    responder = b.responder("good_delegated")
    b.ask("--url", responder.url, cached=True)
    responder.close()
    later = str(int(time.time()) + 2 * 3600)
    result = b.ask("--url", responder.url, "--at", later, cached=True)
    equal(result["status"], "unavailable", "status")


@scenario
def nonce_required_means_asking(b):
    responder = b.responder("good_delegated")
    for _ in range(2):
        equal(b.ask("--nonce", "require", "--url", responder.url, cached=True)["source"], "network",
              "source")
    equal(responder.requests, 2, "requests")


@scenario
def revoked_lasts_beyond_next_update(b):
    """And is not forgotten when the responder changes its mind."""
    gone = b.responder("revoked_reason_1")
    equal(b.ask("--url", gone.url, cached=True)["status"], "revoked", "first")
    lenient = b.responder("good_delegated")
    result = b.ask("--url", lenient.url, "--at", str(int(time.time()) + 10 * 86400), cached=True)
    equal([result["status"], result["source"]], ["revoked", "cache"], "later")
    equal(lenient.requests, 0, "requests")


@scenario
def hold_may_end_but_not_by_silence(b):
    held = b.responder(lambda l, r: Answer(l, r, singles=[
        single(cert_id(l), revoked(6), stamp(-7200), stamp(-200))]).encode())
    equal(b.ask("--url", held.url, cached=True)["status"], "revoked", "on hold")
    held.close()
    later = str(int(time.time()) + 3600)
    equal(b.ask("--url", held.url, "--at", later, cached=True)["status"], "revoked", "no news")
    released = b.responder("good_delegated")
    equal(b.ask("--url", released.url, "--at", str(int(time.time()) + 200), cached=True)["status"],
          "good", "released")


@scenario
def newer_answer_is_not_replaced_by_an_older(b):
    new = b.responder("good_delegated")
    old = b.responder(lambda l, r: Answer(l, r, singles=[
        single(cert_id(l), this=stamp(-3000))]).encode())
    first = b.ask("--url", new.url, cached=True)
    b.ask("--nonce", "require", "--url", old.url, cached=True)
    equal(b.ask("--url", new.url, cached=True)["this_update"], first["this_update"], "kept")


@scenario
def torn_and_foreign_cache_files_are_ignored(b):
    responder = b.responder("good_delegated")
    b.ask("--url", responder.url, cached=True)
    path = glob.glob(b.cache + "/ocsp/*.ocsp")[0]
    with open(path, "rb") as f:
        whole = f.read()
    for content in (b"", whole[:-1], whole + b"x", whole[:200], b"\xff" * 200, whole[::-1],
                    whole[:-20] + bytes(20), b"0" * (300 << 10)):
        with open(path, "wb") as f:
            f.write(content)
        equal(b.ask("--url", responder.url, cached=True)["source"], "network", "source")


@scenario
def cache_file_of_another_certificate_is_ignored(b):
    responder = b.responder("good_delegated")
    b.ask("--url", responder.url, cached=True)
    path = glob.glob(b.cache + "/ocsp/*.ocsp")[0]
    for_sibling = b.responder(lambda l, r: Answer(l, r, singles=[
        single(cert_id(l, serial=l.sibling.serial))]).encode())
    b.ask_all("--cache", b.cache, "--url", for_sibling.url, certs=[b.lab.sibling.pem])
    other = [p for p in glob.glob(b.cache + "/ocsp/*.ocsp") if p != path][0]
    os.replace(other, path)
    equal(b.ask("--url", responder.url, cached=True)["source"], "network", "source")


@scenario
def unwritable_cache_does_not_matter(b):
    responder = b.responder("good_delegated")
    for where in ("/proc/nothing", "/dev/null"):
        result = b.ask_all("--cache", where, "--url", responder.url)[0]
        equal(result["status"], "good", where)


@scenario
def fifty_writers_at_once(b):
    responder = b.responder("good_delegated")
    statuses = []

    def client():
        done = subprocess.run([PROGRAM, "--json", "--nonce", "require", "--cache", b.cache, "--url",
                               responder.url, "--issuer", b.lab.ca.pem, b.lab.user.pem],
                              capture_output=True, check=False)
        statuses.append(json.loads(done.stdout)["results"][0]["status"])
    threads = [threading.Thread(target=client) for _ in range(50)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    equal(statuses, ["good"] * 50, "statuses")
    equal(b.ask("--url", responder.url, cached=True)["source"], "cache", "source")
    equal(glob.glob(b.cache + "/ocsp/*tmp*"), [], "left behind")


@scenario
def habits_are_remembered(b):
    """Asked with a nonce once, then without: as AD CS wants it."""
    seen = []

    def refuses(lab, request):
        seen.append(request.nonce is not None)
        return answers.status_only(6) if request.nonce else behaviours.good(lab, request)
    responder = b.responder(refuses)
    b.ask("--url", responder.url, cached=True)
    for path in glob.glob(b.cache + "/ocsp/*.ocsp"):
        os.unlink(path)
    result = b.ask("--url", responder.url, cached=True)
    equal([result["status"], result["nonce"]], ["good", "off"], "second")
    equal(seen, [True, False, False], "nonces")


@scenario
def short_request_by_get_long_by_post(b):
    methods = []

    def note(lab, request):
        methods.append(request.method)
        return behaviours.good(lab, request)
    responder = b.responder(note)
    b.ask("--url", responder.url)
    b.ask("--url", responder.url + "x" * 250)
    b.ask("--method", "post", "--url", responder.url)
    b.ask("--method", "get", "--url", responder.url + "x" * 250)
    equal(methods, ["GET", "POST", "POST", "GET"], "methods")


@scenario
def one_certificate_each_in_one_round_trip(b):
    """A chain's certificates are asked about at once, not one after another."""
    certs = [b.lab.user, b.lab.sibling, b.lab.no_eku]

    def slow(lab, request):
        time.sleep(0.5)
        return Answer(lab, request, singles=[
            single(cert_id(lab, serial=c.serial)) for c in certs]).encode()
    responder = b.responder(slow)
    results, took = timed(lambda: b.ask_all("--no-cache", "--url", responder.url,
                                            certs=[c.pem for c in certs]))
    equal([r["status"] for r in results], ["good"] * 3, "statuses")
    assert took < 0.95, took


@scenario
def saved_answer_is_judged_again(b):
    responder = b.responder("good_delegated")
    saved = os.path.join(b.folder, "saved.der")
    b.ask("--url", responder.url, "--save", saved)
    result = b.ask("--response", saved)
    equal([result["status"], result["source"]], ["good", "file"], "judged")
    equal(b.ask("--response", saved, "--at", "2001-01-01T00:00:00Z")["status"], "unavailable",
          "early")
    refused = os.path.join(b.folder, "refused.der")
    b.ask("--url", b.responder("signature_spoilt").url, "--save", refused)
    equal(os.path.exists(refused), False, "a bad answer was saved")


@scenario
def stored_response_of_any_size_gets_a_verdict(b):
    path = os.path.join(b.folder, "response.der")
    for content, code in ((b"", "ocsp-malformed"), (b"x", "ocsp-malformed"),
                          (bytes(64 << 10), "ocsp-malformed"), (bytes(3 << 20), "ocsp-too-large")):
        with open(path, "wb") as f:
            f.write(content)
        result = b.ask("--response", path)
        equal([result["status"], result["code"], b.exit], ["unavailable", code, 2], len(content))


@scenario
def prefetch_renews_what_ends_soon(b):
    """And leaves alone what has just begun."""
    answer = {"this": -3000, "next": 600}

    def aging(lab, request):
        return Answer(lab, request, singles=[single(cert_id(lab), this=stamp(answer["this"]),
                                                    following=stamp(answer["next"]))]).encode()
    responder = b.responder(aging)
    first = b.ask("--url", responder.url, cached=True)
    conf = os.path.join(b.folder, "conf")
    with open(conf, "w", encoding="ascii") as f:
        f.write("[revocation]\ncache = %s\nocsp_url = %s\n" % (b.cache, responder.url))
    answer.update({"this": -10, "next": 86400})
    report = json.loads(b.raw("--prefetch", "--json", "--config", conf))
    equal([report["cached"], report["renewed"], report["failed"]], [1, 1, 0], "first run")
    equal(b.exit, 0, "exit")
    second = b.ask("--url", responder.url, cached=True)
    equal(second["source"], "cache", "source")
    assert second["this_update"] > first["this_update"]
    report = json.loads(b.raw("--prefetch", "--json", "--config", conf))
    equal([report["cached"], report["renewed"]], [1, 0], "second run")
    equal(responder.requests, 2, "requests")


@scenario
def prefetch_keeps_what_it_cannot_renew(b):
    responder = b.responder(lambda l, r: Answer(l, r, singles=[
        single(cert_id(l), this=stamp(-3000), following=stamp(600))]).encode())
    b.ask("--url", responder.url, cached=True)
    responder.close()
    conf = os.path.join(b.folder, "conf")
    with open(conf, "w", encoding="ascii") as f:
        f.write("[revocation]\ncache = %s\nocsp_url = %s\n" % (b.cache, responder.url))
    report = json.loads(b.raw("--prefetch", "--json", "--config", conf))
    equal(report["failed"], 1, "failed")
    equal(b.ask("--url", responder.url, cached=True)["status"], "good", "status")


@scenario
def prefetch_without_a_url_asks_who_answered_last(b):
    responder = b.responder(lambda l, r: Answer(l, r, singles=[
        single(cert_id(l), this=stamp(-3000), following=stamp(600))]).encode())
    b.ask("--url", responder.url, cached=True)
    report = json.loads(b.raw("--prefetch", "--json", "--cache", b.cache))
    equal([report["renewed"], responder.requests], [1, 2], "renewed")


@scenario
def environment_is_not_heard(b):
    """No proxy, no netrc, no key log: whatever the environment says."""
    responder = b.responder("good_delegated")
    canary = b.responder("good_delegated")
    keylog = os.path.join(b.folder, "keylog")
    env = dict(os.environ, http_proxy=canary.url, HTTP_PROXY=canary.url, ALL_PROXY=canary.url,
               all_proxy=canary.url, no_proxy="", NETRC=os.path.join(b.folder, "netrc"),
               HOME=b.folder, CURL_HOME=b.folder, SSLKEYLOGFILE=keylog)
    with open(os.path.join(b.folder, ".curlrc"), "w", encoding="ascii") as f:
        f.write("proxy = %s\n" % canary.url)
    equal(b.ask("--url", responder.url, env=env)["status"], "good", "status")
    equal(canary.requests, 0, "requests at the proxy")
    equal(os.path.exists(keylog), False, "key log")


@scenario
def proxy_when_configured(b):
    proxy = b.responder("good_delegated")
    result = b.ask("--proxy", "http://127.0.0.1:%d" % proxy.port, "--url", "http://ocsp.invalid/")
    equal(result["status"], "good", "status")
    equal(proxy.requests, 1, "requests at the proxy")
    equal(b.ask("--proxy", "socks5://127.0.0.1:1", "--url", proxy.url)["code"], "ocsp-bad-url", "code")


@scenario
def ipv6(b):
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            print("  (no IPv6 on this machine)")
            return
    spec = ALL["good_delegated"]
    responder = Responder(b.lab, dict(spec, listen=False))
    responder.sock.close()
    responder.sock = socket.socket(socket.AF_INET6)
    responder.sock.bind(("::1", 0))
    responder.sock.listen(8)
    threading.Thread(target=responder.accept, daemon=True).start()
    url = "http://[::1]:%d/" % responder.sock.getsockname()[1]
    equal(b.ask("--url", url)["status"], "good", "status")


@scenario
def only_plain_http_urls(b):
    for url in ("file:///etc/passwd", "ldap://127.0.0.1/", "ftp://127.0.0.1/", "https://127.0.0.1/",
                "http://user:secret@127.0.0.1/", "http://127.0.0.1/#x", "http://", "http://:80/",
                "http://127.0.0.1:0/", "http://127.0.0.1:99999/", "http://a b/", "//127.0.0.1/",
                "http://127.0.0.1\\@evil/", "gopher://127.0.0.1/", "http://[::1/", "javascript:1",
                "http://127.0.0.1:80:80/", "http://ex\u00e4mple/", ""):
        b.raw("--issuer", b.lab.ca.pem, "--no-cache", "--url", url, b.lab.user.pem)
        equal(b.exit, 64, "exit for %r" % url)


@scenario
def name_that_does_not_resolve(b):
    result, took = timed(lambda: b.ask("--timeout", "1500", "--url", "http://nowhere.invalid/"))
    assert result["code"] in ("ocsp-host-not-found", "ocsp-timeout"), result["code"]
    assert took < 2.5, took


@scenario
def certificate_without_url(b):
    equal(b.ask()["code"], "ocsp-no-url", "code")
    equal(b.exit, 2, "exit")


@scenario
def responder_named_in_the_configuration(b):
    """Signed by a key that no CA vouches for: only --responder-cert makes it count."""
    responder = b.responder("signer_self_signed")
    equal(b.ask("--url", responder.url)["code"], "ocsp-signer-unauthorized", "without")
    result = b.ask("--url", responder.url, "--responder-cert", b.lab.self_signed.pem)
    equal([result["status"], result["signer"]], ["good", "trusted"], "with")


@scenario
def issuer_by_key_not_by_name(b):
    responder = b.responder("good_delegated")
    result = b.ask_all("--no-cache", "--ca", b.lab.twin_ca.pem, "--url", responder.url)[0]
    equal(result["status"], "good", "twin as second")
    out = json.loads(b.raw("--json", "--no-cache", "--issuer", b.lab.twin_ca.pem, "--ca", b.lab.ca.pem,
                           "--url", responder.url, b.lab.user.pem))["results"][0]
    equal(out["status"], "good", "twin first")
    out = json.loads(b.raw("--json", "--no-cache", "--issuer", b.lab.twin_ca.pem, "--url",
                           responder.url, b.lab.user.pem))["results"][0]
    equal(out["status"], "unavailable", "twin alone")


@scenario
def bad_input_is_named(b):
    junk = os.path.join(b.folder, "junk")
    with open(junk, "wb") as f:
        f.write(b"not a certificate")
    for arguments, exit_status in ((["--issuer", junk, b.lab.user.pem], 65),
                                   (["--issuer", b.lab.ca.pem, junk], 65),
                                   (["--issuer", b.lab.ca.pem, "/nonexistent"], 2),
                                   (["--issuer", b.lab.ca.pem], 64), ([b.lab.user.pem], 64),
                                   (["--issuer", b.lab.ca.pem, "--at", "noon", b.lab.user.pem], 64),
                                   (["--nonsense"], 64), (["--help"], 0), (["--version"], 0)):
        for extra in ([], ["--json"]):
            out = b.raw(*extra, *arguments)
            equal(b.exit, exit_status, "exit of %r" % arguments)
            if extra and exit_status:
                json.loads(out)
            if exit_status:
                assert b"  try: " in b.stderr, b.stderr


@scenario
def ordinary_openssl_responder(b):
    """`openssl ocsp` as the other side: good, revoked, unknown, with a nonce."""
    index = os.path.join(b.folder, "index.txt")
    with open(index, "w", encoding="ascii") as f:
        for c, status in ((b.lab.user, "V\t%s\t\t" % stamp(86400)[2:]),
                          (b.lab.sibling, "R\t%s\t%s,keyCompromise\t" % (stamp(86400)[2:],
                                                                         stamp(-60)[2:]))):
            f.write("%s%s\tunknown\t/CN=x\n" % (status, c.serial.hex().upper()))
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    server = subprocess.Popen(["openssl", "ocsp", "-index", index, "-port", str(port), "-CA",
                               b.lab.ca.pem, "-rsigner", b.lab.delegate.pem, "-rkey",
                               b.lab.delegate.key, "-nmin", "5"], stderr=subprocess.STDOUT,
                              stdout=open(os.path.join(b.folder, "log"), "wb"))
    try:
        # A connection without a request would keep it busy: look at the kernel's table instead.
        for _ in range(200):
            with open("/proc/net/tcp", encoding="ascii") as table, \
                    open("/proc/net/tcp6", encoding="ascii") as table6:
                if ":%04X 0" % port in table.read() + table6.read():
                    break
            time.sleep(0.02)
        results = b.ask_all("--no-cache", "--nonce", "require", "--url", "http://127.0.0.1:%d" % port,
                            certs=[b.lab.user.pem, b.lab.sibling.pem, b.lab.no_eku.pem])
        equal([r["status"] for r in results], ["good", "revoked", "unknown"], "statuses")
        equal([r["nonce"] for r in results], ["match"] * 3, "nonces")
        equal(results[1]["reason"], "keyCompromise", "reason")
        equal(b.exit, 1, "exit")
        results = b.ask_all("--no-cache", "--cert-id-hash", "sha256", "--method", "post", "--url",
                            "http://127.0.0.1:%d" % port)
        equal(results[0]["status"], "good", "SHA-256 by POST")
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    sys.exit(main())
