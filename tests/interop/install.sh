#!/bin/sh
# Installs the npm packages that the interoperability tests talk to into a folder of the build.
#
#   install.sh DIR
#
# The second run for the same package.json does nothing, and so needs no network.
# The newest playwright-core that runs on the Node.js 18 of Debian 12 is named in package.json.
set -eu

[ $# -eq 1 ] || { echo "usage: $0 DIR" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cd "$1"

# The stamp lies where a half-done or removed installation takes it along.
stamp=node_modules/.installed-package.json
if cmp -s "$here/package.json" "$stamp"; then exit 0; fi

rm -f "$stamp"
cp "$here/package.json" package.json
npm install --no-audit --no-fund --no-package-lock --ignore-scripts
cp package.json "$stamp"
