"""The batch script for SLURM: what it starts, and when it asks to be started again.

``srun``, ``scontrol`` and ``torchrun`` are stand-ins that note how they were called.
"""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "examples" / "slurm.sh"
PROGRAMS = {
    # One task a machine, as --ntasks-per-node=1 says, and signals are passed on.
    "srun": """
shift
pids=
for node in 0 1; do SLURM_NODEID=$node "$@" & pids="$pids $!"; done
trap 'kill -TERM $pids' TERM
code=0
for pid in $pids; do
  while :; do wait "$pid"; now=$?; kill -0 "$pid" 2>/dev/null || break; done
  [ "$now" -eq 0 ] || code=$now
done
exit "$code"
""",
    "scontrol": """
echo "$@" >> "$NOTES/scontrol"
if [ "$1" = show ]; then printf 'alpha\\nbeta\\n'; fi
""",
    "torchrun": """
trap 'kill $!; exit 143' TERM
printf '%s\\n' "$@" > "$NOTES/torchrun$SLURM_NODEID"
if [ "$LASTS" = yes ]; then sleep 600 & wait; fi
exit "$CODE"
""",
}


@pytest.fixture
def job(tmp_path: Path) -> dict[str, str]:
    """Surroundings of a job on two machines."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in PROGRAMS.items():
        program = programs / name
        program.write_text(f"#!/bin/bash\n{text}")
        program.chmod(0o755)
    return os.environ | {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "NOTES": str(tmp_path),
        "RUN_DIR": "/shared/a run",
        "SLURM_JOB_ID": "77",
        "SLURM_JOB_NUM_NODES": "2",
        "SLURM_JOB_NODELIST": "alpha,beta",
        "SLURM_GPUS_ON_NODE": "4",
        "LASTS": "no",
        "CODE": "0",
    }


@pytest.mark.parametrize("code", [0, 1, 2])
def test_each_machine_starts_its_processes_and_the_end_is_told(
    tmp_path: Path, job: dict[str, str], code: int
) -> None:
    command = ["bash", str(SCRIPT), "--config", "my settings.toml"]
    assert subprocess.run(command, env=job | {"CODE": str(code)}, check=False).returncode == code
    for machine in "01":
        assert (tmp_path / f"torchrun{machine}").read_text().splitlines() == [
            "--nnodes", "2", "--node-rank", machine, "--nproc-per-node", "4",
            "--master-addr", "alpha", "--master-port", "29500",
            "-m", "keisei.cli", "train", "--run-dir", "/shared/a run", "--resume", "auto",
            "--config", "my settings.toml",
        ]  # fmt: skip
    assert (tmp_path / "scontrol").read_text() == "show hostnames alpha,beta\n"


def test_a_job_that_is_told_to_end_saves_and_is_queued_again(
    tmp_path: Path, job: dict[str, str]
) -> None:
    with subprocess.Popen(["bash", str(SCRIPT)], env=job | {"LASTS": "yes"}) as script:
        while not all((tmp_path / f"torchrun{machine}").exists() for machine in "01"):
            assert script.poll() is None
            time.sleep(0.01)
        script.send_signal(signal.SIGTERM)
        assert script.wait() == 143
    assert (tmp_path / "scontrol").read_text().splitlines()[1:] == ["requeue 77"]
