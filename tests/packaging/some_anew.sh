#!/bin/sh
# Compiler launcher of reproducible.sh: of eight sources one is compiled anew, by a name that depends on NUMBER,
# the others may come from the compiler cache. What was compiled anew goes into the file PIV_ANEW.
# usage: some_anew.sh NUMBER COMPILER OPTION... SOURCE
number=$1
shift
for source; do :; done
hash=$(basename "$source" | cksum | cut -d' ' -f1)
[ $((hash % 8)) = "$number" ] || exec ccache "$@"
echo "$source" >>"${PIV_ANEW:?}"
# The cache has the names of sources from the build folder on; here they would be absolute.
exec "$@" "-ffile-prefix-map=$(dirname "$PWD")=.."
