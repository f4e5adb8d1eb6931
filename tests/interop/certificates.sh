#!/usr/bin/env bash
# Makes the certificates for the tests of TLS, with keys that nobody else has.
# Usage: certificates.sh DIRECTORY
#
#   ca.pem            the authority that the tests trust
#   good.pem          for localhost and 127.0.0.1, with the intermediate authority behind it
#   other_host.pem    for other.example
#   expired.pem       as good.pem, of the year 2020
#   stranger.pem      as good.pem, from an authority that nobody trusts
#   self_signed.pem   as good.pem, from itself
#
# Each has its key beside it: good.key, and so on.
set -Eeuo pipefail
cd "$1"
command -v openssl >/dev/null || { echo "FAILED: there is no openssl: tests/run.sh installs what this test needs" >&2; exit 1; }

cat >ca.cnf <<'END'
[ca]
default_ca = here
[here]
database = index.txt
new_certs_dir = .
rand_serial = yes
unique_subject = no
default_md = sha256
default_days = 2
policy = any
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
END
touch index.txt

here="subjectAltName=DNS:localhost,IP:127.0.0.1"
authority="basicConstraints=critical,CA:TRUE"

# request NAME: a key, and a request for a certificate.
request() {
  openssl req -config ca.cnf -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$1.key" \
    -out "$1.csr" 2>>log
}

# issue NAME EXTENSION --by AUTHORITY | --selfsign [OPTION...]: a certificate NAME.pem.
issue() {
  local name=$1 by=(-selfsign -keyfile "$1.key")
  echo "$2" >"$name.ext"
  if [ "$3" = --by ]; then by=(-cert "$4.pem" -keyfile "$4.key"); shift; fi
  shift 3
  request "$name"
  openssl ca -config ca.cnf -batch -notext -in "$name.csr" -out "$name.pem" -extfile "$name.ext" "${by[@]}" "$@" 2>>log
}

trap 'cat log >&2' ERR
issue ca "$authority" --selfsign
issue intermediate "$authority" --by ca
issue good "$here" --by intermediate
cat intermediate.pem >>good.pem
issue other_host "subjectAltName=DNS:other.example" --by ca
issue expired "$here" --by ca -startdate 20200101000000Z -enddate 20200201000000Z
issue stranger_ca "$authority" --selfsign
issue stranger "$here" --by stranger_ca
issue self_signed "$here" --selfsign
