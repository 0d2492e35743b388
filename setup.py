"""The extension modules; all else is in pyproject.toml."""

from pathlib import Path

from setuptools import Extension, setup

HERE = Path(__file__).parent
# Each for some kinds of CPU; which of them runs is decided when the weights are loaded. Where one cannot be
# compiled it is left out, and torch or CTranslate2 computes in its place.
SOURCES = {"llm": "llm/c/forward.c", "asr": "asr/c/whisper.c"}
AVX512 = ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx512vnni"]
VARIANTS = {"_avx512": AVX512, "_avx2": ["-mavx2"]}

setup(
    ext_modules=[
        Extension(
            f"{package}.{variant}",
            [source],
            include_dirs=["llm/c"],
            depends=sorted(str(path.relative_to(HERE)) for path in HERE.glob("*/c/*.h")),
            extra_compile_args=["-std=c11", "-O3", "-Wall", "-Wextra", "-pthread", "-mfma", "-mf16c", *flags],
            optional=True,
        )
        for package, source in SOURCES.items()
        for variant, flags in VARIANTS.items()
    ]
)
