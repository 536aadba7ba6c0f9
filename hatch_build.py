"""Puts an SBOM into the wheel: `.dist-info/sboms/authapi.cdx.json` (PEP 770, CycloneDX 1.6).

It names every package of requirements.lock, and which asks for which. The same lock makes the same
bytes: there is no date and no random number in it.
"""

import json
import re
from collections import defaultdict
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LOCK = "requirements.lock"
FILE = "authapi.cdx.json"
# One package: its pin, its hashes, and the comment that says who asks for it.
PIN = re.compile(
    r"^(?P<name>[\w.-]+)==(?P<version>[^\s;]+).*\n(?: +--hash=.*\n)*(?P<via>(?: +#.*\n)*)", re.M
)
PARENT = re.compile(r"^ +# +(?:via +)?([\w.-]+)(?: \(pyproject\.toml\)| -)?$", re.M)


class Sbom(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the SBOM for this build. `version` is hatchling's word for the kind of build."""
        del version
        self._folder = TemporaryDirectory(prefix="authapi-sbom-")
        path = Path(self._folder.name) / FILE
        lock = Path(self.root, LOCK).read_text(encoding="utf-8")
        metadata = self.metadata.core
        document = sbom(lock, metadata.name, self.metadata.version)
        path.write_text(json.dumps(document, indent=1, sort_keys=True), encoding="utf-8")
        build_data["sbom_files"].append(str(path))

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        del version, build_data, artifact_path
        self._folder.cleanup()


def sbom(lock: str, name: str, version: str) -> dict[str, Any]:
    """Return the SBOM of a package with this name and version, and the packages of a lock."""
    whole = _component("application", name, version)
    pins = {pin["name"]: pin for pin in PIN.finditer(lock)}
    parts = {pin: _component("library", pin, pins[pin]["version"]) for pin in pins}
    asks: defaultdict[str, list[str]] = defaultdict(list)
    for pin, found in pins.items():
        for parent in PARENT.findall(found["via"]):
            asks[parent if parent in parts else name].append(parts[pin]["bom-ref"])
    refs = {name: whole["bom-ref"]} | {pin: part["bom-ref"] for pin, part in parts.items()}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, whole['bom-ref'] + _digest(lock))}",
        "version": 1,
        "metadata": {"lifecycles": [{"phase": "build"}], "component": whole},
        "components": list(parts.values()),
        "dependencies": [{"ref": refs[each], "dependsOn": sorted(asks[each])} for each in refs],
    }


def _component(kind: str, name: str, version: str) -> dict[str, str]:
    purl = f"pkg:pypi/{re.sub(r'[-_.]+', '-', name).lower()}@{version}"
    return {"type": kind, "bom-ref": purl, "name": name, "version": version, "purl": purl}


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
