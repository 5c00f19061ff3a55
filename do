#!/usr/bin/env bash
exec echo later
