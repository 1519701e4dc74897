#!/bin/bash
# Fails if a module includes one it may not: see "Who may include whom" in README.md.
set -u
cd "$(dirname "$0")/.." && bad=0
forbid() {  # forbid FOLDER PATTERN [EXCEPT]
  [[ -d $1 ]] || return 0
  grep -rnE "#include [\"<]($2)" "$1" --include='*.h' --include='*.cc' | grep -vE "${3:-^$}" && bad=1
}
outside='grpc|google/protobuf|sqlite3|spdlog|torch|prometheus|boost|CLI|yaml-cpp|nlohmann|toml'
forbid search  "storage/|server/|worker/|client/|proto/|$outside"
forbid storage 'server/|worker/|client/|proto/|grpc|google/protobuf|spdlog|torch|prometheus|boost|CLI|yaml-cpp'
forbid proto   'storage/|server/|worker/|client/|sqlite3|spdlog|torch|prometheus|boost|CLI|yaml-cpp'
forbid server  'worker/|client/|torch|sqlite3|yaml-cpp'
forbid worker  'server/|storage/|client/|sqlite3|prometheus' \
  'storage/(chunk_folder|checkpoint_files).h|server/http/(http_server|listen_address|metric_families|metric_info|monitoring_routes|process_metrics).h'
forbid worker/trainer 'search/|proto/|absl|grpc|google/protobuf|spdlog|boost'
forbid client  'server/|storage/|worker/|torch|sqlite3|prometheus|boost' 'storage/checkpoint_files.h'
# Heavy headers stay out of headers.
grep -rnE '#include [<"](grpcpp|torch|sqlite3|boost)' --include='*.h' search storage server/*.h worker/*.h 2>/dev/null && bad=1
exit $bad
