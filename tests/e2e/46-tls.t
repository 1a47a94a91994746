#!/bin/sh
# TLS to providers: nginx with a private CA stands before the fake provider. Verification cannot
# be off by accident, a private CA is trusted where it is configured, connections are kept, and
# HTTP/2 is spoken where a provider is configured so.
. "$top_srcdir/tests/e2e/lib.sh"
PATH=$PATH:/usr/sbin
need curl nginx openssl

start_sim one
tls_port=$((20000 + $$ % 10000)) # five of them, below those that the kernel gives to others

# ---- a CA, and a server that it vouches for by the name localhost ----
(
    cd "$tmp" || exit 1
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
        -subj '/CN=test CA' -keyout ca.key -out ca.pem &&
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
            -subj '/CN=localhost' -keyout server.key -out server.csr &&
        printf 'subjectAltName=DNS:localhost\n' >server.ext &&
        openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
            -extfile server.ext -out server.pem &&
        openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days -1 \
            -extfile server.ext -out old.pem &&
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
            -subj '/CN=localhost' -addext subjectAltName=DNS:localhost -keyout self.key \
            -out self.pem
) >"$tmp/openssl.err" 2>&1 || bail "openssl: $(tail -n 1 "$tmp/openssl.err")"

cat >"$tmp/nginx.conf" <<END
daemon off; pid $tmp/nginx.pid; error_log $tmp/nginx.err notice; worker_processes 1;
events { worker_connections 100; }
http {
    log_format one '\$connection \$server_protocol \$status';
    access_log $tmp/nginx.log one;
    client_body_temp_path $tmp/b; proxy_temp_path $tmp/p; fastcgi_temp_path $tmp/f;
    uwsgi_temp_path $tmp/u; scgi_temp_path $tmp/s;
    server {
        listen 127.0.0.1:$tls_port ssl http2; listen 127.0.0.1:$((tls_port + 1)) ssl http2;
        ssl_certificate $tmp/server.pem; ssl_certificate_key $tmp/server.key;
        location / {
            proxy_pass http://127.0.0.1:$one_port; proxy_http_version 1.1; proxy_buffering off;
        }
    }
    server {
        listen 127.0.0.1:$((tls_port + 2)) ssl;
        ssl_certificate $tmp/old.pem; ssl_certificate_key $tmp/server.key;
        location / { proxy_pass http://127.0.0.1:$one_port; }
    }
    server {
        listen 127.0.0.1:$((tls_port + 3)) ssl;
        ssl_certificate $tmp/self.pem; ssl_certificate_key $tmp/self.key;
        location / { proxy_pass http://127.0.0.1:$one_port; }
    }
    server {
        listen 127.0.0.1:$((tls_port + 4)) ssl;
        ssl_certificate $tmp/server.pem; ssl_certificate_key $tmp/server.key;
        ssl_protocols TLSv1.1; ssl_ciphers ALL:@SECLEVEL=0;
        location / { proxy_pass http://127.0.0.1:$one_port; }
    }
}
END
[ "$(id -u)" = 0 ] && sed -i '1i user root;' "$tmp/nginx.conf"
spawn nginx nginx -p "$tmp" -c "$tmp/nginx.conf"
wait_for "$tmp/nginx.err" 'start worker process' || bail 'nginx does not start'

ONE_KEY=sk-one
export ONE_KEY
provider() { # NAME HOST:PORT LINE…
    printf '[provider "%s"]\n kind = openai\n key-env = ONE_KEY\n base-url = https://%s/v1\n' \
        "$1" "$2"
    shift 2
    printf ' %s\n' "$@"
}
config <<END
$(provider trusted localhost:$tls_port "ca-file = $tmp/ca.pem")
$(provider strange localhost:$tls_port "header = x-a: b")
$(provider named 127.0.0.1:$tls_port "ca-file = $tmp/ca.pem")
$(provider old localhost:$((tls_port + 2)) "ca-file = $tmp/ca.pem")
$(provider self localhost:$((tls_port + 3)) "ca-file = $tmp/ca.pem")
$(provider weak localhost:$((tls_port + 4)) "ca-file = $tmp/ca.pem")
$(provider no-ca localhost:$tls_port "ca-file = $tmp/none.pem")
$(provider two "localhost:$((tls_port + 1))" "ca-file = $tmp/ca.pem" 'http2 = yes')
END
start_broker

ask -m strange/sim hello
is "$(got outcome) $(got class)" 'error network' 'an unknown CA is an error'
ask -m named/sim hello
is "$(got outcome) $(got class)" 'error network' 'so is a certificate for another name'
for p in old self weak no-ca; do
    ask -m "$p/sim" hello
    is "$(got outcome) $(got class)" 'error network' "$p: so is a certificate, or a TLS, of that kind"
    like "$(got message)" '(SSL|TLS|certificate)' '… and the message says so'
done
is "$(requests one)" 0 '… and nothing was sent'

ask -m trusted/sim hello
is "$(got outcome)" ok 'a private CA is trusted where it is configured'
for i in 1 2 3 4; do ask -s -m trusted/sim "hello $i"; done
is "$(got outcome) $(got pieces)" 'ok 16' 'streams come through'
logged() { grep -c . "$tmp/nginx.log"; }
is "$(until_is 5 logged)" 5 '… and nginx has written them down, after the answer'
is "$(cut -d ' ' -f 1,2 "$tmp/nginx.log" | sort -u | cut -d ' ' -f 2)" HTTP/1.1 \
    'all over one connection, HTTP/1.1'

: >"$tmp/nginx.log"
for i in 1 2 3; do ask -s -m two/sim "hello $i"; done
is "$(got outcome) $(got pieces)" 'ok 16' 'HTTP/2 where a provider says so'
is "$(until_is 3 logged) $(cut -d ' ' -f 2 "$tmp/nginx.log" | sort -u)" '3 HTTP/2.0' '… and really'

for p in trusted two; do
    : >"$one_journal"
    ask -s -l 2 -m "$p/sim:gap=20ms,tokens=200" hello
    ok "$p: a client that leaves ends its request there too" \
        wait_for "$one_journal" '"what":"answer".*"client_gone":true'
done
stop_broker
is "$rc" 0 'the broker ends well'
is "$(grep -c 'sk-one' "$broker_log")" 0 'no key in the log'
done_testing
