#!/bin/sh
# A caller of the original's kind: verify.sh LEVELS DIRS FILES LENGTH BLOCKSIZE PASSNUM NODES
exec "$(dirname "$0")/call.sh" verify "$@"
