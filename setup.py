"""The extension modules; all else is in pyproject.toml."""

from pathlib import Path

from setuptools import Extension, setup

HERE = Path(__file__).parent
HEADERS = sorted(str(path.relative_to(HERE)) for path in (HERE / "llm" / "c").glob("*.h"))
# One module for each kind of CPU; which of them runs is decided when the weights are loaded. Where one cannot
# be compiled it is left out, and torch computes in its place.
AVX512 = ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx512vnni"]
VARIANTS = {"llm._avx512": AVX512, "llm._avx2": ["-mavx2"]}

setup(
    ext_modules=[
        Extension(
            name,
            ["llm/c/forward.c"],
            depends=HEADERS,
            extra_compile_args=["-std=c11", "-O3", "-Wall", "-Wextra", "-pthread", "-mfma", "-mf16c", *flags],
            optional=True,
        )
        for name, flags in VARIANTS.items()
    ]
)
