# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# To be sourced in the project's directory.

# The one place where the version is written is the project() command.
project_version() {
  sed -n 's/^project(gserve VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt
}

# copy_sources DIRECTORY: what is tracked or new, without what was built. ccache then finds the objects that
# ./dev build has made, for the build directory stands in the copy as it does here.
copy_sources() {
  rm -rf "$1"
  mkdir -p "$1"
  git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents --target-directory="$1"
  export CCACHE_BASEDIR=$1 CCACHE_NOHASHDIR=1
  # debhelper has a home of its own.
  CCACHE_DIR=${CCACHE_DIR:-$(ccache --get-config cache_dir)}
  export CCACHE_DIR
}
