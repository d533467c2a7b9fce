#!/bin/sh
# scripts/chaos, short, on the stack that runs: kill -9 of each program, of all
# at once, of Kafka; an immediate stop of PostgreSQL, broken clients, a goodbye.
. "${0%/*}/tap.sh"
