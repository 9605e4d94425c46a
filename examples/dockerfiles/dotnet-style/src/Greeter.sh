#!/bin/sh
echo "Hello from @RID@ on $(uname -m)"
