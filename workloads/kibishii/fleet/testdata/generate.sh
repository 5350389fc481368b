#!/bin/sh
# A caller of the original's kind: generate.sh LEVELS DIRS FILES LENGTH BLOCKSIZE PASSNUM NODES
exec "$(dirname "$0")/call.sh" generate "$@"
