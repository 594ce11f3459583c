#!/usr/bin/env python3
"""nginx as an HTTP cache before a responder: 1,000 clients, one request at the responder.

usage: nginx_cache_test.py PIV_OCSP [CLIENTS]"""
import concurrent.futures
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from behaviours import ALL
from lab import Lab
from responder import Responder

CONF = """
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/tmp;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  proxy_cache_path {folder}/cache keys_zone=ocsp:1m;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://127.0.0.1:{upstream};
      proxy_cache ocsp;
      proxy_cache_methods GET;
      proxy_cache_valid 200 5m;
      proxy_cache_lock on;
    }}
  }}
}}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start_nginx(folder, upstream):
    port = free_port()
    conf = os.path.join(folder, "nginx.conf")
    with open(conf, "w", encoding="ascii") as f:
        f.write(CONF.format(folder=folder, port=port, upstream=upstream))
    process = subprocess.Popen(["nginx", "-p", folder, "-c", conf], stderr=subprocess.DEVNULL)
    for _ in range(200):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return process, port
        time.sleep(0.02)
    raise RuntimeError("nginx does not listen")


def main():
    if shutil.which("nginx") is None:
        print("skipped: nginx is not installed")
        return 77
    program, clients = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(folder)
        responder = Responder(lab, ALL["good_delegated"])
        nginx, port = start_nginx(folder, responder.port)
        command = [program, "--json", "--no-cache", "--nonce", "off", "--timeout", "20000",
                   "--issuer", lab.ca.pem, "--url", "http://127.0.0.1:%d/" % port, lab.user.pem]

        def client(_):
            done = subprocess.run(command, capture_output=True, check=False)
            return json.loads(done.stdout)["results"][0]["status"]

        try:
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                good = sum(status == "good" for status in pool.map(client, range(clients)))
        finally:
            nginx.terminate()
            nginx.wait()
    print("%d clients, %d good, %d requests at the responder" % (clients, good, responder.requests))
    return 0 if good == clients and responder.requests == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
