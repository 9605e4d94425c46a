#!/bin/sh
# publish.sh PROJECT RUNTIME_IDENTIFIER OUTPUT: what an SDK's publish does, for a program that is a script.
set -eu
project=$1 rid=$2 output=$3
case $rid in
  linux-x64 | linux-arm64) ;;
  *) echo "error NETSDK1083: The specified RuntimeIdentifier '$rid' is not recognized." >&2; exit 1 ;;
esac
name=$(basename "$project" .csproj)
grep -q '<OutputType>Exe</OutputType>' "$project"
mkdir -p "$output"
sed "s/@RID@/$rid/" "$(dirname "$project")/$name.sh" > "$output/$name"
chmod 755 "$output/$name"
echo "$name -> $output/ ($rid)"
