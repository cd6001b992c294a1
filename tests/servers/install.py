"""Installs the real servers that the tests run against: Debian packages, and Synapse from PyPI.

Debian's server packages start a daemon at installation unless a `policy-rc.d` that exits 101 is there meanwhile.
"""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

from bridge.demo import synapse

FOLDER = Path(__file__).parents[2] / ".servers"
SYNAPSE_VENV = FOLDER / "synapse-venv"
PACKAGES = {"inspircd": "inspircd", "ngircd": "ngircd", "postgresql": "pg_ctl", "prosody": "prosody", "ejabberd": "ejabberdctl"}
_POLICY = Path("/usr/sbin/policy-rc.d")


def postgres_binaries() -> Path | None:
    """The folder of the newest Debian PostgreSQL, or None."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


def missing_packages() -> list[str]:
    def there(package: str, binary: str) -> bool:
        if package == "postgresql":
            return postgres_binaries() is not None
        return shutil.which(binary, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is not None

    return [package for package, binary in PACKAGES.items() if not there(package, binary)]


def install_packages(packages: list[str]) -> None:
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if root and shutil.which("sudo") is None:
        wanted = " ".join(packages)
        sys.exit(f"The tests need Debian packages: become root, or have them installed with apt-get install {wanted}")
    print(f"Installing {', '.join(packages)} from Debian …", flush=True)
    no_daemons = not _POLICY.exists()
    if no_daemons:
        subprocess.run([*root, "tee", str(_POLICY)], input=b"#!/bin/sh\nexit 101\n", stdout=subprocess.DEVNULL, check=True)
        subprocess.run([*root, "chmod", "755", str(_POLICY)], check=True)
    try:
        environment = ["env", "DEBIAN_FRONTEND=noninteractive"]
        subprocess.run([*root, *environment, "apt-get", "update", "-qq"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(
            [*root, *environment, "apt-get", "install", "-qq", "-y", "--no-install-recommends", *packages],
            check=True,
            stdout=subprocess.DEVNULL,
        )
    finally:
        if no_daemons:
            subprocess.run([*root, "rm", "-f", str(_POLICY)], check=True)


def main() -> None:
    missing = missing_packages()
    if missing:
        install_packages(missing)
        still = missing_packages()
        if still:
            sys.exit(f"still missing after installation: {', '.join(still)}")
    asyncio.run(synapse.install(SYNAPSE_VENV, lambda line: print(line, flush=True)))


if __name__ == "__main__":
    main()
