# LibTorch as Python packages have it: set(TORCH_LIBRARIES) to what is in
# ASSAY_PYTORCH, the folder of the package "torch". Its own TorchConfig.cmake
# asks for a whole CUDA toolkit, which only kernels of one's own need.
set(torch_cmake ${ASSAY_PYTORCH}/share/cmake/Torch/TorchConfig.cmake)
foreach(part include/torch/csrc/api/include/torch/torch.h lib/libtorch.so lib/libtorch_cpu.so lib/libc10.so)
  if(NOT EXISTS ${ASSAY_PYTORCH}/${part})
    message(FATAL_ERROR "ASSAY_PYTORCH is the folder of the Python package torch, as "
      "`python -c 'import torch; print(torch.__path__[0])'` prints it; \"${ASSAY_PYTORCH}\" has no ${part}")
  endif()
endforeach()
file(STRINGS ${torch_cmake} old_abi REGEX "_GLIBCXX_USE_CXX11_ABI=0")
if(old_abi)
  message(FATAL_ERROR "The PyTorch in \"${ASSAY_PYTORCH}\" has the old C++ ABI; 2.7 and later have the new one.")
endif()

add_library(assay_pytorch INTERFACE)
target_include_directories(assay_pytorch SYSTEM INTERFACE
  ${ASSAY_PYTORCH}/include ${ASSAY_PYTORCH}/include/torch/csrc/api/include)
# libtorch.so has no symbols, but what it needs makes CUDA register itself.
target_link_libraries(assay_pytorch INTERFACE
  -Wl,--no-as-needed ${ASSAY_PYTORCH}/lib/libtorch.so -Wl,--as-needed
  ${ASSAY_PYTORCH}/lib/libtorch_cpu.so ${ASSAY_PYTORCH}/lib/libc10.so)
set(TORCH_LIBRARIES assay_pytorch)
