"""The ``onephase`` command: the one place where errors become sentences and exit codes.

Nothing but the interpreter's own modules is imported before :func:`run` stands, so that Ctrl-C is answered in one
sentence from the first moment.
"""

import sys

INTERRUPTED, OUR_FAULT = 130, 70
EXTRA_OF = {
    **dict.fromkeys(("torch", "lightning", "onnx", "onnxscript", "sklearn"), "train"),
    **dict.fromkeys(("openpyxl", "xlrd"), "import"),
    **dict.fromkeys(("fastapi", "uvicorn", "python_multipart"), "web"),
    **dict.fromkeys(("sqlalchemy", "pynetdicom", "dicomweb_client", "prometheus_client", "psycopg"), "pacs"),
    "highdicom": "dicom",
    "mirp": "radiomics",
}
"""The extra that brings a package which the light core does not have."""
ON_INTERRUPTION = (
    "interrupted; nothing is half-written and what was finished is kept: "
    "start the same command again to go on (train and evaluate with --resume; export begins anew)"
)


def run() -> None:
    """Run the command line and leave with its exit code."""
    try:
        _run()
    except BrokenPipeError:
        sys.exit(INTERRUPTED)  # whoever read our output has left
    except BaseException as fault:  # the outermost shell
        if _was_interrupted(fault):
            print(f"onephase: {ON_INTERRUPTION}", file=sys.stderr)
            sys.exit(INTERRUPTED)
        if not isinstance(fault, Exception):
            raise  # the exit of a command
        import traceback

        traceback.print_exc()
        print("onephase: this is a fault of ours; please report the lines above", file=sys.stderr)
        sys.exit(OUR_FAULT)


def _run() -> None:
    from onephase.cli.commands import app
    from onephase.errors import OnephaseError

    try:
        app()
    except OnephaseError as fault:
        print(f"onephase: {fault}", file=sys.stderr)
        sys.exit(fault.exit_code)
    except ModuleNotFoundError as fault:
        package = (fault.name or "").partition(".")[0]
        if package not in EXTRA_OF:
            raise
        extra = EXTRA_OF[package]
        print(
            f"onephase: this needs {package}, which is not installed: pip install '.[{extra}]' in the checkout",
            file=sys.stderr,
        )
        sys.exit(1)


def _was_interrupted(fault: BaseException | None) -> bool:
    """Tell whether Ctrl-C is behind a fault: typer turns it into an exit, a library that loads into an ImportError."""
    while fault is not None:
        if isinstance(fault, KeyboardInterrupt):
            return True
        fault = fault.__cause__ or fault.__context__
    return False
