#!/bin/bash
# Installs what Assay needs to build, run and test itself, from the distribution's packages.
# Tested on Debian 12; the names are the same on Debian 13 and Ubuntu 24.04. Safe to run again.
set -euo pipefail

packages=(
  # Tools.
  ca-certificates cmake g++ git ninja-build pkg-config python3 python3-venv
  # gRPC, Protobuf and Abseil.
  libabsl-dev libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc
  # Storage, HTTP, metrics, logs, flags, files.
  libboost-dev libcli11-dev libspdlog-dev libsqlite3-dev libssl-dev libtomlplusplus-dev
  libyaml-cpp-dev nlohmann-json3-dev prometheus-cpp-dev zlib1g-dev
  # Numbers. Without OpenBLAS a small network trains 20 times slower.
  libeigen3-dev libnlopt-dev libopenblas-pthread-dev libopenblas0-pthread libtorch-dev
  # Real data: 60,000 + 10,000 images of clothes.
  dataset-fashion-mnist
  # The plots of `assay study plot`.
  gnuplot-nox
  # Tests and benchmarks; a browser for those of the web page.
  chromium libgmock-dev libgtest-dev prometheus python3-grpcio python3-protobuf python3-pytest python3-yaml
)
# The web page. A Node from elsewhere brings an npm of its own, beside which Debian's cannot be installed.
command -v npm >/dev/null || packages+=(nodejs npm)

missing=()
for package in "${packages[@]}"; do
  [[ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" == installed ]] || missing+=("$package")
done
if [[ ${#missing[@]} -eq 0 ]]; then
  echo "install-deps: everything is installed"
  exit 0
fi

as_root=()
if [[ $EUID -ne 0 ]]; then
  command -v sudo >/dev/null || { echo "install-deps: run as root, or install sudo; missing: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "install-deps: installing ${#missing[@]} packages: ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
echo "install-deps: done"
