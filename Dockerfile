# Keisei on CPUs:
#   docker build -t keisei .
#   docker run --rm -v "$PWD/runs:/runs" keisei train --config /configs/default.toml --run-dir /runs/a
# The kernels are compiled for any x86-64 processor with AVX2; --build-arg CPU=... names another kind,
# in LLVM's words (for ARM: --build-arg CPU=generic).
FROM python:3.11-slim

ARG CPU=x86-64-v3
# The CPU build of PyTorch; PyPI's own brings CUDA.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

WORKDIR /src
COPY pyproject.toml README.md LICENSE MANIFEST.in constraints.txt ./
COPY keisei keisei
COPY configs /configs
RUN pip install --no-cache-dir --index-url "$TORCH_INDEX" torch==2.13.0 \
 && pip install --no-cache-dir -c constraints.txt ".[web]" \
 && rm -rf /src/build

# Anybody may run the image, so the kernels lie where all can read them.
ENV NUMBA_CACHE_DIR=/var/cache/keisei \
    NUMBA_CPU_NAME=$CPU \
    NUMBA_CPU_FEATURES= \
    OMP_NUM_THREADS=1
WORKDIR /runs
RUN keisei-vec warmup && chmod -R a+rX "$NUMBA_CACHE_DIR" && chmod a+rwx /runs \
 && useradd --create-home keisei
USER keisei
ENTRYPOINT ["keisei-vec"]
CMD ["--help"]
