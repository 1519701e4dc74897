# Builds the page and writes OUTPUT, a C++ source that holds its files:
#   cmake -D WANTED=ON|AUTO|OFF -D NPM=... -D PROJECT=... -D STAGE=... -D DIST=... -D OUTPUT=... -P embed.cmake
# AUTO: what goes wrong (no network, most likely) is told, and there is no page.

# The copy has the project's layout, since the page's build reads ../../proto.
function(copy_sources)
  file(REMOVE_RECURSE ${STAGE}/client/web/src ${STAGE}/client/web/public ${STAGE}/proto)
  file(COPY ${PROJECT}/client/web DESTINATION ${STAGE}/client
    PATTERN node_modules EXCLUDE PATTERN dist EXCLUDE PATTERN gen EXCLUDE
    PATTERN tests EXCLUDE PATTERN test-results EXCLUDE)
  file(COPY ${PROJECT}/proto DESTINATION ${STAGE} FILES_MATCHING PATTERN "*.proto")
endfunction()

# Sets `failed` to what is to be told, "" if nothing is.
function(run)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${STAGE}/client/web
    RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  set(failed "" PARENT_SCOPE)
  if(NOT code EQUAL 0)
    list(JOIN ARGN " " command)
    set(failed "${command} failed:\n${output}" PARENT_SCOPE)
  endif()
endfunction()

# Only if what is to be installed has changed: it takes a while.
function(install_packages)
  file(SHA256 ${STAGE}/client/web/package-lock.json wanted)
  set(stamp ${STAGE}/installed)
  set(failed "" PARENT_SCOPE)
  if(EXISTS ${stamp})
    file(READ ${stamp} installed)
  endif()
  if(NOT installed STREQUAL wanted)
    run(${NPM} ci --no-audit --no-fund)
    set(failed "${failed}" PARENT_SCOPE)
    if(failed STREQUAL "")
      file(WRITE ${stamp} ${wanted})
    endif()
  endif()
endfunction()

function(build_page)
  copy_sources()
  install_packages()
  if(failed STREQUAL "")
    file(REMOVE_RECURSE ${DIST})
    run(${CMAKE_COMMAND} -E env ASSAY_WEB_OUT=${DIST} ${NPM} run build)
  endif()
  set(failed "${failed}" PARENT_SCOPE)
endfunction()

# The assembler takes the files as they are: a literal of megabytes would cost
# the compiler minutes.
function(write_source files)
  set(number 0)
  foreach(file ${files})
    file(SHA256 ${DIST}/${file} digest)
    file(SIZE ${DIST}/${file} size)
    string(APPEND assembly "\n    \"assay_web_file_${number}: .incbin \\\"${DIST}/${file}\\\"\\n\"")
    string(APPEND declarations "extern \"C\" const char assay_web_file_${number}[];\n")
    string(APPEND rows "      {\"/${file}\", \"${digest}\",\n       {assay_web_file_${number}, ${size}}},\n")
    math(EXPR number "${number} + 1")
  endforeach()
  set(text "// Written by client/web/embed.cmake.\n#include \"server/http/web_routes.h\"\n\n")
  if(number EQUAL 0)
    string(APPEND text "absl::Span<const assay::WebFile> assay::CompiledInWebFiles() { return {}; }\n")
  else()
    string(APPEND text
      "asm(\".pushsection .rodata\\n\"${assembly}\n    \".popsection\\n\");\n${declarations}\n"
      "absl::Span<const assay::WebFile> assay::CompiledInWebFiles() {\n"
      "  static const WebFile kFiles[] = {\n${rows}  };\n  return kFiles;\n}\n")
  endif()
  file(WRITE ${OUTPUT} "${text}")
endfunction()

set(files "")
if(NOT WANTED STREQUAL "OFF")
  build_page()
  if(failed STREQUAL "")
    file(GLOB_RECURSE files RELATIVE ${DIST} ${DIST}/*)
  elseif(WANTED STREQUAL "ON")
    message(FATAL_ERROR "${failed}")
  else()
    message(WARNING "The server is built without its web page. ${failed}\n"
      "Build again with -DASSAY_WEB=ON once that is mended.")
  endif()
endif()
write_source("${files}")
