#!/bin/sh
# Makes the certificates of this directory anew: an authority, two nodes and a client that it signed,
# and a node of a foreign authority. Valid for a hundred years; the keys protect nothing.
set -eu
cd "$(dirname "$0")"
authority() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 \
    -subj "/CN=$2" -keyout "$1.key" -out "$1.pem"
}
signed() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$2" \
    -addext "subjectAltName=DNS:$2,IP:127.0.0.1" -keyout "$1.key" -out "$1.csr"
  openssl x509 -req -in "$1.csr" -CA "$3.pem" -CAkey "$3.key" -days 36500 -copy_extensions copy \
    -out "$1.pem"
  rm "$1.csr"
}
authority ca 'test authority'
authority foreign-ca 'foreign authority'
signed n1 n1 ca
signed n2 n2 ca
signed client client ca
signed foreign-n2 n2 foreign-ca
rm -f ./*.srl ca.key foreign-ca.key
