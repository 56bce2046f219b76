"""The cases as data: what to install, which files to write, which command to run."""

import os
import re
import shutil
import subprocess
import sys
import threading
import tomllib
from collections import namedtuple
from pathlib import Path

CASES = Path(__file__).resolve().parent
ROOT = CASES.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
WORK = TARGET / "trust"

# A program to observe. `kind` is bug, fixed or healthy; `case` is its table in the TOML file.
Run = namedtuple("Run", "name kind case port")


def load_runs():
    """All runs in the order of the files. Each has ports of its own."""
    runs = []
    for path in sorted(CASES.glob("*.toml")):
        for case in tomllib.loads(path.read_text())["case"]:
            for kind in ("bug", "fixed"):
                if kind in case:
                    runs.append((kind, case))
            if "bug" not in case:
                runs.append(("healthy", case))
    return [
        Run(f"{case['name']}/{kind}", kind, case, 21000 + 10 * at)
        for at, (kind, case) in enumerate(runs)
    ]


def installed(manager, packages):
    """The folder with these packages, installed at the first use."""
    folder = WORK / manager / re.sub(r"[^\w.=-]+", "+", " ".join(packages))
    with install_lock:
        if not folder.exists():
            part = folder.with_suffix(".part")
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
            if manager == "pypi":
                command = [sys.executable, "-m", "pip", "install", "--quiet", "--prefer-binary",
                           "--disable-pip-version-check", "--root-user-action=ignore", "--target", part]
            else:
                command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", part]
            done = subprocess.run([*command, *packages], capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(f"{manager} did not install {packages}: {done.stderr[-200:]}")
            part.rename(folder)
    return folder


install_lock = threading.Lock()


def prepare(run, stack):
    """Installs what the run needs and writes its files. Returns its command, environment and folder."""
    case, side = run.case, run.case.get(run.kind, {})
    work = WORK / "work" / run.name.replace("/", "-")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    work.chmod(0o777)
    env = {**os.environ, "W": str(work), "PORT": str(run.port), "PORT2": str(run.port + 1),
           "PORT3": str(run.port + 2), "CASES": str(CASES), "PYTHON": sys.executable,
           "PYTHONPATH": str(CASES), "PYTHONWARNINGS": "ignore", "LC_ALL": "C.UTF-8"}
    env.update(case.get("env", {}))
    python = [side.get("python", sys.executable)]
    pypi = side.get("pypi", case.get("pypi"))
    if pypi:
        env["PYTHONPATH"] += f":{installed('pypi', pypi)}"
    npm = side.get("npm", case.get("npm"))
    if npm:
        env["NODE_PATH"] = f"{installed('npm', npm)}/node_modules"
        env["PATH"] = f"{env['NODE_PATH']}/.bin:{env['PATH']}"
    elif "node_path" in side:
        env["NODE_PATH"] = side["node_path"]
    arguments = side.get("args", [])
    for name, text in case.get("files", {}).items():
        text = re.sub(r"\$(W|PORT3|PORT2|PORT|CASES)\b", lambda match: env[match[1]], text)
        (work / name).write_text(text)
    if "python" in case:
        (work / "driver.py").write_text(case["python"])
        command = [*python, "-u", work / "driver.py", *arguments]
    elif "node" in case:
        (work / "driver.js").write_text(case["node"])
        command = ["node", work / "driver.js", *arguments]
    else:
        command = ["sh", "-c", case["command"]]
    if "prepare" in case:
        with open(work / "prepare.log", "w") as log:
            subprocess.run(["sh", "-ec", case["prepare"]], cwd=work, env=env, check=True, timeout=120,
                           stdout=log, stderr=log)
    if "cleanup" in case:
        stack.callback(subprocess.run, ["sh", "-c", case["cleanup"]], cwd=work, env=env, timeout=60)
    return [str(word) for word in command], env, work
